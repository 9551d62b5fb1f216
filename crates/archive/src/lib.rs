//! From a directory to one compressed tar archive with a manifest, and back.
//!
//! `select` decides what goes in, `tar` and `compress` how it is written, [`manifest`] says what an archive holds and
//! what was there. Beside it stand streams that are no archives ([`PackedWriter`]), such as the dumps of databases ([`dump`]).
//! Nothing in here knows of configurations, peers or days.

pub mod compress;
pub mod digest;
pub mod dump;
mod error;
pub mod layers;
pub mod manifest;
pub mod md5;
mod metadata;
pub mod naming;
mod packed;
pub mod packing;
pub mod reader;
pub mod repository;
pub mod select;
mod stored;
pub mod tar;
pub mod writer;

pub use compress::Compression;
pub use error::ArchiveError;
pub use metadata::{Kind, Metadata, Timestamp};
pub use packed::{Packed, PackedWriter};
pub use stored::{ReadAt, Stored};
