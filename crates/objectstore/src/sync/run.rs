//! A run, from its beginning to its end.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redcedar_system::fs::Lock;
use redcedar_system::monitor::Progress;
use redcedar_system::{System, escape};

use super::budget::{Budget, Pace};
use super::buffers::Buffers;
use super::filter::Filter;
use super::fingerprints::Fingerprints;
use super::guard::{self, Refusal};
use super::local::{Links, Walk};
use super::memory::{self, Changes, Remembered};
use super::plan::{self, Extra, Plan};
use super::spool::Spool;
use super::unfinished::Unfinished;
use super::work::{self, Done, End, Failure, Heard, Sent, Shared};
use super::{Change, Outcome, PlanError, Problem, Request, SyncError, Tally, remote};
use crate::address::Address;
use crate::bucket::Bucket;
use crate::client::{Deletion, MOST_DELETED, Proof};
use crate::error::{Error, Kind};

/// How much of what is being sent may be in memory.
pub(super) const MEMORY: u64 = 48 << 20;

/// Keeps a place in a bucket equal to a directory, or looks how far it is. `heard` is told of every name of which there is more to
/// say than that nothing has changed.
///
/// # Errors
/// When the run cannot be begun, or ends early. What is wrong with single files is in the outcome.
pub fn sync(
    bucket: &Bucket,
    request: &Request<'_>,
    system: &System,
    heard: &mut dyn FnMut(Change, &str, u64),
) -> Result<Outcome, SyncError> {
    let state = request.state.map(|directory| State::open(directory, request.acts)).transpose()?;
    Run { bucket, request, system, state }.go(heard)
}

/// What is kept from run to run.
struct State {
    memory: PathBuf,
    uploads: PathBuf,
    /// Only whoever acts changes what is kept.
    #[expect(dead_code, reason = "it is there to be held")]
    lock: Option<Lock>,
}

impl State {
    fn open(directory: &Path, acts: bool) -> Result<Self, SyncError> {
        let lock = if acts {
            fs_err::create_dir_all(directory).map_err(SyncError::State)?;
            Some(Lock::acquire(directory)?)
        } else {
            None
        };
        Ok(Self { memory: directory.join("files"), uploads: directory.join("uploads"), lock })
    }
}

struct Run<'a> {
    bucket: &'a Bucket,
    request: &'a Request<'a>,
    system: &'a System,
    state: Option<State>,
}

