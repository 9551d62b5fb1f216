//! `subversion`: repositories as dumps, whole or from the revision where the last dump ended.

mod plan;
mod svnlast;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, Write};

use redcedar_archive::repository::svndump::{DumpName, Revisions};
use redcedar_config::value::CollectMode;
use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind, program};
use redcedar_engine::schedule::Due;
use redcedar_system::command::Command;
use redcedar_system::escape;

use self::plan::{Dumped, Facts, Reason, State, Wanted};
use crate::items::program::{Failure, output, stream};
use crate::items::session::{self, Item, Session};
use crate::items::settings::{Rules, Settings};
use crate::section::{LONGEST, Naming};

const RULES: Rules = Rules {
    section: "subversion",
    element: "repository",
    directory: Some("repository_dir"),
    is_compressed: true,
    is_incremental: true,
};

/// The suffix of what we remember, after the normalised path of a repository.
const MEMORY_SUFFIX: &str = ".svnlast.json";

/// The extension.
pub(crate) struct Subversion;

impl Extension for Subversion {
    fn name(&self) -> &'static str {
        RULES.section
    }

    fn kind(&self) -> Kind {
        Kind::Source
    }

    fn check(&self, document: &Document, _config: &Config) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        Settings::read(document, &RULES, &mut findings);
        findings
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        session::run(call, &RULES, |repository, session| {
            let names = Names::of(repository);
            Work { repository, session, names }.back_up()
        })
    }
}

/// The names of the files that remember something.
struct Names {
    svnlast: OsString,
    memory: OsString,
}

impl Names {
    fn of(repository: &Item) -> Self {
        let with = |suffix: &str| {
            let mut name = repository.name.clone();
            name.push(suffix);
            name
        };
        Self { svnlast: with(svnlast::SUFFIX), memory: with(MEMORY_SUFFIX) }
    }
}

/// One repository.
struct Work<'a> {
    repository: &'a Item,
    session: &'a Session<'a>,
    names: Names,
}

