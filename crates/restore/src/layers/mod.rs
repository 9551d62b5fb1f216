//! What lies around stored files is taken off here: encryption, and splitting into parts, in whatever order. Nothing in clear
//! is written anywhere on the way; what is small is kept in memory.

mod age_files;
mod gpg;
mod identities;
mod join;
mod keys;
mod locked;
mod peel;
mod piece;

use std::io::{self, Read};

use redcedar_archive::layers::Cipher;
use redcedar_archive::reader::{self, ArchiveReader, BlockIndex};
use redcedar_archive::{Compression, Stored};

pub use keys::{KeyError, Keys};
pub(crate) use locked::is_locked;
pub(crate) use peel::{Peeled, peel};
pub(crate) use piece::Piece;

use self::join::{Chain, Joined};

/// A file as it is stored: itself, or in layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    Plain(Piece),
    Sealed(Cipher, Box<Form>),
    /// By number; some may be missing.
    Parts(Vec<(u32, Form)>),
}

/// A file without its layers, open for reading.
pub enum Opened {
    /// At any place.
    Anywhere(Stored),
    /// Forward only.
    Forward(Box<dyn Read + Send>),
}

impl Form {
    pub(crate) fn open(&self, keys: &Keys) -> io::Result<Opened> {
        match self {
            Self::Plain(piece) => Ok(Opened::Anywhere(piece.open()?)),
            Self::Parts(parts) => match Joined::new(parts) {
                Some(joined) => Ok(Opened::Anywhere(joined.into())),
                None => Ok(Opened::Forward(Box::new(Chain::new(parts.clone(), keys.clone())))),
            },
            Self::Sealed(cipher, inner) => keys.decrypt(*cipher, inner),
        }
    }

    /// What is on disk, in order.
    pub(crate) fn pieces(&self) -> Vec<&Piece> {
        match self {
            Self::Plain(piece) => vec![piece],
            Self::Sealed(_, inner) => inner.pieces(),
            Self::Parts(parts) => parts.iter().flat_map(|(_, part)| part.pieces()).collect(),
        }
    }

    /// How many layers there are; of its parts, the first counts.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Sealed(_, inner) => 1 + inner.depth(),
            Self::Parts(parts) => 1 + parts.first().map_or(0, |(_, part)| part.depth()),
        }
    }

    pub(crate) fn is_sealed(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Sealed(..) => true,
            Self::Parts(parts) => parts.iter().any(|(_, part)| part.is_sealed()),
        }
    }

    /// What can be seen to be wrong without reading it, as messages.
    pub(crate) fn faults(&self) -> Vec<String> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Sealed(_, inner) => inner.faults(),
            Self::Parts(parts) => join::faults(parts),
        }
    }
}

impl Opened {
    /// The archive in it. What is not read forward only is decompressed by several threads, where it is known how.
    pub(crate) fn archive(
        self,
        compression: Compression,
        index: Option<&BlockIndex>,
        threads: usize,
    ) -> io::Result<ArchiveReader> {
        match self {
            Self::Anywhere(stored) => reader::sequential(stored, compression, index, threads),
            Self::Forward(input) => reader::streamed(input, compression),
        }
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Anywhere(stored) => stored.read(buffer),
            Self::Forward(input) => input.read(buffer),
        }
    }
}
