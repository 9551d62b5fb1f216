//! Where backups are: days, the machines of a day, the items of a machine. Found by looking, without configuration.

mod file;
mod look;
mod name;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use redcedar_archive::Compression;
use redcedar_system::escape;

pub use file::StoredFile;
pub use name::{OtherKind, StoredKind, classify};

use crate::layers::Keys;
use crate::place::{Directory, Place, Places};

/// Places with backups, and what is there.
#[derive(Debug, Clone)]
pub struct Source {
    places: Places,
    days: Vec<Day>,
}

/// What is there for one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The day: of staging where the layout says it, else of writing.
    pub date: Date,
    /// The machines, by name.
    pub peers: Vec<PeerDay>,
}

/// What is there of one machine for one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerDay {
    /// Name of the machine, or of the folder where nothing says one.
    pub name: OsString,
    /// The names of all its files, whatever they are.
    pub(crate) names: Vec<OsString>,
    /// The collected items, by name.
    pub items: Vec<StoredItem>,
    /// Everything else, by name.
    pub others: Vec<(StoredFile, OtherKind)>,
    /// `cback.sha256`, if there is one.
    pub checksums: Option<StoredFile>,
    /// Digests of what was encrypted or split, as it was before.
    pub origins: Option<StoredFile>,
    /// What is there in another form, or in another place, as well, which counts.
    pub doubles: Vec<StoredFile>,
}

/// One item as it was stored on one day: an archive, a manifest, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// The normalised name: `home-user` for `/home/user`.
    pub name: OsString,
    /// The day it belongs to.
    pub date: Date,
    /// The archive; none when nothing had changed.
    pub archive: Option<(StoredFile, Compression)>,
    /// The manifest; archives of the originals have none.
    pub manifest: Option<StoredFile>,
}

/// Why a place is no source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It cannot be looked at.
    #[error("cannot look for backups in {}: {source}", escape::display(.path))]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing that looks like a backup.
    #[error("there are no backups in {}: neither days (YYYY/MM/DD) nor archives (*.tar*) nor dumps", escape::display(.path))]
    Nothing {
        /// Where.
        path: PathBuf,
    },
}

impl Source {
    /// Looks at a directory and finds out what it is: a staging directory, a day of one, a machine's day, a collect directory, or
    /// any folder of archives. What is encrypted stays closed.
    ///
    /// # Errors
    /// When it cannot be read, or there are no backups in it.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let directory = Directory::new(path);
        let directory = directory.map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
        Self::open_places(vec![Arc::new(directory)], &Keys::default())
    }

    /// Looks at several places as if they were one. What is in several of them is taken from the first that has it; parts of one
    /// file may lie in different ones.
    ///
    /// # Errors
    /// When one cannot be read, or there are no backups in it.
    pub fn open_places(places: Places, keys: &Keys) -> Result<Self, SourceError> {
        let days = look::look(&places, keys)?;
        Ok(Self { places, days })
    }

    /// What the places are called.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.places.iter().map(|place| place.root().to_owned()).collect()
    }

    /// The places themselves.
    pub(crate) fn places(&self) -> &[Arc<dyn Place>] {
        &self.places
    }

    /// The days, oldest first.
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// The machines that occur on any day, by name.
    pub fn peers(&self) -> Vec<&OsStr> {
        sorted(self.days.iter().flat_map(|day| &day.peers).map(|peer| peer.name.as_os_str()))
    }

    /// The items of a machine that occur on any day up to `as_of`, by name.
    pub fn items(&self, peer: &OsStr, as_of: Option<Date>) -> Vec<&OsStr> {
        sorted(self.stored(peer, as_of).map(|item| item.name.as_os_str()))
    }

    /// Everything stored of one item up to `as_of`, oldest first.
    pub fn history(&self, peer: &OsStr, item: &OsStr, as_of: Option<Date>) -> Vec<&StoredItem> {
        self.stored(peer, as_of).filter(|stored| stored.name == item).collect()
    }

    fn stored(&self, peer: &OsStr, as_of: Option<Date>) -> impl Iterator<Item = &StoredItem> {
        self.days
            .iter()
            .filter(move |day| as_of.is_none_or(|as_of| day.date <= as_of))
            .flat_map(|day| &day.peers)
            .filter(move |found| found.name == peer)
            .flat_map(|peer| &peer.items)
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a OsStr>) -> Vec<&'a OsStr> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    names
}
