//! What is there: one look at everything below a purge directory.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_config::Config;
use redcedar_system::fs::{Directory, LOCK_NAME};
use redcedar_system::interrupt::Interrupted;
use redcedar_system::{System, escape};
use rustix::fs::{FileType, Stat};

use super::plan::{Contents, Found, Identity, Role};
use crate::daily_dir;
use crate::indicator::{self, Indicator};
use crate::outcome::Outcome;

const SECONDS_PER_DAY: i64 = 86_400;

pub(super) struct Walk<'a> {
    /// Now, in whole seconds.
    now: i64,
    /// The staging directory, links resolved.
    staging_dir: Option<PathBuf>,
    /// The collect directory, links resolved.
    collect_dir: Option<PathBuf>,
    /// The file system of the purge directory.
    device: u64,
    /// The purge directory, links resolved.
    root: PathBuf,
    system: &'a System,
}

impl<'a> Walk<'a> {
    pub(super) fn new(config: &Config, root: &Directory, system: &'a System) -> io::Result<Self> {
        let resolved = fs_err::canonicalize(root.path())?;
        if resolved == Path::new("/") {
            return Err(io::Error::other("it is the root of all file systems"));
        }
        let resolved_dir = |path: &Path| fs_err::canonicalize(path).ok();
        Ok(Self {
            now: system.clock.now().timestamp().as_second(),
            staging_dir: config.stage.as_ref().and_then(|stage| resolved_dir(&stage.staging_dir)),
            collect_dir: config.collect.as_ref().and_then(|collect| resolved_dir(&collect.collect_dir)),
            device: root.own_status()?.st_dev,
            root: resolved,
            system,
        })
    }

    /// Takes the purge directory to be on another file system than it is.
    #[cfg(test)]
    pub(super) fn on_device(self, device: u64) -> Self {
        Self { device, ..self }
    }

    /// The staging directory, if the purge directory is it, is around it or within it.
    pub(super) fn staging_dir(&self) -> Option<&Path> {
        self.staging_dir.as_deref().filter(|staging| self.touches(staging))
    }

    /// Whether the purge directory is the collect directory, is around it or within it.
    pub(super) fn is_of_collect(&self) -> bool {
        self.collect_dir.as_deref().is_some_and(|collect| self.touches(collect))
    }

    fn touches(&self, path: &Path) -> bool {
        path.starts_with(&self.root) || self.root.starts_with(path)
    }

    /// Lists everything in `directory`, which is `below` the purge directory. What cannot be listed is told, and stays.
    pub(super) fn contents(
        &self,
        directory: &Directory,
        below: &Path,
        outcome: &mut Outcome,
    ) -> Result<Contents, Interrupted> {
        self.system.interrupt.check()?;
        let listed = self.role(directory, below).and_then(|role| Ok((role, directory.names()?)));
        let (role, names) = match listed {
            Ok((Role::Protected, _)) => return Ok(Contents { role: Role::Protected, entries: Vec::new() }),
            Ok(listed) => listed,
            Err(error) => return Ok(self.keep(&error, outcome)),
        };
        let mut entries = Vec::with_capacity(names.len());
        for name in names.into_iter().filter(|name| name != LOCK_NAME) {
            match directory.status(&name) {
                Ok(Some(stat)) => entries.push(self.entry(directory, below, name, &stat, outcome)?),
                Ok(None) => {}
                Err(error) => return Ok(self.keep(&error, outcome)),
            }
        }
        Ok(Contents { role, entries })
    }

    fn entry(
        &self,
        directory: &Directory,
        below: &Path,
        name: OsString,
        stat: &Stat,
        outcome: &mut Outcome,
    ) -> Result<Found, Interrupted> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let contents = match kind {
            FileType::Directory => Some(match directory.open_directory(&name) {
                Ok(opened) => self.contents(&opened, &below.join(&name), outcome)?,
                Err(error) => self.keep(&error, outcome),
            }),
            _ => None,
        };
        Ok(Found { age_days: self.age_days(kind, stat), identity: identity(stat), directory: contents, name })
    }

    fn keep(&self, error: &io::Error, outcome: &mut Outcome) -> Contents {
        let message = format!("not purged: {error}");
        self.system.monitor.error(&message);
        outcome.failures.push(message);
        Contents { role: Role::Protected, entries: Vec::new() }
    }

    fn role(&self, directory: &Directory, below: &Path) -> io::Result<Role> {
        let stat = directory.own_status()?;
        let protected = |why: &str| {
            let path = escape::display(directory.path()).to_string();
            self.system.monitor.warning(format!("[{path}] is not purged: {why}."));
            Ok(Role::Protected)
        };
        if stat.st_dev != self.device {
            return protected("it is another file system");
        }
        if !is_staged(&self.root.join(below)) && is_awaiting_stage(directory)? {
            return protected("what was collected there has not been staged yet");
        }
        Ok(self.day(below).map_or(Role::Ordinary, Role::Day))
    }

    fn day(&self, below: &Path) -> Option<Date> {
        let path = self.root.join(below);
        daily_dir::date(path.strip_prefix(self.staging_dir.as_ref()?).ok()?)
    }

    /// Full days since the later of access and change for a file, since its own change for anything else.
    fn age_days(&self, kind: FileType, stat: &Stat) -> i64 {
        let modified = (stat.st_mtime, stat.st_mtime_nsec);
        let accessed = (stat.st_atime, stat.st_atime_nsec);
        let (seconds, nanoseconds) =
            if kind == FileType::RegularFile { modified.max(accessed) } else { modified };
        let age = self.now.saturating_sub(seconds).saturating_sub(i64::from(nanoseconds > 0));
        age.div_euclid(SECONDS_PER_DAY)
    }
}

pub(super) fn identity(stat: &Stat) -> Identity {
    (stat.st_ino, stat.st_mtime, stat.st_mtime_nsec)
}

/// How many digits a name consists of; 0 when there is anything else in it.
fn digits(name: &OsStr) -> usize {
    if name.as_bytes().iter().all(u8::is_ascii_digit) { name.len() } else { 0 }
}

/// Whether a directory looks like that of a peer in a day, `YYYY/MM/DD/peer`: the indicator there is a copy.
fn is_staged(path: &Path) -> bool {
    let parents = path.ancestors().skip(1).take(3);
    parents.map(|parent| parent.file_name().map_or(0, digits)).eq([2, 2, 4])
}

/// Whether something was collected there that nobody has picked up. Only an indicator that names its run can tell.
fn is_awaiting_stage(directory: &Directory) -> io::Result<bool> {
    let is_collected = Indicator::read(directory, indicator::COLLECT)?.is_some();
    Ok(is_collected && !indicator::is_picked_up(directory)?)
}
