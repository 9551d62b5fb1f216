//! Days in the bucket that no rule wants any more go, by `redcedar prune`, which the backup user runs.

use std::ffi::OsString;
use std::path::PathBuf;

use redcedar_config::value::StartingDay;
use redcedar_engine::remote::Identity;
use redcedar_system::System;
use serde::Deserialize;

use super::config::{CUSTOMER_KEY, Manner};
use super::store::Failure;

/// Elements of the section, and what asks for the same.
pub(super) const RULES: [(&str, &str); 5] = [
    ("keep_last", "--keep-last"),
    ("keep_daily", "--keep-daily"),
    ("keep_weekly", "--keep-weekly"),
    ("keep_monthly", "--keep-monthly"),
    ("keep_yearly", "--keep-yearly"),
];

/// What is kept: a number for some of [`RULES`].
pub(super) type Rules = Vec<(&'static str, u32)>;

/// Who removes days.
pub(super) struct Retention<'a> {
    pub(super) rules: &'a Rules,
    /// How objects are stored, of which only the key is needed for reading.
    pub(super) manner: &'a Manner,
    /// The bucket, and what keys in it begin with.
    pub(super) bucket: &'a str,
    pub(super) starting_day: StartingDay,
    pub(super) identity: &'a Identity,
    pub(super) program: PathBuf,
}

#[derive(Deserialize)]
struct Report {
    days: Vec<Fate>,
}

/// What becomes of a day in the bucket.
#[derive(Deserialize)]
pub(super) struct Fate {
    pub(super) date: String,
    pub(super) kept: bool,
    /// Why it stays, for people.
    pub(super) reasons: Vec<String>,
}

impl Retention<'_> {
    /// Removes days, unless it only looks at what would become of them.
    pub(super) fn prune(&self, acts: bool, system: &System) -> Result<Vec<Fate>, Failure> {
        let place = format!("s3://{}", self.bucket);
        let mut words = vec![self.program.clone().into_os_string(), "prune".into(), place.into()];
        for (option, number) in self.rules {
            words.extend([OsString::from(option), number.to_string().into()]);
        }
        for (switch, value) in self.manner.iter().filter(|(switch, _)| *switch == CUSTOMER_KEY) {
            words.extend([OsString::from(switch), value.into()]);
        }
        words.extend(["--starting-day".into(), self.starting_day.to_string().into(), "--json".into()]);
        words.extend((!acts).then(|| "--dry-run".into()));
        let mut answer = Vec::new();
        let finished = system.runner.stream(&self.identity.command(&words), &mut answer)?;
        match serde_json::from_slice::<Report>(&answer) {
            Ok(report) if finished.success() => Ok(report.days),
            _ => Err(Failure::Refused(finished.explain("redcedar prune"))),
        }
    }
}
