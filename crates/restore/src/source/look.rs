//! Finding out what a place holds: `YYYY/MM/DD/PEER/FILE`, as in a staging directory or on a disc; `PEER/FILE`, one day of that;
//! or `FILE`, what one machine has collected, or any folder of archives.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use redcedar_archive::manifest::ManifestReader;

use super::name::{StoredKind, classify};
use super::{Day, PeerDay, SourceError, StoredFile, StoredItem};
use crate::layers::{Form, Keys, Peeled, Piece, peel};
use crate::place::{EntryKind, Place};

/// Looks at all places. Every one of them must have something.
pub(super) fn look(places: &[Arc<dyn Place>], keys: &Keys) -> Result<Vec<Day>, SourceError> {
    let mut dated = BTreeMap::<Date, BTreeMap<OsString, Files>>::new();
    let mut undated = Vec::new();
    for place in places {
        let path = || place.root().to_owned();
        let found = contents(place, keys).map_err(|source| SourceError::Io { path: path(), source })?;
        if found.is_empty() {
            return Err(SourceError::Nothing { path: path() });
        }
        for Folder { date, peer, files } in found {
            match (date, peer) {
                (Some(date), None) => drop(dated.entry(date).or_default()),
                (Some(date), Some(peer)) => {
                    dated.entry(date).or_default().entry(peer).or_default().extend(files);
                }
                (None, peer) => undated.push(PeerDay::new(peer.unwrap_or_default(), files, None, keys)),
            }
        }
    }
    let day = |(date, peers): (Date, BTreeMap<OsString, Files>)| {
        let peers = peers.into_iter().map(|(peer, files)| PeerDay::new(peer, files, Some(date), keys));
        Day { date, peers: peers.collect() }
    };
    let mut days: Vec<Day> = dated.into_iter().map(day).collect();
    for peer in undated {
        add(&mut days, peer);
    }
    days.sort_by_key(|day| day.date);
    Ok(days)
}

/// Files by their names.
type Files = Vec<(OsString, Form)>;

/// What one directory holds.
struct Folder {
    /// None where the layout does not say it.
    date: Option<Date>,
    /// None for a day as such.
    peer: Option<OsString>,
    files: Files,
}

/// What a place holds, whatever its layout.
fn contents(place: &Arc<dyn Place>, keys: &Keys) -> io::Result<Vec<Folder>> {
    let days = staging_days(place)?;
    if !days.is_empty() {
        return Ok(days);
    }
    let root = place.root();
    let (date, name) = match date_of(root) {
        Some(date) => (Some(date), None),
        None => (root.parent().and_then(date_of), root.file_name()),
    };
    let peer = name.unwrap_or_default().to_owned();
    let files = files(place, root)?;
    if PeerDay::new(peer.clone(), files.clone(), date, keys).has_backups() {
        return Ok(vec![Folder { date, peer: Some(peer), files }]);
    }
    let mut folders = peers(place, root, date)?;
    if date.is_none() {
        let has_backups =
            |folder: &Folder| PeerDay::new(OsString::new(), folder.files.clone(), None, keys).has_backups();
        folders.retain(has_backups);
    }
    Ok(folders)
}

/// The days of a staging directory; none when it is something else.
fn staging_days(place: &Arc<dyn Place>) -> io::Result<Vec<Folder>> {
    let mut folders = Vec::new();
    for year in directories(place, place.root())?.iter().filter(|path| number_of(path, 4).is_some()) {
        for month in directories(place, year)?.iter().filter(|path| number_of(path, 2).is_some()) {
            for path in directories(place, month)? {
                if let Some(date) = date_of(&path) {
                    // A day stays one, though it is empty.
                    folders.push(Folder { date: Some(date), peer: None, files: Vec::new() });
                    folders.extend(peers(place, &path, Some(date))?);
                }
            }
        }
    }
    Ok(folders)
}

/// The machines below a directory. What is being staged just now is none.
fn peers(place: &Arc<dyn Place>, directory: &Path, date: Option<Date>) -> io::Result<Vec<Folder>> {
    let mut folders = Vec::new();
    for path in directories(place, directory)? {
        let name = path.file_name().unwrap_or_default().to_owned();
        if classify(&name) != StoredKind::Temporary {
            folders.push(Folder { date, peer: Some(name), files: files(place, &path)? });
        }
    }
    Ok(folders)
}

/// The regular files of a directory, but those left over from runs that were killed.
fn files(place: &Arc<dyn Place>, directory: &Path) -> io::Result<Files> {
    let entries = place.entries(directory)?.into_iter();
    let regular = entries.filter_map(|entry| match entry.kind {
        EntryKind::File { size, modified, stamp } if classify(&entry.name) != StoredKind::Temporary => {
            let path = directory.join(&entry.name);
            let piece = Piece { place: Arc::clone(place), path, size, modified, stamp };
            Some((entry.name, Form::Plain(piece)))
        }
        _ => None,
    });
    Ok(regular.collect())
}

/// The directories in a directory, sorted; links are not followed.
fn directories(place: &Arc<dyn Place>, path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = place.entries(path)?.into_iter();
    let found = entries.filter(|entry| entry.kind == EntryKind::Directory);
    let mut found: Vec<_> = found.map(|entry| path.join(entry.name)).collect();
    found.sort();
    Ok(found)
}

impl PeerDay {
    fn new(name: OsString, files: Files, date: Option<Date>, keys: &Keys) -> Self {
        let mut names: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        let mut peer = Self {
            name,
            names,
            items: Vec::new(),
            others: Vec::new(),
            checksums: None,
            origins: None,
            doubles: Vec::new(),
        };
        let mut manifests = Vec::new();
        for Peeled { name, form, others } in peel(files.into_iter()) {
            let stored = |form: Form| {
                let path = form.pieces().first().map(|piece| piece.path.with_file_name(&name));
                StoredFile::new(path.unwrap_or_default(), form, keys.clone())
            };
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
        peer
    }

    /// Whether there is anything here that tells a directory with backups from any other.
    fn has_backups(&self) -> bool {
        !self.items.is_empty() || self.others.iter().any(|(_, kind)| kind.is_dump())
    }
}

/// Adds a machine whose place does not say the day: the newest of what is there counts.
fn add(days: &mut Vec<Day>, peer: PeerDay) {
    let dumps = peer.others.iter().filter(|(_, kind)| kind.is_dump()).map(|(file, _)| day_of(file));
    let Some(date) = peer.items.iter().map(|item| item.date).chain(dumps).max() else { return };
    match days.iter_mut().find(|day| day.date == date) {
        Some(day) => day.peers.push(peer),
        None => days.push(Day { date, peers: vec![peer] }),
    }
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
