//! `redcedar man`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::CommandFactory;
use redcedar_system::escape;
use serde::Serialize;

use super::{CommandError, CommandResult, Context, Out};
use crate::args::Cli;
use crate::exit::Exit;
use crate::output::json::{Document, JsonPath};

/// Write the manual pages
///
/// One page for the program and one for each command, in section 1. Pages that are there already are replaced.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar man /usr/local/share/man/man1")]
pub(crate) struct Args {
    /// Where to write them
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

#[derive(Serialize)]
struct Pages {
    pages: Vec<JsonPath>,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    for (name, command) in pages_of(&command) {
        let path = args.directory.join(format!("{name}.1"));
        if !context.global.dry_run {
            write(&name, &command, &path).map_err(|error| CommandError::new(Exit::Failed, error))?;
        }
        pages.push(JsonPath(path));
    }
    if context.global.json {
        out.json(&Document::new("man", Pages { pages }))?;
        return Ok(Exit::Done);
    }
    for page in pages {
        writeln!(out, "{}", escape::display(&page.0))?;
    }
    Ok(Exit::Done)
}

/// The program, its commands and theirs, each with the name of its page.
fn pages_of(program: &clap::Command) -> Vec<(String, clap::Command)> {
    let mut pages = vec![(program.get_name().to_owned(), program.clone())];
    let mut next = 0;
    while let Some((name, command)) = pages.get(next).cloned() {
        let commands = command.get_subcommands().filter(|command| command.get_name() != "help");
        pages.extend(commands.map(|command| (format!("{name}-{}", command.get_name()), command.clone())));
        next += 1;
    }
    pages
}

fn write(name: &str, command: &clap::Command, path: &Path) -> anyhow::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .manual("Redcedar")
        .render(&mut page)
        .with_context(|| format!("cannot make the page {name}"))?;
    redcedar_system::fs::write_atomically(path, &page, 0o644, None).context("cannot write the page")
}
