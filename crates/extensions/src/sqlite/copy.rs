//! The library's own way to copy a database: page by page within one transaction, so that it is as it was at one moment,
//! whoever writes meanwhile.

use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use redcedar_system::fs::PendingFile;
use redcedar_system::{System, escape};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::items::program::Failure;

/// How long a writer may keep us waiting.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many pages are copied between two looks at the interrupt.
const PAGES: i32 = 1000;
/// How many steps of the library's machine there are between two looks.
const STEPS: i32 = 100_000;

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// Copies `database` into the file `copy`, and checks the copy.
pub(super) fn copy(database: &Path, copy: &PendingFile, system: &System) -> Result<(), Failure> {
    // Read only: what a crash left half done in a journal is for the program whose database it is to undo. The journal could
    // name other files.
    let source = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    source.busy_timeout(PATIENCE)?;
    // From the first reading to the end of the transaction nothing changes for us.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = open_target(copy)?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        system.interrupt.check()?;
        match backup.step(PAGES)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(Failure::Other("it is locked".to_owned())),
        }
    }
    drop(backup);
    drop(source);
    check(&mut target, database, system)
}

/// The copy, as a database that nobody else has open and that has no other files.
fn open_target(copy: &PendingFile) -> Result<Connection, Failure> {
    let file = copy.try_clone_file()?;
    let path = fs_err::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let target = Connection::open_with_flags(path, flags)?;
    // It is brought to disk with the file that is made of it.
    target.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
    )?;
    // What is in it is not ours, and shall do nothing but be looked at.
    target.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    target.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(target)
}

/// Has the library look through the whole copy.
fn check(target: &mut Connection, database: &Path, system: &System) -> Result<(), Failure> {
    let interrupt = system.interrupt.clone();
    target.progress_handler(STEPS, Some(move || interrupt.is_raised()))?;
    let found = target.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    system.interrupt.check()?;
    match found {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(problem) => Err(Failure::Other(format!("the database is damaged: {problem}"))),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ) =>
        {
            Err(error.into())
        }
        // It needs something that its own program brings along: a collation, a kind of table.
        Err(error) => {
            let shown = escape::display(database);
            system.monitor.warning(format!("The copy of [{shown}] could not be checked: {error}."));
            Ok(())
        }
    }
}
