//! `amazons3`: staged days go into a bucket of Amazon S3, or of a server that talks as it does.
//!
//! Nothing in the bucket goes before what takes its place is there and proved. A day that was begun and not completed is tried
//! again by each run until it is there.

mod attempts;
mod aws;
mod config;
mod contents;
mod days;
mod retention;
mod sealed;
mod store;
mod template;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;

use jiff::civil::Date;
use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind, program};
use redcedar_engine::remote::Identity;
use redcedar_engine::schedule::Today;
use redcedar_engine::{Omission, OmissionKind, Outcome, daily_dir, staged};
use redcedar_system::command::CommandError;
use redcedar_system::escape;
use redcedar_system::fs::Directory;

use self::attempts::Attempts;
use self::aws::Aws;
use self::config::{Manner, Settings};
use self::contents::Contents;
use self::days::{Choice, Day};
use self::retention::{Fate, Retention};
use self::sealed::{Sealing, TREE};
use self::store::{Failure, Native, Sent, Store, Upload};
use crate::staged::{mark, usable};

const NAME: &str = "amazons3";
/// In a day that is in the bucket.
const INDICATOR: &str = "cback.amazons3";

/// What `redcedar sync` keeps of a day, among what is kept of it.
const STATE: &str = "state";

/// See the module.
pub(crate) struct Amazons3;

impl Extension for Amazons3 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Staged
    }

    fn check(&self, document: &Document, config: &Config) -> Vec<Diagnostic> {
        config::read(document, config).1
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        Run::begin(call)?.days()
    }

    fn preview(&self, call: &Call<'_>) -> Result<Vec<String>, ExtensionError> {
        Run::begin(call)?.preview()
    }
}

fn failed(error: &dyn std::error::Error) -> ExtensionError {
    ExtensionError::Failed(error.to_string())
}

/// What a failure is to whoever runs the action.
fn interruption(failure: Failure) -> ExtensionError {
    match failure {
        Failure::Interrupted(interrupted) | Failure::Command(CommandError::Interrupted(interrupted)) => {
            interrupted.into()
        }
        failure => failed(&failure),
    }
}

/// The AWS CLI where the configuration says which, else ourselves.
fn store(call: &Call<'_>, identity: &Identity, manner: &Manner) -> Result<Box<dyn Store>, ExtensionError> {
    let identity = identity.clone();
    let aws = program("aws", &call.config.options);
    if aws != "aws" {
        return Ok(Box::new(Aws { program: aws, identity }));
    }
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    Ok(Box::new(Native { program, identity, manner: manner.clone() }))
}

struct Run<'a> {
    settings: Settings,
    identity: Identity,
    staging: Directory,
    attempts: Attempts,
    store: Box<dyn Store>,
    call: &'a Call<'a>,
}

impl<'a> Run<'a> {
    fn begin(call: &'a Call<'a>) -> Result<Self, ExtensionError> {
        let settings = usable(config::read(call.document, call.config))?;
        let stage = call.config.stage.as_ref().ok_or(ExtensionError::NotConfigured("Stage"))?;
        let options = &call.config.options;
        let identity = Identity::of(options).map_err(|error| failed(&error))?;
        let owner = identity.owner().map_err(|error| failed(&error))?;
        let staging = Directory::open(&stage.staging_dir).map_err(|error| failed(&error))?;
        let attempts = Attempts::open(&options.working_dir, owner).map_err(|error| failed(&error))?;
        let store = store(call, &identity, &settings.manner)?;
        Ok(Self { settings, identity, staging, attempts, store, call })
    }

