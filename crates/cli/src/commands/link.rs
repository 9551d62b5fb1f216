//! `redcedar link`: the compatible names.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use redcedar_system::escape;
use serde::Serialize;

use super::{CommandError, CommandResult, Context, Out, paths};
use crate::exit::Exit;
use crate::output::json::{Document, JsonPath};
use crate::programs::PROGRAMS;

/// Make symbolic links by which this program has the names of the originals
///
/// Called by one of these names, the program takes the switches of Cedar Backup 3 or 2 or of jw.backup and behaves as they do. A link that is
/// there already and right is left alone; anything else by that name is not touched and is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar link /usr/local/sbin
  redcedar link /usr/local/sbin --dry-run")]
pub(crate) struct Args {
    /// Where to make the links
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

#[derive(Serialize)]
struct Links {
    links: Vec<Link>,
}

#[derive(Serialize)]
struct Link {
    path: JsonPath,
    /// `made`, `there`, or with `--dry-run` `missing`.
    state: &'static str,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let failed = |error| CommandError::new(Exit::Failed, error);
    let program = std::env::current_exe().context("cannot find out where this program is").map_err(failed)?;
    let directory = paths::existing(&args.directory)
        .with_context(|| format!("cannot make links in {}", escape::display(&args.directory)))
        .map_err(failed)?;
    let mut links = Vec::new();
    for name in PROGRAMS.iter().skip(1).map(|program| program.name) {
        let path = directory.join(name);
        let state = make(&path, &program, context.global.dry_run).map_err(failed)?;
        links.push(Link { path: JsonPath(path), state });
    }
    if context.global.json {
        out.json(&Document::new("link", Links { links }))?;
        return Ok(Exit::Done);
    }
    for Link { path, state } in &links {
        writeln!(out, "{} -> {} ({state})", escape::display(&path.0), escape::display(&program))?;
    }
    Ok(Exit::Done)
}

fn make(link: &Path, program: &Path, dry_run: bool) -> anyhow::Result<&'static str> {
    match fs_err::symlink_metadata(link) {
        Ok(_) => {
            let leads_here = fs_err::canonicalize(link).is_ok_and(|target| target == program);
            anyhow::ensure!(leads_here, "{} is something else already", escape::display(link));
            Ok("there")
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("cannot see whether the link is there")
        }
        Err(_) if dry_run => Ok("missing"),
        Err(_) => {
            fs_err::os::unix::fs::symlink(program, link).context("cannot make the link")?;
            Ok("made")
        }
    }
}
