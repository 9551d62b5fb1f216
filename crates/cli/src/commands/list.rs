//! `redcedar list`: what there is.

use super::source::SourceArgs;
use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;

/// List what is there: days, machines, items
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar list --from /mnt/backup
  redcedar list
  redcedar list --from /mnt/backup --json")]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let _ = (args, context, out);
    Err(CommandError::message(Exit::Failed, "this build cannot list yet"))
}