    fn days(&self) -> Result<Outcome, ExtensionError> {
        let monitor = &self.call.system.monitor;
        let today = self.call.system.clock.now().date();
        let (days, choice) = self.choose()?;
        let due = match choice {
            Choice::Send(due) => due,
            Choice::AllSent => {
                monitor.warning("The staged days have been sent before: there is nothing to do.");
                return Ok(Outcome::default());
            }
            Choice::NothingStaged => {
                let message = "there is no staged day of today, yesterday or tomorrow that could be sent";
                return Err(ExtensionError::Failed(message.to_owned()));
            }
        };
        self.tell_of_others(&days, &due);
        let mut outcome = Outcome::default();
        for date in due {
            if date != today && self.settings.warn_midnight {
                monitor.warning(format!("Warning: the day [{date}] is sent, which is not today's."));
            }
            if let Err(failure) = self.day(date, &mut outcome) {
                let intent = format!("Cannot send the day {date} to {}", self.target(date));
                self.fail(&intent, failure, &mut outcome)?;
            }
        }
        if outcome.failures.is_empty()
            && !self.settings.keep.is_empty()
            && let Err(failure) = self.prune()
        {
            self.fail("Cannot remove days from the bucket", failure, &mut outcome)?;
        }
        Ok(outcome)
    }

    fn choose(&self) -> Result<(Vec<Day>, Choice), ExtensionError> {
        let today = self.call.system.clock.now().date();
        let days = days::look(&self.staging, &self.attempts).map_err(|error| failed(&error))?;
        let choice = days::choose(&days, today, self.call.full, self.settings.catch_up);
        Ok((days, choice))
    }

    /// What would be sent, and what would become of the days in the bucket, as things are now.
    fn preview(&self) -> Result<Vec<String>, ExtensionError> {
        let mut lines = match self.choose()?.1 {
            Choice::Send(due) => {
                let days = due.into_iter().map(|date| self.preview_day(date).map_err(interruption));
                days.collect::<Result<Vec<_>, _>>()?.concat()
            }
            Choice::AllSent | Choice::NothingStaged => vec!["no day would be sent".to_owned()],
        };
        if !self.settings.keep.is_empty() {
            for Fate { date, kept, reasons } in self.retention(false).map_err(interruption)? {
                let fate = if kept { "stays in" } else { "would be removed from" };
                lines.push(format!("{date} {fate} the bucket: {}", reasons.join(", ")));
            }
        }
        Ok(lines)
    }

    fn preview_day(&self, date: Date) -> Result<Vec<String>, Failure> {
        let contents = self.checked(date)?;
        let target = &self.target(date);
        let (count, bytes) = (contents.files.len(), contents.bytes());
        let clear = if self.settings.encrypt.is_some() { ", before they are encrypted" } else { "" };
        let mut lines = vec![format!("{date} would go to {target}: {count} files, {bytes} bytes{clear}")];
        let directory = &daily_dir::path(self.staging.path(), date);
        let state = &self.attempts.path(date).join(STATE);
        let upload = Upload { directory, contents: &contents, target, state };
        let costs = self.store.preview(&upload, self.call.system)?;
        lines.extend(costs.into_iter().map(|line| format!("  {line}")));
        Ok(lines)
    }

    fn fail(&self, intent: &str, failure: Failure, outcome: &mut Outcome) -> Result<(), ExtensionError> {
        match interruption(failure) {
            ExtensionError::Failed(failure) => {
                let message = format!("{intent}: {failure}");
                self.call.system.monitor.error(&message);
                outcome.failures.push(message);
                Ok(())
            }
            interrupted => Err(interrupted),
        }
    }

    fn prune(&self) -> Result<(), Failure> {
        for gone in self.retention(true)?.iter().filter(|day| !day.kept) {
            self.call.system.monitor.info(format!("The day {} was removed from the bucket.", gone.date));
        }
        Ok(())
    }

    fn retention(&self, acts: bool) -> Result<Vec<Fate>, Failure> {
        let retention = Retention {
            rules: &self.settings.keep,
            manner: &self.settings.manner,
            bucket: &self.settings.bucket,
            starting_day: self.call.config.options.starting_day,
            identity: &self.identity,
            program: std::env::current_exe()?,
        };
        retention.prune(acts, self.call.system)
    }

    /// Days that nobody sends are told, and how they would be.
    fn tell_of_others(&self, days: &[Day], due: &[Date]) {
        let others = days.iter().filter(|day| day.is_staged && !day.is_sent && !due.contains(&day.date));
        let others: Vec<_> = others.map(|day| day.date.to_string()).collect();
        if !others.is_empty() {
            self.call.system.monitor.info(format!(
                "Staged and not in the bucket: {}; they are sent with <catch_up>Y</catch_up>.",
                others.join(", ")
            ));
        }
    }