impl Work<'_> {
    fn back_up(&self) -> Result<u64, Failure> {
        let is_picked_up = self.session.call.is_picked_up;
        let mut state = self.recall();
        let dumped = state.as_mut().and_then(|state| state.dumped.as_mut());
        if let Some(dumped) = dumped.filter(|dumped| is_picked_up && !dumped.is_acknowledged) {
            dumped.is_acknowledged = true;
            self.session.memory.remember(&self.names.memory, &state)?;
        }
        match self.session.due(self.repository, state.as_ref().and_then(|state| state.since)) {
            Due::Full(_) => self.dump_from(0, &self.look()?, state.as_ref()),
            Due::Increment => self.increment(state.as_ref()),
            Due::Skip => self.skip(state.as_ref()),
        }
    }

    fn increment(&self, state: Option<&State>) -> Result<u64, Failure> {
        let found = self.look()?;
        let svnlast = self.svnlast();
        let is_picked_up = self.session.call.is_picked_up;
        let facts = Facts { youngest: found.youngest, uuid: &found.uuid, state, svnlast, is_picked_up };
        let waiting = svnlast.map(|last| self.dump_that_ends_at(last)).transpose()?.flatten();
        let first = match facts.increment(waiting) {
            Wanted::Full(reason) => {
                self.tell(reason);
                0
            }
            Wanted::From(first) => first,
        };
        let dumped = state.and_then(|state| state.dumped);
        let is_waiting = dumped.is_some_and(|dumped| (dumped.first, dumped.last) == (first, found.youngest));
        let is_there = waiting == Some(first) && svnlast == Some(found.youngest);
        if first > found.youngest || (is_waiting && is_there) {
            let path = escape::display(&self.repository.path);
            self.session
                .call
                .system
                .monitor
                .info(format!("No new revisions in [{path}]; nothing to back up."));
            self.drop_stale(None);
            return Ok(0);
        }
        self.dump_from(first, &found, state)
    }

    /// A weekly repository waits for its day, unless the dump of the last one was lost before anybody picked it up.
    fn skip(&self, state: Option<&State>) -> Result<u64, Failure> {
        match state.map(|state| state.dumped) {
            None => {
                let (date, path) = (self.session.date(), escape::display(&self.repository.path).to_string());
                let waiting = State { repository: path, uuid: None, since: Some(date), dumped: None };
                self.session.memory.remember(&self.names.memory, &waiting)?;
            }
            Some(Some(Dumped { last, is_acknowledged: false, .. })) => {
                if self.dump_that_ends_at(last)?.is_none() {
                    self.tell(Reason::NotPickedUp);
                    return self.dump_from(0, &self.look()?, state);
                }
            }
            Some(_) => {}
        }
        self.drop_stale(None);
        Ok(0)
    }

    /// What we remember, if it is about this repository.
    fn recall(&self) -> Option<State> {
        let state: State = self.session.memory.recall(&self.names.memory)?;
        let path = escape::display(&self.repository.path).to_string();
        if state.repository == path {
            return Some(state);
        }
        self.session.call.system.monitor.warning(format!(
            "What is remembered by the name of [{path}] is about [{}]; it does not count.",
            state.repository
        ));
        None
    }

    /// The last revision of the original's state file. One that cannot be read is told, and counts as none.
    fn svnlast(&self) -> Option<u64> {
        let read = || -> io::Result<Option<u64>> {
            let content = self.session.memory.read(&self.names.svnlast)?;
            let parsed = content.map(|content| svnlast::parse(&content)).transpose();
            Ok(parsed.map_err(io::Error::other)?.flatten())
        };
        read().unwrap_or_else(|error| {
            let name = escape::display(&self.names.svnlast);
            self.session.call.system.monitor.error(format!(
                "Failed loading the last revision from [{name}]: {error}; everything is backed up again."
            ));
            None
        })
    }

    fn tell(&self, reason: Reason) {
        let path = escape::display(&self.repository.path);
        let monitor = &self.session.call.system.monitor;
        match reason {
            Reason::First => {}
            Reason::OtherRepository => monitor.warning(format!(
                "[{path}] is another repository than the one that was backed up; everything is backed up."
            )),
            Reason::Younger => monitor.warning(format!(
                "[{path}] has fewer revisions than were backed up; everything is backed up again."
            )),
            Reason::NotPickedUp => monitor.info(format!(
                "It is not known whether the last backup of [{path}] was picked up; everything is backed up again."
            )),
        }
    }

    /// The first revision of the dump in the collect directory that ends with `last`.
    fn dump_that_ends_at(&self, last: u64) -> Result<Option<u64>, Failure> {
        let outputs = self.session.outputs()?;
        let mut dumps = outputs.iter().filter_map(|name| self.own(name)).filter(|dump| dump.last == last);
        Ok(dumps.next().map(|dump| dump.first))
    }

    /// What a file name tells, if it is that of a dump of this repository.
    fn own(&self, name: &std::ffi::OsStr) -> Option<DumpName> {
        let (dump, _) = DumpName::parse(name)?;
        (dump.repository == self.repository.name).then_some(dump)
    }

    /// Dumps `first` to the youngest revision, then remembers it.
    fn dump_from(&self, first: u64, found: &Found, state: Option<&State>) -> Result<u64, Failure> {
        let last = found.youngest;
        let Item { name: repository, naming, .. } = self.repository;
        let is_safe = *naming == Naming::Safe;
        let name = DumpName { first, last, repository: repository.clone(), is_safe };
        let bytes = self.dump(&name)?;
        self.remember(&name, found, state)?;
        self.drop_stale(Some(&name));
        Ok(bytes)
    }

    fn dump(&self, name: &DumpName) -> Result<u64, Failure> {
        let Session { call, collect, .. } = self.session;
        let file = name.file_name(self.repository.compression);
        let mut output = collect.create(&file, self.repository.compression)?;
        let mut revisions = Revisions::default();
        let DumpName { first, last, .. } = name;
        let command = command("svnadmin", call)
            .args(["dump", "--quiet"])
            .arg(format!("-r{first}:{last}"))
            .arg("--incremental")
            .arg(&self.repository.path);
        stream(&command, &mut Tee(&mut output, &mut revisions), call.system)?;
        revisions
            .expect(*first, *last)
            .map_err(|error| Failure::Other(format!("svnadmin has not dumped it: {error}")))?;
        Ok(output.publish()?.size)
    }

    /// The original's file first: what it says without ours is known by ours to be older.
    fn remember(&self, name: &DumpName, found: &Found, state: Option<&State>) -> Result<(), Failure> {
        let memory = &self.session.memory;
        let DumpName { first, last, .. } = *name;
        match self.repository.mode {
            CollectMode::Incremental => memory.write(&self.names.svnlast, &svnlast::write(last))?,
            // What is dumped whole each time is no base for increments, when it becomes incremental again.
            CollectMode::Daily | CollectMode::Weekly => memory.forget(&self.names.svnlast)?,
        }
        if self.repository.mode == CollectMode::Daily {
            return Ok(memory.forget(&self.names.memory)?);
        }
        let since = match state {
            Some(state) if first > 0 => state.since,
            _ if first > 0 => None,
            _ => Some(self.session.date()),
        };
        let state = State {
            repository: escape::display(&self.repository.path).to_string(),
            uuid: Some(found.uuid.clone()),
            since,
            dumped: Some(Dumped { first, last, is_acknowledged: false }),
        };
        Ok(memory.remember(&self.names.memory, &state)?)
    }

    /// Removes dumps of earlier days: those that `new` covers, and all once they are picked up.
    fn drop_stale(&self, new: Option<&DumpName>) {
        let is_picked_up = self.session.call.is_picked_up;
        let new_file = new.map(|new| new.file_name(self.repository.compression));
        self.session.drop_outputs(|name| {
            let Some(dump) = self.own(name) else { return false };
            let is_covered = new.is_some_and(|new| new.first <= dump.first && dump.last <= new.last);
            new_file.as_deref() != Some(name) && (is_picked_up || is_covered)
        });
    }

    /// Asks the repository for its identity and its last revision.
    fn look(&self) -> Result<Found, Failure> {
        let call = self.session.call;
        let ask = |what: &str| -> Result<String, Failure> {
            let command = command("svnlook", call).arg(what).arg(&self.repository.path);
            let answer = output(&command, call.system)?;
            Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
        };
        let youngest = ask("youngest")?;
        let youngest = youngest
            .parse()
            .map_err(|_| Failure::Other(format!("svnlook says `{youngest}` instead of a revision")))?;
        Ok(Found { youngest, uuid: ask("uuid")? })
    }
}

/// A program of Subversion. All of them convert paths, which fails beyond ASCII where the locale is `C`.
fn command(name: &str, call: &Call<'_>) -> Command {
    Command::new(program(name, &call.config.options)).time_limit(Some(LONGEST)).variable("LC_ALL", "C.UTF-8")
}

/// What the repository says of itself.
struct Found {
    youngest: u64,
    uuid: String,
}

/// Writes to both.
struct Tee<'a, A, B>(&'a mut A, &'a mut B);

impl<A: Write, B: Write> Write for Tee<'_, A, B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.1.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
