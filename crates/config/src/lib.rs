//! Reads, checks and writes the configuration of Cedar Backup 2 and 3.
//!
//! Text becomes checked values in three steps: [`Source`] (the bytes as text, with positions), the XML tree
//! (`xml`), and one reader per section (`cedar`). All errors of a file are reported together, each with line, column,
//! the line itself and a hint. Sections of extensions are left to their owners.

pub mod cedar;
mod source;
pub mod value;

pub use cedar::Config;
pub use source::{Located, Span};
