//! Where backups are: days, the machines of a day, the items of a machine. Found by looking, without configuration.

mod file;
mod name;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::Compression;
use redcedar_archive::manifest::ManifestReader;
use redcedar_system::escape;

pub use file::StoredFile;
pub use name::{OtherKind, StoredKind, classify};

use crate::layers::{Form, Keys, Peeled, Piece, peel};

/// How the files of a source are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `YYYY/MM/DD/PEER/FILE`: a staging directory, or a disc.
    Staging,
    /// `PEER/FILE`: one day of a staging directory.
    Day,
    /// `FILE`: one machine's files of one day, a collect directory, or any folder of archives.
    Folder,
}

/// A place with backups, and what is there.
#[derive(Debug, Clone)]
pub struct Source {
    root: PathBuf,
    layout: Layout,
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
    /// Where its files are.
    pub directory: PathBuf,
    /// The collected items, by name.
    pub items: Vec<StoredItem>,
    /// Everything else, by name.
    pub others: Vec<(StoredFile, OtherKind)>,
    /// `cback.sha256`, if there is one.
    pub checksums: Option<StoredFile>,
    /// Digests of what was encrypted or split, as it was before.
    pub origins: Option<StoredFile>,
    /// What is there in another form as well, which counts.
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
    #[error("there are no backups in {}: neither days (YYYY/MM/DD) nor archives (*.tar*) nor dumps of databases", escape::display(.path))]
    Nothing {
        /// Where.
        path: PathBuf,
    },
}

impl PeerDay {
    /// Whether there is anything here that tells a directory with backups from any other.
    fn has_backups(&self) -> bool {
        !self.items.is_empty() || self.others.iter().any(|(_, kind)| kind.is_dump())
    }
}

