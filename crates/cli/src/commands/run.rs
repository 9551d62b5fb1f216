//! `redcedar run`: the actions of a configuration.

use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;

/// Run actions of the configuration: collect, stage, purge, …
///
/// `collect` stores what is configured into archives, `stage` gathers the archives of all peers in a directory for each day,
/// `purge` deletes what is old enough. `all` is collect, stage, store and purge. Actions run in their configured order, whatever
/// the order of the words.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar run collect stage purge
  redcedar run collect --full
  redcedar run collect stage purge --dry-run")]
pub(crate) struct Args {
    /// What to do: collect, stage, purge, all, validate, or an action of the configuration
    #[arg(value_name = "ACTION", required = true)]
    actions: Vec<String>,
    /// Store everything, as on the first day of the week
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let _ = (args, context, out);
    Err(CommandError::message(Exit::Failed, "this build cannot run actions yet"))
}
