//! Carrying out a plan: reading archives forward, writing with several threads.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use redcedar_archive::Kind;
use redcedar_archive::reader::{self, ArchiveReader, MemberKind, read_member};
use redcedar_system::monitor::Progress;
use redcedar_system::{Interrupt, Interrupted, Monitor, checkpoint};

use crate::content::Content;
use crate::notes::Notes;
use crate::object::{ObjectError, ObjectWriter, Overwrite, Written};
use crate::owners::OwnerRule;
use crate::plan::{Member, Object, Plan};
use crate::report::{Failure, Report};
use crate::surplus::Surplus;
use crate::target::Target;
use crate::tree::Tree;

/// Content up to this size is handed to the writing threads; larger content is written while it is read.
const SMALL: u64 = 1 << 20;
/// A batch has so many files, or so many bytes and one file more.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: usize = 1 << 20;

/// How to write.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    pub(crate) overwrite: Overwrite,
    pub(crate) numeric_owner: bool,
    pub(crate) owners: &'a [OwnerRule],
    /// What is to go when everything is written.
    pub(crate) surplus: Option<&'a Surplus>,
}

impl<'a> Settings<'a> {
    /// Somebody who writes so.
    pub(crate) fn writer(&self, target: &'a Target, notes: &'a Notes) -> ObjectWriter<'a> {
        let writer = ObjectWriter::new(target, notes, self.overwrite, self.numeric_owner);
        let writer = writer.mapping_owners(self.owners);
        match self.surplus {
            Some(surplus) => writer.clearing(surplus),
            None => writer,
        }
    }
}

/// Writes what is planned.
///
/// # Errors
/// When interrupted. What could not be written is in the report.
pub(crate) fn extract(
    tree: &Tree,
    plan: &Plan<'_>,
    target: &Target,
    settings: Settings<'_>,
    monitor: &dyn Monitor,
    interrupt: &Interrupt,
) -> Result<Report, Interrupted> {
    let notes = Notes::default();
    let results = Results::default();
    let writer = || settings.writer(target, &notes);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut reading = Reading {
        tree,
        results: &results,
        writer: writer(),
        batch: Batch::default(),
        attributes: HashMap::new(),
        progress: Progress {
            total_files: Some(plan.objects),
            total_bytes: Some(plan.bytes),
            ..Progress::default()
        },
        monitor,
        interrupt,
    };
    let made = reading.make_directories(plan)?;
    let (sender, receiver) = sync_channel(4);
    let receiver = Mutex::new(receiver);
    let reading = &mut reading;
    std::thread::scope(|scope| {
        // Gone when the reading has ended, which ends the writing.
        let sender = sender;
        for _ in 0..threads {
            let (receiver, results) = (&receiver, &results);
            let writer = writer();
            scope.spawn(move || write_batches(receiver, writer, results));
        }
        reading.read_archives(plan, &sender, threads)
    })?;
    checkpoint::reach("restore-before-links");
    reading.link(plan)?;
    if let Some(surplus) = settings.surplus {
        results.clear(surplus, target);
    }
    checkpoint::reach("restore-before-directories");
    reading.finish_directories(plan, &made, target, settings.overwrite)?;
    rustix::fs::syncfs(target.root()).unwrap_or_else(|error| {
        results.fail(Path::new(""), &format!("cannot bring the target to disk: {error}"));
    });
    let mut report = results.into_report();
    report.warnings.extend(notes.into_messages());
    Ok(report)
}

/// What came of it, told by several threads.
#[derive(Default)]
struct Results {
    report: Mutex<Report>,
    /// Paths that were not written, so that nothing is linked to them.
    absent: Mutex<HashSet<PathBuf>>,
}

