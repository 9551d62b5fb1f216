//! Snapshots: trees of files and hard links, one per day, without what the package manager can bring back.
//!
//! [`packages`] reads what the package managers of a machine know, [`select`] decides path by path what is saved and what is
//! left out, and why.

pub mod cache;
mod digest;
mod md5;
pub mod packages;
pub mod select;

pub use digest::Digest;
