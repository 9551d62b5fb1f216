//! What a source holds, as a report.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use jiff::civil::Date;
use redcedar_archive::Compression;
use redcedar_archive::manifest::{Header, ManifestReader, Mode, RunId};
use redcedar_system::escape;
use serde::Serialize;

use crate::layer::{check_archive, read_header};
use crate::report::{as_text, as_texts};
use crate::source::{OtherKind, PeerDay, Source, StoredFile, StoredItem};

/// All days, oldest first.
#[derive(Debug, Clone, Serialize)]
pub struct Listing {
    /// Where they are.
    #[serde(serialize_with = "as_texts")]
    pub sources: Vec<PathBuf>,
    /// The days.
    pub days: Vec<ListedDay>,
    /// Why manifests are not known that are encrypted, if any.
    pub locked: Option<String>,
}

/// One day.
#[derive(Debug, Clone, Serialize)]
pub struct ListedDay {
    /// The day.
    pub date: Date,
    /// The machines of the day, by name.
    pub peers: Vec<ListedPeer>,
}

/// One machine on one day.
#[derive(Debug, Clone, Serialize)]
pub struct ListedPeer {
    /// Its name.
    pub name: String,
    /// The collected items, by name.
    pub items: Vec<ListedItem>,
    /// Everything else, by name.
    pub others: Vec<ListedOther>,
}

/// One item on one day.
#[derive(Debug, Clone, Serialize)]
pub struct ListedItem {
    /// The normalised name.
    pub name: String,
    /// The path on the machine, where a manifest says it.
    #[serde(serialize_with = "optional_text")]
    pub path: Option<PathBuf>,
    /// Whether it stands alone.
    pub kind: ItemKind,
    /// Whether what it builds on is missing.
    pub gap: bool,
    /// Bytes of the archive; none when nothing had changed.
    pub size: Option<u64>,
    /// How many paths the manifest lists: all (in a full one), or those that changed or went (in an increment). Only
    /// where it was asked for.
    pub paths: Option<u64>,
    /// How the archive is compressed: the suffix of its name.
    pub compression: Option<&'static str>,
    /// When the run began, as the manifest says it.
    pub time: Option<String>,
    /// Why the manifest cannot be read, unless only the key is not here.
    pub manifest_error: Option<String>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Of how many files the archive consists.
    pub parts: usize,
    /// What can be seen to be wrong with how it is stored: parts that are missing.
    pub faults: Vec<String>,
}

/// Whether an archive stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    /// It holds everything.
    Full,
    /// It holds what changed.
    Increment,
    /// There is no manifest to say it.
    Unknown,
}

/// A file that is no archive of a collected item.
#[derive(Debug, Clone, Serialize)]
pub struct ListedOther {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: OtherKind,
    /// Its bytes.
    pub size: u64,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Of how many files it consists.
    pub parts: usize,
    /// What can be seen to be wrong with how it is stored: parts that are missing.
    pub faults: Vec<String>,
}

/// Lists what `source` holds, of one machine or all. Counting paths means reading every manifest to its end.
pub fn list(source: &Source, peer: Option<&OsStr>, count_paths: bool) -> Listing {
    let mut runs = Runs::default();
    let mut locked = None;
    let mut days = Vec::new();
    for day in source.days() {
        let peers = day.peers.iter().filter(|present| peer.is_none_or(|peer| present.name == peer));
        let peers = peers.map(|peer| list_peer(peer, &mut runs, &mut locked, count_paths)).collect();
        days.push(ListedDay { date: day.date, peers });
    }
    Listing { sources: source.roots(), days, locked }
}

/// The runs seen so far of each item of each machine.
#[derive(Default)]
pub(crate) struct Runs(HashMap<(OsString, OsString), HashSet<RunId>>);

/// What a run builds on.
pub(crate) enum Base {
    /// Nothing, or a run that is here.
    Present,
    /// A run of an original, which left no manifest.
    Unrecorded,
    /// A run that is not here.
    Missing(RunId),
}

