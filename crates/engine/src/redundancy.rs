//! Recovery data for a staged day: with it, a disc that has become unreadable in places still gives the day back. PAR2 is
//! computed by the program `par2`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_archive::naming::{self, RECOVERY};
use redcedar_config::Config;
use redcedar_system::command::{Command, CommandError};
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use redcedar_system::{Interrupted, Owner, Runner, System, escape};
use rustix::fs::{FileType, Stat};

use crate::indicator::{OF_THE_MASTER, STAGE};
use crate::item::ownership::Ownership;

/// Where `par2` works, in the directory of the day; the name is that of something a killed run left over.
const WORKSHOP: &str = ".redcedar-recovery";
/// A day is divided into about so many blocks: one that cannot be read costs one block of recovery data.
const BLOCKS: u64 = 2000;
/// Blocks are not smaller, and their size is a multiple of that of a sector.
const SMALLEST_BLOCK: u64 = 4096;
const SECTOR: u64 = 2048;
/// More blocks the format does not have. Each file begins a block.
const MOST_BLOCKS: u64 = 32_768;

/// Why a day has no recovery data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedundancyError {
    /// Something cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// More files than the format can have.
    #[error("{} has {count} files: that is too many for recovery data", escape::display(.day))]
    TooMany {
        /// The day.
        day: PathBuf,
        /// How many files it has.
        count: usize,
    },
    /// The program failed.
    #[error("no recovery data for {}: {reason}", escape::display(.day))]
    Failed {
        /// The day.
        day: PathBuf,
        /// What it said.
        reason: String,
    },
    /// How the program ended is not known.
    #[error(transparent)]
    Lost(#[from] CommandError),
}

/// What was done for a day.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Whether anything was: what was made before is kept as long as no file is newer.
    pub is_new: bool,
    /// Files for which nothing can be made, because the format cannot name them.
    pub left_out: Vec<PathBuf>,
}

/// Makes recovery data for a day, so that up to `percent` of it may be lost.
///
/// # Errors
/// When it cannot be made. What was there before is left then.
pub fn protect(
    day: &Directory,
    percent: u64,
    owner: Option<Owner>,
    runner: &dyn Runner,
) -> Result<Protected, RedundancyError> {
    day.remove_all(OsStr::new(WORKSHOP))?;
    let mut found = Found::default();
    look(day, Path::new(""), &mut found)?;
    let mut protected = Protected { is_new: false, left_out: std::mem::take(&mut found.left_out) };
    if found.files.is_empty() || found.is_protected() {
        return Ok(protected);
    }
    let sizes = found.files.iter().map(|(_, size)| *size);
    let (block, blocks) = divide(sizes.clone());
    if blocks > MOST_BLOCKS {
        return Err(RedundancyError::TooMany { day: day.path().to_owned(), count: found.files.len() });
    }
    let (workshop, _) = day.create_directory(OsStr::new(WORKSHOP), 0o700, None)?;
    let command = Command::new("par2")
        .args(["create", "-q", "-q", "-n1"])
        .args([format!("-s{block}"), format!("-c{}", recovery_blocks(blocks, percent))])
        .arg("-B")
        .arg(day.path())
        .arg("--")
        .arg(workshop.path().join(RECOVERY))
        .args(found.files.iter().map(|(file, _)| day.path().join(file)));
    let made = runner.run(&command).map_err(RedundancyError::from).and_then(|finished| {
        if finished.success() {
            return Ok(publish(day, &workshop, owner)?);
        }
        let hint = if finished.is_missing() { "; it is in the package par2" } else { "" };
        let reason = finished.explain("par2") + hint;
        Err(RedundancyError::Failed { day: day.path().to_owned(), reason })
    });
    day.remove_all(OsStr::new(WORKSHOP))?;
    protected.is_new = true;
    made.map(|()| protected)
}

