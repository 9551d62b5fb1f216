//! Comparing files and links with the records of their packages, on all cores.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use redcedar_archive::{Metadata, md5};
use redcedar_system::{Interrupt, Interrupted};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};

use super::Reason;
use crate::Digest;
use crate::digest::Hasher;
use crate::packages::{Claim, Target};

/// Something to be compared.
#[derive(Debug, Clone)]
pub(super) struct Job<'a> {
    pub(super) path: &'a Path,
    /// What the walk found there.
    pub(super) found: &'a Metadata,
    /// What its package says is there.
    pub(super) claim: Claim,
}

/// What came of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared {
    /// Why it must be saved.
    pub(super) reason: Option<Reason>,
    /// The digest of its content, if that was needed.
    pub(super) digest: Option<Digest>,
}

impl Compared {
    /// Nothing was compared.
    pub(super) const NOT_DONE: Self = Self::save(Reason::NotCompared);

    /// What a digest says about a claim.
    pub(super) fn of_digest(digest: Digest, claim: &Claim) -> Self {
        let is_equal = matches!(claim, Claim::File { digest: claimed, .. } if *claimed == digest);
        let reason = (!is_equal).then_some(Reason::ContentChanged);
        Self { reason, digest: Some(digest) }
    }

    const fn save(reason: Reason) -> Self {
        Self { reason: Some(reason), digest: None }
    }
}

/// Does all jobs; one outcome for each.
pub(super) fn compare_all(jobs: &[Job<'_>], interrupt: &Interrupt) -> Result<Vec<Compared>, Interrupted> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // The largest first, so that no thread is left with one at the end.
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(jobs[index].found.size));
    let next = AtomicUsize::new(0);
    let next_job = || {
        let index = *order.get(next.fetch_add(1, Ordering::Relaxed))?;
        (!interrupt.is_raised()).then(|| (index, &jobs[index]))
    };
    let mut outcomes = vec![Compared::NOT_DONE; jobs.len()];
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(next_job))).collect();
        for worker in workers {
            let done = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (index, outcome) in done {
                outcomes[index] = outcome;
            }
        }
    });
    interrupt.check()?;
    Ok(outcomes)
}

/// Does jobs as long as there are any.
fn work<'a>(next_job: impl Fn() -> Option<(usize, &'a Job<'a>)>) -> Vec<(usize, Compared)> {
    let done = RefCell::new(Vec::new());
    let finish = |index, compared: io::Result<Compared>| {
        done.borrow_mut().push((index, compared.unwrap_or(Compared::NOT_DONE)));
    };
    let next_file = || {
        while let Some((index, job)) = next_job() {
            match job.start() {
                Ok(Step::Digest(file)) => return Some(Reading { index, job, file }),
                Ok(Step::Compared(compared)) => finish(index, Ok(compared)),
                Err(error) => finish(index, Err(error)),
            }
        }
        None
    };
    md5::digest_all(next_file, |reading: Reading<'_>, digest| {
        let compared = digest.and_then(|digest| reading.job.end(&reading.file, Digest::Md5(digest)));
        finish(reading.index, compared);
    });
    done.into_inner()
}

/// A file of which the MD5 is needed.
struct Reading<'a> {
    index: usize,
    job: &'a Job<'a>,
    file: std::fs::File,
}

impl md5::Source for Reading<'_> {
    fn content(&mut self) -> &mut impl Read {
        &mut self.file
    }
}

/// How far a job has come.
enum Step {
    Compared(Compared),
    /// The MD5 of this is needed.
    Digest(std::fs::File),
}

impl Job<'_> {
    fn start(&self) -> io::Result<Step> {
        let claimed = match &self.claim {
            Claim::File { digest, .. } => digest,
            Claim::Symlink(target) => return self.compare_target(target).map(Step::Compared),
            _ => return Ok(Step::Compared(Compared::save(Reason::Unspecified))),
        };
        let mut file = open(self.path)?;
        if has_attributes(&file)? {
            return Ok(Step::Compared(Compared::save(Reason::Attributes)));
        }
        let Some(mut hasher) = Hasher::like(claimed) else { return Ok(Step::Digest(file)) };
        io::copy(&mut file, &mut hasher)?;
        self.end(&file, hasher.finish()).map(Step::Compared)
    }

    /// What the digest of an open file says about it.
    fn end(&self, file: &std::fs::File, digest: Digest) -> io::Result<Compared> {
        // Only now: what changed before or while it was read is not what the walk has found.
        let statx = rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        if Metadata::from_statx(&statx).as_ref() != Some(self.found) {
            return Ok(Compared::NOT_DONE);
        }
        Ok(Compared::of_digest(digest, &self.claim))
    }

    fn compare_target(&self, claimed: &Target) -> io::Result<Compared> {
        let found: OsString = fs_err::read_link(self.path)?.into();
        let is_equal = match claimed {
            Target::Path(path) => *path == found,
            // Nobody records the MD5 of a target.
            Target::Digest(digest) => Hasher::like(digest).is_some_and(|mut hasher| {
                hasher.update(found.as_bytes());
                hasher.finish() == *digest
            }),
        };
        let reason = (!is_equal).then_some(Reason::TargetChanged);
        Ok(Compared { reason, digest: None })
    }
}

/// The time of access stays as it is where that is allowed.
fn open(path: &Path) -> io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = match rustix::fs::open(path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(rustix::io::Errno::PERM) => rustix::fs::open(path, flags, Mode::empty()),
        opened => opened,
    };
    Ok(opened?.into())
}

/// Whether a file has extended attributes that somebody gave it; labels of security modules do not count.
fn has_attributes(file: &std::fs::File) -> io::Result<bool> {
    const LABELS: [&[u8]; 3] = [b"security.selinux", b"security.SMACK64", b"security.ima"];
    let mut names = [0; 256];
    match rustix::fs::flistxattr(file, &mut names) {
        Ok(0) | Err(rustix::io::Errno::OPNOTSUPP) => Ok(false),
        Ok(length) => {
            let mut names = names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty());
            Ok(names.any(|name| !LABELS.contains(&name)))
        }
        // So many that the names do not fit.
        Err(rustix::io::Errno::RANGE) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
