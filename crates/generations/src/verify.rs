//! Proving that a generation is what its manifest says.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering as Memory};

use redcedar_archive::manifest::{Entry, Flaw};
use redcedar_archive::select::{Fileset, compare_paths};
use redcedar_archive::writer::{Attributes, Place, link_target};
use redcedar_archive::{Kind, Metadata};
use redcedar_restore::writing::{Target, Walker, relative};
use redcedar_system::{Interrupt, Interrupted, System, escape};
use rustix::fs::{Mode, OFlags, fchmod, openat};
use sha2::{Digest, Sha256};

use crate::manifest::{Line, PathLine};
use crate::paths::{original, walk};
use crate::store::{Generation, Store, StoreError, damaged};

/// How much is read at a time.
const PIECE: usize = 256 << 10;

/// What was found out about a generation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Paths that were looked at.
    pub paths: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is wrong in the store.
    pub findings: Vec<Finding>,
    /// What was wrong when the snapshot was made, and is said in the manifest.
    pub problems: Vec<String>,
    /// Whether there is a manifest to compare with.
    pub has_manifest: bool,
}

/// Something that is not as the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The path as it was on the machine.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
    /// Whether that was put right.
    pub is_repaired: bool,
}

/// Why a generation was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Only looks at names, sizes, owners and times; reads no content.
    pub is_quick: bool,
    /// Gives files the modes of the manifest. jw.backup's rotation changes the modes of files that other generations have, too.
    pub repairs_modes: bool,
}

/// Compares a tree with its manifest. A tree without one is only read.
///
/// # Errors
/// When it cannot be read at all.
pub fn verify(
    store: &Store,
    generation: &Generation,
    options: Options,
    system: &System,
) -> Result<Verified, VerifyError> {
    let tree = store.tree(&generation.name);
    let walked = walk(&tree, &system.interrupt).map_err(io::Error::other).map_err(StoreError::from)?;
    let mut verified = Verified { has_manifest: generation.has_manifest, ..Verified::default() };
    for problem in walked.problems() {
        verified.findings.push(Finding {
            path: problem.path().to_owned(),
            what: problem.to_string(),
            is_repaired: false,
        });
    }
    let mut jobs = Vec::new();
    if generation.has_manifest {
        Comparing { store, generation, tree: &tree, options, jobs: &mut jobs, verified: &mut verified }
            .compare(&walked)?;
    } else {
        verified.paths = walked.len() as u64;
        let files = walked.iter().filter(|found| found.metadata.kind == Kind::File);
        jobs.extend(files.filter_map(|found| Some((original(&tree, found.path)?.into_owned(), None))));
    }
    if !options.is_quick {
        let (bytes, findings) = read_all(&tree, &jobs, &system.interrupt)?;
        verified.bytes = bytes;
        verified.findings.extend(findings);
    }
    verified
        .findings
        .sort_by(|a, b| compare_paths(a.path.as_os_str().as_bytes(), b.path.as_os_str().as_bytes()));
    Ok(verified)
}

/// A file to be read, with the digest that it should have.
type Job = (PathBuf, Option<[u8; 32]>);

struct Comparing<'a> {
    store: &'a Store,
    generation: &'a Generation,
    tree: &'a Path,
    options: Options,
    jobs: &'a mut Vec<Job>,
    verified: &'a mut Verified,
}

