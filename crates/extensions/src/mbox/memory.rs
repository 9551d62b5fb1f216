//! What is remembered of the copies before: the originals' time of the last run, and beside it a file of ours that says which
//! messages are in the backup.
//!
//! The time is all that the originals know. With it alone, mail that was moved in, that has no date, or whose sender's clock is
//! slow is missed; and it moves on whether or not anybody picked up what was copied.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan, Zoned};
use redcedar_archive::digest::{from_hex, to_hex};
use redcedar_engine::Ownership;
use redcedar_mailbox::Key;
use redcedar_system::fs::Directory;
use redcedar_system::{Monitor, System, escape};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::timestamp;

/// The suffix of the originals' state.
const TIME_SUFFIX: &str = ".mboxlast";
/// That of ours.
const OWN_SUFFIX: &str = ".mboxlast.json";
const MODE: u32 = 0o640;
/// The version of our file.
const FORMAT: u32 = 1;

/// What is remembered of an entry.
pub(super) struct Memory {
    own: Option<State>,
    /// The local time in the originals' state.
    time: Option<DateTime>,
}

/// Our file.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    format: u32,
    /// Which entry it is about.
    path: String,
    /// The day of the last full copy or, before there is one, the first that is known.
    week: Date,
    /// The time in the originals' state that belongs to it. With another one there, an original has run since.
    time: Option<DateTime>,
    /// What is known to be picked up.
    base: Option<Base>,
    /// What the last run added to that; not known to be picked up.
    pending: Option<Pending>,
}

/// What an increment builds on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Base {
    /// When the copies were made.
    pub(super) since: Timestamp,
    /// The local day of the last of them.
    pub(super) day: Date,
    /// What is in them, by mailbox; not known where an original made them.
    boxes: Option<BTreeMap<String, Known>>,
    /// What is known of a mailbox that was not there.
    #[serde(skip)]
    nothing: Known,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    since: Timestamp,
    day: Date,
    is_full: bool,
    boxes: BTreeMap<String, Known>,
}

/// What is known of a mailbox.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Known {
    /// The messages that are in the backup.
    #[serde(serialize_with = "write_keys", deserialize_with = "read_keys")]
    pub(super) keys: HashSet<Key>,
    /// What the file looked like; none where it may have changed meanwhile.
    pub(super) look: Option<Look>,
    /// The date of its youngest message, in seconds since 1970.
    pub(super) youngest: Option<i64>,
}

/// By what an unchanged file is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Look {
    size: u64,
    inode: u64,
    modified: (i64, i64),
    pub(super) changed: (i64, i64),
}

impl Look {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            size: metadata.size(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Base {
    /// What is known of a mailbox; nothing where only the time is known.
    pub(super) fn known(&self, name: &OsStr) -> Option<&Known> {
        let boxes = self.boxes.as_ref()?;
        Some(boxes.get(&escape::display(name).to_string()).unwrap_or(&self.nothing))
    }
}

impl Memory {
    /// The day from which its week counts.
    pub(super) fn week(&self) -> Option<Date> {
        self.own.as_ref().map(|own| own.week)
    }

    /// What an increment can build on; nothing when everything has to be copied. `is_picked_up` says whether what earlier runs
    /// copied is known to be picked up.
    pub(super) fn base(mut self, is_picked_up: bool, now: &Zoned) -> Option<Base> {
        let time = self.time?;
        if is_picked_up && let Some(own) = &mut self.own {
            own.acknowledge();
        }
        let is_last = self.own.as_ref().is_some_and(|own| own.time == Some(time));
        let base = self.own.and_then(|own| own.base);
        if is_last {
            return base;
        }
        // An original made the last copy. Its clock may have been set back since, and mail arrives while it runs.
        let instant = time.to_zoned(now.time_zone().clone()).ok()?.timestamp();
        let since = instant.checked_sub(1.hour()).ok()?;
        let boxes = base.and_then(|base| base.boxes);
        Some(Base { since, day: time.date(), boxes, nothing: Known::default() })
    }
}

impl State {
    /// What was pending is picked up.
    fn acknowledge(&mut self) {
        let Some(Pending { since, day, is_full, boxes: added }) = self.pending.take() else { return };
        let before = self.base.take().filter(|_| !is_full).and_then(|base| base.boxes);
        let mut boxes = before.unwrap_or_default();
        for (name, Known { keys, look, youngest }) in added {
            let known = boxes.entry(name).or_default();
            known.keys.extend(keys);
            (known.look, known.youngest) = (look, youngest);
        }
        self.base = Some(Base { since, day, boxes: Some(boxes), nothing: Known::default() });
    }
}

/// The state files of an entry.
pub(super) struct Records<'a> {
    /// Which entry it is.
    path: String,
    name: OsString,
    directory: &'a Directory,
    ownership: &'a Ownership,
    monitor: &'a (dyn Monitor + 'static),
}

