//! Snapshots: trees of files and hard links, one per day, without what the package manager can bring back.
//!
//! [`packages`] reads what the package managers of a machine know, [`select`] decides path by path what is saved and what is
//! left out, and why.

pub mod cache;
pub mod diff;
mod digest;
pub mod manifest;
mod name;
pub mod packages;
mod paths;
pub mod prune;
mod remove;
pub mod restore;
pub mod select;
pub mod store;
pub mod verify;
pub mod write;

pub use digest::Digest;
pub use name::Name;
