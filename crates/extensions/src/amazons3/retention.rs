//! Days in the bucket that no rule wants any more go, by `redcedar prune`, which the backup user runs.

use std::ffi::OsString;
use std::path::PathBuf;

use redcedar_config::value::StartingDay;
use redcedar_engine::remote::Identity;
use redcedar_system::System;
use serde::Deserialize;

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
    /// The bucket, and what keys in it begin with.
    pub(super) bucket: &'a str,
    pub(super) starting_day: StartingDay,
    pub(super) identity: &'a Identity,
    pub(super) program: PathBuf,
}

#[derive(Deserialize)]
struct Report {
    days: Vec<Day>,
}

#[derive(Deserialize)]
struct Day {
    date: String,
    kept: bool,
}

impl Retention<'_> {
    /// Removes days. Returns which.
    pub(super) fn prune(&self, system: &System) -> Result<Vec<String>, Failure> {
        let place = format!("s3://{}", self.bucket);
        let mut words = vec![self.program.clone().into_os_string(), "prune".into(), place.into()];
        for (option, number) in self.rules {
            words.extend([OsString::from(option), number.to_string().into()]);
        }
        words.extend(["--starting-day".into(), self.starting_day.to_string().into(), "--json".into()]);
        let mut answer = Vec::new();
        let finished = system.runner.stream(&self.identity.command(&words), &mut answer)?;
        match serde_json::from_slice::<Report>(&answer) {
            Ok(report) if finished.success() => {
                Ok(report.days.into_iter().filter(|day| !day.kept).map(|day| day.date).collect())
            }
            _ => Err(Failure::Refused(finished.explain("redcedar prune"))),
        }
    }
}
