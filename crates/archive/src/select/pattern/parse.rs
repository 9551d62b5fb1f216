//! Reads a pattern as Python 3.11 reads it, accepting and refusing the same.

use std::collections::HashMap;

use super::flags::Flags;
use super::group::Parenthesis;
use super::syntax::{Greed, Node, Set, SetItem};
use super::token::{Token, Tokens};
use super::{escape, width};

/// Parentheses may be nested this deep; Python stops somewhere too.
pub(super) const DEEPEST: u32 = 100;

/// Python's bound on the numbers in `{m,n}`.
const TOO_MANY: u64 = u32::MAX as u64;

/// Why a pattern is none, and at which character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) position: usize,
}

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    /// The branches of the alternation at the top, at least one.
    pub(super) branches: Vec<Node>,
    /// The flags that hold at the top.
    pub(super) flags: Flags,
}

/// Reads a pattern.
pub(super) fn parse(text: &str) -> Result<Parsed, SyntaxError> {
    let mut parser = Parser {
        tokens: Tokens::new(text)?,
        global: Flags::default(),
        names: HashMap::new(),
        groups: vec![Group { is_open: true, width: None }],
        look_behind_from: None,
        conditions: Vec::new(),
    };
    let branches = parser.branches(Flags::default(), 0)?;
    if parser.tokens.peek().is_some() {
        return Err(parser.error("unbalanced parenthesis"));
    }
    if let Some((_, position)) =
        parser.conditions.iter().find(|(group, _)| *group as usize >= parser.groups.len())
    {
        return Err(SyntaxError { message: "invalid group reference".to_owned(), position: *position });
    }
    Ok(Parsed { branches, flags: parser.global })
}

pub(super) struct Parser {
    pub(super) tokens: Tokens,
    pub(super) global: Flags,
    pub(super) names: HashMap<String, u32>,
    /// By number; 0 is the whole pattern.
    pub(super) groups: Vec<Group>,
    /// Inside a look-behind: the first group that was opened in it.
    pub(super) look_behind_from: Option<usize>,
    /// Groups that conditions ask for, and where; they may come later.
    pub(super) conditions: Vec<(u32, usize)>,
}

pub(super) struct Group {
    pub(super) is_open: bool,
    pub(super) width: Option<width::Width>,
}

/// An element of a concatenation while it is being read. Python decides about repetition by how an element is written.
struct Element {
    node: Node,
    kind: ElementKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ElementKind {
    Repeatable,
    Position,
    Repetition,
}

impl Parser {
    pub(super) fn error(&self, message: &str) -> SyntaxError {
        SyntaxError { message: message.to_owned(), position: self.tokens.position() }
    }

    /// Branches up to a closing parenthesis or the end.
    fn branches(&mut self, flags: Flags, depth: u32) -> Result<Vec<Node>, SyntaxError> {
        if depth > DEEPEST {
            return Err(self.error("parentheses are nested too deep"));
        }
        let mut flags = flags;
        let mut branches = Vec::new();
        loop {
            let may_set_flags = depth == 0 && branches.is_empty();
            branches.push(self.concatenation(flags, depth, may_set_flags)?);
            if !self.tokens.accept('|') {
                return Ok(branches);
            }
            if depth == 0 {
                flags = self.global;
            }
        }
    }

