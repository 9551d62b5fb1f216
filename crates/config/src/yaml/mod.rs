//! YAML as a tree of values with places. Plain data only: no tags that make objects, no types that the reader has not asked for.

mod parser;
mod read;

use crate::{Located, Span};

pub use read::Mapping;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub content: Content,
    /// Where it stands.
    pub span: Span,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing: an empty place, `~` or `null`.
    Null,
    /// A text; whoever wants a number or a truth value makes it of this.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Mapping(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Located<String>,
    /// What it stands for.
    pub value: Node,
}
