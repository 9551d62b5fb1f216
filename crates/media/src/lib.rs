//! Discs: kinds, capacities, labels, the programs that write them, and reading what is on them.
//!
//! Whoever writes a disc asks a [`DiscWriter`]; there is one for each set of programs that can do it. Whoever reads one opens an
//! [`Image`](read::Image). What these programs print is taken apart by pure functions.

pub mod capacity;
mod compare;
mod error;
pub mod fit;
mod image;
pub mod kind;
pub mod label;
mod mounted;
mod programs;
pub mod read;
#[cfg(test)]
mod sample;
pub mod setup;
mod tray;
pub mod volume;
pub mod writer;

pub use capacity::{Capacity, SECTOR, Size};
pub use error::MediaError;
pub use kind::Kind;
pub use label::Label;
pub use programs::Overrides;
pub use writer::DiscWriter;
