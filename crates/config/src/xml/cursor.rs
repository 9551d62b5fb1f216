//! A place in a text, and the smallest tokens of XML.

use std::rc::Rc;

use crate::Span;

/// Why a document is not well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Error {
    pub(super) span: Span,
    pub(super) message: String,
    /// The element that should have been closed, and where it begins.
    pub(super) opened: Option<(String, usize)>,
}

pub(super) type Result<T> = std::result::Result<T, Error>;

/// Reads through the file or the replacement text of an entity.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    text: Rc<str>,
    at: usize,
    /// For a replacement text: the reference in the file that everything in it is blamed on.
    reference: Option<Span>,
}

impl Cursor {
    pub(super) fn new(text: Rc<str>, reference: Option<Span>) -> Self {
        Self { text, at: 0, reference }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn in_entity(&self) -> bool {
        self.reference.is_some()
    }

    /// From `start` to here, in terms of the file.
    pub(super) fn span_from(&self, start: usize) -> Span {
        self.reference.unwrap_or_else(|| Span::from(start..self.at))
    }

    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        let span = self.reference.unwrap_or_else(|| Span::from(self.at..self.at + length));
        Error { span, message: message.into(), opened: None }
    }

    pub(super) fn error_from(&self, start: usize, message: impl Into<String>) -> Error {
        Error { span: self.span_from(start), message: message.into(), opened: None }
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Goes past `token` if it comes next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let comes = self.rest().starts_with(token);
        if comes {
            self.at += token.len();
        }
        comes
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<()> {
        if self.eat(token) { Ok(()) } else { Err(self.error(format!("expected `{token}`"))) }
    }

    /// Everything before `end`, which is passed too.
    pub(super) fn until(&mut self, end: &str, what: &str) -> Result<String> {
        match self.rest().find(end) {
            Some(length) => {
                let text = self.rest()[..length].to_owned();
                self.at += length + end.len();
                Ok(text)
            }
            None => Err(self.error(format!("{what} does not end; `{end}` is missing"))),
        }
    }

    pub(super) fn between(&self, start: usize, end: usize) -> &str {
        &self.text[start..end]
    }

    /// Everything as long as `accept` says so.
    pub(super) fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &str {
        let rest = &self.text[self.at..];
        let length = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Skips blanks; says whether there were any.
    pub(super) fn skip_blanks(&mut self) -> bool {
        !self.take_while(is_blank).is_empty()
    }

    pub(super) fn expect_blanks(&mut self) -> Result<()> {
        if self.skip_blanks() { Ok(()) } else { Err(self.error("expected a blank")) }
    }

    pub(super) fn name(&mut self) -> Result<String> {
        if !self.rest().starts_with(is_name_start) {
            return Err(self.error("expected a name"));
        }
        Ok(self.take_while(is_name_char).to_owned())
    }

    /// A name with at most one prefix.
    pub(super) fn qualified_name(&mut self) -> Result<String> {
        let start = self.at;
        let name = self.name()?;
        let parts_are_names = name.split(':').all(|part| part.starts_with(is_name_start));
        if name.split(':').count() > 2 || !parts_are_names {
            return Err(self.error_from(start, format!("`{name}` is not a name")));
        }
        Ok(name)
    }

    /// A quoted text, without its quotes.
    pub(super) fn literal(&mut self, what: &str) -> Result<String> {
        for quote in ["\"", "'"] {
            if self.eat(quote) {
                return self.until(quote, what);
            }
        }
        Err(self.error(format!("expected {what} in quotes")))
    }

    /// A reference, up to and including its semicolon; the `&` is already past.
    pub(super) fn reference(&mut self) -> Result<Reference> {
        let start = self.at - 1;
        if self.eat("#") {
            let (radix, digits) = if self.eat("x") {
                (16, self.take_while(|c| c.is_ascii_hexdigit()).to_owned())
            } else {
                (10, self.take_while(|c| c.is_ascii_digit()).to_owned())
            };
            self.expect(";")?;
            return u32::from_str_radix(&digits, radix)
                .ok()
                .and_then(char::from_u32)
                .filter(|c| is_char(*c))
                .map(Reference::Character)
                .ok_or_else(|| self.error_from(start, "reference to a character that XML does not allow"));
        }
        let name = self.name().map_err(|_| self.error_from(start, "`&` alone; write `&amp;`"))?;
        self.expect(";").map_err(|_| self.error_from(start, format!("`&{name}` lacks its semicolon")))?;
        Ok(match name.as_str() {
            "amp" => Reference::Character('&'),
            "lt" => Reference::Character('<'),
            "gt" => Reference::Character('>'),
            "apos" => Reference::Character('\''),
            "quot" => Reference::Character('"'),
            _ => Reference::Entity(name),
        })
    }
}

/// What `&…;` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    Character(char),
    Entity(String),
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Whether XML 1.0 allows a character in a document.
pub(crate) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// A colon only separates prefixes, so no name begins with one.
fn is_name_start(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | '_'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, ':' | '0'..='9' | '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}
