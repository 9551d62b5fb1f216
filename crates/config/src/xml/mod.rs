//! The file as a tree of elements with positions.
//!
//! Cedar Backup reads with expat and Python's `minidom`, and files in use depend on what that does: namespaces are checked but
//! do not matter, internal entities are expanded and external ones are empty, a run of text ends at a comment or CDATA. The
//! tree keeps to it, and knows for each element which bytes of the file it is, which messages and
//! [`crate::Config::render_over`] need.

mod parser;
mod writer;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::section::Section;
use crate::{Located, Source, Span};

pub use writer::TextError;
pub(crate) use writer::Writer;

/// A well-formed XML document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub(crate) source: Source,
    /// All elements, parents before children. The first is the root.
    pub(crate) elements: Vec<Element>,
}

/// An element of a [`Document`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Element {
    /// The qualified name.
    pub(crate) name: Located<String>,
    /// From `<` of the start tag to `>` of the end tag; for an element that comes out of an entity, the reference.
    pub(crate) span: Span,
    pub(crate) from_entity: bool,
    pub(crate) content: Vec<Node>,
}

/// Something inside an element.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// An index into [`Document::elements`].
    Element(usize),
    /// A run of characters with references replaced. Never empty.
    Text(Located<String>),
    Cdata(Span),
    Comment(Span),
    Instruction(Span),
}

impl Document {
    /// Parses a document.
    ///
    /// # Errors
    /// When it is not well-formed: one finding, where parsing stopped.
    pub fn parse(source: Source) -> Result<Self, Diagnostics> {
        match parser::parse(&source) {
            Ok(elements) => Ok(Self { source, elements }),
            Err(finding) => Err(Diagnostics::new(source, vec![finding])),
        }
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The root element, whatever its name.
    pub fn root(&self) -> Section<'_> {
        Section::new(self, 0)
    }

    /// A section: the first direct child of `cb_config` by that name, even if it is empty. This is how the owner of an
    /// extension reaches its own part of the file.
    pub fn section(&self, name: &str) -> Option<Section<'_>> {
        self.configuration()?.section(name)
    }

    /// The root element, if it is `cb_config`. Any other root means a document without sections.
    pub(crate) fn configuration(&self) -> Option<Section<'_>> {
        Some(self.root()).filter(|root| root.name() == "cb_config")
    }

    /// Findings about this document.
    pub fn diagnostics(&self, findings: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(self.source.clone(), findings)
    }
}