impl Source {
    /// Looks at `path` and finds out what it is. What is encrypted stays closed.
    ///
    /// # Errors
    /// When it cannot be read, or there are no backups in it.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::open_with(path, &Keys::default())
    }

    /// The same, with keys for what is encrypted.
    ///
    /// # Errors
    /// When it cannot be read, or there are no backups in it.
    pub fn open_with(path: &Path, keys: &Keys) -> Result<Self, SourceError> {
        let io = |source| SourceError::Io { path: path.to_owned(), source };
        let root = fs_err::canonicalize(path).map_err(io)?;
        let (layout, mut days) = look(&root, keys).map_err(io)?;
        if days.is_empty() {
            return Err(SourceError::Nothing { path: path.to_owned() });
        }
        days.sort_by_key(|day| day.date);
        Ok(Self { root, layout, days })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How it is laid out.
    pub fn layout(&self) -> Layout {
        self.layout
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

fn look(root: &Path, keys: &Keys) -> io::Result<(Layout, Vec<Day>)> {
    let days = staging_days(root, keys)?;
    if !days.is_empty() {
        return Ok((Layout::Staging, days));
    }
    let (date, name) = match date_of(root) {
        Some(date) => (Some(date), None),
        None => (root.parent().and_then(date_of), root.file_name()),
    };
    let peer = peer_day(root, name.unwrap_or_default().to_owned(), date, keys)?;
    if peer.has_backups() {
        return Ok((Layout::Folder, by_date(vec![peer], date)));
    }
    Ok((Layout::Day, by_date(peers(root, date, keys)?, date)))
}

/// The days of a staging directory; none when it is something else.
fn staging_days(root: &Path, keys: &Keys) -> io::Result<Vec<Day>> {
    let mut days = Vec::new();
    for year in directories(root)?.iter().filter(|path| number_of(path, 4).is_some()) {
        for month in directories(year)?.iter().filter(|path| number_of(path, 2).is_some()) {
            for path in directories(month)? {
                if let Some(date) = date_of(&path) {
                    days.push(Day { date, peers: peers(&path, Some(date), keys)? });
                }
            }
        }
    }
    Ok(days)
}

/// The machines below a directory; subdirectories without backups are left out unless they belong to a day. What is being
/// staged just now is none.
fn peers(directory: &Path, date: Option<Date>, keys: &Keys) -> io::Result<Vec<PeerDay>> {
    let mut peers = Vec::new();
    for path in directories(directory)? {
        let name = path.file_name().unwrap_or_default().to_owned();
        if classify(&name) == StoredKind::Temporary {
            continue;
        }
        let peer = peer_day(&path, name, date, keys)?;
        if date.is_some() || peer.has_backups() {
            peers.push(peer);
        }
    }
    peers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(peers)
}

fn peer_day(directory: &Path, name: OsString, date: Option<Date>, keys: &Keys) -> io::Result<PeerDay> {
    let mut peer = PeerDay {
        name,
        directory: directory.to_owned(),
        items: Vec::new(),
        others: Vec::new(),
        checksums: None,
        origins: None,
        doubles: Vec::new(),
    };
    let mut manifests = Vec::new();
    for Peeled { name, form, others } in peel(files(directory)?.into_iter()) {
        let stored = |form| StoredFile::new(directory.join(&name), form, keys.clone());
        peer.doubles.extend(others.into_iter().map(stored));
        let file = stored(form);
        match classify(&name) {
            StoredKind::Archive(name, compression) => {
                let date = date.unwrap_or_else(|| day_of(&file));
                let archive = Some((file, compression));
                peer.items.push(StoredItem { name, date, archive, manifest: None });
            }
            StoredKind::Manifest(name) => manifests.push((name, file)),
            StoredKind::Checksums => peer.checksums = Some(file),
            StoredKind::Origins => peer.origins = Some(file),
            StoredKind::Other(kind) => peer.others.push((file, kind)),
            StoredKind::Indicator | StoredKind::Temporary => {}
        }
    }
    for (name, manifest) in manifests {
        attach(&mut peer.items, name, manifest, date);
    }
    peer.items.sort_by(|a, b| (&a.name, written(a)).cmp(&(&b.name, written(b))));
    peer.others.sort_by(|a, b| a.0.path().cmp(b.0.path()));
    Ok(peer)
}

/// The regular files of a directory, but those left over from runs that were killed.
fn files(directory: &Path) -> io::Result<Vec<(OsString, Form)>> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(directory)? {
        let entry = entry?;
        if classify(&entry.file_name()) == StoredKind::Temporary {
            continue;
        }
        if let Some(piece) = Piece::look(entry.path())? {
            files.push((entry.file_name(), Form::Plain(piece)));
        }
    }
    Ok(files)
}

/// Puts a manifest beside the archive it describes; if that is not there, it stands alone.
fn attach(items: &mut Vec<StoredItem>, name: OsString, manifest: StoredFile, date: Option<Date>) {
    let mut candidates: Vec<_> = items.iter_mut().filter(|item| item.name == name).collect();
    // After a change of the compression there are several for a while.
    if candidates.len() > 1 {
        let described = described_archive(&manifest);
        candidates.retain(|item| {
            let archive = item.archive.as_ref().and_then(|(file, _)| file.path().file_name());
            archive == described.as_deref()
        });
    }
    if let Some(item) = candidates.pop() {
        item.manifest = Some(manifest);
    } else {
        let date = date.unwrap_or_else(|| day_of(&manifest));
        items.push(StoredItem { name, date, archive: None, manifest: Some(manifest) });
    }
}

/// The name of the archive that a manifest is about. A manifest that cannot be read is found out about where it is used.
fn described_archive(manifest: &StoredFile) -> Option<OsString> {
    ManifestReader::open(manifest.open().ok()?).ok()?.header().archive.clone()
}

fn written(item: &StoredItem) -> Option<(i64, i64)> {
    item.archive.as_ref().map(|(file, _)| file).or(item.manifest.as_ref()).map(StoredFile::modified)
}

/// Sorts machines into days. Without a date of the layout, the newest of what is in a folder counts.
fn by_date(peers: Vec<PeerDay>, date: Option<Date>) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for peer in peers {
        let dumps = peer.others.iter().filter(|(_, kind)| kind.is_dump()).map(|(file, _)| day_of(file));
        let newest = peer.items.iter().map(|item| item.date).chain(dumps).max();
        let Some(date) = date.or(newest) else { continue };
        match days.iter_mut().find(|day| day.date == date) {
            Some(day) => day.peers.push(peer),
            None => days.push(Day { date, peers: vec![peer] }),
        }
    }
    days
}

/// The day a file was written, in the local zone.
fn day_of(file: &StoredFile) -> Date {
    let (seconds, _) = file.modified();
    let written = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    written.to_zoned(jiff::tz::TimeZone::system()).date()
}

/// The date in the last three names of `…/YYYY/MM/DD`.
fn date_of(path: &Path) -> Option<Date> {
    let month = path.parent()?;
    let year = month.parent()?;
    let number = |path, digits| number_of(path, digits).map(i16::try_from)?.ok();
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(path, 2)?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn number_of(path: &Path, digits: usize) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let plain = name.len() == digits && name.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| name.parse().ok()).flatten()
}

/// The directories in a directory, sorted; links are not followed.
fn directories(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
