//! From roots and package databases to a [`Choice`].

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_archive::Kind;
use redcedar_archive::select::{Fileset, SelectError, compare_paths};
use redcedar_system::{Interrupted, System};

use super::compare::{Compared, Job, compare_all};
use super::judge::{Verdict, judge};
use super::roots::{self, Walked};
use super::{Choice, Missing, Options, Reason};
use crate::Digest;
use crate::cache::{Cache, CacheWriter};
use crate::packages::{Claim, Inventory, Owned};

/// Why nothing was chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// A root or a directory above one cannot be looked at.
    #[error("cannot choose what to save: {0}")]
    Walk(SelectError),
    /// A pruned path cannot be understood.
    #[error("cannot choose what to save: {0}")]
    Prune(String),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<SelectError> for ChooseError {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Walk(error),
        }
    }
}

/// Walks the roots and decides about each path. What a package owns is left out only if a repository has the package, and if
/// what is there is what the package says, in kind, content, mode and owner as far as the package records them.
///
/// # Errors
/// When a root cannot be looked at, and on interrupt.
pub fn choose(options: &Options<'_>, system: &System) -> Result<Choice, ChooseError> {
    let (walked, inventory) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| Inventory::read(options.system_root, options.programs, system));
        let walked = roots::walk(options, &system.interrupt);
        let inventory = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (walked, inventory)
    });
    let (Walked { roots, files, problems, mut remarks }, inventory) = (walked?, inventory?);
    let mut deciding = Deciding {
        options,
        files: &files,
        inventory: &inventory,
        verdicts: Vec::with_capacity(files.len()),
        missing: Vec::new(),
    };
    deciding.join(&roots);
    deciding.compare(system, &mut remarks)?;
    deciding.keep_links_together();
    let Deciding { verdicts, missing, .. } = deciding;
    Ok(Choice { inventory, roots, files, verdicts, missing, problems, remarks })
}

struct Deciding<'a> {
    options: &'a Options<'a>,
    files: &'a Fileset,
    inventory: &'a Inventory,
    /// One for each of `files`.
    verdicts: Vec<Verdict>,
    missing: Vec<Missing>,
}

impl<'a> Deciding<'a> {
    /// Brings files and records together; both come in the same order. What has to be compared is left out for the time being.
    fn join(&mut self, roots: &[PathBuf]) {
        let places: HashSet<&Path> = self.files.places().iter().map(PathBuf::as_path).collect();
        let always = with_real_paths(self.options.always_save);
        let mut records = self.inventory.owned().zip(0_u32..).peekable();
        for file in self.files.iter() {
            let order =
                |path: &Path| compare_paths(path.as_os_str().as_bytes(), file.path.as_os_str().as_bytes());
            while let Some((record, _)) = records.next_if(|(record, _)| order(record.path) == Ordering::Less)
            {
                self.miss(record.path, &record.owned, roots);
            }
            let first = records.peek().map_or(0, |(_, index)| *index);
            let mut end = first;
            while records.next_if(|(record, _)| order(record.path) == Ordering::Equal).is_some() {
                end += 1;
            }
            let owners = self.inventory.records(first..end);
            let reason = if file.metadata.kind == Kind::Directory {
                let is_pruned = places.contains(file.path);
                Some(if is_pruned { Reason::Pruned } else { Reason::Directory })
            } else if first == end {
                Some(Reason::Unowned)
            } else if is_below(file.path, &always) {
                Some(Reason::Always)
            } else {
                let package_of = |owned: &Owned| self.inventory.package(owned.package);
                judge(file.metadata, owners, package_of, self.options.trust)
            };
            self.verdicts.push(reason.map_or(Verdict::LeaveOut(first), Verdict::Save));
        }
        for (record, _) in records {
            self.miss(record.path, &record.owned, roots);
        }
    }

    /// Remembers what a package owns and the walk has not found, if it is really gone.
    fn miss(&mut self, path: &Path, owned: &Owned, roots: &[PathBuf]) {
        let is_known = self.missing.last().is_some_and(|last| last.path == path);
        if owned.claim == Claim::Obsolete || is_known || !is_below(path, roots) {
            return;
        }
        let gone = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
        if fs_err::symlink_metadata(path).is_err_and(|error| gone.contains(&error.kind())) {
            self.missing.push(Missing { path: path.to_owned(), package: owned.package });
        }
    }

    /// Compares what may be left out with the records of packages: by the digests that the cache has, by reading the other files.
    /// What those have is remembered.
    fn compare(&mut self, system: &System, remarks: &mut Vec<String>) -> Result<(), ChooseError> {
        let is_left_out = |(_, verdict): &(u32, &Verdict)| matches!(verdict, Verdict::LeaveOut(_));
        let all: Vec<u32> =
            (0_u32..).zip(&self.verdicts).filter(is_left_out).map(|(index, _)| index).collect();
        let Some(path) = self.options.cache else {
            return self.read(&all, system).map(drop);
        };
        let mut cache = Cache::load(path).unwrap_or_else(|error| {
            remarks.push(format!(
                "all packaged files are read again, because the cache cannot be used: {error}"
            ));
            Cache::default()
        });
        let is_unknown = |index: &u32| !self.settle_by_cache(*index, &mut cache);
        let unknown: Vec<u32> = all.iter().copied().filter(is_unknown).collect();
        let is_used_up = cache.is_used_up();
        drop(cache);
        let read = self.read(&unknown, system)?;
        if !is_used_up || read.iter().any(|(_, digest)| digest.is_some()) {
            self.remember(&all, read, path).unwrap_or_else(|error| {
                remarks.push(format!("digests are not remembered, so the next run reads all again: {error}"));
            });
        }
        Ok(())
    }

