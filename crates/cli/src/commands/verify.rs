//! `redcedar verify`: proof that what is stored is what was collected.

use super::source::SourceArgs;
use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;

/// Prove that what is stored is what was collected
///
/// Reads every archive to its end and compares every member, every archive and every checksum file with what was noted when it
/// was written. Exits with 6 when anything is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar verify --from /mnt/backup
  redcedar verify")]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let _ = (args, context, out);
    Err(CommandError::message(Exit::Failed, "this build cannot verify yet"))
}
