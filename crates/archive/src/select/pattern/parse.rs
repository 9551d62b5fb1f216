//! Reads a pattern as Python 3.11 reads it, accepting and refusing the same.

use std::collections::HashMap;

use super::flags::{self, Flags};
use super::syntax::{Greed, Node, Set, SetItem};
use super::token::{Token, Tokens};
use super::{escape, width};

/// Parentheses may be nested this deep; Python stops somewhere too.
const DEEPEST: u32 = 100;

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
    global: Flags,
    names: HashMap<String, u32>,
    /// By number; 0 is the whole pattern.
    groups: Vec<Group>,
    /// Inside a look-behind: the first group that was opened in it.
    look_behind_from: Option<usize>,
    /// Groups that conditions ask for, and where; they may come later.
    conditions: Vec<(u32, usize)>,
}

struct Group {
    is_open: bool,
    width: Option<width::Width>,
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

    fn alternation(&mut self, flags: Flags, depth: u32) -> Result<Node, SyntaxError> {
        let mut branches = self.branches(flags, depth)?;
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Alternation(branches) })
    }

    fn concatenation(&mut self, flags: Flags, depth: u32, may_set_flags: bool) -> Result<Node, SyntaxError> {
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

    /// What follows an opening parenthesis.
    fn parenthesis(&mut self, flags: Flags, depth: u32) -> Result<Parenthesis, SyntaxError> {
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

    fn back_reference(&mut self, group: u32, flags: Flags) -> Result<Node, SyntaxError> {
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

    fn width(&self, node: &Node) -> width::Width {
        width::of(node, &|group| self.groups.get(group as usize).and_then(|group| group.width))
    }

    pub(super) fn group_count(&self) -> usize {
        self.groups.len()
    }
}

enum Parenthesis {
    Node(Node),
    Comment,
    /// The flags are set.
    Flags,
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