    pub(super) fn alternation(&mut self, flags: Flags, depth: u32) -> Result<Node, SyntaxError> {
        let mut branches = self.branches(flags, depth)?;
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Alternation(branches) })
    }

    pub(super) fn concatenation(
        &mut self,
        flags: Flags,
        depth: u32,
        may_set_flags: bool,
    ) -> Result<Node, SyntaxError> {
        let mut flags = flags;
        let mut elements: Vec<Element> = Vec::new();
        while let Some(token) = self.tokens.peek() {
            if matches!(token, Token::Plain('|' | ')')) {
                break;
            }
            self.tokens.advance();
            if flags.contains(Flags::VERBOSE) && self.skipped_in_verbose(token) {
                continue;
            }
            match token {
                Token::Escaped(letter) => elements.push(self.escape(letter, flags)?),
                Token::Plain('[') => elements.push(Element::repeatable(Node::Set(self.set(flags)?))),
                Token::Plain('.') => {
                    let newline = flags.contains(Flags::DOT_ALL);
                    elements.push(Element::repeatable(Node::Any { newline }));
                }
                Token::Plain('^') => {
                    let line = flags.contains(Flags::MULTI_LINE);
                    elements.push(Element::position(Node::Begin { line }));
                }
                Token::Plain('$') => {
                    let line = flags.contains(Flags::MULTI_LINE);
                    elements.push(Element::position(Node::End { line }));
                }
                Token::Plain('(') => match self.parenthesis(flags, depth)? {
                    Parenthesis::Node(node) => elements.push(Element::repeatable(node)),
                    Parenthesis::Comment => {}
                    Parenthesis::Flags if may_set_flags && elements.is_empty() => flags = self.global,
                    Parenthesis::Flags => return Err(self.error("flags for all must be at the start")),
                },
                Token::Plain(sign @ ('*' | '+' | '?' | '{')) => match self.repetition(sign)? {
                    Some((min, max)) => self.repeat(&mut elements, min, max)?,
                    None => elements.push(Element::repeatable(Node::literal(u32::from('{'), flags))),
                },
                Token::Plain(character) => {
                    elements.push(Element::repeatable(Node::literal(u32::from(character), flags)));
                }
            }
        }
        Ok(Node::Concatenation(elements.into_iter().map(|element| element.node).collect()))
    }

    /// Where white space and comments do not count.
    fn skipped_in_verbose(&mut self, token: Token) -> bool {
        match token {
            Token::Plain(' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}') => true,
            Token::Plain('#') => {
                while self.tokens.next().is_some_and(|token| token != Token::Plain('\n')) {}
                true
            }
            _ => false,
        }
    }

    /// The bounds of a repetition; none when a brace means itself.
    fn repetition(&mut self, sign: char) -> Result<Option<(u32, Option<u32>)>, SyntaxError> {
        match sign {
            '*' => return Ok(Some((0, None))),
            '+' => return Ok(Some((1, None))),
            '?' => return Ok(Some((0, Some(1)))),
            _ => {}
        }
        if self.tokens.peek() == Some(Token::Plain('}')) {
            return Ok(None);
        }
        let start = self.tokens.position();
        let low = self.tokens.take_while(usize::MAX, |c| c.is_ascii_digit());
        let high = if self.tokens.accept(',') {
            self.tokens.take_while(usize::MAX, |c| c.is_ascii_digit())
        } else {
            low.clone()
        };
        if !self.tokens.accept('}') {
            self.tokens.seek(start);
            return Ok(None);
        }
        let number = |digits: &str| match digits.parse::<u64>() {
            _ if digits.is_empty() => Ok(None),
            Ok(number) if number < TOO_MANY => Ok(u32::try_from(number).ok()),
            _ => Err(self.error("the number of repetitions is too large")),
        };
        let (min, max) = (number(&low)?.unwrap_or(0), number(&high)?);
        if max.is_some_and(|max| max < min) {
            return Err(self.error("least number of repetitions greater than most"));
        }
        Ok(Some((min, max)))
    }

    fn repeat(&mut self, elements: &mut Vec<Element>, min: u32, max: Option<u32>) -> Result<(), SyntaxError> {
        let last = match elements.pop() {
            Some(Element { node, kind: ElementKind::Repeatable }) => node,
            Some(Element { kind: ElementKind::Repetition, .. }) => return Err(self.error("multiple repeat")),
            Some(Element { kind: ElementKind::Position, .. }) | None => {
                return Err(self.error("nothing to repeat"));
            }
        };
        let greed = if self.tokens.accept('?') {
            Greed::Lazy
        } else if self.tokens.accept('+') {
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        let node = Node::Repeat { inner: Box::new(last), min, max, greed };
        elements.push(Element { node, kind: ElementKind::Repetition });
        Ok(())
    }

    fn escape(&mut self, letter: char, flags: Flags) -> Result<Element, SyntaxError> {
        let ascii = flags.contains(Flags::ASCII);
        Ok(match letter {
            'A' => Element::position(Node::Begin { line: false }),
            'Z' => Element::position(Node::VeryEnd),
            'b' | 'B' => Element::position(Node::WordBoundary { negated: letter == 'B', ascii }),
            '1'..='9' => match escape::number(self, letter)? {
                escape::Number::Character(character) => Element::repeatable(Node::literal(character, flags)),
                escape::Number::Group(group) => Element::repeatable(self.back_reference(group, flags)?),
            },
            _ => Element::repeatable(Node::Set(Set::of(escape::item(self, letter)?, flags))),
        })
    }

    /// A set in brackets, of which the first is already read.
    fn set(&mut self, flags: Flags) -> Result<Set, SyntaxError> {
        let negated = self.tokens.accept('^');
        let mut items = Vec::new();
        loop {
            let first = match self.set_token()? {
                Token::Plain(']') if !items.is_empty() => break,
                token => self.set_item(token)?,
            };
            if !self.tokens.accept('-') {
                items.push(first);
                continue;
            }
            match self.set_token()? {
                Token::Plain(']') => {
                    items.extend([first, SetItem::character('-')]);
                    break;
                }
                token => match (first, self.set_item(token)?) {
                    (SetItem::Range(low, _), SetItem::Range(_, high)) if low <= high => {
                        items.push(SetItem::Range(low, high));
                    }
                    _ => return Err(self.error("bad character range")),
                },
            }
        }
        Ok(Set { items, negated, ..Set::of(SetItem::character(']'), flags) })
    }

    fn set_token(&mut self) -> Result<Token, SyntaxError> {
        self.tokens.next().ok_or_else(|| self.error("unterminated character set"))
    }

    fn set_item(&mut self, token: Token) -> Result<SetItem, SyntaxError> {
        match token {
            Token::Plain(character) => Ok(SetItem::character(character)),
            Token::Escaped(letter) => escape::item_in_set(self, letter),
        }
    }

    pub(super) fn width(&self, node: &Node) -> width::Width {
        width::of(node, &|group| self.groups.get(group as usize).and_then(|group| group.width))
    }

    pub(super) fn group_count(&self) -> usize {
        self.groups.len()
    }
}

impl Element {
    fn repeatable(node: Node) -> Self {
        Self { node, kind: ElementKind::Repeatable }
    }

    fn position(node: Node) -> Self {
        Self { node, kind: ElementKind::Position }
    }
}

impl Node {
    fn literal(character: u32, flags: Flags) -> Self {
        Self::Set(Set::of(SetItem::Range(character, character), flags))
    }
}

impl Set {
    fn of(item: SetItem, flags: Flags) -> Self {
        Self {
            items: vec![item],
            negated: false,
            ignore_case: flags.contains(Flags::IGNORE_CASE),
            ascii: flags.contains(Flags::ASCII),
        }
    }
}

impl SetItem {
    fn character(character: char) -> Self {
        Self::Range(u32::from(character), u32::from(character))
    }
}
