//! `redcedar prune`: days in a bucket, thinned out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_config::value::StartingDay;
use redcedar_engine::schedule::weekday;
use redcedar_engine::{daily_dir, indicator};
use redcedar_objectstore::{Bucket, Deletion, Object};
use redcedar_restore::{Keys, Source};
use redcedar_retention::Policy;
use serde::Serialize;

use super::bucket::{self, ServerArgs};
use super::{CommandError, CommandResult, Context, Out};
use crate::bucket::place::BucketPlace;
use crate::bucket::thin::{Fate, Rules, fates};
use crate::exit::Exit;
use crate::output::human::{Count, Size};
use crate::output::json::Document;
use crate::output::table::{Align, Table};

/// Remove days from a bucket that no rule wants any more
///
/// What any of the rules wants stays, for each machine by itself; so do the newest day of each machine, and whatever a day that
/// stays builds on. Nothing is removed if one of the days lies in the future, or if not everything can be listed and read that
/// decides.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar prune s3://bucket/backup --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run
  redcedar prune s3://bucket/backup --keep-last 30")]
pub(crate) struct Args {
    /// The place in a bucket: the DEST of `backup`, or where `amazons3` puts days
    #[arg(value_name = "PLACE")]
    place: PathBuf,
    #[command(flatten)]
    keep: Keep,
    /// The day of the week on which everything is backed up, for what does not say what it builds on [default: such backups and
    /// all before them stay as long as a later one does]
    #[arg(long, value_name = "DAY")]
    starting_day: Option<StartingDay>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Keep {
    /// Keep the newest N days
    #[arg(long = "keep-last", value_name = "N", default_value_t = 0, hide_default_value = true)]
    last: u32,
    /// The same: a day has one backup here
    #[arg(long = "keep-daily", value_name = "N", default_value_t = 0, hide_default_value = true)]
    daily: u32,
    /// Keep the newest day of each of the newest N weeks that have any
    #[arg(long = "keep-weekly", value_name = "N", default_value_t = 0, hide_default_value = true)]
    weekly: u32,
    /// Keep the newest day of each of the newest N months
    #[arg(long = "keep-monthly", value_name = "N", default_value_t = 0, hide_default_value = true)]
    monthly: u32,
    /// Keep the newest day of each of the newest N years
    #[arg(long = "keep-yearly", value_name = "N", default_value_t = 0, hide_default_value = true)]
    yearly: u32,
}

impl From<&Keep> for Policy {
    fn from(keep: &Keep) -> Self {
        let Keep { last, daily, weekly, monthly, yearly } = *keep;
        Self { last, daily, weekly, monthly, yearly, ..Self::default() }
    }
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let address = bucket::required(&args.place)?;
    let bucket = bucket::connect(&address, &args.server, context)?;
    let place = Arc::new(BucketPlace::new(bucket.clone(), &address).map_err(bucket::refusal)?);
    let source = Source::open_places(vec![place.clone()], &Keys::default());
    let source = source.map_err(|error| CommandError::new(Exit::Failed, error))?;
    let rules = Rules {
        policy: (&args.keep).into(),
        starting_day: args.starting_day.map(weekday),
        now: context.system.clock.now().datetime(),
    };
    let fates = fates(&source, &rules).map_err(|error| CommandError::new(Exit::Failed, error))?;
    let mut days: Vec<Day> = Vec::new();
    for fate in fates {
        let objects = place.objects_below(&daily_dir::path(Path::new(""), fate.date).to_string_lossy());
        if objects.is_empty() {
            let message = format!("{address} has backups, but not in directories of days (YYYY/MM/DD)");
            return Err(CommandError::message(Exit::Failed, message));
        }
        days.push(Day { fate, objects });
    }
    let exit = if context.global.dry_run { Exit::Done } else { remove(&days, &bucket, context)? };
    context.terminal.finish();
    if context.global.json {
        let days = days.iter().map(JsonDay::from).collect();
        out.json(&Document::new("prune", JsonPruned { days }))?;
    } else if !context.global.quiet {
        show(&days, context.global.dry_run, out)?;
    }
    Ok(exit)
}

/// A day, and its objects.
struct Day {
    fate: Fate,
    objects: Vec<Object>,
}

impl Day {
    fn goes(&self) -> bool {
        self.fate.reasons.is_empty()
    }

    fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.size).sum()
    }

    fn reasons(&self) -> Vec<String> {
        self.fate.reasons.iter().map(ToString::to_string).collect()
    }
}

/// Removes what goes, the newest first: what is left after an interruption builds on nothing that is gone. What says that a day
/// is complete goes before the rest of it.
fn remove(days: &[Day], bucket: &Bucket, context: &Context) -> Result<Exit, CommandError> {
    let (mut exit, mut versions) = (Exit::Done, 0);
    for day in days.iter().rev().filter(|day| day.goes()) {
        context.system.monitor.task(&format!("Removing {}", day.fate.date));
        let keys = day.objects.iter().map(|object| object.key.clone());
        let is_indicator = |key: &String| {
            [indicator::STAGE, indicator::COLLECT].iter().any(|name| key.rsplit('/').next() == Some(name))
        };
        let (first, rest): (Vec<_>, Vec<_>) = keys.partition(is_indicator);
        for keys in [first, rest] {
            let Deletion { failed, kept } = bucket.delete(&keys).map_err(bucket::refusal)?;
            versions += kept;
            for (_, error) in failed {
                context.system.monitor.error(error.to_string());
                exit = Exit::Failed;
            }
        }
    }
    bucket::warn_of_versions(versions, context);
    Ok(exit)
}

fn show(days: &[Day], is_dry_run: bool, out: &mut Out) -> Result<(), CommandError> {
    let mut table = Table::new([
        ("DAY", Align::Left),
        ("OBJECTS", Align::Right),
        ("SIZE", Align::Right),
        ("FATE", Align::Left),
        ("WHY", Align::Left),
    ]);
    for day in days {
        let fate = match (day.goes(), is_dry_run) {
            (false, _) => "kept",
            (true, false) => "removed",
            (true, true) => "would be removed",
        };
        table.row([
            day.fate.date.to_string(),
            Count(day.objects.len() as u64).to_string(),
            Size(day.bytes()).to_string(),
            fate.to_owned(),
            day.reasons().join(", "),
        ]);
    }
    table.write(out)?;
    out.flush()?;
    Ok(())
}

#[derive(Serialize)]
struct JsonPruned {
    days: Vec<JsonDay>,
}

#[derive(Serialize)]
struct JsonDay {
    date: String,
    kept: bool,
    reasons: Vec<String>,
    objects: usize,
    bytes: u64,
}

impl From<&Day> for JsonDay {
    fn from(day: &Day) -> Self {
        Self {
            date: day.fate.date.to_string(),
            kept: !day.goes(),
            reasons: day.reasons(),
            objects: day.objects.len(),
            bytes: day.bytes(),
        }
    }
}
