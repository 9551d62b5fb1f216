//! What there is in the staging directory, as far as the judgement needs it: names and sizes, and the first line of manifests.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use jiff::civil::Date;
use redcedar_archive::manifest::{self, Mode};
use redcedar_config::Config;
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use rustix::fs::FileType;

use super::attempts::{self, Attempt};
use super::judge::days_since;
use super::{anomaly, name};
use crate::staged::manifest_header;
use crate::{daily_dir, indicator};

/// How many good days of one kind are compared with the last one.
pub(super) const COMPARED: usize = 14;

/// In a daily directory: it is on a disc.
const STORE: &str = "cback.store";
/// In a daily directory: it is in a bucket.
const AMAZONS3: &str = "cback.amazons3";

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// There is no stage section.
    #[error("the configuration has no stage section, so there is no pool to look at")]
    NotConfigured,
    /// The staging directory cannot be read.
    #[error("cannot look at the staging directory: {0}")]
    Staging(#[source] io::Error),
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The staging directory.
    pub staging_dir: PathBuf,
    /// Its file system; none when the directory is not there.
    pub space: Option<Space>,
    /// The configured peers, and those with a directory in some day, by name.
    pub peers: BTreeMap<OsString, PeerFacts>,
    /// What could not be looked at, as messages.
    pub problems: Vec<String>,
}

/// Room on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total: u64,
    /// What is left to users other than root.
    pub free: u64,
}

/// What there is of a peer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerFacts {
    /// What the configuration says; none for a peer that it does not name.
    pub expected: Option<Expected>,
    /// Days on which it was staged completely, newest first; not all, but as many as are compared.
    pub good: Vec<GoodDay>,
    /// The last time that it was to be staged, where that was written down.
    pub attempt: Option<Attempt>,
}

/// What the configuration says of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// How many days its last good day may be old.
    pub max_age: Option<u64>,
}

/// A day on which a peer was staged completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodDay {
    /// The day.
    pub date: Date,
    /// How far the day as a whole got.
    pub marks: Marks,
    /// What was staged, by item.
    pub items: BTreeMap<OsString, Item>,
}

/// The indicators of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// Stage came to its end.
    pub staged: bool,
    /// It was written to a disc.
    pub stored: bool,
    /// It was copied to a bucket.
    pub uploaded: bool,
}

/// An item on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Item {
    /// Bytes of its files, without manifests.
    pub bytes: u64,
    /// Whether it holds everything, if a manifest says so.
    pub mode: Option<Mode>,
    /// Whether a manifest says that it is collected once a week.
    pub weekly: bool,
}

/// Which days can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// What it holds.
    pub content: Content,
    /// Whether items are there that are collected once a week.
    pub weekly: bool,
}

/// What a day holds of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Everything.
    Full,
    /// At least of one item only what changed.
    Increment,
    /// No manifest says it.
    Unknown,
}

impl GoodDay {
    /// What kind of a day it is.
    pub fn kind(&self) -> Kind {
        let modes: Vec<Mode> = self.items.values().filter_map(|item| item.mode).collect();
        let content = if modes.contains(&Mode::Incremental) {
            Content::Increment
        } else if modes.is_empty() {
            Content::Unknown
        } else {
            Content::Full
        };
        Kind { content, weekly: self.items.values().any(|item| item.weekly) }
    }

    /// Bytes of all items.
    pub fn bytes(&self) -> u64 {
        self.items.values().map(|item| item.bytes).sum()
    }
}

impl PeerFacts {
    /// The earlier days that the one at a place is compared with, newest first: those of its kind, or all when that is not known.
    pub fn comparable(&self, place: usize) -> impl Iterator<Item = &GoodDay> {
        let kind = self.good.get(place).map(GoodDay::kind);
        let is_any = kind.is_some_and(|kind| kind.content == Content::Unknown);
        self.good.iter().skip(place + 1).filter(move |day| is_any || Some(day.kind()) == kind).take(COMPARED)
    }

    /// Whether there are as many earlier days as are compared: with the last one, and with the others of its week.
    fn is_enough(&self) -> bool {
        let Some(last) = self.good.first() else { return false };
        let is_recent = |day: &GoodDay| days_since(day.date, last.date) < anomaly::WEEK;
        let recent = self.good.iter().take_while(|day| is_recent(day)).count();
        self.comparable(0).count() == COMPARED
            && (1..recent).all(|place| self.comparable(place).count() >= anomaly::COMPARED)
    }
}

