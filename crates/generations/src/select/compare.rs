//! Comparing files and links with the records of their packages, on all cores.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use redcedar_archive::Metadata;
use redcedar_system::{Interrupt, Interrupted};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};

use super::Reason;
use crate::Digest;
use crate::digest::Hasher;
use crate::packages::{Claim, Target};

/// Something to be compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) path: &'a Path,
    /// What the walk found there.
    pub(super) found: &'a Metadata,
    /// What its package says is there.
    pub(super) claim: &'a Claim,
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
        Self { reason: (!is_equal).then_some(Reason::ContentChanged), digest: Some(digest) }
    }

    const fn save(reason: Reason) -> Self {
        Self { reason: Some(reason), digest: None }
    }
}

/// How many jobs a thread takes at a time.
const SHARE: usize = 16;

/// Does all jobs; one outcome for each.
pub(super) fn compare_all(jobs: &[Job<'_>], interrupt: &Interrupt) -> Result<Vec<Compared>, Interrupted> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Compared)>, Interrupted> {
        let mut reader = Reader::new();
        let mut done = Vec::new();
        loop {
            let first = next.fetch_add(SHARE, Ordering::Relaxed);
            if first >= jobs.len() {
                return Ok(done);
            }
            for (index, job) in jobs.iter().enumerate().skip(first).take(SHARE) {
                interrupt.check()?;
                done.push((index, reader.compare(job)));
            }
        }
    };
    let mut outcomes = vec![Compared::NOT_DONE; jobs.len()];
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let done = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (index, outcome) in done? {
                outcomes[index] = outcome;
            }
        }
        Ok(outcomes)
    })
}

/// Reads files into one buffer.
struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    fn new() -> Self {
        Self { buffer: vec![0; 256 * 1024] }
    }

    fn compare(&mut self, job: &Job<'_>) -> Compared {
        let compared = match job.claim {
            Claim::File { digest, .. } => self.compare_content(job, digest),
            Claim::Symlink(target) => compare_target(job, target),
            _ => return Compared::save(Reason::Unspecified),
        };
        compared.unwrap_or(Compared::NOT_DONE)
    }

    fn compare_content(&mut self, job: &Job<'_>, claimed: &Digest) -> io::Result<Compared> {
        let mut file = open(job.path)?;
        if has_attributes(&file)? {
            return Ok(Compared::save(Reason::Attributes));
        }
        let mut hasher = Hasher::like(claimed);
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => hasher.update(&self.buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // Only now: what changed before or while it was read is not what the walk has found.
        let statx = rustix::fs::statx(&file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        if Metadata::from_statx(&statx).as_ref() != Some(job.found) {
            return Ok(Compared::NOT_DONE);
        }
        Ok(Compared::of_digest(hasher.finish(), job.claim))
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

fn compare_target(job: &Job<'_>, claimed: &Target) -> io::Result<Compared> {
    let found: OsString = fs_err::read_link(job.path)?.into();
    let is_equal = match claimed {
        Target::Path(path) => *path == found,
        Target::Digest(digest) => {
            let mut hasher = Hasher::like(digest);
            hasher.update(found.as_bytes());
            hasher.finish() == *digest
        }
    };
    Ok(Compared { reason: (!is_equal).then_some(Reason::TargetChanged), digest: None })
}