impl Run<'_> {
    fn go(&self, heard: &mut dyn FnMut(Change, &str, u64)) -> Result<Outcome, SyncError> {
        let began = self.system.clock.now().timestamp().as_second();
        let identity = self.identity().map_err(SyncError::Source)?;
        let Plan { tasks, work, extra, mut changes, facts, unchanged, problems } =
            self.sides().compare(self.system)?;
        for problem in &problems {
            self.system.monitor.warning(problem.to_string());
        }
        let mut outcome = Outcome { unchanged, problems, ..Outcome::default() };
        let done = self.work(tasks, work, began, &mut changes, &mut outcome, heard);
        let mut refusal = guard::judge(facts, self.request.limit);
        if facts.doomed > 0 && outcome.has_failed() {
            refusal = refusal.or(Some(Refusal::Failed));
        }
        if self.identity().ok() != Some(identity) {
            refusal = refusal.or(Some(Refusal::Replaced));
        }
        // Whatever was done is remembered, however the rest went.
        let deleted = done.and_then(|()| self.extra(extra, refusal, &mut outcome, heard));
        if self.request.acts {
            self.remember(changes)?;
        }
        deleted.map(|()| outcome)
    }

    fn sides(&self) -> Sides<'_> {
        let Request { source, target, filter, links, reread, .. } = self.request;
        Sides {
            bucket: self.bucket,
            local: source,
            place: target,
            filter,
            links: *links,
            reread: *reread,
            memory: self.state.as_ref().map(|state| state.memory.as_path()),
        }
    }

    /// Which directory the source is.
    fn identity(&self) -> io::Result<(u64, u64)> {
        let metadata = fs_err::metadata(self.request.source)?;
        Ok((metadata.dev(), metadata.ino()))
    }

    fn work(
        &self,
        tasks: Spool<plan::Task>,
        work: Tally,
        began: i64,
        changes: &mut Changes,
        outcome: &mut Outcome,
        heard: &mut dyn FnMut(Change, &str, u64),
    ) -> Result<(), SyncError> {
        let uploads = self.state.as_ref().map(|state| state.uploads.as_path());
        let unfinished = Unfinished::open(uploads).map_err(SyncError::State)?;
        if self.request.acts {
            self.end_unheard(&unfinished)?;
        }
        let settings = self.bucket.settings();
        let shared = Arc::new(Shared {
            client: self.bucket.client().clone(),
            source: self.request.source.to_owned(),
            place: self.request.target.clone(),
            links: self.request.links,
            attributes: self.request.attributes.clone(),
            acts: self.request.acts,
            budget: Budget::new(MEMORY.max(settings.part_size)),
            buffers: Buffers::default(),
            fingerprints: Fingerprints::default(),
            pace: Pace::new(settings.bandwidth),
            unfinished,
            bytes: AtomicU64::new(0),
        });
        let monitor = &self.system.monitor;
        let intent = if self.request.acts { "Uploading to" } else { "Reading what is in" };
        monitor.task(&format!("{intent} {}", self.request.target));
        let mut files = 0;
        let mut hear = |what: Heard<Done>| -> Result<(), SyncError> {
            match what {
                Heard::Done(done) => {
                    files += 1;
                    self.note(done, began, changes, outcome, heard)?;
                }
                Heard::Progress => monitor.progress(
                    &Progress {
                        files,
                        bytes: shared.bytes.load(Ordering::Relaxed),
                        total_files: Some(work.files),
                        total_bytes: Some(work.bytes),
                    },
                    None,
                ),
            }
            Ok(())
        };
        let tasks = tasks.items().map_err(SyncError::Scratch)?;
        let interrupt = &self.system.interrupt;
        let perform = |task| Arc::clone(&shared).end(task);
        let done = self.bucket.run(work::all(tasks, perform, settings.requests, interrupt, &mut hear));
        if self.request.acts && (done.is_ok() || !shared.unfinished.is_kept()) {
            self.end_unfinished(&shared.unfinished)?;
        }
        done
    }

    fn note(
        &self,
        Done { task, end }: Done,
        began: i64,
        changes: &mut Changes,
        outcome: &mut Outcome,
        heard: &mut dyn FnMut(Change, &str, u64),
    ) -> Result<(), SyncError> {
        let size = task.stamp.size;
        let mut remember = |stamp: super::stamp::Stamp, etag: String| {
            // What changes within a tick of the clock could change unseen, and without an ETag nothing is known of the object.
            if !stamp.is_settled(began) || etag.is_empty() {
                return Ok(());
            }
            changes.new.push(&Remembered { name: task.name.clone(), stamp, etag })
        };
        match end {
            Ok(End::Same { etag, stamp }) => {
                outcome.compared.add(size);
                remember(stamp, etag).map_err(SyncError::Scratch)?;
            }
            Ok(End::Differs(change)) => {
                tally(outcome, change).add(size);
                heard(change, &task.name, size);
            }
            Ok(End::Sent(change, Sent { etag, proof, stamp })) => {
                tally(outcome, change).add(stamp.size);
                outcome.unproved += u64::from(proof == Proof::Nothing);
                remember(stamp, etag).map_err(SyncError::Scratch)?;
                heard(change, &task.name, stamp.size);
            }
            // Nothing else will go better.
            Err(Failure::Bucket(error)) if error.is_about_all() => return Err(error.into()),
            Err(failure) => {
                let problem = Problem::failed(task.name.as_bytes(), failure.to_string());
                self.system.monitor.error(problem.to_string());
                outcome.problems.push(problem);
            }
        }
        Ok(())
    }

    /// What an earlier run began without hearing of it costs money for nothing, and nobody could go on with it.
    fn end_unheard(&self, unfinished: &Unfinished) -> Result<(), SyncError> {
        for key in unfinished.unheard() {
            match self.bucket.abort_all(&key) {
                Ok(()) => unfinished.ended(&key).map_err(SyncError::State)?,
                Err(error) => self.system.monitor.warning(error.to_string()),
            }
        }
        Ok(())
    }

    /// What earlier runs began and this one did not need costs money for nothing.
    fn end_unfinished(&self, unfinished: &Unfinished) -> Result<(), SyncError> {
        let patient = self.bucket.uninterrupted();
        for upload in unfinished.left_over() {
            match patient.abort(&upload) {
                Ok(()) => unfinished.ended(&upload.key).map_err(SyncError::State)?,
                Err(error) => self.system.monitor.warning(error.to_string()),
            }
        }
        Ok(())
    }

    /// Objects without files go, or are counted.
    fn extra(
        &self,
        extra: Spool<Extra>,
        refusal: Option<Refusal>,
        outcome: &mut Outcome,
        heard: &mut dyn FnMut(Change, &str, u64),
    ) -> Result<(), SyncError> {
        let goes = self.request.delete && refusal.is_none();
        if self.request.delete {
            outcome.refusal = refusal;
        }
        let mut items = extra.items().map_err(SyncError::Scratch)?;
        loop {
            let some: Vec<Extra> =
                items.by_ref().take(MOST_DELETED).collect::<io::Result<_>>().map_err(SyncError::Scratch)?;
            if some.is_empty() {
                return Ok(());
            }
            let mut deletion = Deletion::default();
            if goes && self.request.acts {
                let keys: Vec<String> =
                    some.iter().map(|extra| self.request.target.key(&extra.name)).collect();
                deletion = self.bucket.delete(&keys).map_err(|error| match error.kind() {
                    Kind::Interrupted => SyncError::Interrupted,
                    _ => SyncError::Bucket(error),
                })?;
            }
            outcome.kept += deletion.kept;
            for Extra { name, object } in some {
                let size = object.size;
                let key = self.request.target.key(&name);
                if let Some((_, error)) = deletion.failed.iter().find(|(failed, _)| *failed == key) {
                    self.not_deleted(&name, error, outcome);
                    continue;
                }
                let change = if goes { Change::Deleted } else { Change::Extra };
                tally(outcome, change).add(size);
                heard(change, &name, size);
            }
        }
    }

    fn not_deleted(&self, name: &str, error: &Error, outcome: &mut Outcome) {
        self.system.monitor.error(error.to_string());
        outcome.problems.push(Problem::failed(name.as_bytes(), error.to_string()));
    }

    fn remember(&self, changes: Changes) -> Result<(), SyncError> {
        let Some(state) = &self.state else { return Ok(()) };
        if changes.is_empty() {
            return Ok(());
        }
        let write = || {
            let Changes { forgotten, new } = changes;
            memory::write(&state.memory, memory::read(&state.memory)?, forgotten.items()?, new.items()?)
        };
        write().map_err(SyncError::State)
    }
}

