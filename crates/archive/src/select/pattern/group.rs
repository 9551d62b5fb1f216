//! Reads what parentheses enclose.

use super::flags::{self, Flags};
use super::parse::{DEEPEST, Group, Parser, SyntaxError};
use super::syntax::Node;
use super::token::Token;

/// What a pair of parentheses was.
pub(super) enum Parenthesis {
    Node(Node),
    Comment,
    /// The flags are set.
    Flags,
}

impl Parser {
    /// What follows an opening parenthesis.
    pub(super) fn parenthesis(&mut self, flags: Flags, depth: u32) -> Result<Parenthesis, SyntaxError> {
        if !self.tokens.accept('?') {
            return self.capture(None, flags, depth).map(Parenthesis::Node);
        }
        let node = match self.tokens.next().ok_or_else(|| self.error("unexpected end of pattern"))? {
            Token::Plain('P') => self.named(flags, depth)?,
            Token::Plain(':') => self.closed(flags, depth)?,
            Token::Plain('>') => Node::Atomic(Box::new(self.closed(flags, depth)?)),
            Token::Plain('#') => {
                while self.tokens.next().ok_or_else(|| self.error("unterminated comment"))?
                    != Token::Plain(')')
                {}
                return Ok(Parenthesis::Comment);
            }
            Token::Plain(sign @ ('=' | '!')) => self.look(false, sign == '!', flags, depth)?,
            Token::Plain('<') => match self.tokens.next() {
                Some(Token::Plain(sign @ ('=' | '!'))) => self.look_behind(sign == '!', flags, depth)?,
                _ => return Err(self.error("unknown extension")),
            },
            Token::Plain('(') => self.conditional(flags, depth)?,
            Token::Plain(letter) if letter == '-' || flags::is_flag(letter) => {
                match flags::parse(self, letter)? {
                    flags::Change::Global(add) => {
                        self.global = self.global.with(add);
                        if self.global.contains(Flags::ASCII) && self.global.contains(Flags::UNICODE) {
                            return Err(self.error("flags 'a' and 'u' are incompatible"));
                        }
                        return Ok(Parenthesis::Flags);
                    }
                    flags::Change::Local { add, remove } => self.closed(flags.changed(add, remove), depth)?,
                }
            }
            _ => return Err(self.error("unknown extension")),
        };
        Ok(Parenthesis::Node(node))
    }

    /// Branches and their closing parenthesis.
    fn closed(&mut self, flags: Flags, depth: u32) -> Result<Node, SyntaxError> {
        let inner = self.alternation(flags, depth + 1)?;
        self.close()?;
        Ok(inner)
    }

    fn close(&mut self) -> Result<(), SyntaxError> {
        if self.tokens.accept(')') { Ok(()) } else { Err(self.error("missing ), unterminated subpattern")) }
    }

    fn capture(&mut self, name: Option<String>, flags: Flags, depth: u32) -> Result<Node, SyntaxError> {
        let index = self.groups.len();
        let number = u32::try_from(index).map_err(|_| self.error("too many groups"))?;
        self.groups.push(Group { is_open: true, width: None });
        if let Some(name) = name
            && self.names.insert(name, number).is_some()
        {
            return Err(self.error("redefinition of group name"));
        }
        let inner = self.closed(flags, depth)?;
        self.groups[index] = Group { is_open: false, width: Some(self.width(&inner)) };
        Ok(Node::Capture(number, Box::new(inner)))
    }

    /// `(?P<name>…)` or `(?P=name)`.
    fn named(&mut self, flags: Flags, depth: u32) -> Result<Node, SyntaxError> {
        match self.tokens.next() {
            Some(Token::Plain('<')) => {
                let name = self.name('>')?;
                self.capture(Some(name), flags, depth)
            }
            Some(Token::Plain('=')) => {
                let name = self.name(')')?;
                let group = *self.names.get(&name).ok_or_else(|| self.error("unknown group name"))?;
                self.back_reference(group, flags)
            }
            _ => Err(self.error("unknown extension")),
        }
    }

    fn name(&mut self, end: char) -> Result<String, SyntaxError> {
        let name = self.tokens.take_until(end).ok_or_else(|| self.error("unterminated name"))?;
        let is_start = |c: char| c.is_alphabetic() || c == '_';
        if name.starts_with(is_start) && name.chars().all(|c| is_start(c) || c.is_numeric()) {
            Ok(name)
        } else {
            Err(self.error("bad character in group name"))
        }
    }

    pub(super) fn back_reference(&mut self, group: u32, flags: Flags) -> Result<Node, SyntaxError> {
        match self.groups.get(group as usize) {
            None => Err(self.error("invalid group reference")),
            Some(group) if group.is_open => Err(self.error("cannot refer to an open group")),
            Some(_) => {
                self.check_look_behind(group)?;
                Ok(Node::BackReference { group, ignore_case: flags.contains(Flags::IGNORE_CASE) })
            }
        }
    }

    /// In a look-behind, which is matched backwards, groups that it defines itself have no value yet.
    fn check_look_behind(&self, group: u32) -> Result<(), SyntaxError> {
        if self.look_behind_from.is_some_and(|first| group as usize >= first) {
            return Err(self.error("cannot refer to a group defined in the same look-behind"));
        }
        Ok(())
    }

    fn look(&mut self, behind: bool, negated: bool, flags: Flags, depth: u32) -> Result<Node, SyntaxError> {
        let inner = Box::new(self.closed(flags, depth)?);
        Ok(Node::Look { behind, negated, inner })
    }

    fn look_behind(&mut self, negated: bool, flags: Flags, depth: u32) -> Result<Node, SyntaxError> {
        let outer = self.look_behind_from;
        self.look_behind_from = outer.or(Some(self.groups.len()));
        let node = self.look(true, negated, flags, depth)?;
        self.look_behind_from = outer;
        if let Node::Look { inner, .. } = &node
            && !self.width(inner).is_fixed()
        {
            return Err(self.error("look-behind requires fixed-width pattern"));
        }
        Ok(node)
    }

    /// `(?(group)yes|no)`.
    fn conditional(&mut self, flags: Flags, depth: u32) -> Result<Node, SyntaxError> {
        let position = self.tokens.position();
        let name = self.tokens.take_until(')').ok_or_else(|| self.error("unterminated name"))?;
        let group = if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            name.parse().ok().filter(|&number| number > 0).ok_or_else(|| self.error("bad group number"))?
        } else {
            *self.names.get(&name).ok_or_else(|| self.error("unknown group name"))?
        };
        self.conditions.push((group, position));
        self.check_look_behind(group)?;
        if depth >= DEEPEST {
            return Err(self.error("parentheses are nested too deep"));
        }
        let yes = self.concatenation(flags, depth + 1, false)?;
        let no = if self.tokens.accept('|') {
            self.concatenation(flags, depth + 1, false)?
        } else {
            Node::empty()
        };
        if self.tokens.peek() == Some(Token::Plain('|')) {
            return Err(self.error("conditional with more than two branches"));
        }
        self.close()?;
        Ok(Node::Conditional { group, yes: Box::new(yes), no: Box::new(no) })
    }
}
