//! Snapshots: trees of files and hard links, one per day, without what the package manager can bring back.
//!
//! [`packages`] reads what the package managers of a machine know, [`select`] decides path by path what is saved and what is
//! left out, and why.

pub mod cache;
pub mod config;
mod digest;
mod name;
pub mod packages;
pub mod run;
pub mod select;
pub mod transfer;

pub use digest::Digest;
pub use name::Name;
