//! From mounting to unmounting.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use fuser::{Config, MountOption, Session, SessionACL, SessionUnmounter};
use nix::mount::{MntFlags, umount2};
use redcedar_restore::browse::Browser;
use redcedar_system::{Interrupt, Monitor, account, escape};

use crate::filesystem::Backups;
use crate::problems::Problems;

/// How often the interrupt is looked at.
const TICK: Duration = Duration::from_millis(100);
/// After how many of these it is certain that somebody still has something open.
const TICKS_TO_END: u32 = 10;
/// How many requests are answered at once.
const THREADS: usize = 4;

/// Where to show backups, and to whom.
#[derive(Debug, Clone)]
pub struct MountRequest {
    /// An empty directory.
    pub directory: PathBuf,
    /// Other users may look as well, at what the modes of the files let them.
    pub allow_other: bool,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The directory is none, or cannot be looked at.
    #[error("cannot mount on {}: {source}", escape::display(.directory))]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is in the directory would be hidden.
    #[error("cannot mount on {}: it is not empty", escape::display(.directory))]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
    },
    /// The kernel, or the program that asks it for us, does not want to.
    #[error("cannot mount on {}: {source}", escape::display(.directory))]
    Refused {
        /// The directory.
        directory: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The kernel ended it otherwise than by unmounting.
    #[error("what was mounted on {} has ended: {source}", escape::display(.directory))]
    Ended {
        /// The directory.
        directory: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// It was to be unmounted.
    #[error("cannot unmount {}: {source}", escape::display(.directory))]
    Unmount {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Somebody still used it; whatever they have open there gives errors from now on.
    pub was_in_use: bool,
    /// How many problems were told: what somebody wanted to read and could not.
    pub problems: usize,
}

/// Backups that are shown. Forgotten without [`Mounted::wait`], they are shown until the process ends.
pub struct Mounted {
    directory: PathBuf,
    unmounter: SessionUnmounter,
    thread: JoinHandle<io::Result<()>>,
    problems: Arc<Problems>,
}

/// Mounts what `browser` sees. It is read-only, and neither devices nor set-id bits have an effect. Problems are told to `monitor`.
///
/// # Errors
/// When the directory is not an empty one, or may not be mounted on.
pub fn mount(
    browser: Browser,
    request: &MountRequest,
    monitor: Arc<dyn Monitor>,
) -> Result<Mounted, MountError> {
    let directory = usable(&request.directory)?;
    let problems = Arc::new(Problems::new(monitor));
    let backups = Backups::new(browser, account::current(), Arc::clone(&problems));
    let refused = |source| MountError::Refused { directory: directory.clone(), source };
    let mut session = Session::new(backups, &directory, &config(request)).map_err(refused)?;
    let unmounter = session.unmount_callable();
    let thread = std::thread::Builder::new().spawn(move || session.run()).map_err(refused)?;
    Ok(Mounted { directory, unmounter, thread, problems })
}

fn usable(directory: &Path) -> Result<PathBuf, MountError> {
    let error = |source| MountError::Directory { directory: directory.to_owned(), source };
    let resolved = directory.canonicalize().map_err(error)?;
    if fs_err::read_dir(&resolved).map_err(error)?.next().is_some() {
        return Err(MountError::NotEmpty { directory: directory.to_owned() });
    }
    Ok(resolved)
}

fn config(request: &MountRequest) -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::RO,
        MountOption::NoDev,
        MountOption::NoSuid,
        MountOption::FSName("redcedar".to_owned()),
        MountOption::Subtype("redcedar".to_owned()),
    ];
    if request.allow_other {
        config.acl = SessionACL::All;
        config.mount_options.push(MountOption::DefaultPermissions);
    }
    config.n_threads = Some(THREADS);
    config
}

impl Mounted {
    /// Waits until somebody unmounts it, or the run is asked to stop; then it is unmounted.
    ///
    /// # Errors
    /// When it ended otherwise, or cannot be unmounted.
    pub fn wait(mut self, interrupt: &Interrupt) -> Result<Ending, MountError> {
        while !self.thread.is_finished() && !interrupt.is_raised() {
            std::thread::sleep(TICK);
        }
        if !self.thread.is_finished() {
            self.unmount()?;
        }
        for _ in 0..TICKS_TO_END {
            if self.thread.is_finished() {
                break;
            }
            std::thread::sleep(TICK);
        }
        let problems = self.problems.count();
        if !self.thread.is_finished() {
            return Ok(Ending { was_in_use: true, problems });
        }
        let ended = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ended.map_err(|source| MountError::Ended { directory: self.directory, source })?;
        Ok(Ending { was_in_use: false, problems })
    }

    /// Takes it away even while it is in use: who uses it would notice our end anyhow.
    fn unmount(&mut self) -> Result<(), MountError> {
        let Err(busy) = self.unmounter.unmount() else { return Ok(()) };
        umount2(&self.directory, MntFlags::MNT_DETACH)
            .map_err(|_| MountError::Unmount { directory: self.directory.clone(), source: busy })
    }
}
