//! Characters and escaped characters, the units in which a pattern is read.

use super::parse::SyntaxError;

/// A unit of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A character that stands alone.
    Plain(char),
    /// A character after a backslash.
    Escaped(char),
}

/// The units of a pattern and where we are among them.
#[derive(Debug)]
pub(super) struct Tokens {
    tokens: Vec<Token>,
    next: usize,
}

impl Tokens {
    pub(super) fn new(text: &str) -> Result<Self, SyntaxError> {
        let mut tokens = Vec::with_capacity(text.len());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '\\' => Token::Escaped(characters.next().ok_or_else(|| SyntaxError {
                    message: "nothing after the backslash".to_owned(),
                    position: tokens.len(),
                })?),
                character => Token::Plain(character),
            });
        }
        Ok(Self { tokens, next: 0 })
    }

    pub(super) fn peek(&self) -> Option<Token> {
        self.tokens.get(self.next).copied()
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.advance();
        Some(token)
    }

    /// Reads on if this character comes next.
    pub(super) fn accept(&mut self, character: char) -> bool {
        let is_next = self.peek() == Some(Token::Plain(character));
        if is_next {
            self.advance();
        }
        is_next
    }

    /// Reads at most `most` plain characters of a kind.
    pub(super) fn take_while(&mut self, most: usize, is_wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while taken.len() < most
            && let Some(Token::Plain(character)) = self.peek()
            && is_wanted(character)
        {
            taken.push(character);
            self.advance();
        }
        taken
    }

    /// Reads up to and including a plain character, which is left out of the result.
    pub(super) fn take_until(&mut self, end: char) -> Option<String> {
        let mut taken = String::new();
        loop {
            match self.next()? {
                Token::Plain(character) if character == end => return Some(taken),
                Token::Plain(character) => taken.push(character),
                Token::Escaped(character) => taken.extend(['\\', character]),
            }
        }
    }

    /// How many units were read.
    pub(super) fn position(&self) -> usize {
        self.next
    }

    /// Goes back to a position.
    pub(super) fn seek(&mut self, position: usize) {
        self.next = position;
    }
}