impl<'a> Records<'a> {
    /// Those of the entry at `path` with the normalised name `name`.
    pub(super) fn new(
        path: &Path,
        name: OsString,
        directory: &'a Directory,
        ownership: &'a Ownership,
        system: &'a System,
    ) -> Self {
        let path = escape::display(path).to_string();
        Self { path, name, directory, ownership, monitor: &*system.monitor }
    }

    /// Recalls what there is. What is damaged is told and does not count.
    pub(super) fn recall(&self) -> Memory {
        let time = self.read(TIME_SUFFIX, timestamp::parse).unwrap_or_else(|error| {
            self.monitor.error(error);
            None
        });
        let own = self.read(OWN_SUFFIX, |content| serde_json::from_slice::<State>(content)).unwrap_or_else(
            |error| {
                self.monitor.warning(error);
                None
            },
        );
        // Another entry had the same name once.
        Memory { own: own.filter(|own| own.format == FORMAT && own.path == self.path), time }
    }

    /// Remembers the day of a `weekly` entry: it was copied, or seen waiting.
    pub(super) fn remember_week(&self, week: Date) -> io::Result<()> {
        self.write_own(&State { week, ..self.state() })
    }

    /// Remembers what a run copied on top of `base`, or from nothing.
    pub(super) fn remember(
        &self,
        copied: BTreeMap<OsString, Known>,
        base: Option<Base>,
        week: Date,
        now: &Zoned,
    ) -> io::Result<()> {
        let file = timestamp::write(now.datetime());
        // What was written is what will be read: whole microseconds.
        let time = timestamp::parse(&file).map_err(io::Error::other)?;
        self.write(TIME_SUFFIX, &file)?;
        let boxes =
            copied.into_iter().map(|(name, known)| (escape::display(&name).to_string(), known)).collect();
        let (since, day, is_full) = (now.timestamp(), now.date(), base.is_none());
        let pending = Some(Pending { since, day, is_full, boxes });
        self.write_own(&State { week, time: Some(time), base, pending, ..self.state() })
    }

    /// Forgets everything, so that the next run of either program copies everything.
    pub(super) fn forget(&self) -> io::Result<()> {
        for suffix in [TIME_SUFFIX, OWN_SUFFIX] {
            let name = self.file_name(suffix);
            if self.directory.status(&name)?.is_some() {
                self.directory.remove_file(&name)?;
            }
        }
        self.directory.sync()
    }

    /// The state of an entry of which nothing is known.
    fn state(&self) -> State {
        State {
            format: FORMAT,
            path: self.path.clone(),
            week: Date::ZERO,
            time: None,
            base: None,
            pending: None,
        }
    }

    fn write_own(&self, state: &State) -> io::Result<()> {
        self.write(OWN_SUFFIX, &serde_json::to_vec(state).map_err(io::Error::other)?)
    }

    fn write(&self, suffix: &str, content: &[u8]) -> io::Result<()> {
        let mut pending = self.directory.create_file(&self.file_name(suffix))?;
        pending.write_all(content)?;
        self.ownership.publish(pending, MODE, self.monitor)
    }

    fn read<T, E: Display>(
        &self,
        suffix: &str,
        parse: impl Fn(&[u8]) -> Result<T, E>,
    ) -> Result<Option<T>, String> {
        let name = self.file_name(suffix);
        let told = |error: &dyn Display| {
            let path = self.directory.path().join(&name);
            format!("Cannot use [{}], going on without what it remembers: {error}", escape::display(&path))
        };
        let read = || -> io::Result<Option<Vec<u8>>> {
            if self.directory.status(&name)?.is_none() {
                return Ok(None);
            }
            let mut content = Vec::new();
            self.directory.open_file(&name)?.read_to_end(&mut content)?;
            Ok(Some(content))
        };
        let content = read().map_err(|error| told(&error))?;
        content.map(|content| parse(&content).map_err(|error| told(&error))).transpose()
    }

    fn file_name(&self, suffix: &str) -> OsString {
        let mut name = self.name.clone();
        name.push(suffix);
        name
    }
}

/// All keys in one text: a mailbox has many.
fn write_keys<S: Serializer>(keys: &HashSet<Key>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut sorted: Vec<_> = keys.iter().map(|key| key.0).collect();
    sorted.sort_unstable();
    serializer.serialize_str(&to_hex(sorted.as_flattened()))
}

fn read_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashSet<Key>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes =
        from_hex(text.as_bytes()).ok_or_else(|| de::Error::custom("keys of messages are hexadecimal"))?;
    let (keys, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(de::Error::custom("a key of a message is too short"));
    }
    Ok(keys.iter().copied().map(Key).collect())
}