impl Comparing<'_> {
    /// Brings the walk and the manifest together; both come in the same order.
    fn compare(&mut self, walked: &Fileset) -> Result<(), StoreError> {
        let name = &self.generation.name;
        let mut reader = self.store.manifest(name)?;
        let is_by_root = reader.header().is_by_root;
        let roots = reader.header().roots.clone();
        let is_above = |path: &Path| roots.iter().any(|root| root != path && root.starts_with(path));
        let mut walked = walked
            .iter()
            .filter_map(|found| Some((original(self.tree, found.path)?.into_owned(), found)))
            .peekable();
        while let Some(line) = reader.next_line().map_err(|error| damaged(name, error))? {
            let line = match line {
                Line::Path(line) => line,
                Line::Problem(problem) => {
                    self.verified.problems.push(problem);
                    continue;
                }
                Line::Package(_) | Line::Dpkg(_) | Line::Missing { .. } => continue,
            };
            let path = line.entry.path.as_os_str().as_bytes();
            let order = |found: &PathBuf| compare_paths(found.as_os_str().as_bytes(), path);
            while let Some((extra, _)) = walked.next_if(|(found, _)| order(found) == Ordering::Less) {
                self.find(extra, "it is not in the manifest");
            }
            let found = walked.next_if(|(found, _)| order(found) == Ordering::Equal);
            if !should_be_there(&line, is_by_root) {
                if let Some((path, _)) = found {
                    self.find(path, "it is there though the manifest says that it is not");
                }
                continue;
            }
            self.verified.paths += 1;
            match found {
                Some((_, found)) => {
                    self.path(&line, found.path, found.metadata, is_by_root, is_above(&line.entry.path));
                }
                None => self.find(line.entry.path.clone(), "it is missing"),
            }
        }
        for (extra, _) in walked {
            self.find(extra, "it is not in the manifest");
        }
        Ok(())
    }

    fn find(&mut self, path: PathBuf, what: impl Into<String>) {
        self.verified.findings.push(Finding { path, what: what.into(), is_repaired: false });
    }

    /// Directories above the roots change with what is beside the roots; their times say nothing.
    fn path(&mut self, line: &PathLine, stored: &Path, found: &Metadata, is_by_root: bool, is_above: bool) {
        let entry = &line.entry;
        if found.kind != entry.kind {
            self.find(entry.path.clone(), format!("it is a {:?} and was a {:?}", found.kind, entry.kind));
            return;
        }
        let mode = if is_by_root { entry.mode } else { entry.mode & 0o1777 };
        if entry.kind != Kind::Symlink && u32::from(found.mode) != mode {
            let what = format!("its mode is {:04o} and was {mode:04o}", found.mode);
            let is_repaired = self.options.repairs_modes && repair(stored, entry.kind, mode).is_ok();
            self.verified.findings.push(Finding { path: entry.path.clone(), what, is_repaired });
        }
        if is_by_root && (found.uid, found.gid) != (entry.uid, entry.gid) {
            let what =
                format!("its owner is {}:{} and was {}:{}", found.uid, found.gid, entry.uid, entry.gid);
            self.find(entry.path.clone(), what);
        }
        if found.modified != entry.modified && entry.flaw.is_none() && !is_above {
            self.find(entry.path.clone(), "its time of change is another");
        }
        if is_by_root {
            let attributes = Attributes::new().of(Place::Path(stored));
            if entry.kind != Kind::Symlink && !attributes.is_ok_and(|found| found == line.attributes) {
                self.find(entry.path.clone(), "its extended attributes are others");
            }
        }
        match entry.kind {
            Kind::File => self.file(entry, found),
            Kind::Symlink if link_target(stored).ok() != entry.link => {
                self.find(entry.path.clone(), "it leads elsewhere");
            }
            _ => {}
        }
    }

    fn file(&mut self, entry: &Entry, found: &Metadata) {
        if entry.flaw.is_none() && found.size != entry.size {
            let what = format!("it has {} bytes and had {}", found.size, entry.size);
            self.find(entry.path.clone(), what);
        } else if entry.hard_link.is_none() {
            self.jobs.push((entry.path.clone(), entry.sha256));
        }
    }
}

/// Whether a path of the manifest is in the tree.
fn should_be_there(line: &PathLine, is_by_root: bool) -> bool {
    line.left_out.is_none()
        && line.entry.flaw != Some(Flaw::Unreadable)
        && match line.entry.kind {
            Kind::Socket => false,
            Kind::Character | Kind::Block => is_by_root,
            _ => true,
        }
}

/// Gives a file its mode back. All its names in all generations get it: it was the same for all of them when it was stored.
fn repair(stored: &Path, kind: Kind, mode: u32) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if !matches!(kind, Kind::File | Kind::Directory) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let file = rustix::fs::open(stored, flags, Mode::empty())?;
    Ok(fchmod(file, Mode::from_raw_mode(mode))?)
}

/// Reads files on all cores.
fn read_all(tree: &Path, jobs: &[Job], interrupt: &Interrupt) -> Result<(u64, Vec<Finding>), VerifyError> {
    let tree = Target::open(tree).map_err(StoreError::from)?;
    let next = AtomicUsize::new(0);
    let work = || -> Result<(u64, Vec<Finding>), Interrupted> {
        let mut walker = Walker::new(&tree);
        let mut buffer = vec![0; PIECE];
        let (mut bytes, mut findings) = (0, Vec::new());
        while let Some((path, expected)) = jobs.get(next.fetch_add(1, Memory::Relaxed)) {
            interrupt.check()?;
            let what = match digest(&mut walker, path, &mut buffer, &mut bytes) {
                Ok(found) if expected.is_none_or(|expected| expected == found) => continue,
                Ok(_) => "its content is not what was stored".to_owned(),
                Err(error) => format!("it cannot be read: {}", escape::display(&error.to_string())),
            };
            findings.push(Finding { path: path.clone(), what, is_repaired: false });
        }
        Ok((bytes, findings))
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Result<Vec<_>, Interrupted> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let (bytes, findings): (Vec<u64>, Vec<Vec<Finding>>) = results?.into_iter().unzip();
    Ok((bytes.into_iter().sum(), findings.concat()))
}

fn digest(walker: &mut Walker<'_>, path: &Path, buffer: &mut [u8], bytes: &mut u64) -> io::Result<[u8; 32]> {
    use std::io::Read;
    let path = relative(path);
    let directory = walker.find(path.parent().unwrap_or(Path::new("")))?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(openat(directory, path.file_name().unwrap_or_default(), flags, Mode::empty())?);
    let mut hasher = Sha256::new();
    loop {
        match file.read(buffer)? {
            0 => return Ok(hasher.finalize().into()),
            read => {
                *bytes += read as u64;
                hasher.update(&buffer[..read]);
            }
        }
    }
}
