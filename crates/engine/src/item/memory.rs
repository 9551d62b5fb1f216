//! What is remembered about an item: from the side file, or from the digest state that somebody else wrote.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::Timestamp;
use redcedar_archive::digest::to_hex;
use redcedar_system::{System, escape};
use sha2::{Digest, Sha256};

use crate::state::pickle::DigestMap;
use crate::state::side_file::{FileIdentity, Header, Present, Record, SideFileError, SideFileReader};
use crate::state::{digest, open_no_follow};

/// Where the memory of an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateFiles {
    /// Our side file.
    pub(crate) side_file: PathBuf,
    /// The digest state of the originals, where one is kept.
    pub(crate) digests: Option<PathBuf>,
}

/// What is remembered about an item.
#[derive(Debug)]
pub(crate) enum Memory {
    /// Nothing.
    Nothing,
    /// The digests that the original left.
    Digests(DigestMap),
    /// Everything.
    Own {
        /// What the side file says about the item as a whole.
        header: Box<Header>,
        /// Whether what its last run stored is known to be picked up.
        is_acknowledged: bool,
        /// Where the records are.
        side_file: PathBuf,
    },
}

impl Memory {
    /// Recalls what there is. Anything damaged is reported and does not count.
    pub(crate) fn recall(item: &Path, files: &StateFiles, system: &System) -> Self {
        match recall_own(item, files) {
            Ok(Some(own)) => own,
            Ok(None) => recall_digests(files, system),
            Err(error) => {
                report_damage(&error, system);
                recall_digests(files, system)
            }
        }
    }

    /// Recalls what serves the figures of a full backup, which needs no memory: anything damaged goes unmentioned.
    pub(crate) fn recall_for_figures(item: &Path, files: &StateFiles) -> Self {
        recall_own(item, files).ok().flatten().unwrap_or(Self::Nothing)
    }

    /// Recalls what there is apart from the side file, which turned out to be damaged.
    pub(crate) fn recall_without_side_file(
        error: &SideFileError,
        files: &StateFiles,
        system: &System,
    ) -> Self {
        report_damage(error, system);
        recall_digests(files, system)
    }

    /// What the side file says about the item, if it counts.
    pub(crate) fn header(&self) -> Option<&Header> {
        match self {
            Self::Own { header, .. } => Some(header),
            Self::Nothing | Self::Digests(_) => None,
        }
    }

    /// When the run began that made the records.
    pub(crate) fn began(&self) -> Timestamp {
        let (seconds, nanoseconds) = self.header().map_or((0, 0), |header| header.began);
        Timestamp { seconds, nanoseconds }
    }

    /// The records, from the first on.
    pub(crate) fn records(&self) -> Result<Records<'_>, SideFileError> {
        Ok(match self {
            Self::Nothing => Records::Nothing,
            Self::Digests(map) => Records::Digests { map, next: 0, record: Record::default() },
            Self::Own { side_file, .. } => match SideFileReader::open(side_file)? {
                Some(reader) => Records::SideFile(Box::new(reader)),
                None => Records::Nothing,
            },
        })
    }
}

/// The day from which an item's week counts: that of the last full backup, else the day it was first seen waiting.
pub(crate) fn last_full(header: &Header) -> Option<Date> {
    let link = header.chain.first().or(header.last.as_ref());
    link.map(|link| link.date).or(header.waiting_since)
}

/// The header of a side file, if there is one for this item that can be understood. Nothing is reported: whoever needs the
/// records will.
pub(crate) fn peek(item: &Path, side_file: &Path) -> Option<(Header, bool)> {
    let reader = SideFileReader::open(side_file).ok()??;
    let header = reader.header();
    (header.item == escape::display(item).to_string()).then(|| (header.clone(), reader.is_acknowledged()))
}

fn recall_own(item: &Path, files: &StateFiles) -> Result<Option<Memory>, SideFileError> {
    let Some(reader) = SideFileReader::open(&files.side_file)? else { return Ok(None) };
    let header = reader.header();
    // Another item had the same name once.
    if header.item != escape::display(item).to_string() || header.last.is_none() {
        return Ok(None);
    }
    if let Some(digests) = &files.digests {
        let belongs = header.digests.as_ref().is_some_and(|identity| is_identical(digests, identity));
        if !belongs {
            return Ok(None);
        }
    }
    Ok(Some(Memory::Own {
        header: Box::new(header.clone()),
        is_acknowledged: reader.is_acknowledged(),
        side_file: files.side_file.clone(),
    }))
}

fn recall_digests(files: &StateFiles, system: &System) -> Memory {
    let Some(path) = &files.digests else { return Memory::Nothing };
    match load_digests(path) {
        Ok(Some(map)) => Memory::Digests(map),
        Ok(None) => {
            system.monitor.debug(format!("Digest [{}] does not exist on disk.", escape::display(path)));
            Memory::Nothing
        }
        Err(error) => {
            let path = escape::display(path);
            system.monitor.error(format!("Failed loading digest [{path}] from disk: {error}"));
            Memory::Nothing
        }
    }
}

fn load_digests(path: &Path) -> io::Result<Option<DigestMap>> {
    let mut content = Vec::new();
    match open_no_follow(path) {
        Ok(mut file) => file.read_to_end(&mut content)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    DigestMap::parse(&content).map(Some).map_err(io::Error::other)
}

fn report_damage(error: &dyn fmt::Display, system: &System) {
    system.monitor.warning(format!("{error}; going on without what it remembers."));
}

/// Whether a file is the one that was recorded: by its stat data, else by its content.
fn is_identical(path: &Path, recorded: &FileIdentity) -> bool {
    let identical = || -> io::Result<bool> {
        let mut file = open_no_follow(path)?;
        let metadata = file.metadata()?;
        if metadata.len() != recorded.size {
            return Ok(false);
        }
        let nanoseconds = i64::from(recorded.nanoseconds);
        if (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
            == (recorded.inode, recorded.seconds, nanoseconds)
        {
            return Ok(true);
        }
        let hash: Sha256 = digest(&mut file)?;
        Ok(to_hex(&hash.finalize()) == recorded.sha256)
    };
    // One that cannot be read will be reported when its content is needed.
    identical().unwrap_or(false)
}

/// The records of an item, one after the other.
#[derive(Debug)]
pub(crate) enum Records<'a> {
    /// There are none.
    Nothing,
    /// Digests without anything else.
    Digests {
        /// All of them.
        map: &'a DigestMap,
        /// The place of the next.
        next: usize,
        /// The last one given out.
        record: Record,
    },
    /// Those of a side file.
    SideFile(Box<SideFileReader>),
}

impl Records<'_> {
    /// The next record in canonical order.
    pub(crate) fn next_record(&mut self) -> Result<Option<&Record>, SideFileError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Digests { map, next, record } => {
                let Some((path, digest)) = map.get(*next) else { return Ok(None) };
                *next += 1;
                record.path.clear();
                record.path.extend_from_slice(path);
                record.present = Some(Present { stat: None, digest: Some(digest), attributes: None });
                Ok(Some(record))
            }
            Self::SideFile(reader) => reader.next_record(),
        }
    }
}
