//! The original program, to be compared with.
//!
//! `./check` installs it from PyPI; it is run, at a chosen time, and never read.

use crate::program;
use std::path::PathBuf;
use std::process::Command;

/// Cedar Backup 3 and the program that sets its clock.
#[derive(Debug, Clone)]
pub struct Oracle {
    cback3: PathBuf,
    faketime: PathBuf,
}

impl Oracle {
    /// Looks for the original: the path in `REDCEDAR_ORACLE`, then where `./check` installs it, then `PATH`.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn find() -> Result<Self, String> {
        let faketime = program::find("faketime").ok_or("the program faketime is not installed")?;
        if let Some(path) = program::variable("REDCEDAR_ORACLE") {
            let cback3 = PathBuf::from(path);
            return if cback3.is_file() {
                Ok(Self { cback3, faketime })
            } else {
                Err(format!("REDCEDAR_ORACLE names {}, which is not there", cback3.display()))
            };
        }
        let installed = program::variable("HOME")
            .map(|home| PathBuf::from(home).join(".cache/redcedar-oracle/bin/cback3"))
            .filter(|cback3| cback3.is_file());
        let cback3 = installed
            .or_else(|| program::find("cback3"))
            .ok_or("cedar-backup3 is not installed; ./check installs it")?;
        Ok(Self { cback3, faketime })
    }

    /// The original, or `None` after having said aloud that it is missing.
    ///
    /// # Panics
    /// When it is missing where everything must be there (`CI` is set).
    pub fn required() -> Option<Self> {
        match Self::find() {
            Ok(oracle) => Some(oracle),
            Err(why) => {
                program::cannot_test("against the original", &why);
                None
            }
        }
    }

    /// The path of the original's program.
    pub fn cback3(&self) -> &std::path::Path {
        &self.cback3
    }

    /// A command that runs the original with its clock beginning at `now`, such as `2026-11-24 02:00:00`.
    pub fn command(&self, now: &str) -> Command {
        let mut command = program::command(&self.faketime);
        // Without this, faketime also shifts the times of files that the original sees.
        command.env("NO_FAKE_STAT", "1");
        command.arg(now).arg(&self.cback3);
        command
    }
}
