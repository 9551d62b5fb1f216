//! What is kept of days that are being sent: a directory for each, below the working directory. It goes when the day is in the
//! bucket; that it is there tells the next run to try again, however old the day is by then.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use jiff::civil::Date;
use redcedar_system::Owner;
use redcedar_system::fs::Directory;

const NAME: &str = "redcedar.amazons3";
/// Nobody but the backup user has any business there.
const MODE: u32 = 0o700;

/// The directories. They belong to the backup user.
pub(super) struct Attempts {
    directory: Directory,
    owner: Option<Owner>,
}

impl Attempts {
    pub(super) fn open(working_dir: &Path, owner: Option<Owner>) -> io::Result<Self> {
        let working_dir = Directory::open(working_dir)?;
        let (directory, _) = working_dir.create_directory(OsStr::new(NAME), MODE, owner)?;
        Ok(Self { directory, owner })
    }

    pub(super) fn has(&self, date: Date) -> io::Result<bool> {
        self.directory.status(&name(date)).map(|status| status.is_some())
    }

    /// The directory of a day.
    pub(super) fn begin(&self, date: Date) -> io::Result<Directory> {
        let (directory, _) = self.directory.create_directory(&name(date), MODE, self.owner)?;
        Ok(directory)
    }

    pub(super) fn end(&self, date: Date) -> io::Result<()> {
        self.directory.remove_all(&name(date))
    }

    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner
    }
}

fn name(date: Date) -> OsString {
    date.to_string().into()
}
