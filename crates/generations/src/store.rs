//! A store: a directory with a generation of trees, and beside each tree its manifest.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use redcedar_system::escape;
use redcedar_system::fs::{Directory, Lock, LockError, TEMPORARY_PREFIX, write_atomically};
use rustix::fs::FileType;

use crate::Name;
use crate::manifest::{self, ManifestError, ManifestReader};
use crate::name::{INCOMPLETE, TRASH};

/// Says that a directory is meant to be written to. On a disk that is not mounted it is missing.
const MARKER: &str = ".redcedar.store";
const MARKER_TEXT: &[u8] = b"This directory holds snapshots of redcedar.\n";
/// The link to the newest generation.
pub(crate) const LATEST: &str = "latest";

/// A directory with generations.
#[derive(Debug)]
pub struct Store {
    directory: Directory,
}

/// A generation that is all there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its name.
    pub name: Name,
    /// Whether it has a manifest. One without is by jw.backup: nobody knows whether it is complete.
    pub has_manifest: bool,
}

/// Why a store or a generation cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The directory has no marker.
    #[error(
        "{} is not marked as a store of snapshots; is its disk mounted?",
        escape::display(.path)
    )]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// There is nothing.
    #[error("there are no generations in {}", escape::display(.path))]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// There is no such generation.
    #[error("there is no generation {wanted}; the newest is {newest}")]
    NoGeneration {
        /// What was asked for.
        wanted: String,
        /// What there is.
        newest: String,
    },
    /// A manifest is damaged.
    #[error("generation {generation}: {source}")]
    Manifest {
        /// Whose.
        generation: String,
        /// What is wrong with it.
        source: ManifestError,
    },
}

impl Store {
    /// Opens a store to read from it.
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { directory: Directory::open(path)? })
    }

    /// Opens a store to write to it.
    ///
    /// # Errors
    /// When the directory cannot be opened, or was never made a store.
    pub fn open_marked(path: &Path) -> Result<Self, StoreError> {
        match Self::open(path) {
            Ok(store) if store.directory.status(OsStr::new(MARKER))?.is_some() => Ok(store),
            Err(StoreError::Io(error)) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Err(StoreError::NoStore { path: path.to_owned() }),
        }
    }

    /// Makes a directory a store. It is made for us alone if it is not there; generations that are in it already are
    /// continued.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn init(path: &Path) -> Result<Self, StoreError> {
        if fs_err::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            if let Some(parent) = path.parent() {
                fs_err::create_dir_all(parent)?;
            }
            std::fs::DirBuilder::new().mode(0o700).create(path)?;
        }
        write_atomically(&path.join(MARKER), MARKER_TEXT, 0o600, None)?;
        Self::open(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Keeps others from writing to it, from this machine or another that has the same disk.
    ///
    /// # Errors
    /// When another run holds it.
    pub fn lock(&self) -> Result<Lock, LockError> {
        Lock::acquire(self.path())
    }

    /// All generations, the oldest first.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let mut generations = Vec::new();
        for found in self.directory.names()? {
            if let Some(name) = Name::parse(&found)
                && self.is_directory(&found)?
            {
                let manifest = self.directory.status(&manifest_name(&name))?;
                generations.push(Generation { name, has_manifest: manifest.is_some() });
            }
        }
        generations.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(generations)
    }

    /// The generation with a name; the one that was completed last without.
    ///
    /// # Errors
    /// When it is not there.
    pub fn find(&self, wanted: Option<&str>) -> Result<Generation, StoreError> {
        let generations = self.generations()?;
        let newest = self.newest(&generations)?;
        let Some(wanted) = wanted.filter(|wanted| *wanted != LATEST) else { return Ok(newest.clone()) };
        let found = generations.iter().find(|generation| generation.name.to_string() == wanted);
        found.cloned().ok_or_else(|| StoreError::NoGeneration {
            wanted: wanted.to_owned(),
            newest: newest.name.to_string(),
        })
    }

    /// The generation that was completed last: the one that `latest` leads to, whatever clocks said, unless jw.backup went on.
    fn newest<'g>(&self, generations: &'g [Generation]) -> Result<&'g Generation, StoreError> {
        let last = generations.last().ok_or_else(|| StoreError::Empty { path: self.path().to_owned() })?;
        let latest = self.latest()?;
        let by_link = generations.iter().find(|generation| Some(&generation.name) == latest.as_ref());
        Ok(by_link.filter(|_| last.has_manifest).unwrap_or(last))
    }

    /// Where `latest` leads.
    pub(crate) fn latest(&self) -> Result<Option<Name>, StoreError> {
        match fs_err::read_link(self.path().join(LATEST)) {
            Ok(target) => Ok(Name::parse(target.as_os_str())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Where the tree of a generation is.
    pub fn tree(&self, name: &Name) -> PathBuf {
        self.path().join(name.to_string())
    }

    /// Opens the manifest of a generation.
    ///
    /// # Errors
    /// When it is not there, or is none.
    pub fn manifest(&self, name: &Name) -> Result<ManifestReader<std::fs::File>, StoreError> {
        let file = self.directory.open_file(&manifest_name(name))?;
        ManifestReader::open(file).map_err(|source| damaged(name, source))
    }

    /// Names of generations that were never completed, the oldest first.
    pub(crate) fn incomplete(&self) -> Result<Vec<OsString>, StoreError> {
        let is_incomplete = |found: &OsString| {
            let name = found.as_bytes().strip_suffix(INCOMPLETE.as_bytes());
            name.is_some_and(|name| Name::parse(OsStr::from_bytes(name)).is_some())
        };
        Ok(self.directory.names()?.into_iter().filter(is_incomplete).collect())
    }

    /// Removes what earlier runs were about to remove or had not finished, and manifests whose trees are not there. Only under
    /// the lock.
    pub(crate) fn tidy(&self) -> Result<(), StoreError> {
        for found in self.directory.names()? {
            let tree = found.as_bytes().strip_suffix(manifest::SUFFIX.as_bytes()).map(OsStr::from_bytes);
            if found.as_bytes().starts_with(TRASH.as_bytes()) {
                crate::remove::remove_tree(&self.directory, &found)?;
            } else if found.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
                self.directory.remove_file(&found)?;
            } else if let Some(tree) = tree.filter(|tree| Name::parse(tree).is_some())
                && !self.is_directory(tree)?
            {
                self.directory.remove_file(&found)?;
            }
        }
        Ok(())
    }

    fn is_directory(&self, name: &OsStr) -> Result<bool, StoreError> {
        let stat = self.directory.status(name)?;
        Ok(stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory))
    }
}

/// What is wrong with a generation whose manifest is damaged.
pub fn damaged(name: &Name, source: ManifestError) -> StoreError {
    StoreError::Manifest { generation: name.to_string(), source }
}

pub(crate) fn manifest_name(name: &Name) -> OsString {
    format!("{name}{}", manifest::SUFFIX).into()
}
