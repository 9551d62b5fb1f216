//! What brings a day into the bucket.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use redcedar_engine::remote::Identity;
use redcedar_engine::staged::ClearText;
use redcedar_system::command::CommandError;
use redcedar_system::{Interrupted, System};
use serde::Deserialize;

use super::config::Manner;
use super::contents::{Contents, left_out};

/// Why a day is not, or not surely, in the bucket.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    ClearText(#[from] ClearText),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// What is to be in the bucket, and nothing else by names that begin so.
pub(super) struct Upload<'a> {
    pub(super) directory: &'a Path,
    pub(super) contents: &'a Contents,
    /// `s3://BUCKET/PREFIX`.
    pub(super) target: &'a str,
    /// A directory of the backup user for what the next attempt can go on with.
    pub(super) state: &'a Path,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    /// How many files were sent, and not there before.
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// How many objects went that belong to no file.
    pub(super) deleted: u64,
    /// How many are proved by their sizes alone.
    pub(super) unproved: u64,
}

/// Makes a place in a bucket equal to a directory: uploads first, proves what arrived, and lets the rest go.
pub(super) trait Store {
    fn upload(&self, upload: &Upload<'_>, system: &System) -> Result<Sent, Failure>;

    /// What that would come to, for people, as far as that can be said.
    fn preview(&self, upload: &Upload<'_>, system: &System) -> Result<Vec<String>, Failure>;
}

/// Ourselves: `redcedar sync`, run by the backup user, whose configuration of the AWS CLI counts.
pub(super) struct Native {
    pub(super) program: PathBuf,
    pub(super) identity: Identity,
    /// How objects are stored.
    pub(super) manner: Manner,
}

impl Native {
    fn sync(&self, upload: &Upload<'_>, acts: bool, system: &System) -> Result<Report, Failure> {
        let mut words = vec![self.program.clone().into_os_string(), "sync".into(), upload.directory.into()];
        words.push(upload.target.into());
        words.extend(
            ["--delete", "--max-delete", "100%", "--skip-links", "--checksum", "--json"].map(OsString::from),
        );
        words.extend((!acts).then(|| "--dry-run".into()));
        for (switch, value) in &self.manner {
            words.extend([OsString::from(switch), value.into()]);
        }
        for name in left_out() {
            words.extend(["--exclude".into(), name.into()]);
        }
        let command = self.identity.command(&words).variable("XDG_STATE_HOME", upload.state);
        let mut answer = Vec::new();
        let finished = system.runner.stream(&command, &mut answer)?;
        serde_json::from_slice(&answer).map_err(|_| Failure::Refused(finished.explain("redcedar sync")))
    }
}

impl Store for Native {
    fn upload(&self, upload: &Upload<'_>, system: &System) -> Result<Sent, Failure> {
        self.sync(upload, true, system)?.judge(upload.contents)
    }

    fn preview(&self, upload: &Upload<'_>, system: &System) -> Result<Vec<String>, Failure> {
        let report = self.sync(upload, false, system)?;
        Ok(report.cost.iter().flat_map(Cost::lines).collect())
    }
}

/// What `redcedar sync` says.
#[derive(Deserialize)]
struct Report {
    new: Tally,
    changed: Tally,
    unchanged: Tally,
    compared: Tally,
    deleted: Tally,
    unproved: u64,
    refusal: Option<String>,
    problems: Vec<Problem>,
    /// Where it was only looked at.
    cost: Option<Cost>,
}

#[derive(Deserialize)]
struct Cost {
    requests: Requests,
    money: Option<Money>,
}

#[derive(Deserialize)]
struct Requests {
    write: u64,
    read: u64,
}

#[derive(Deserialize)]
struct Money {
    currency: String,
    once: f64,
    monthly: Option<f64>,
}

impl Cost {
    fn lines(&self) -> Vec<String> {
        let Requests { write, read } = self.requests;
        let mut lines = vec![format!("{write} requests that write or list, {read} that read")];
        if let Some(Money { currency, once, monthly }) = &self.money {
            let monthly =
                monthly.map(|monthly| format!(", then {monthly:.2} {currency} a month for the day"));
            lines.push(format!("about {once:.2} {currency} for them{}", monthly.unwrap_or_default()));
        }
        lines
    }
}

#[derive(Deserialize)]
struct Tally {
    files: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Problem {
    path: serde_json::Value,
    message: String,
    failed: bool,
}

impl Report {
    fn judge(self, contents: &Contents) -> Result<Sent, Failure> {
        let there = [&self.new, &self.changed, &self.unchanged, &self.compared].map(|tally| tally.files);
        let is_all = there.iter().sum::<u64>() == contents.files.len() as u64;
        // That a link is left out is no failure, but a file is one.
        if let Some(problem) = self.problems.iter().find(|problem| problem.failed || !is_all) {
            let count = self.problems.len();
            let more = if count > 1 { format!(" (the first of {count} problems)") } else { String::new() };
            return Err(Failure::Refused(format!("{}: {}{more}", problem.path, problem.message)));
        }
        if let Some(refusal) = self.refusal {
            return Err(Failure::Refused(refusal));
        }
        if !is_all {
            return Err(Failure::Refused("the day changed while it was sent".to_owned()));
        }
        Ok(Sent {
            files: self.new.files + self.changed.files,
            bytes: self.new.bytes + self.changed.bytes,
            deleted: self.deleted.files,
            unproved: self.unproved,
        })
    }
}
