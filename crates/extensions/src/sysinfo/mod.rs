//! What the machine consists of: the three files of the originals, and what somebody needs who builds it anew.

mod config;
mod facts;
mod local;
mod original;
mod secrets;

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use redcedar_archive::Compression;
use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind};
use redcedar_engine::{Outcome, Summary};
use redcedar_system::Interrupted;
use redcedar_system::command::{Command, CommandError, Finished};

use crate::output::{CollectDir, Output};
use config::{FileList, Settings};

/// The extension.
#[derive(Debug)]
pub(crate) struct Sysinfo;

impl Extension for Sysinfo {
    fn name(&self) -> &'static str {
        "sysinfo"
    }

    fn kind(&self) -> Kind {
        Kind::Source
    }

    fn check(&self, document: &Document, _config: &Config) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        Settings::read(document, &mut findings);
        findings
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        let settings = Settings::read(call.document, &mut Vec::new());
        let mut report = Report {
            directory: CollectDir::open(call)?,
            call: *call,
            limit: settings.time_limit,
            outcome: Outcome::default(),
        };
        for listing in &original::LISTINGS {
            listing.report(&mut report)?;
        }
        match settings.file_list {
            FileList::All => original::list_all_files(&mut report)?,
            FileList::Local => local::list_files(&mut report)?,
            FileList::None => {}
        }
        if settings.rebuild {
            for fact in facts::ALL {
                fact.report(&mut report)?;
            }
        }
        Ok(report.outcome)
    }
}

/// What is being reported, file by file.
struct Report<'a> {
    directory: CollectDir<'a>,
    call: Call<'a>,
    /// How long each program may take.
    limit: Option<Duration>,
    outcome: Outcome,
}

/// Why a file is not made.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Lost(#[from] CommandError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl<'a> Report<'a> {
    /// Makes the file `name`, compressed as all of them are. That it cannot be made is told and does not keep the others from
    /// being made.
    fn file(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Output<'_>, &Call<'a>) -> Result<(), ReportError>,
    ) -> Result<(), Interrupted> {
        let call = self.call;
        call.system.interrupt.check()?;
        call.system.monitor.task(&format!("Writing {name}"));
        let directory = &self.directory;
        let made = || {
            let mut output = directory.create(OsStr::new(name), Compression::Bzip2)?;
            write(&mut output, &call)?;
            Ok(output.publish()?)
        };
        match made() {
            Ok(packed) => self.outcome.summary.add(&Summary {
                bytes_in: packed.uncompressed_size,
                bytes_out: packed.size,
                ..Summary::default()
            }),
            Err(
                ReportError::Interrupted(interrupted)
                | ReportError::Lost(CommandError::Interrupted(interrupted)),
            ) => return Err(interrupted),
            Err(error) => {
                let message = format!("Cannot write [{name}]: {error}");
                call.system.monitor.error(&message);
                self.outcome.failures.push(message);
            }
        }
        Ok(())
    }
}

/// Runs a program whose output becomes a part of a file.
fn print(command: &Command, output: &mut Output<'_>, call: &Call<'_>) -> Result<Finished, CommandError> {
    call.system.monitor.debug(format!("Executing {command}."));
    call.system.runner.stream(command, output)
}

#[cfg(test)]
mod tests;
