//! The way back: sources, chains, list, restore, verify, salvage.
//!
//! Needs no configuration and no state: a directory of archives is enough, made by us or by the originals.
//! [`Source`] finds what is there, [`chain`] which archives make up a state, [`tree`] what that state was,
//! [`restore`](restore::restore) writes it.

pub mod chain;
mod source;

pub use source::{
    Day, Layout, OtherKind, PeerDay, Source, SourceError, StoredFile, StoredItem, StoredKind, classify,
};
