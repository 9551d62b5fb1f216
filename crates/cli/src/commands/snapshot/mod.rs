//! `redcedar snapshot`: trees of files, one per run, that share what did not change.

mod by_config;
mod create;
mod diff;
mod drill;
mod list;
mod prune;
mod rebuild_plan;
mod restore;
mod source;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;
use redcedar_generations::config::{Config, Destination, LoadError, Loaded};
use redcedar_generations::store::{Generation, Store, StoreError};
use redcedar_system::escape;

pub(super) use self::source::{Wishes, is_store, list_store, restore_store, verify_store};
use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;

/// Keep trees of files, one per run, that share what did not change
///
/// A store holds a generation per run: a tree that can be looked at and copied with any program, and a manifest beside it. Files
/// that did not change are hard links to those of the generation before; what packages of the system bring back as it is
/// is left out. Generations of jw.backup are read and continued.
///
/// --config names a file as that of jw.backup (see docs/snapshots.md): `create` makes the generation that it describes, the
/// others use its store where none is named.
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
    RebuildPlan(rebuild_plan::Args),
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    match &args.command {
        Command::Create(args) => create::run(args, context, out),
        Command::List(args) => list::run(args, context, out),
        Command::Restore(args) => restore::run(args, context, out),
        Command::Verify(args) => verify::run(args, context, out),
        Command::Diff(args) => diff::run(args, context, out),
        Command::Prune(args) => prune::run(args, context, out),
        Command::RebuildPlan(args) => rebuild_plan::run(args, context, out),
    }
}

/// Which store is read.
#[derive(Debug, clap::Args)]
struct StoreArgs {
    /// The store: the directory with the generations [default: that of --config FILE]
    #[arg(long, value_name = "STORE")]
    from: Option<PathBuf>,
}

impl StoreArgs {
    fn open(&self, context: &Context) -> Result<Store, CommandError> {
        Store::open(&self.path(context)?).map_err(refusal)
    }

    /// Where the store is.
    fn path(&self, context: &Context) -> Result<PathBuf, CommandError> {
        if let Some(from) = &self.from {
            return Ok(from.clone());
        }
        let config = configured(context)?.ok_or_else(|| {
            CommandError::message(Exit::Usage, "no store is named")
                .hint("name one with --from STORE, or a configuration with --config FILE")
        })?;
        let Destination { directory, remote } = config.destination;
        match remote {
            None => Ok(directory),
            Some(remote) => {
                let directory = escape::display(&directory);
                let message = format!("the store is on another machine, {}", escape::display(&remote.host));
                Err(CommandError::message(Exit::Configuration, message)
                    .hint(format!("run this there, with --from {directory}")))
            }
        }
    }
}

/// The configuration that was named, if one was. What is doubtful about it is told.
fn configured(context: &Context) -> Result<Option<Config>, CommandError> {
    let Some(path) = &context.global.config else { return Ok(None) };
    match Config::load(path, &context.environment) {
        Ok(Loaded { config, warnings }) => {
            warnings.lines().for_each(|line| context.system.monitor.warning(line));
            Ok(Some(config))
        }
        Err(LoadError::Invalid { diagnostics, .. }) => {
            let message = format!("{} is not a valid configuration", escape::display(path));
            Err(CommandError::message(Exit::Configuration, message).findings(diagnostics))
        }
        Err(error) => Err(CommandError::new(Exit::Configuration, error)),
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