    /// Decides about a path if the cache knows its digest; says whether it does.
    fn settle_by_cache(&mut self, index: u32, cache: &mut Cache) -> bool {
        let Some(job) = self.job(index) else { return true };
        let known = cache.find(job.path, job.found).filter(|digest| is_comparable(digest, &job.claim));
        known.is_some_and(|digest| {
            self.settle(index, Compared::of_digest(digest, &job.claim));
            true
        })
    }

    /// Reads files and decides about them. Each comes back with its digest if that may be remembered.
    fn read(&mut self, indexes: &[u32], system: &System) -> Result<Vec<(u32, Option<Digest>)>, ChooseError> {
        let now = system.clock.now().timestamp().as_second();
        let jobs: Vec<Job<'_>> = indexes.iter().filter_map(|&index| self.job(index)).collect();
        let outcomes = compare_all(&jobs, &system.interrupt)?;
        let mut read = Vec::with_capacity(jobs.len());
        for ((&index, job), outcome) in indexes.iter().zip(jobs).zip(outcomes) {
            self.settle(index, outcome);
            // What changed within a tick of the clock may change again without looking changed.
            let is_settled = now.saturating_sub(job.found.changed.seconds) >= TICK_SECONDS;
            read.push((index, outcome.digest.filter(|_| is_settled)));
        }
        Ok(read)
    }

    /// Stores the digests of all paths that were compared: of those that were `read`, and what is stored of the others.
    fn remember(&self, all: &[u32], read: Vec<(u32, Option<Digest>)>, path: &Path) -> io::Result<()> {
        let mut known = Cache::load(path).unwrap_or_default();
        let mut read = read.into_iter().peekable();
        let mut writer = CacheWriter::create(path)?;
        for &index in all {
            let file = self.files.get(index as usize);
            let digest = match read.next_if(|(read, _)| *read == index) {
                Some((_, digest)) => digest,
                None => known.find(file.path, file.metadata),
            };
            if let Some(digest) = digest {
                writer.add(file.path, file.metadata, &digest)?;
            }
        }
        writer.finish()
    }

    /// What has to be compared at a path that is left out for the time being.
    fn job(&self, index: u32) -> Option<Job<'a>> {
        let Verdict::LeaveOut(record) = self.verdicts[index as usize] else { return None };
        let file = self.files.get(index as usize);
        Some(Job { path: file.path, found: file.metadata, claim: self.inventory.record(record).claim })
    }

    fn settle(&mut self, index: u32, compared: Compared) {
        if let Some(reason) = compared.reason {
            self.verdicts[index as usize] = Verdict::Save(reason);
        }
    }

    /// Of a file with several names either all are saved or none, so that they are one file again after a restore.
    fn keep_links_together(&mut self) {
        let linked = || {
            let is_linked = |kind, links| kind != Kind::Directory && links > 1;
            self.files
                .iter()
                .enumerate()
                .filter(move |(_, file)| is_linked(file.metadata.kind, file.metadata.links))
        };
        let is_saved = |index: usize| matches!(self.verdicts[index], Verdict::Save(_));
        let saved: HashSet<(u64, u64)> = linked()
            .filter(|(index, _)| is_saved(*index))
            .map(|(_, file)| file.metadata.identity())
            .collect();
        let torn: Vec<usize> = linked()
            .filter(|(index, file)| !is_saved(*index) && saved.contains(&file.metadata.identity()))
            .map(|(index, _)| index)
            .collect();
        for index in torn {
            self.verdicts[index] = Verdict::Save(Reason::Linked);
        }
    }
}

/// How long after its last change a file counts as unchanged, in seconds.
const TICK_SECONDS: i64 = 2;

/// Whether a digest is of the kind that a package has recorded.
fn is_comparable(digest: &Digest, claim: &Claim) -> bool {
    let kind = std::mem::discriminant(digest);
    matches!(claim, Claim::File { digest, .. } if std::mem::discriminant(digest) == kind)
}

/// Paths as they were written, without slashes at their ends, and without links in them.
fn with_real_paths(paths: &[PathBuf]) -> Vec<PathBuf> {
    let real = paths.iter().filter_map(|path| fs_err::canonicalize(path).ok());
    paths.iter().map(|path| path.components().collect()).chain(real).collect()
}

/// Whether a path is one of `roots` or below one; all are without slashes at their ends.
fn is_below(path: &Path, roots: &[PathBuf]) -> bool {
    let path = path.as_os_str().as_bytes();
    roots.iter().any(|root| {
        let below = path.strip_prefix(root.as_os_str().as_bytes());
        below.is_some_and(|below| below.is_empty() || below[0] == b'/' || path.len() - below.len() == 1)
    })
}
