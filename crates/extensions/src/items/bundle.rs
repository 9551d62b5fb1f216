//! Repositories that are backed up as bundles: each holds what no bundle before it has, and beside it is the list of all refs.
//!
//! A bundle builds on the last one that is known to be picked up. One that is not is made anew with what came since.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use redcedar_archive::digest::to_hex;
use redcedar_archive::repository::snapshot::{self, FileName, Header, Kind, Part, Ref, Snapshot};
use redcedar_archive::{Compression, Packed};
use redcedar_config::value::CollectMode;
use redcedar_engine::schedule::Due;
use redcedar_system::account::{self, Account};
use redcedar_system::{Owner, escape};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::program::Failure;
use super::session::{Item, Session};

/// A program that makes bundles, asked about one repository.
pub(crate) trait Bundler {
    /// What the repository is now.
    fn look(&self) -> Result<Look, Failure>;

    /// Which of these objects, of which there is at least one, it still has.
    fn present(&self, objects: &[String]) -> Result<Vec<String>, Failure>;

    /// Writes a bundle of everything that `look` needs and `base` does not reach. Says whether there is anything.
    fn bundle(&self, look: &Look, base: &[String], output: &mut dyn Write) -> Result<bool, Failure>;
}

/// What a repository is.
#[derive(Debug)]
pub(crate) struct Look {
    /// Its refs.
    pub(crate) refs: Vec<Ref>,
    /// The objects from which all others are reached.
    pub(crate) tips: Vec<String>,
    /// Whether it has a working copy.
    pub(crate) has_working_copy: bool,
    /// The hash that names objects of Git.
    pub(crate) object_format: Option<String>,
}

/// What is remembered.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// The path of the repository, escaped as messages show it.
    repository: String,
    /// The day of the last full bundle, or the day the repository was first seen.
    since: Option<Date>,
    /// The last backup that is known to be picked up.
    acknowledged: Option<Point>,
    /// The backup after that.
    pending: Option<Point>,
}

/// One backup.
#[derive(Debug, Serialize, Deserialize)]
struct Point {
    run: String,
    is_full: bool,
    tips: Vec<String>,
    /// SHA-256 of the lines of refs.
    digest: String,
}

/// Backs a repository up, and returns how many bytes that took.
pub(crate) fn back_up(
    kind: Kind,
    bundler: &dyn Bundler,
    repository: &Item,
    session: &Session<'_>,
) -> Result<u64, Failure> {
    let mut memory_name = repository.name.clone();
    memory_name.push(match kind {
        Kind::Git => ".git.json",
        Kind::Mercurial => ".hg.json",
    });
    let path = escape::display(&repository.path).to_string();
    let mut work = Work { kind, bundler, repository, session, path, memory_name, state: State::default() };
    work.recall()?;
    work.back_up()
}

struct Work<'a> {
    kind: Kind,
    bundler: &'a dyn Bundler,
    repository: &'a Item,
    session: &'a Session<'a>,
    path: String,
    memory_name: OsString,
    state: State,
}

