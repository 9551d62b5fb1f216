//! `redcedar completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{CommandError, CommandResult, Context, Out};
use crate::args::Cli;
use crate::exit::Exit;

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar completions bash > /etc/bash_completion.d/redcedar
  redcedar completions zsh > /usr/local/share/zsh/site-functions/_redcedar
  redcedar completions fish > /etc/fish/completions/redcedar.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    if context.global.json {
        return Err(CommandError::message(Exit::Usage, "a completion script cannot be had as JSON"));
    }
    // Generated into memory: the generator cannot report an output that fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "redcedar", &mut script);
    std::io::Write::write_all(out, &script)?;
    Ok(Exit::Done)
}