    fn day(&self, date: Date, outcome: &mut Outcome) -> Result<(), Failure> {
        let monitor = &self.call.system.monitor;
        let day = daily_dir::open(&self.staging, date)?;
        let contents = self.checked(date)?;
        monitor.task(&format!("Sending {date} to {}", self.target(date)));
        let attempt = self.attempts.begin(date)?;
        let sent = self.send(&day, date, &contents, &attempt);
        // Clear or not, nobody needs it any more.
        attempt.remove_all(OsStr::new(TREE))?;
        let Sent { files, bytes, deleted, unproved } = sent?;
        redcedar_system::checkpoint::reach("amazons3-before-indicator");
        mark(&day, INDICATOR, self.call.ownership, &**monitor)?;
        self.attempts.end(date)?;
        monitor
            .info(format!("The day {date} is in the bucket: {files} files sent, {deleted} objects deleted."));
        if unproved > 0 {
            monitor.info(format!("{unproved} objects are proved by their sizes alone."));
        }
        outcome.summary.bytes_in += contents.bytes();
        outcome.summary.bytes_out += bytes;
        for name in contents.strangers {
            let path = day.path().join(name);
            let detail = format!("[{}] is not sent: it is no regular file.", escape::display(&path));
            monitor.warning(&detail);
            outcome.omissions.push(Omission { path, kind: OmissionKind::Skipped, detail });
        }
        Ok(())
    }

    /// What goes of a day, unless it must not go.
    fn checked(&self, date: Date) -> Result<Contents, Failure> {
        let open = || daily_dir::open(&self.staging, date);
        let contents = Contents::of(open()?)?;
        contents.check_directories().map_err(Failure::Refused)?;
        if contents.files.is_empty() {
            return Err(Failure::Refused("there is nothing in it".to_owned()));
        }
        if self.settings.encrypt.is_none() {
            staged::refuse_clear_text(self.call.document, open()?)?;
        }
        self.check_limit(date, &contents, "")?;
        Ok(contents)
    }

    fn send(
        &self,
        day: &Directory,
        date: Date,
        contents: &Contents,
        attempt: &Directory,
    ) -> Result<Sent, Failure> {
        let system = self.call.system;
        let owner = self.attempts.owner();
        let (state, _) = attempt.create_directory(OsStr::new(STATE), 0o700, owner)?;
        let target = &self.target(date);
        let upload = |directory, contents| {
            self.store.upload(&Upload { directory, contents, target, state: state.path() }, system)
        };
        let Some(template) = &self.settings.encrypt else { return upload(day.path(), contents) };
        let sealing = Sealing { template, identity: &self.identity, owner, system };
        let sealed = sealing.seal(day.path(), contents, attempt)?;
        self.check_limit(date, &sealed, " when encrypted")?;
        upload(&attempt.path().join(TREE), &sealed)
    }

    /// Where a day goes.
    fn target(&self, date: Date) -> String {
        format!("s3://{}/{:04}/{:02}/{:02}", self.settings.bucket, date.year(), date.month(), date.day())
    }

    /// Full backups are made on the first day of the week, whichever day they are sent.
    #[expect(clippy::cast_precision_loss, reason = "the limit is not exact either")]
    fn check_limit(&self, date: Date, contents: &Contents, when: &str) -> Result<(), Failure> {
        let today = Today::new(date, self.call.config.options.starting_day, self.call.full);
        let is_full = today.full || today.is_starting_day;
        let (name, limit) = if is_full {
            ("full_size_limit", self.settings.full_limit)
        } else {
            ("incr_size_limit", self.settings.incr_limit)
        };
        let bytes = contents.bytes();
        match limit {
            Some(limit) if bytes as f64 > limit => Err(Failure::Refused(format!(
                "it has {bytes} bytes{when}, more than the {limit} of {name}; nothing is sent"
            ))),
            _ => Ok(()),
        }
    }
}
