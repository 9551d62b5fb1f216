//! `redcedar mount`: all days of all machines as a file system.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_mount::{Ending, MountError, MountRequest, mount};
use redcedar_restore::browse::Browser;
use redcedar_system::{account, escape};
use serde::Serialize;

use super::source::SourceArgs;
use super::{CommandError, CommandResult, Context, Out};
use crate::day::Day;
use crate::exit::Exit;
use crate::output::human::Counted;
use crate::output::json::{Document, JsonPath};

/// Show all days of all machines as a read-only file system
///
/// DIR, an empty directory, gets one directory for each day, DIR/2026-11-24/MACHINE/…, with everything as it was on that day, and
/// DIR/latest/MACHINE, a link to the newest. Nothing is unpacked: archives are read where somebody reads a file. Databases,
/// repositories and mailboxes are not shown, and neither are extended attributes and access lists; `redcedar restore` brings all of it
/// back, and compares it with what was noted when it was stored.
///
/// It is there until somebody unmounts it or this command is interrupted. What is backed up later is seen by whoever mounts anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar mount /mnt/days --from /mnt/backup
  redcedar mount /mnt/days --from /mnt/backup --as-of yesterday --numeric-owner
  redcedar mount /mnt/days --dry-run")]
pub(crate) struct Args {
    /// Directory to mount on; it must be there, and empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    source: SourceArgs,
    /// No later days: YYYY-MM-DD, "yesterday", "3 days ago" [default: all]
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
    /// Let other users look as well, at what owners and modes of the files let them see. Owners are those of the machine that was
    /// backed up
    #[arg(long)]
    allow_other: bool,
    /// Show owners by number, not by name
    #[arg(long)]
    numeric_owner: bool,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let today = context.system.clock.now().date();
    let as_of = args.as_of.map(|day| day.resolve(today)).transpose();
    let as_of = as_of.map_err(|error| CommandError::new(Exit::Usage, error))?;
    let browser = args.source.browse(as_of, args.numeric_owner, context)?;
    let shown = Shown::new(&args.directory, &browser, context.global.dry_run);
    if context.global.dry_run {
        shown.tell(context, out)?;
        return Ok(Exit::Done);
    }
    let request = MountRequest { directory: args.directory.clone(), allow_other: args.allow_other };
    let mounted = mount(browser, &request, Arc::clone(&context.system.monitor)).map_err(refusal)?;
    shown.tell(context, out)?;
    out.flush()?;
    let Ending { was_in_use, problems } = mounted.wait(&context.system.interrupt).map_err(refusal)?;
    if was_in_use {
        let directory = escape::display(&args.directory);
        let message = format!("{directory} was in use; what is still open there cannot be read any more");
        context.system.monitor.warning(message);
    }
    Ok(if problems == 0 { Exit::Done } else { Exit::Incomplete })
}

fn refusal(error: MountError) -> CommandError {
    let hint = match &error {
        MountError::NotEmpty { .. } => Some("name an empty directory: what is in it would be hidden"),
        MountError::Refused { .. } if account::is_root() => {
            Some("is /dev/fuse there? `modprobe fuse` makes it")
        }
        MountError::Refused { .. } => {
            Some("who is not root needs the program `fusermount3`, of the package fuse3")
        }
        _ => None,
    };
    let refusal = CommandError::new(Exit::Failed, error);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

/// What there is to see.
#[derive(Serialize)]
struct Shown {
    directory: JsonPath,
    machines: Vec<ShownMachine>,
    mounted: bool,
}

#[derive(Serialize)]
struct ShownMachine {
    name: String,
    days: Vec<String>,
}

impl Shown {
    fn new(directory: &Path, browser: &Browser, dry_run: bool) -> Self {
        let machines = browser.machines().iter().map(|(name, days)| ShownMachine {
            name: escape::display(name).to_string(),
            days: days.iter().map(ToString::to_string).collect(),
        });
        Self { directory: directory.into(), machines: machines.collect(), mounted: !dry_run }
    }

    fn tell(&self, context: &Context, out: &mut Out) -> std::io::Result<()> {
        if context.global.json {
            return out.json(&Document::new("mount", self));
        }
        if context.global.quiet {
            return Ok(());
        }
        let directory = escape::display(&self.directory.0);
        let mut days: Vec<_> = self.machines.iter().flat_map(|machine| &machine.days).collect();
        days.sort();
        days.dedup();
        let (days, machines) = (Counted(days.len() as u64, "day"), self.machines.len() as u64);
        let machines = Counted(machines, "machine");
        if self.mounted {
            writeln!(
                out,
                "{days} of {machines} below {directory}, until `umount {directory}` or an interrupt"
            )
        } else {
            writeln!(out, "would show {days} of {machines} below {directory}")
        }
    }
}