impl Results {
    fn add(&self, path: &Path, result: Result<Written, ObjectError>) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(Written::Restored(bytes)) => {
                report.restored += 1;
                report.bytes += bytes;
                return;
            }
            Ok(Written::Unchanged) => {
                report.unchanged += 1;
                return;
            }
            Ok(Written::Skipped) => report.skipped += 1,
            Err(error) => report.failures.push(Failure { path: path.to_owned(), reason: error.to_string() }),
        }
        drop(report);
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    }

    fn fail(&self, path: &Path, reason: &str) {
        let failure = Failure { path: path.to_owned(), reason: reason.to_owned() };
        self.report.lock().unwrap_or_else(PoisonError::into_inner).failures.push(failure);
    }

    /// Removes what was not there on the day, if what was there is there again.
    fn clear(&self, surplus: &Surplus, target: &Target) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        if report.failures.is_empty() {
            report.failures.extend(surplus.remove_below(target, Path::new("")));
        } else {
            let warning = "nothing was deleted, because not everything could be restored";
            report.warnings.push(warning.to_owned());
        }
        report.deleted = surplus.removed();
    }

    fn is_absent(&self, path: &Path) -> bool {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    fn into_report(self) -> Report {
        let mut report = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.failures.sort_by(|a, b| a.path.cmp(&b.path));
        report
    }
}

/// Something small to write.
struct Job<'t> {
    object: Object<'t>,
    member: reader::Member,
    data: Vec<u8>,
}

#[derive(Default)]
struct Batch<'t> {
    jobs: Vec<Job<'t>>,
    bytes: usize,
}

fn write_batches(batches: &Mutex<Receiver<Vec<Job<'_>>>>, mut writer: ObjectWriter<'_>, results: &Results) {
    loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return };
        for job in batch {
            let result = write_small(&mut writer, &job);
            results.add(job.object.path, result);
        }
        checkpoint::reach("restore-after-batch");
    }
}

fn write_small(writer: &mut ObjectWriter<'_>, job: &Job<'_>) -> Result<Written, ObjectError> {
    let Object { path, node } = job.object;
    if node.entry.kind != Kind::File {
        return writer.special(path, &node.entry, &job.member.xattrs);
    }
    let mut content = Content {
        data: &mut job.data.as_slice(),
        stored: job.data.len() as u64,
        extents: job.member.extents.as_deref(),
        size: job.member.size,
        announced: job.member.data.end - job.member.data.start,
    };
    writer.file(path, &node.entry, &job.member.xattrs, &mut content)
}

type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// The one who reads.
struct Reading<'t, 'r> {
    tree: &'t Tree,
    results: &'r Results,
    writer: ObjectWriter<'r>,
    batch: Batch<'t>,
    /// Extended attributes of directories, until their turn comes.
    attributes: HashMap<&'t Path, Xattrs>,
    progress: Progress,
    monitor: &'r dyn Monitor,
    interrupt: &'r Interrupt,
}

