//! The tar format.

mod decode;
pub mod read;
pub mod salvage;

/// Everything in a tar archive begins at a multiple of this.
pub const BLOCK: usize = 512;
