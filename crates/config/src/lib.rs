//! Reads, checks and writes the configuration of Cedar Backup 2 and 3.
//!
//! Text becomes checked values in three steps: [`Source`] (the bytes as text, with positions), the XML tree
//! (`xml`), and one reader per section (`cedar`). All errors of a file are reported together, each with line, column,
//! the line itself and a hint. Sections of extensions are left to their owners.

pub mod cedar;
mod diagnostic;
mod encoding;
mod section;
mod source;
mod suggest;
pub mod value;
mod xml;
pub mod yaml;

pub use cedar::{Config, LoadError, Loaded, RenderError, WriteError, write_file};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use section::{Field, Section};
pub use source::{Located, Position, Source, Span};
pub use xml::{Document, TextError};
