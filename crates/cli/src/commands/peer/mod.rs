//! `redcedar peer`: setting up and proving how other machines are reached.

mod add;
mod check;

use clap::Subcommand;

use super::{CommandResult, Context, Out};

/// Set up a peer, or prove that it can be staged
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar peer check
  redcedar peer check web1
  redcedar peer add web2 --collect-dir /var/backups/redcedar/collect --dry-run

Run `redcedar help peer COMMAND` for the options of each.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Add(add::Args),
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    match &args.command {
        Command::Check(args) => check::run(args, context, out),
        Command::Add(args) => add::run(args, context, out),
    }
}
