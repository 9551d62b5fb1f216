//! `redcedar snapshot`: trees of files, one per run, that share what did not change.

mod create;
mod diff;
mod list;
mod prune;
mod restore;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;
use redcedar_generations::store::{Generation, Store, StoreError};

use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;

/// Keep trees of files, one per run, that share what did not change
///
/// A store holds a generation per run: a tree that can be looked at and copied with any program, and a manifest beside it. Files
/// that did not change are hard links to those of the generation before; what packages of the system bring back as it is
/// is left out. Generations of jw.backup are read and continued.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar snapshot create /etc /home --to /mnt/snapshots --init
  redcedar snapshot list --from /mnt/store
  redcedar snapshot restore /home/anna --from /mnt/store --to /tmp/restored
  redcedar snapshot verify --from /mnt/store

Run `redcedar help snapshot COMMAND` for the options of each.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Args),
    List(list::Args),
    Restore(restore::Args),
    Verify(verify::Args),
    Diff(diff::Args),
    Prune(prune::Args),
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    match &args.command {
        Command::Create(args) => create::run(args, context, out),
        Command::List(args) => list::run(args, context, out),
        Command::Restore(args) => restore::run(args, context, out),
        Command::Verify(args) => verify::run(args, context, out),
        Command::Diff(args) => diff::run(args, context, out),
        Command::Prune(args) => prune::run(args, context, out),
    }
}

/// Which store is read.
#[derive(Debug, clap::Args)]
struct StoreArgs {
    /// The store: the directory with the generations
    #[arg(long, value_name = "STORE")]
    from: PathBuf,
}

impl StoreArgs {
    fn open(&self) -> Result<Store, CommandError> {
        Store::open(&self.from).map_err(refusal)
    }
}

/// Finds a generation by its name; the newest without.
fn find(store: &Store, wanted: Option<&str>) -> Result<Generation, CommandError> {
    store.find(wanted).map_err(refusal)
}

fn refusal(error: StoreError) -> CommandError {
    let hint = match &error {
        StoreError::NoStore { .. } => Some("--init makes the directory a store"),
        StoreError::NoGeneration { .. } => Some("`redcedar snapshot list` shows which generations there are"),
        _ => None,
    };
    let refusal = CommandError::new(Exit::Failed, error);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}
