//! From text to the tree.

use std::rc::Rc;

use super::cursor::{Cursor, Error, Reference, Result, is_blank, is_char};
use super::doctype::{self, Doctype, Entity};
use super::{Element, Node};
use crate::{Located, Span};

/// Replacement texts of entities may add up to this many bytes.
const EXPANSION_LIMIT: usize = 1 << 20;

const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) elements: Vec<Element>,
    pub(super) declared_encoding: Option<Span>,
}

/// Parses a whole document.
pub(super) fn parse(text: &str) -> Result<Parsed> {
    if let Some((at, c)) = text.char_indices().find(|(_, c)| !is_char(*c)) {
        let message = format!("the character U+{:04X} is not allowed in XML", u32::from(c));
        return Err(Error { span: (at..at + c.len_utf8()).into(), message, opened: None });
    }
    let mut parser = Parser {
        cursor: Cursor::new(text.into(), None),
        outer: Vec::new(),
        elements: Vec::new(),
        open: Vec::new(),
        bindings: Vec::new(),
        doctype: None,
        standalone: false,
        declared_encoding: None,
        expanded: 0,
    };
    parser.document()?;
    Ok(Parsed { elements: parser.elements, declared_encoding: parser.declared_encoding })
}

struct Parser {
    /// Where we read: the file, or the innermost entity.
    cursor: Cursor,
    /// What we return to when the innermost entity ends.
    outer: Vec<Suspended>,
    elements: Vec<Element>,
    open: Vec<Open>,
    /// Namespace prefixes in force, the newest last.
    bindings: Vec<Binding>,
    doctype: Option<Doctype>,
    standalone: bool,
    declared_encoding: Option<Span>,
    expanded: usize,
}

/// A text whose reading waits for an entity in it.
struct Suspended {
    cursor: Cursor,
    /// The entity that is read meanwhile.
    entity: String,
    /// How many elements were open: an entity closes what it opens and nothing else.
    depth: usize,
}

struct Open {
    element: usize,
    /// Where the start tag begins in the text that is read.
    start: usize,
    /// How many bindings its parent has.
    bindings: usize,
}

struct Binding {
    prefix: String,
    uri: String,
}

impl Parser {
    fn document(&mut self) -> Result<()> {
        if self.cursor.rest().starts_with("<?xml") && self.cursor.rest()[5..].starts_with(is_blank) {
            self.declaration()?;
        }
        loop {
            if !self.cursor.is_at_end() {
                self.markup_or_text()?;
            } else if !self.leave_entity()? {
                break;
            }
        }
        if let Some(open) = self.open.last() {
            let name = &self.elements[open.element].name;
            let mut error = self.cursor.error(format!("the file ends before `</{}>`", name.value));
            error.opened = Some((name.value.clone(), name.span.start));
            return Err(error);
        }
        if self.elements.is_empty() {
            return Err(self.cursor.error("there is no element"));
        }
        Ok(())
    }