impl Runs {
    /// Notes a run, and says what it builds on.
    pub(crate) fn note(&mut self, peer: &OsStr, item: &OsStr, header: &Header) -> Base {
        let seen = self.0.entry((peer.to_owned(), item.to_owned())).or_default();
        let base = match (&header.mode, &header.baseline) {
            (Mode::Full, _) => Base::Present,
            (Mode::Incremental, None) => Base::Unrecorded,
            (Mode::Incremental, Some(run)) if seen.contains(run) => Base::Present,
            (Mode::Incremental, Some(run)) => Base::Missing(run.clone()),
        };
        seen.insert(header.run.clone());
        base
    }
}

fn list_peer(peer: &PeerDay, runs: &mut Runs, locked: &mut Option<String>, count_paths: bool) -> ListedPeer {
    let other = |(file, kind): &(StoredFile, OtherKind)| ListedOther {
        name: escape::display(file.path().file_name().unwrap_or_default()).to_string(),
        kind: *kind,
        size: file.size(),
        encrypted: file.is_encrypted(),
        parts: file.parts(),
        faults: file.faults(),
    };
    ListedPeer {
        name: escape::display(&peer.name).to_string(),
        items: peer.items.iter().map(|item| list_item(&peer.name, item, runs, locked, count_paths)).collect(),
        others: peer.others.iter().map(other).collect(),
    }
}

fn list_item(
    peer: &OsStr,
    item: &StoredItem,
    runs: &mut Runs,
    locked: &mut Option<String>,
    count_paths: bool,
) -> ListedItem {
    let archive = item.archive.as_ref().map(|(file, _)| file);
    let mut files = archive.into_iter().chain(item.manifest.as_ref());

    let mut listed = ListedItem {
        name: escape::display(&item.name).to_string(),
        path: None,
        kind: ItemKind::Unknown,
        gap: false,
        size: archive.map(StoredFile::size),
        paths: None,
        compression: item.archive.as_ref().map(|(_, compression)| Compression::suffix(*compression)),
        time: None,
        manifest_error: None,
        encrypted: files.clone().any(StoredFile::is_encrypted),
        parts: archive.map_or(0, StoredFile::parts),
        faults: files.by_ref().flat_map(StoredFile::faults).collect(),
    };
    let Some(manifest) = &item.manifest else { return listed };
    if let Some(reason) = manifest.locked() {
        locked.get_or_insert(reason);
        return listed;
    }
    match read_header(manifest) {
        Ok(header) => {
            listed.gap = matches!(runs.note(peer, &item.name, &header), Base::Missing(_));
            listed.kind = match header.mode {
                Mode::Full => ItemKind::Full,
                Mode::Incremental => ItemKind::Increment,
            };
            (listed.path, listed.time) = (Some(header.item), Some(header.time));
        }
        Err(error) => listed.manifest_error = Some(error),
    }
    if count_paths && listed.manifest_error.is_none() {
        match count(item, manifest) {
            Ok(paths) => listed.paths = Some(paths),
            Err(error) => {
                (listed.kind, listed.manifest_error) = (ItemKind::Unknown, Some(error));
            }
        }
    }
    listed
}

fn count(item: &StoredItem, manifest: &StoredFile) -> Result<u64, String> {
    let file = manifest.open().map_err(|error| error.to_string())?;
    let reader = ManifestReader::open(file).map_err(|error| error.to_string())?;
    let header = reader.header().clone();
    let trailer = reader.trailer().map_err(|error| error.to_string())?;
    check_archive(item, &header, &trailer)?;
    Ok(trailer.lines)
}

#[expect(clippy::ref_option, reason = "serde hands over references to fields")]
fn optional_text<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => as_text(path, serializer),
        None => serializer.serialize_none(),
    }
}
