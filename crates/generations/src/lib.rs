//! Snapshots: trees of files and hard links, one per day, without what the package manager can bring back.
//!
//! [`packages`] reads what the package managers of a machine know, [`select`] decides path by path what is saved and what is
//! left out, and why. [`write`] makes a generation of that in a [`store`], with a [`manifest`] beside it; [`restore`], [`verify`],
//! [`diff`] and [`prune`] are what it is for. [`rebuild`] says how a machine is made anew of one, [`drill`] tries it.

pub mod cache;
pub mod config;
pub mod diff;
mod digest;
pub mod drill;
pub mod manifest;
mod name;
pub mod packages;
mod paths;
pub mod prune;
pub mod rebuild;
mod remove;
pub mod restore;
pub mod run;
pub mod select;
pub mod store;
pub mod transfer;
pub mod verify;
pub mod write;

pub use digest::Digest;
pub use name::Name;
