//! Repositories, SQLite databases and mailboxes: restored by what restores them, and proven by their own programs.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use redcedar_system::Interrupted;
use redcedar_system::clock::Stopwatch;
use redcedar_system::command::Command;
use rusqlite::{Connection, OpenFlags};

use super::{Attempt, Drill, Tried, failed};
use crate::mailbox::{self, MailError};
use crate::repository::{RepositoryError, RepositoryReport, RepositoryRequest, restore_repository};
use crate::sqlite::{SqliteError, SqliteRequest, restore_sqlite};

impl Drill<'_> {
    /// Where to restore to: nothing is there yet.
    fn place(&self, name: &str) -> io::Result<PathBuf> {
        Ok(self.scratch.directory("restored", None)?.join(name))
    }

    pub(super) fn repository(&self, repository: &OsStr) -> Result<Attempt, Interrupted> {
        let target = match self.place("repository") {
            Ok(target) => target,
            Err(error) => return Ok(Attempt::NotDrilled(error.to_string())),
        };
        let request = RepositoryRequest {
            peer: Some(self.peer.to_owned()),
            repository: repository.to_owned(),
            as_of: self.request.as_of,
            target,
            dry_run: true,
        };
        let watch = Stopwatch::start();
        let planned = match restore_repository(self.source, &request, self.system) {
            Ok(planned) => planned,
            Err(error) => return no_repository(error, watch),
        };
        let program = match planned.kind {
            "subversion" => "svnadmin",
            "mercurial" => "hg",
            other => other,
        };
        if let Some(reason) = self.is_missing(program)? {
            return Ok(Attempt::NotDrilled(reason));
        }
        let watch = Stopwatch::start();
        let request = RepositoryRequest { dry_run: false, ..request };
        match restore_repository(self.source, &request, self.system) {
            Ok(RepositoryReport { content, files, bytes, .. }) => Ok(Attempt::Tried(Tried {
                day: files.iter().map(|(day, _)| *day).max(),
                content,
                bytes,
                took: watch.elapsed(),
                ..Tried::default()
            })),
            Err(error) => no_repository(error, watch),
        }
    }

    /// Why a program cannot be run.
    fn is_missing(&self, program: &str) -> Result<Option<String>, Interrupted> {
        use redcedar_system::command::CommandError;
        match self.system.runner.run(&Command::new(program).arg("--version")) {
            Ok(finished) => Ok(finished.is_missing().then(|| format!("{program} is not installed"))),
            Err(CommandError::Interrupted(interrupted)) => Err(interrupted),
            Err(error) => Ok(Some(error.to_string())),
        }
    }

    pub(super) fn sqlite(&self, database: &OsStr) -> Result<Attempt, Interrupted> {
        let target = match self.place("database") {
            Ok(target) => target,
            Err(error) => return Ok(Attempt::NotDrilled(error.to_string())),
        };
        let request = SqliteRequest {
            peer: Some(self.peer.to_owned()),
            database: database.to_owned(),
            as_of: self.request.as_of,
            target: target.clone(),
            dry_run: false,
        };
        let watch = Stopwatch::start();
        match restore_sqlite(self.source, &request, &self.system.interrupt) {
            Ok(report) => {
                let took = watch.elapsed();
                let (content, differences) = match check_integrity(&target) {
                    Ok((tables, complaints)) => (format!("{tables} tables"), complaints),
                    Err(error) => (String::new(), vec![error.to_string()]),
                };
                let (day, bytes) = (Some(report.date), report.bytes);
                Ok(Attempt::Tried(Tried { day, content, bytes, took, differences, ..Tried::default() }))
            }
            Err(SqliteError::Interrupted(interrupted)) => Err(interrupted),
            Err(error @ SqliteError::Damaged { .. }) => Ok(failed(error.to_string(), watch)),
            Err(error) => Ok(Attempt::NotDrilled(error.to_string())),
        }
    }

    pub(super) fn mailbox(&self, mailbox: &OsStr) -> Result<Attempt, Interrupted> {
        let target = match self.place("mail") {
            Ok(target) => target,
            Err(error) => return Ok(Attempt::NotDrilled(error.to_string())),
        };
        let request = mailbox::Request {
            peer: Some(self.peer.to_owned()),
            wanted: mailbox.to_owned(),
            as_of: self.request.as_of,
            target,
            overwrite: false,
            starting_day: self.request.starting_day,
            dry_run: false,
        };
        let (monitor, interrupt) = (self.system.monitor.as_ref(), &self.system.interrupt);
        let watch = Stopwatch::start();
        match mailbox::restore(self.source, &request, monitor, interrupt) {
            Ok(report) => {
                let messages: u64 = report.mailboxes.iter().map(|mailbox| mailbox.messages).sum();
                Ok(Attempt::Tried(Tried {
                    day: report.days.last().copied(),
                    content: format!("{messages} messages"),
                    bytes: report.mailboxes.iter().map(|mailbox| mailbox.bytes).sum(),
                    took: watch.elapsed(),
                    differences: report.failures,
                    remarks: report.warnings,
                }))
            }
            Err(MailError::Interrupted(interrupted)) => Err(interrupted),
            Err(error) => Ok(Attempt::NotDrilled(error.to_string())),
        }
    }
}

fn no_repository(error: RepositoryError, watch: Stopwatch) -> Result<Attempt, Interrupted> {
    match error {
        RepositoryError::Interrupted(interrupted) => Err(interrupted),
        RepositoryError::Gap(_) | RepositoryError::Damaged { .. } | RepositoryError::Program(_) => {
            Ok(failed(error.to_string(), watch))
        }
        error => Ok(Attempt::NotDrilled(error.to_string())),
    }
}

/// How many tables there are, and what SQLite itself finds wrong.
fn check_integrity(database: &Path) -> rusqlite::Result<(i64, Vec<String>)> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // It comes from somewhere else, and may have been made to do harm.
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
    let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
    let tables = connection.query_row(count, [], |row| row.get(0))?;
    let mut check = connection.prepare("PRAGMA integrity_check")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok((tables, lines.into_iter().filter(|line| line != "ok").collect()))
}
