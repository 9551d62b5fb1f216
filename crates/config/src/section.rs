//! Reading elements of the tree: which of several counts, what is their text, and what is wrong with it.

use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::xml::{Document, Element, Node};
use crate::{Located, Span};

/// An element of the file whose children are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Section<'d> {
    document: &'d Document,
    index: usize,
}

impl<'d> Section<'d> {
    pub(crate) fn new(document: &'d Document, index: usize) -> Self {
        Self { document, index }
    }

    pub(crate) fn element(self) -> &'d Element {
        &self.document.elements[self.index]
    }

    /// The qualified name.
    pub fn name(self) -> &'d str {
        &self.element().name.value
    }

    /// Where the name stands in the start tag: what a message about the section as a whole points at.
    pub fn name_span(self) -> Span {
        self.element().name.span
    }

    /// The section as it stands in the file, from its start tag to its end tag.
    pub fn source_text(self) -> &'d str {
        &self.document.source.text()[self.element().span.range()]
    }

    /// All direct children that are elements.
    pub fn children(self) -> impl Iterator<Item = Section<'d>> {
        self.element().content.iter().filter_map(move |node| match node {
            Node::Element(index) => Some(Section::new(self.document, *index)),
            _ => None,
        })
    }

    /// The direct children by a name, in the order of the file.
    pub fn sections(self, name: &str) -> impl Iterator<Item = Section<'d>> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The first direct child by a name, even if it is empty.
    pub fn section(self, name: &str) -> Option<Section<'d>> {
        self.sections(name).next()
    }

    /// The element's own text: its first run of characters. A comment, CDATA or a child element ends a run; CDATA is no
    /// text. Nothing is trimmed.
    pub fn text(self) -> Option<Located<&'d str>> {
        self.element().content.iter().find_map(|node| match node {
            Node::Text(run) => Some(Located { value: run.value.as_str(), span: run.span }),
            _ => None,
        })
    }

    /// The text of the first direct child by a name that has any.
    pub fn scalar(self, name: &str) -> Option<Located<&'d str>> {
        self.scalars(name).next()
    }

    /// The texts of all direct children by a name that have any.
    pub fn scalars(self, name: &str) -> impl Iterator<Item = Located<&'d str>> {
        self.sections(name).filter_map(Section::text)
    }

    /// Reads a scalar. What `parse` refuses becomes a finding that names the element.
    pub fn read<T, E: fmt::Display>(
        self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
        findings: &mut Vec<Diagnostic>,
    ) -> Field<T> {
        match self.scalar(name) {
            None => Field::Absent,
            Some(text) => match parsed(name, text, parse, findings) {
                Some(value) => Field::Valid(value),
                None => Field::Invalid,
            },
        }
    }

    /// Reads all elements of a list. What `parse` refuses becomes a finding and is left out.
    pub fn read_list<T, E: fmt::Display>(
        self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
        findings: &mut Vec<Diagnostic>,
    ) -> Vec<Located<T>> {
        self.scalars(name).filter_map(|text| parsed(name, text, &parse, findings)).collect()
    }

    /// A finding that something is missing here, pointing at the section's name.
    pub fn missing(self, what: &str) -> Diagnostic {
        Diagnostic::error(self.name_span(), format!("`{}` lacks `{what}`", self.name()))
    }
}

fn parsed<T, E: fmt::Display>(
    name: &str,
    text: Located<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Located<T>> {
    match parse(text.value) {
        Ok(value) => Some(Located { value, span: text.span }),
        Err(error) => {
            let mut finding = Diagnostic::error(text.span, format!("`{name}` {error}"));
            if text.trim() != text.value && parse(text.trim()).is_ok() {
                finding.hint = Some("remove the blanks around the value; they are part of it".to_owned());
            }
            findings.push(finding);
            None
        }
    }
}

/// What reading a scalar gave. An invalid one has been complained about and is not missing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Field<T> {
    /// There is no such element, or it has no text.
    Absent,
    /// There is one, and a finding says what is wrong with it.
    Invalid,
    /// A value.
    Valid(Located<T>),
}

impl<T> Field<T> {
    /// The value if there is a valid one.
    pub fn optional(self) -> Option<Located<T>> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// The value if there is a valid one, without its place.
    pub fn value(self) -> Option<T> {
        self.optional().map(|located| located.value)
    }

    /// The value of a scalar that `section` must have; complains if there is none.
    pub fn required(
        self,
        section: Section<'_>,
        name: &str,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Located<T>> {
        if self.is_absent() {
            findings.push(section.missing(name));
        }
        self.optional()
    }

    /// Whether there is no such element.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}
