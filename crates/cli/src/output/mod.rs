//! What the reader of a terminal, or a program, gets to see. Results go to standard output, all else to standard error.

pub(crate) mod difference;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod progress;
mod results;
pub(crate) mod style;
pub(crate) mod table;
mod terminal;

pub(crate) use results::Results;
pub(crate) use terminal::{ProgressMode, Terminal, TerminalOptions};
