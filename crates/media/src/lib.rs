//! Discs: which files go onto which, and reading them back.

pub mod fit;
pub mod read;