impl<'t> Reading<'t, '_> {
    /// Returns those that are there.
    fn make_directories(&mut self, plan: &Plan<'t>) -> Result<HashSet<&'t Path>, Interrupted> {
        let mut made = HashSet::new();
        for object in &plan.directories {
            self.interrupt.check()?;
            match self.writer.directory(object.path) {
                Ok(()) => {
                    made.insert(object.path);
                }
                Err(error) => self.results.fail(object.path, &error.to_string()),
            }
        }
        Ok(made)
    }

    fn read_archives(
        &mut self,
        plan: &Plan<'t>,
        batches: &SyncSender<Vec<Job<'t>>>,
        threads: usize,
    ) -> Result<(), Interrupted> {
        for (layer, members) in self.tree.layers.iter().zip(&plan.members) {
            if members.is_empty() {
                continue;
            }
            let offsets: Vec<_> = members.iter().map(|member| member.content.offset).collect();
            match layer.open(&offsets, threads) {
                Ok(mut reader) => self.read_archive(&mut reader, members, batches)?,
                Err(error) => {
                    for member in members {
                        self.results.fail(member.object.path, &error.to_string());
                    }
                }
            }
        }
        self.send(batches);
        Ok(())
    }

    fn read_archive(
        &mut self,
        reader: &mut ArchiveReader,
        members: &[Member<'t>],
        batches: &SyncSender<Vec<Job<'t>>>,
    ) -> Result<(), Interrupted> {
        for member in members {
            self.interrupt.check()?;
            if let Err(reason) = self.read_one(reader, member, batches) {
                self.results.add(member.object.path, Err(reason));
            }
            self.progress.files += 1;
            self.progress.bytes += member.object.node.entry.size;
            self.monitor.progress(&self.progress, Some(member.object.path));
        }
        Ok(())
    }

    fn read_one(
        &mut self,
        reader: &mut ArchiveReader,
        planned: &Member<'t>,
        batches: &SyncSender<Vec<Job<'t>>>,
    ) -> Result<(), ObjectError> {
        let Member { object, content } = *planned;
        let cannot_read = |error: io::Error| ObjectError::Io { intent: "cannot read it", source: error };
        reader.skip_to(content.offset).map_err(cannot_read)?;
        let member =
            read_member(reader, content.offset).map_err(|error| cannot_read(io::Error::other(error)))?;
        let entry = &object.node.entry;
        if entry.kind == Kind::Directory {
            if !member.xattrs.is_empty() {
                self.attributes.insert(object.path, member.xattrs);
            }
            return Ok(());
        }
        let is_file = member.kind == MemberKind::File;
        if is_file != (entry.kind == Kind::File) || (is_file && member.size != entry.size) {
            let error =
                io::Error::new(io::ErrorKind::InvalidData, "the archive holds something else in its place");
            return Err(cannot_read(error));
        }
        let announced = member.data.end - member.data.start;
        let stored = content.available.unwrap_or(announced).min(announced);
        if stored > SMALL {
            let mut content = Content {
                data: reader,
                stored,
                extents: member.extents.as_deref(),
                size: member.size,
                announced,
            };
            let written = self.writer.file(object.path, entry, &member.xattrs, &mut content)?;
            self.results.add(object.path, Ok(written));
            return Ok(());
        }
        let mut data = vec![0; usize::try_from(stored).unwrap_or_default()];
        reader.read_exact(&mut data).map_err(cannot_read)?;
        self.batch.bytes += data.len();
        self.batch.jobs.push(Job { object, member, data });
        if self.batch.jobs.len() >= BATCH_FILES || self.batch.bytes >= BATCH_BYTES {
            self.send(batches);
        }
        Ok(())
    }

    fn send(&mut self, batches: &SyncSender<Vec<Job<'t>>>) {
        let batch = std::mem::take(&mut self.batch);
        if let Err(unsent) = batches.send(batch.jobs) {
            for job in unsent.0 {
                self.results.fail(job.object.path, "no thread is left to write it");
            }
        }
    }

    fn link(&mut self, plan: &Plan<'t>) -> Result<(), Interrupted> {
        for (object, first) in &plan.links {
            self.interrupt.check()?;
            if self.results.is_absent(first) {
                let first = redcedar_system::escape::display(first);
                self.results
                    .fail(object.path, &format!("it is a further name of {first}, which was not written"));
                continue;
            }
            let result = self.writer.hard_link(object.path, &object.node.entry, first);
            self.results.add(object.path, result);
        }
        Ok(())
    }

    /// Sets modes and times of directories, the deepest first: those that were to be restored, and those that had to be
    /// made on the way to them.
    fn finish_directories(
        &mut self,
        plan: &Plan<'t>,
        made: &HashSet<&Path>,
        target: &Target,
        overwrite: Overwrite,
    ) -> Result<(), Interrupted> {
        let mut directories: Vec<(&Path, _, bool)> =
            plan.directories.iter().map(|object| (object.path, object.node, true)).collect();
        let on_the_way = self.tree.nodes.iter().filter(|(path, node)| {
            node.entry.kind == Kind::Directory
                && !made.contains(path.as_path())
                && target.has_created(target.below(path))
        });
        directories.extend(on_the_way.map(|(path, node)| (path.as_path(), node, false)));
        directories.sort_by(|a, b| b.0.cmp(a.0));
        for (path, node, planned) in directories {
            self.interrupt.check()?;
            if planned && !made.contains(path) {
                continue;
            }
            if !overwrite.changes_directories() && !target.has_created(target.below(path)) {
                self.results.add(path, Ok(Written::Skipped));
                continue;
            }
            let attributes = self.attributes.get(path).map(Vec::as_slice).unwrap_or_default();
            let finished = self.writer.finish_directory(path, &node.entry, attributes);
            if planned || finished.is_err() {
                self.results.add(path, finished.map(|()| Written::Restored(0)));
            }
        }
        Ok(())
    }
}
