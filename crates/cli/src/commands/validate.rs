//! `redcedar validate`: what is wrong with a configuration.

use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;

/// Check the configuration
///
/// Shows all errors and warnings in one go, with the lines they are about, then whether directories, programs and accounts are
/// there. Exits with 4 when the configuration is not valid.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar validate
  redcedar validate --config /etc/cback3.conf --json")]
pub(crate) struct Args {}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let _ = (args, context, out);
    Err(CommandError::message(Exit::Failed, "this build cannot validate yet"))
}
