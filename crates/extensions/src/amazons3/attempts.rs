//! What is kept of days that are being sent: a directory for each, below the working directory. It goes when the day is in the
//! bucket; that it is there tells the next run to try again, however old the day is by then.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_system::Owner;
use redcedar_system::fs::Directory;

const NAME: &str = "redcedar.amazons3";
/// Nobody but the backup user has any business there.
const MODE: u32 = 0o700;

/// The directories. They belong to the backup user, and are made only when a day is begun.
pub(super) struct Attempts {
    working_dir: Directory,
    owner: Option<Owner>,
}

impl Attempts {
    pub(super) fn open(working_dir: &Path, owner: Option<Owner>) -> io::Result<Self> {
        Ok(Self { working_dir: Directory::open(working_dir)?, owner })
    }

    pub(super) fn has(&self, date: Date) -> io::Result<bool> {
        let all = OsStr::new(NAME);
        Ok(self.working_dir.status(all)?.is_some()
            && self.working_dir.open_directory(all)?.status(&name(date))?.is_some())
    }

    /// The directory of a day.
    pub(super) fn begin(&self, date: Date) -> io::Result<Directory> {
        let (all, _) = self.working_dir.create_directory(OsStr::new(NAME), MODE, self.owner)?;
        let (directory, _) = all.create_directory(&name(date), MODE, self.owner)?;
        Ok(directory)
    }

    pub(super) fn end(&self, date: Date) -> io::Result<()> {
        self.working_dir.open_directory(OsStr::new(NAME))?.remove_all(&name(date))
    }

    /// Where the directory of a day is, if it is there.
    pub(super) fn path(&self, date: Date) -> PathBuf {
        self.working_dir.path().join(NAME).join(name(date))
    }

    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner
    }
}

fn name(date: Date) -> OsString {
    date.to_string().into()
}