    /// `<?xml version="1.0" encoding="…" standalone="…"?>`
    fn declaration(&mut self) -> Result<()> {
        let cursor = &mut self.cursor;
        cursor.advance("<?xml".len());
        cursor.expect_blanks()?;
        cursor.expect("version")?;
        pseudo_attribute(cursor)?;
        let mut blanks = cursor.skip_blanks();
        if blanks && cursor.eat("encoding") {
            let (value, span) = pseudo_attribute(cursor)?;
            if !value.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Err(cursor.error_from(span.start, "an encoding's name begins with a letter"));
            }
            self.declared_encoding = Some(span);
            blanks = cursor.skip_blanks();
        }
        if blanks && cursor.eat("standalone") {
            let (value, span) = pseudo_attribute(cursor)?;
            self.standalone = match value.as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err(cursor.error_from(span.start, "`standalone` is `yes` or `no`")),
            };
            cursor.skip_blanks();
        }
        cursor.expect("?>")
    }

    fn markup_or_text(&mut self) -> Result<()> {
        let start = self.cursor.at();
        if self.cursor.eat("<!--") {
            doctype::comment(&mut self.cursor)?;
            self.push(Node::Comment(self.cursor.span_from(start)));
        } else if self.cursor.eat("<![CDATA[") {
            self.require_root(start, "CDATA")?;
            // An empty one leaves no trace, not even an interruption.
            if !self.cursor.until("]]>", "the CDATA section")?.is_empty() {
                self.push(Node::Cdata(self.cursor.span_from(start)));
            }
        } else if self.cursor.eat("<!DOCTYPE") {
            if self.doctype.is_some() || !self.elements.is_empty() {
                let message = "the document type stands once, before the first element";
                return Err(self.cursor.error_from(start, message));
            }
            self.doctype = Some(Doctype::read(&mut self.cursor, self.standalone)?);
        } else if self.cursor.eat("<?") {
            doctype::instruction(&mut self.cursor)?;
            self.push(Node::Instruction(self.cursor.span_from(start)));
        } else if self.cursor.eat("</") {
            self.end_tag(start)?;
        } else if self.cursor.eat("<") {
            self.start_tag(start)?;
        } else if self.cursor.eat("&") {
            self.require_root(start, "a reference")?;
            self.reference(start)?;
        } else {
            self.text(start)?;
        }
        Ok(())
    }

    fn push(&mut self, node: Node) {
        if let Some(open) = self.open.last() {
            self.elements[open.element].content.push(node);
        }
    }

    fn require_root(&self, start: usize, what: &str) -> Result<()> {
        if self.open.is_empty() {
            return Err(self
                .cursor
                .error_from(start, format!("{what} is not allowed outside the root element")));
        }
        Ok(())
    }

    fn text(&mut self, start: usize) -> Result<()> {
        let text = self.cursor.take_while(|c| !matches!(c, '<' | '&')).to_owned();
        if text.contains("]]>") {
            return Err(self.cursor.error_from(start, "`]]>` in text; write `]]&gt;`"));
        }
        if !text.chars().all(is_blank) {
            self.require_root(start, "text")?;
        }
        self.push_text(&text, start);
        Ok(())
    }

    /// Adds characters to the current run, or begins one.
    fn push_text(&mut self, text: &str, start: usize) {
        let span = self.cursor.span_from(start);
        let Some(open) = self.open.last() else { return };
        let content = &mut self.elements[open.element].content;
        if let Some(Node::Text(run)) = content.last_mut() {
            run.value.push_str(text);
            run.span.end = span.end;
        } else if !text.is_empty() {
            content.push(Node::Text(Located { value: text.to_owned(), span }));
        }
    }

    fn reference(&mut self, start: usize) -> Result<()> {
        match self.cursor.reference()? {
            Reference::Character(c) => self.push_text(c.encode_utf8(&mut [0; 4]), start),
            Reference::Entity(name) => {
                if let Some(text) = self.replacement(&name, &self.cursor, start)? {
                    self.enter_entity(name, text, start)?;
                }
            }
        }
        Ok(())
    }

    /// The replacement text of an entity; `None` if it is empty for us.
    fn replacement(&self, name: &str, cursor: &Cursor, start: usize) -> Result<Option<Rc<str>>> {
        let doctype = self.doctype.as_ref();
        match doctype.and_then(|doctype| doctype.entity(name)) {
            Some(Entity::Internal(text)) => Ok(Some(text.clone())),
            Some(Entity::External) => Ok(None),
            Some(Entity::Unparsed) => {
                Err(cursor.error_from(start, format!("the entity `&{name};` is no XML")))
            }
            None if doctype.is_some_and(|doctype| doctype.is_incomplete) => Ok(None),
            None => Err(cursor.error_from(start, format!("the entity `&{name};` is not defined"))),
        }
    }

    fn enter_entity(&mut self, name: String, text: Rc<str>, start: usize) -> Result<()> {
        self.count_expansion(&text, start)?;
        if self.outer.iter().any(|suspended| suspended.entity == name) {
            return Err(self.cursor.error_from(start, format!("the entity `&{name};` contains itself")));
        }
        let inner = Cursor::new(text, Some(self.cursor.span_from(start)));
        let cursor = std::mem::replace(&mut self.cursor, inner);
        self.outer.push(Suspended { cursor, entity: name, depth: self.open.len() });
        Ok(())
    }

    fn count_expansion(&mut self, text: &str, start: usize) -> Result<()> {
        self.expanded += text.len();
        if self.expanded > EXPANSION_LIMIT {
            return Err(self.cursor.error_from(start, "entities expand to too much text"));
        }
        Ok(())
    }

    /// Goes back to where the entity that ends here was referred to; false at the end of the file.
    fn leave_entity(&mut self) -> Result<bool> {
        let Some(suspended) = self.outer.pop() else { return Ok(false) };
        if self.open.len() != suspended.depth {
            let message = format!("the entity `&{};` does not close what it opens", suspended.entity);
            return Err(self.cursor.error(message));
        }
        self.cursor = suspended.cursor;
        Ok(true)
    }

    fn start_tag(&mut self, start: usize) -> Result<()> {
        let name_start = self.cursor.at();
        let name = self.cursor.qualified_name()?;
        let name_span = self.cursor.span_from(name_start);
        if self.open.is_empty() && !self.elements.is_empty() {
            return Err(self.cursor.error_from(start, "a document has one root element only"));
        }
        let bindings = self.bindings.len();
        let is_empty = self.attributes()?;
        self.check_prefix(&name, name_start)?;

        let index = self.elements.len();
        self.elements.push(Element {
            name: Located { value: name, span: name_span },
            span: self.cursor.span_from(start),
            from_entity: self.cursor.in_entity(),
            content: Vec::new(),
        });
        self.push(Node::Element(index));
        if is_empty {
            self.bindings.truncate(bindings);
        } else {
            self.open.push(Open { element: index, start, bindings });
        }
        Ok(())
    }

    fn end_tag(&mut self, start: usize) -> Result<()> {
        let name = self.cursor.qualified_name()?;
        self.cursor.skip_blanks();
        self.cursor.expect(">")?;
        let depth_outside = self.outer.last().map_or(0, |suspended| suspended.depth);
        let Some(open) = self.open.pop() else {
            return Err(self.cursor.error_from(start, format!("`</{name}>` closes nothing")));
        };
        if self.open.len() < depth_outside {
            return Err(self.cursor.error_from(start, format!("`</{name}>` closes nothing in its entity")));
        }
        let element = &mut self.elements[open.element];
        if element.name.value != name {
            let message = format!("expected `</{}>`, found `</{name}>`", element.name.value);
            let mut error = self.cursor.error_from(start, message);
            error.opened = Some((element.name.value.clone(), element.name.span.start));
            return Err(error);
        }
        element.span = self.cursor.span_from(open.start);
        self.bindings.truncate(open.bindings);
        Ok(())
    }

    /// Attributes mean nothing in this format, but must be well-formed. Says whether the element ends with the tag.
    fn attributes(&mut self) -> Result<bool> {
        let mut names: Vec<(String, usize)> = Vec::new();
        loop {
            let blanks = self.cursor.skip_blanks();
            if self.cursor.eat("/>") {
                self.check_attribute_names(&names)?;
                return Ok(true);
            }
            if self.cursor.eat(">") {
                self.check_attribute_names(&names)?;
                return Ok(false);
            }
            if !blanks || self.cursor.is_at_end() {
                return Err(self.cursor.error("the tag does not end; `>` is missing"));
            }
            let start = self.cursor.at();
            let name = self.cursor.qualified_name()?;
            self.cursor.skip_blanks();
            self.cursor.expect("=")?;
            self.cursor.skip_blanks();
            let value_start = self.cursor.at();
            let value = self.cursor.literal("the value of the attribute")?;
            let value = self.attribute_value(value, value_start)?;
            if names.iter().any(|(other, _)| *other == name) {
                return Err(self.cursor.error_from(start, format!("the attribute `{name}` is there twice")));
            }
            self.bind(&name, value, start)?;
            names.push((name, start));
        }
    }

    /// Replaces the references in an attribute's value.
    fn attribute_value(&mut self, raw: String, start: usize) -> Result<String> {
        let blame = self.cursor.span_from(start);
        let mut value = String::new();
        let mut stack = vec![(Cursor::new(raw.into(), Some(blame)), String::new())];
        while let Some((cursor, _)) = stack.last_mut() {
            value.push_str(cursor.take_while(|c| !matches!(c, '<' | '&')));
            if cursor.is_at_end() {
                stack.pop();
                continue;
            }
            if !cursor.eat("&") {
                return Err(cursor.error("`<` in the value of an attribute; write `&lt;`"));
            }
            let name = match cursor.reference()? {
                Reference::Character(c) => {
                    value.push(c);
                    continue;
                }
                Reference::Entity(name) => name,
            };
            if matches!(self.doctype.as_ref().and_then(|d| d.entity(&name)), Some(Entity::External)) {
                return Err(self
                    .cursor
                    .error_from(start, format!("the entity `&{name};` is not in this file")));
            }
            let Some(text) = self.replacement(&name, &self.cursor, start)? else { continue };
            self.count_expansion(&text, start)?;
            if stack.iter().any(|(_, open)| *open == name) {
                return Err(self.cursor.error_from(start, format!("the entity `&{name};` contains itself")));
            }
            stack.push((Cursor::new(text, Some(blame)), name));
        }
        Ok(value)
    }

    /// Takes note of `xmlns:prefix="uri"`.
    fn bind(&mut self, attribute: &str, uri: String, start: usize) -> Result<()> {
        let Some(prefix) = attribute.strip_prefix("xmlns:") else {
            let takes_reserved = attribute == "xmlns" && (uri == XML || uri == XMLNS);
            if takes_reserved {
                return Err(self.cursor.error_from(start, "this namespace is reserved"));
            }
            return Ok(());
        };
        let is_legal = match prefix {
            "xml" => uri == XML,
            "xmlns" => false,
            _ => !uri.is_empty() && uri != XML && uri != XMLNS,
        };
        if !is_legal {
            return Err(self
                .cursor
                .error_from(start, format!("the prefix `{prefix}` cannot stand for this")));
        }
        self.bindings.push(Binding { prefix: prefix.to_owned(), uri });
        Ok(())
    }

    fn namespace(&self, prefix: &str) -> Option<&str> {
        match prefix {
            "xml" => Some(XML),
            _ => self.bindings.iter().rev().find(|b| b.prefix == prefix).map(|b| b.uri.as_str()),
        }
    }

    fn check_prefix(&self, name: &str, start: usize) -> Result<()> {
        match name.split_once(':') {
            Some((prefix, _)) if self.namespace(prefix).is_none() => {
                Err(self.cursor.error_from(start, format!("the prefix `{prefix}` is not declared")))
            }
            _ => Ok(()),
        }
    }

    /// Prefixes of attributes are declared, and no two attributes are the same once prefixes are replaced.
    fn check_attribute_names(&self, names: &[(String, usize)]) -> Result<()> {
        let mut expanded = Vec::new();
        for (name, start) in names {
            let Some((prefix, local)) = name.split_once(':').filter(|(prefix, _)| *prefix != "xmlns") else {
                continue;
            };
            self.check_prefix(name, *start)?;
            let pair = (self.namespace(prefix), local);
            if expanded.contains(&pair) {
                return Err(self
                    .cursor
                    .error_from(*start, format!("the attribute `{local}` is there twice")));
            }
            expanded.push(pair);
        }
        Ok(())
    }
}

/// `="value"` in the XML declaration: the value, and where it is.
fn pseudo_attribute(cursor: &mut Cursor) -> Result<(String, Span)> {
    cursor.skip_blanks();
    cursor.expect("=")?;
    cursor.skip_blanks();
    let start = cursor.at() + 1;
    let value = cursor.literal("a value")?;
    let is_plain = !value.is_empty()
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':'));
    if !is_plain {
        return Err(cursor.error_from(start, "the XML declaration is malformed"));
    }
    let span = Span::from(start..start + value.len());
    Ok((value, span))
}