/// Looks at the staging directory of a configuration.
///
/// # Errors
/// When there is none to look at. What cannot be read in it is a problem among the facts.
pub fn look(config: &Config) -> Result<Facts, StatusError> {
    let section = config.stage.as_ref().ok_or(StatusError::NotConfigured)?;
    let mut facts = Facts {
        staging_dir: section.staging_dir.value.clone(),
        space: None,
        peers: expected(config),
        problems: Vec::new(),
    };
    let staging = match Directory::open(&facts.staging_dir) {
        Ok(staging) => staging,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(facts),
        Err(error) => return Err(StatusError::Staging(error)),
    };
    facts.space = Some(space(&staging).map_err(StatusError::Staging)?);
    let days = daily_dir::days(&staging).map_err(StatusError::Staging)?;
    for date in days.into_iter().rev() {
        if let Err(error) = facts.look_at_day(&staging, date) {
            facts.problems.push(error.to_string());
        }
    }
    Ok(facts)
}

fn expected(config: &Config) -> BTreeMap<OsString, PeerFacts> {
    let Some(peers) = config.staged_peers() else { return BTreeMap::new() };
    let local = peers.local.iter().map(|peer| (&peer.name, peer.max_age));
    let remote = peers.remote.iter().map(|peer| (&peer.name, peer.max_age));
    let expected = |(name, max_age): (&redcedar_config::Located<String>, _)| {
        let peer = PeerFacts { expected: Some(Expected { max_age }), ..PeerFacts::default() };
        (OsString::from(&name.value), peer)
    };
    local.chain(remote).map(expected).collect()
}

fn space(staging: &Directory) -> io::Result<Space> {
    let system = rustix::fs::fstatvfs(staging)?;
    let bytes = |blocks: u64| blocks.saturating_mul(system.f_frsize);
    Ok(Space { total: bytes(system.f_blocks), free: bytes(system.f_bavail) })
}

impl Facts {
    /// Looks at a day that is older than all before it.
    fn look_at_day(&mut self, staging: &Directory, date: Date) -> io::Result<()> {
        let day = daily_dir::open(staging, date)?;
        let names = day.names()?;
        let has = |indicator: &str| names.iter().any(|name| name == indicator);
        let marks = Marks { staged: has(indicator::STAGE), stored: has(STORE), uploaded: has(AMAZONS3) };
        for name in &names {
            // What is being fetched just now is nobody's.
            let is_temporary = name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes());
            if is_temporary || !is(&day, name, FileType::Directory)? {
                continue;
            }
            let peer = self.peers.entry(name.clone()).or_default();
            if peer.is_enough() {
                continue;
            }
            match items(&day.open_directory(name)?, &mut self.problems) {
                Ok(Some(items)) => peer.good.push(GoodDay { date, marks, items }),
                Ok(None) => {}
                Err(error) => self.problems.push(error.to_string()),
            }
        }
        // The last of a day comes last in it, and the newest day came first.
        for (peer, attempt) in attempts::read(&day, date)?.into_iter().rev() {
            if let Some(peer) = self.peers.get_mut(OsStr::new(&peer)) {
                peer.attempt.get_or_insert(attempt);
            }
        }
        Ok(())
    }
}

fn is(directory: &Directory, name: &OsStr, kind: FileType) -> io::Result<bool> {
    Ok(directory.status(name)?.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == kind))
}

/// What was staged of a peer; none if it was not all that there was to stage.
fn items(peer: &Directory, problems: &mut Vec<String>) -> io::Result<Option<BTreeMap<OsString, Item>>> {
    if !is(peer, OsStr::new(indicator::COLLECT), FileType::RegularFile)? {
        return Ok(None);
    }
    let mut items: BTreeMap<OsString, Item> = BTreeMap::new();
    for name in peer.names()? {
        let (Some(item), Some(stat)) = (name::item(&name), peer.status(&name)?) else { continue };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            continue;
        }
        let item = items.entry(item).or_default();
        if !name.as_bytes().ends_with(manifest::SUFFIX.as_bytes()) {
            item.bytes += u64::try_from(stat.st_size).unwrap_or(0);
            continue;
        }
        match manifest_header(peer, &name) {
            Ok(header) => (item.mode, item.weekly) = (Some(header.mode), header.collect_mode == "weekly"),
            Err(error) => problems.push(error),
        }
    }
    Ok(Some(items))
}