/// Makes recovery data for days that are about to be stored, where the configuration wants it. A day without it is still worth
/// storing: what failed is told, and returned for whoever has to know.
///
/// # Errors
/// When the run was interrupted.
pub fn protect_days(
    config: &Config,
    days: impl Iterator<Item = io::Result<Directory>>,
    ownership: &Ownership,
    system: &System,
) -> Result<Vec<String>, Interrupted> {
    let Some(percent) = config.store.as_ref().and_then(|store| store.redundancy) else {
        return Ok(Vec::new());
    };
    let mut failures = Vec::new();
    for day in days {
        let protected = day.map_err(RedundancyError::from).and_then(|day| {
            system.monitor.task(&format!("Making recovery data for {}", escape::display(day.path())));
            let protected = protect(&day, percent, ownership.owner(), &*system.runner)?;
            for path in &protected.left_out {
                let path = escape::display(path).to_string();
                system
                    .monitor
                    .warning(format!("There is no recovery data for a file with a name like {path}."));
            }
            Ok(())
        });
        match protected {
            Ok(()) => {}
            Err(RedundancyError::Lost(CommandError::Interrupted(interrupted))) => return Err(interrupted),
            Err(error) => {
                let message = error.to_string();
                system.monitor.error(&message);
                failures.push(message);
            }
        }
    }
    Ok(failures)
}

/// The size of a block, and how many there are.
fn divide(sizes: impl Iterator<Item = u64> + Clone) -> (u64, u64) {
    let total: u64 = sizes.clone().sum();
    let block = total.div_ceil(BLOCKS).next_multiple_of(SECTOR).max(SMALLEST_BLOCK);
    (block, sizes.map(|size| size.div_ceil(block)).sum())
}

/// So many percent, and at least one.
fn recovery_blocks(blocks: u64, percent: u64) -> u64 {
    (blocks * percent).div_ceil(100).clamp(1, MOST_BLOCKS)
}

/// Moves what `par2` made to its place, what describes it last, and removes what was there before.
fn publish(day: &Directory, workshop: &Directory, owner: Option<Owner>) -> io::Result<()> {
    let mut made = workshop.names()?;
    made.sort_by_key(|name| name == RECOVERY);
    for old in day.names()?.iter().filter(|name| naming::is_recovery(name) && !made.contains(name)) {
        day.remove_file(old)?;
    }
    for name in made {
        day.adopt_file(workshop, &name)?.publish(0o640, owner)?;
    }
    Ok(())
}

/// What is in a day.
#[derive(Debug, Default)]
struct Found {
    /// What can be lost, with its size.
    files: Vec<(PathBuf, u64)>,
    left_out: Vec<PathBuf>,
    newest: Option<(i64, u64)>,
    /// When the recovery data was made that is there.
    made: Option<(i64, u64)>,
}

impl Found {
    fn is_protected(&self) -> bool {
        self.made.is_some() && self.made > self.newest
    }
}