impl Work<'_> {
    /// Recalls what is remembered, as far as it is about this repository, and notes what was picked up.
    fn recall(&mut self) -> Result<(), Failure> {
        let known = self.session.memory.recall(&self.memory_name);
        let known = known.filter(|state: &State| state.repository == self.path);
        self.state = known.unwrap_or_else(|| State { repository: self.path.clone(), ..State::default() });
        if self.session.call.is_picked_up && self.state.pending.is_some() {
            self.state.acknowledged = self.state.pending.take();
            self.remember()?;
        }
        Ok(())
    }

    fn remember(&self) -> Result<(), Failure> {
        Ok(self.session.memory.remember(&self.memory_name, &self.state)?)
    }

    fn back_up(&mut self) -> Result<u64, Failure> {
        match self.session.due(self.repository, self.state.since) {
            Due::Full(_) => {
                let look = self.bundler.look()?;
                self.store(&look, None)
            }
            Due::Increment => self.increment(),
            Due::Skip => self.skip(),
        }
    }

    fn increment(&mut self) -> Result<u64, Failure> {
        let look = self.bundler.look()?;
        let last = self.state.pending.as_ref().or(self.state.acknowledged.as_ref());
        let is_unchanged = last.is_some_and(|last| last.digest == digest(&look.refs));
        if is_unchanged && self.is_pending_there()? {
            self.session
                .call
                .system
                .monitor
                .info(format!("Nothing new in [{}]; nothing to back up.", self.path));
            self.drop_stale(&[]);
            return Ok(0);
        }
        let base = match &self.state.pending {
            // It is not known whether anybody has a full one.
            Some(pending) if pending.is_full => None,
            _ => self.state.acknowledged.as_ref(),
        };
        let Some(base) = base else { return self.store(&look, None) };
        let present = if base.tips.is_empty() { Vec::new() } else { self.bundler.present(&base.tips)? };
        if present.is_empty() && !base.tips.is_empty() {
            self.session.call.system.monitor.warning(format!(
                "[{}] has none of the heads that were backed up last; everything is backed up.",
                self.path
            ));
            return self.store(&look, None);
        }
        let base = (base.run.clone(), present);
        self.store(&look, Some(base))
    }

    /// A weekly repository waits for its day, unless the bundle of the last one was lost before anybody picked it up.
    fn skip(&mut self) -> Result<u64, Failure> {
        if !self.is_pending_there()? {
            let look = self.bundler.look()?;
            return self.store(&look, None);
        }
        if self.state.since.is_none() {
            self.state.since = Some(self.session.date());
            self.remember()?;
        }
        self.drop_stale(&[]);
        Ok(0)
    }

    /// Whether what waits to be picked up, if anything does, is still there.
    fn is_pending_there(&self) -> Result<bool, Failure> {
        let Some(pending) = &self.state.pending else { return Ok(true) };
        let refs = self.file(&pending.run).file_name(Part::Refs);
        Ok(self.session.outputs()?.contains(&refs))
    }

    fn file(&self, run: &str) -> FileName {
        FileName { kind: self.kind, run: run.to_owned(), repository: self.repository.name.clone() }
    }

    /// Stores what `base`, a run and the objects that are left of it, does not have.
    fn store(&mut self, look: &Look, base: Option<(String, Vec<String>)>) -> Result<u64, Failure> {
        let now = self.session.call.system.clock.now();
        let run = now.with_time_zone(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let (base, base_tips) = base.unzip();
        let is_full = base.is_none();
        let file = self.file(&run);
        let bundle = self.store_bundle(&file, look, &base_tips.unwrap_or_default())?;
        if bundle.is_none() && is_full && !look.tips.is_empty() {
            return Err(Failure::Other("the bundle of everything is empty".to_owned()));
        }
        let time = now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let mut header = Header::new(self.kind, self.path.clone(), run.clone(), base, time);
        header.bundle =
            bundle.map(|packed| snapshot::Bundle { size: packed.size, sha256: to_hex(&packed.sha256) });
        header.has_working_copy = look.has_working_copy;
        header.object_format.clone_from(&look.object_format);
        let refs = self.store_refs(&file, &Snapshot { header, refs: look.refs.clone() })?;
        let digest = digest(&look.refs);
        self.state.pending = Some(Point { run, is_full, tips: look.tips.clone(), digest });
        if is_full {
            self.state.since = Some(self.session.date());
        }
        if self.repository.mode == CollectMode::Daily {
            // What is stored whole each time needs no memory, and is no base when that changes.
            self.session.memory.forget(&self.memory_name)?;
        } else {
            self.remember()?;
        }
        let parts = [Part::Refs, Part::Bundle].map(|part| file.file_name(part));
        self.drop_stale(if bundle.is_some() { &parts } else { &parts[..1] });
        Ok(refs.size + bundle.map_or(0, |packed| packed.size))
    }

    fn store_bundle(&self, file: &FileName, look: &Look, base: &[String]) -> Result<Option<Packed>, Failure> {
        if look.tips.is_empty() {
            return Ok(None);
        }
        let mut output = self.session.collect.create(&file.file_name(Part::Bundle), Compression::None)?;
        let has_something = self.bundler.bundle(look, base, &mut output)?;
        Ok(if has_something { Some(output.publish()?) } else { None })
    }

    fn store_refs(&self, file: &FileName, snapshot: &Snapshot) -> Result<Packed, Failure> {
        let mut output = self.session.collect.create(&file.file_name(Part::Refs), Compression::None)?;
        snapshot.write(&mut output)?;
        Ok(output.publish()?)
    }

    /// Removes backups of earlier days: what the `new` files cover, and all once they are picked up.
    fn drop_stale(&self, new: &[OsString]) {
        if new.is_empty() && !self.session.call.is_picked_up {
            return;
        }
        self.session.drop_outputs(|name| {
            let own = FileName::parse(name)
                .is_some_and(|(file, _)| file.kind == self.kind && file.repository == self.repository.name);
            own && !new.iter().any(|kept| kept == name)
        });
    }
}

fn digest(refs: &[Ref]) -> String {
    to_hex(&Sha256::digest(snapshot::lines(refs)))
}

/// Whom a program runs as that reads something of somebody else's: the owner. Its settings can name programs to run, and those
/// must not run as root.
pub(crate) fn owner_of(path: &Path) -> Result<Option<Account>, Failure> {
    let metadata = fs_err::symlink_metadata(path)?;
    if !account::is_root() || metadata.uid() == account::current().uid {
        return Ok(None);
    }
    let owner = Owner { uid: metadata.uid(), gid: metadata.gid() };
    account::account_of(owner).map(Some).map_err(|error| Failure::Other(error.to_string()))
}

/// The lines of an answer.
pub(crate) fn lines(answer: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(answer).lines().map(str::to_owned).collect()
}
