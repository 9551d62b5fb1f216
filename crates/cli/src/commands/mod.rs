//! The commands of `redcedar`, one file each: its arguments, and what it does with them. The work itself is in the library.

pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod diagnostics;
pub(crate) mod diff;
pub(crate) mod drill;
pub(crate) mod find;
pub(crate) mod init;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod mount;
pub(crate) mod peer;
pub(crate) mod prune;
pub(crate) mod restore;
pub(crate) mod run;
pub(crate) mod snapshot;
pub(crate) mod span;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod uploads;
pub(crate) mod validate;
pub(crate) mod validate_command;
pub(crate) mod verify;

mod bucket;
mod configuration;
mod context;
mod discs;
mod error;
mod outcome;
mod paths;
mod source;

pub(crate) use context::{Context, Out};
pub(crate) use error::CommandError;

use crate::args::Command;
use crate::exit::Exit;

/// How a command ends: with an exit code of its own choice, or with an error that says why there is no result.
pub(crate) type CommandResult = Result<Exit, CommandError>;

/// Does what was asked for.
pub(crate) fn execute(command: &Command, context: &Context, out: &mut Out) -> CommandResult {
    match command {
        Command::Backup(args) => backup::run(args, context, out),
        Command::Run(args) => run::run(args, context, out),
        Command::List(args) => list::run(args, context, out),
        Command::Find(args) => find::run(args, context, out),
        Command::Diff(args) => diff::run(args, context, out),
        Command::Mount(args) => mount::run(args, context, out),
        Command::Restore(args) => restore::run(args, context, out),
        Command::Verify(args) => verify::run(args, context, out),
        Command::Drill(args) => drill::run(args, context, out),
        Command::Status(args) => status::run(args, context, out),
        Command::Span(args) => span::run(args, context, out),
        Command::Snapshot(args) => snapshot::run(args, context, out),
        Command::Sync(args) => sync::run(args, context, out),
        Command::Uploads(args) => uploads::run(args, context, out),
        Command::Prune(args) => prune::run(args, context, out),
        Command::Peer(args) => peer::run(args, context, out),
        Command::Init(args) => init::run(args, context, out),
        Command::Validate(args) => validate::run(args, context, out),
        Command::Forced(args) => validate_command::run(args, context),
        Command::Diagnostics(args) => diagnostics::run(args, context, out),
        Command::Link(args) => link::run(args, context, out),
        Command::Completions(args) => completions::run(args, context, out),
        Command::Man(args) => man::run(args, context, out),
    }
}
