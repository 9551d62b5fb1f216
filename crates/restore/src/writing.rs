//! Writing below a directory and never outside it: what a restore is made of, and snapshots are written with.

pub use crate::content::Content;
pub use crate::metadata::Attributes;
pub use crate::notes::Notes;
pub use crate::object::{ObjectError, ObjectWriter, Written};
pub use crate::path::{clean, concerns, relative};
pub use crate::target::{Target, Walker};
