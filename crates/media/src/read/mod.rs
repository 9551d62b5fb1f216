//! Reading a disc or an image of one, without mounting it and without root: `xorriso` tells which files there are and where,
//! and their bytes are read from there. One file of a full disc costs no more than that file.

mod content;
mod damage;
mod image;
mod listing;
mod sessions;

pub use content::Content;
pub use damage::{Bad, Fault};
pub use image::{Check, Image, Node, ReadError};
pub use listing::Kind;
pub use sessions::Session;

/// Size of a block.
const BLOCK: u64 = 2048;

#[cfg(test)]
mod tests;
