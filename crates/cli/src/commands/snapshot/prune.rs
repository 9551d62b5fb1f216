//! `redcedar snapshot prune`.

use std::io::Write;

use redcedar_generations::prune::{PruneError, Verdict, prune};
use redcedar_generations::store::Store;
use redcedar_retention::Policy;
use serde::Serialize;

use super::super::{CommandError, CommandResult, Context, Out};
use super::{StoreArgs, configured, refusal};
use crate::exit::Exit;
use crate::output::json::Document;
use crate::output::table::{Align, Table};

/// Remove generations that no rule wants any more
///
/// What any of the rules wants stays; without any rule those of --config FILE count. So does the newest generation that has a manifest. Files that others share are not touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar snapshot prune --from /mnt/store --keep-last 30 --dry-run
  redcedar snapshot prune --from /mnt/store --keep-daily 7 --keep-weekly 5 --keep-monthly 12")]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    keep: Keep,
}

#[derive(Debug, clap::Args)]
#[group(id = "keep", multiple = true)]
struct Keep {
    /// Keep the newest N
    #[arg(long = "keep-last", value_name = "N", default_value_t = 0, hide_default_value = true)]
    last: u32,
    /// Keep the newest of each of the newest N hours that have any
    #[arg(long = "keep-hourly", value_name = "N", default_value_t = 0, hide_default_value = true)]
    hourly: u32,
    /// Keep the newest of each of the newest N days
    #[arg(long = "keep-daily", value_name = "N", default_value_t = 0, hide_default_value = true)]
    daily: u32,
    /// Keep the newest of each of the newest N weeks
    #[arg(long = "keep-weekly", value_name = "N", default_value_t = 0, hide_default_value = true)]
    weekly: u32,
    /// Keep the newest of each of the newest N months
    #[arg(long = "keep-monthly", value_name = "N", default_value_t = 0, hide_default_value = true)]
    monthly: u32,
    /// Keep the newest of each of the newest N years
    #[arg(long = "keep-yearly", value_name = "N", default_value_t = 0, hide_default_value = true)]
    yearly: u32,
    /// Keep all of the last N days
    #[arg(long = "keep-within-days", value_name = "N", default_value_t = 0, hide_default_value = true)]
    within_days: u32,
}

impl From<&Keep> for Policy {
    fn from(keep: &Keep) -> Self {
        let Keep { last, hourly, daily, weekly, monthly, yearly, within_days } = *keep;
        Self { last, hourly, daily, weekly, monthly, yearly, within_days }
    }
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let store = Store::open_marked(&args.store.path(context)?).map_err(refusal)?;
    let is_dry_run = context.global.dry_run;
    let verdicts =
        prune(&store, &policy(&args.keep, context)?, is_dry_run, &context.system).map_err(failed)?;
    if context.global.json {
        let generations = verdicts.iter().map(JsonVerdict::from).collect();
        out.json(&Document::new("snapshot prune", JsonPruned { generations }))?;
    } else if !context.global.quiet {
        let mut table =
            Table::new([("GENERATION", Align::Left), ("FATE", Align::Left), ("WHY", Align::Left)]);
        for verdict in &verdicts {
            let fate = match (verdict.reasons.is_empty(), is_dry_run) {
                (false, _) => "kept",
                (true, false) => "removed",
                (true, true) => "would be removed",
            };
            table.row([verdict.generation.name.to_string(), fate.to_owned(), words(verdict).join(", ")]);
        }
        table.write(out)?;
        out.flush()?;
    }
    Ok(Exit::Done)
}

/// The rules of the command line; without any those of the configuration.
fn policy(keep: &Keep, context: &Context) -> Result<Policy, CommandError> {
    let policy = Policy::from(keep);
    if policy != Policy::default() {
        return Ok(policy);
    }
    let configured = configured(context)?.map(|config| config.keep);
    configured.filter(|policy| *policy != Policy::default()).ok_or_else(|| {
        CommandError::message(Exit::Usage, "nothing says what is to stay")
            .hint("name at least one of the options --keep-…, or a configuration with --config FILE")
    })
}

fn failed(error: PruneError) -> CommandError {
    match error {
        PruneError::Store(error) => refusal(error),
        error @ PruneError::Interrupted(_) => CommandError::new(Exit::Interrupted, error),
        error => CommandError::new(Exit::Failed, error),
    }
}

fn words(verdict: &Verdict) -> Vec<String> {
    verdict.reasons.iter().map(ToString::to_string).collect()
}

#[derive(Serialize)]
struct JsonPruned {
    generations: Vec<JsonVerdict>,
}

#[derive(Serialize)]
struct JsonVerdict {
    generation: String,
    kept: bool,
    reasons: Vec<String>,
}

impl From<&Verdict> for JsonVerdict {
    fn from(verdict: &Verdict) -> Self {
        Self {
            generation: verdict.generation.name.to_string(),
            kept: !verdict.reasons.is_empty(),
            reasons: words(verdict),
        }
    }
}
