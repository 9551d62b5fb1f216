//! What database servers have in common: which databases are dumped, and that each dump is a file by itself, which one that
//! fails does not keep the others from.

mod config;

use std::io;

use redcedar_archive::dump::{Content, Dump, Server, Watched};
use redcedar_archive::{Compression, Packed};
use redcedar_engine::extension::{Call, ExtensionError};
use redcedar_engine::{Outcome, Summary};
use redcedar_system::command::{Command, CommandError, first_of};
use redcedar_system::{System, escape};

pub(crate) use config::{Databases, ELEMENTS, Wanted};

use crate::output::{CollectDir, Output};

/// What is dumped, and how.
pub(crate) struct Job {
    /// What is dumped.
    pub(crate) dump: Dump,
    /// The program, and what it is run with.
    pub(crate) command: Command,
    /// Another name that the program may go by.
    pub(crate) other_name: Option<&'static str>,
}

/// Why there is no dump.
#[derive(Debug, thiserror::Error)]
enum DumpError {
    #[error("{0}")]
    Failed(String),
    #[error("the dump does not end as a complete one does, although {0} ended with status 0")]
    Incomplete(String),
    #[error(transparent)]
    Lost(#[from] CommandError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Databases {
    /// Everything that is dumped of `server`, one file each.
    pub(crate) fn dumps(&self, server: Server) -> Vec<Dump> {
        let dump = |content| Dump { server, content };
        match &self.wanted {
            Wanted::All => vec![dump(Content::Everything)],
            Wanted::Named(names) => names.iter().map(|name| dump(Content::Database(name.into()))).collect(),
        }
    }
}

/// Does the jobs one after the other.
pub(crate) fn dump(jobs: Vec<Job>, settings: &Databases, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
    let compression = settings.compression;
    let directory = CollectDir::open(call)?;
    let monitor = &call.system.monitor;
    let mut outcome = Outcome::default();
    for mut job in jobs {
        job.command.timeout = settings.time_limit;
        call.system.interrupt.check()?;
        let what = describe(&job.dump);
        monitor.task(&format!("Dumping {what}"));
        match store(&job, compression, &directory, call.system) {
            Ok(packed) => {
                let summary = Summary {
                    bytes_in: packed.uncompressed_size,
                    bytes_out: packed.size,
                    ..Summary::default()
                };
                outcome.summary.add(&summary);
                monitor.info(format!("Dumped {what}."));
                outcome.failures.extend(drop_superseded(&job.dump, compression, &directory, call.system));
            }
            Err(DumpError::Lost(CommandError::Interrupted(interrupted))) => return Err(interrupted.into()),
            Err(error) => {
                let message = format!("Cannot dump {what}: {error}");
                monitor.error(&message);
                outcome.failures.push(message);
            }
        }
    }
    Ok(outcome)
}

fn store(
    job: &Job,
    compression: Compression,
    directory: &CollectDir<'_>,
    system: &System,
) -> Result<Packed, DumpError> {
    let name = job.dump.file_name(compression);
    let begin = || -> io::Result<Watched<Output<'_>>> {
        Ok(Watched::new(directory.create(&name, compression)?, &job.dump))
    };
    let mut output = begin()?;
    let program = job.command.program.to_string_lossy();
    let (program, finished) = first_of(&program, job.other_name, |program| {
        let command = Command { program: program.into(), ..job.command.clone() };
        system.monitor.debug(format!("Executing {command}."));
        system.runner.stream(&command, &mut output)
    })?;
    if !finished.success() {
        return Err(DumpError::Failed(finished.explain(program)));
    }
    if !output.is_complete() {
        return Err(DumpError::Incomplete(program.to_owned()));
    }
    Ok(output.into_inner().publish()?)
}

/// Removes what an earlier run made of the same database with another compression: whoever restores must not have to guess.
fn drop_superseded(
    dump: &Dump,
    compression: Compression,
    directory: &CollectDir<'_>,
    system: &System,
) -> Option<String> {
    let others = Compression::ALL.into_iter().filter(|other| *other != compression);
    let removed = others.map(|other| dump.file_name(other)).try_for_each(|name| {
        match directory.directory().status(&name)? {
            Some(_) => directory.directory().remove_file(&name),
            None => Ok(()),
        }
    });
    let message = removed.err()?.to_string();
    system.monitor.error(&message);
    Some(message)
}

fn describe(dump: &Dump) -> String {
    let server = match dump.server {
        Server::Mysql => "MySQL",
        Server::Postgresql => "PostgreSQL",
    };
    match &dump.content {
        Content::Everything => format!("all databases of {server}"),
        Content::Globals => format!("roles and tablespaces of {server}"),
        Content::Database(name) => format!("{server} database [{}]", escape::display(name)),
    }
}

#[cfg(test)]
mod tests;