/// Finds the files of a directory. Indicators of the day come and go, and what is empty cannot be damaged.
fn look(directory: &Directory, path: &Path, found: &mut Found) -> io::Result<()> {
    for name in directory.names()? {
        let Some(status) = directory.status(&name)? else { continue };
        let path = path.join(&name);
        match FileType::from_raw_mode(status.st_mode) {
            _ if name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) => {}
            FileType::Directory => look(&directory.open_directory(&name)?, &path, found)?,
            FileType::RegularFile if name == RECOVERY => found.made = Some(changed(&status)),
            FileType::RegularFile if is_transient(&name) || status.st_size == 0 => {}
            FileType::RegularFile if has_control_characters(&path) => found.left_out.push(path),
            FileType::RegularFile => {
                found.newest = found.newest.max(Some(changed(&status)));
                found.files.push((path, status.st_size.unsigned_abs()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// When a file was last changed in any way, renamed included: the time of writing comes from the machine it was collected on.
fn changed(status: &Stat) -> (i64, u64) {
    (status.st_ctime, status.st_ctime_nsec)
}

/// `par2` writes other characters in their place, and would not find the file again.
fn has_control_characters(path: &Path) -> bool {
    path.as_os_str().as_bytes().iter().any(u8::is_ascii_control)
}

fn is_transient(name: &OsStr) -> bool {
    naming::is_recovery(name) || name == STAGE || OF_THE_MASTER.iter().any(|known| name == *known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use redcedar_system::command::{Finished, OsRunner};
    use redcedar_system::fake::{PrintingRunner, RecordingMonitor};
    use redcedar_system::{Environment, Interrupt};
    use redcedar_testing::program;

    fn runner() -> OsRunner {
        let path = program::variable("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let environment = Environment::from_pairs([("PATH", path)]);
        OsRunner::new(&environment, Arc::new(RecordingMonitor::default()), Interrupt::new())
    }

    fn day(root: &Path) -> Directory {
        for (path, content) in [
            ("cback.stage", &b""[..]),
            ("web/etc.tar.gz", &vec![1; 100_000]),
            ("web/cback.sha256", b"digests"),
            ("web/-x y", b"content"),
            ("web/empty", b""),
            ("web/.redcedar-1-x", b"left over"),
            ("mail/new\nline", b"x"),
        ] {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        Directory::open(root).unwrap()
    }

    fn verifies(root: &Path) -> bool {
        let mut command = program::command("par2");
        command.args(["verify", "-q", "-q", "-B"]).arg(root).arg(root.join(RECOVERY));
        program::run(&mut command).status.success()
    }

    #[test]
    fn a_day_is_protected_once_and_again_when_it_has_changed() {
        let root = tempfile::tempdir().unwrap();
        let day = day(root.path());
        let left_out = vec![PathBuf::from("mail/new\nline")];
        let protected = protect(&day, 10, None, &runner()).unwrap();
        assert_eq!(protected, Protected { is_new: true, left_out: left_out.clone() });
        assert!(verifies(root.path()));
        let made: Vec<_> =
            day.names().unwrap().into_iter().filter(|name| naming::is_recovery(name)).collect();
        assert_eq!(made, [RECOVERY, "cback.recovery.vol0+3.par2"]);
        fs_err::write(root.path().join("cback.store"), "").unwrap();
        assert!(!protect(&day, 10, None, &runner()).unwrap().is_new);
        fs_err::write(root.path().join("web/etc.tar.gz"), vec![2; 300_000]).unwrap();
        assert!(!verifies(root.path()));
        assert_eq!(protect(&day, 10, None, &runner()).unwrap(), Protected { is_new: true, left_out });
        assert!(verifies(root.path()));
        assert_eq!(day.names().unwrap().iter().filter(|name| naming::is_recovery(name)).count(), 2);
        assert!(!root.path().join(WORKSHOP).exists());
    }

    #[test]
    fn what_was_there_stays_when_nothing_new_can_be_made() {
        let root = tempfile::tempdir().unwrap();
        let day = day(root.path());
        protect(&day, 10, None, &runner()).unwrap();
        fs_err::write(root.path().join("web/new"), "x").unwrap();
        let absent = PrintingRunner(|_: &Command| (Vec::new(), Finished { status: 256, tail: Vec::new() }));
        let error = protect(&day, 10, None, &absent).unwrap_err().to_string();
        assert!(error.ends_with("par2 cannot be started; it is in the package par2"), "{error}");
        assert!(verifies(root.path()) && !root.path().join(WORKSHOP).exists());
    }

    #[test]
    fn blocks_are_neither_too_small_nor_too_many() {
        assert_eq!(divide([5, 7, 4097].into_iter()), (4096, 4));
        assert_eq!(divide([4_700_000_000].into_iter()), (2_351_104, 2000));
        assert_eq!(recovery_blocks(1, 10), 1);
        assert_eq!(recovery_blocks(2000, 10), 200);
        assert_eq!(recovery_blocks(30_000, 200), MOST_BLOCKS);
    }
}