/// What is compared.
pub(super) struct Sides<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) local: &'a Path,
    pub(super) place: &'a Address,
    pub(super) filter: &'a Filter,
    pub(super) links: Links,
    pub(super) reread: bool,
    pub(super) memory: Option<&'a Path>,
}

impl Sides<'_> {
    /// Compares both sides, to their ends.
    pub(super) fn compare(&self, system: &System) -> Result<Plan, SyncError> {
        let Self { bucket, local, place, .. } = self;
        system.monitor.task(&format!("Comparing {} with {place}", escape::display(local)));
        let bounds = self.memory.into_iter().flat_map(memory::bounds);
        let streamed = self.compare_with(remote::streamed(bucket, place, bounds), system);
        let planned = match streamed {
            Err(PlanError::Disorder) => {
                system.monitor.debug("The server lists in an order of its own; the listing is sorted.");
                let sorted = remote::sorted(bucket, place)?;
                self.compare_with(sorted.into_iter().map(Ok), system)
            }
            planned => planned,
        };
        planned.map_err(|error| match error {
            PlanError::Source(error) => SyncError::from_source(error),
            PlanError::Bucket(error) if error.kind() == Kind::Interrupted => SyncError::Interrupted,
            PlanError::Bucket(error) => error.into(),
            PlanError::State(error) => SyncError::State(error),
            PlanError::Scratch(error) => SyncError::Scratch(error),
            PlanError::Disorder => unreachable!("what is sorted is in order"),
        })
    }

    fn compare_with(
        &self,
        remote: impl Iterator<Item = Result<remote::Remote, PlanError>>,
        system: &System,
    ) -> Result<Plan, PlanError> {
        let walk = Walk::new(self.local, self.links, self.filter, &system.interrupt);
        let local = walk.map_err(PlanError::Source)?;
        let remembered = self.memory.map(memory::read).transpose().map_err(PlanError::State)?;
        let sides = plan::Sides { local, remote, remembered: remembered.into_iter().flatten() };
        plan::plan(sides, self.filter, self.place.prefix().len(), self.reread)
    }
}

pub(super) fn tally(outcome: &mut Outcome, change: Change) -> &mut Tally {
    match change {
        Change::New => &mut outcome.new,
        Change::Changed => &mut outcome.changed,
        Change::Deleted => &mut outcome.deleted,
        Change::Extra => &mut outcome.extra,
    }
}
