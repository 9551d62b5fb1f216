//! Mailboxes: put together from their pieces.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;

use jiff::civil::Weekday;
use redcedar_restore::PeerError;
use redcedar_restore::mailbox::{MailError, Report, Request, restore};
use redcedar_system::{System, escape};
use serde::Serialize;

use super::{OverwriteMode, as_of};
use crate::commands::source::Found;
use crate::commands::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, JsonPath, result_word};

/// Which mailboxes are meant.
#[derive(Debug, clap::Args)]
pub(super) struct MailboxArgs {
    /// This mailbox, or directory of mailboxes, put together from its pieces: a configured path, a mailbox in a configured
    /// directory, or the name in `redcedar list`
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with_all = ["paths", "item", "in_place", "numeric_owner", "strip", "delete", "map_owner", "databases", "into"],
        help_heading = "Mailboxes"
    )]
    mailbox: Option<OsString>,
}

impl MailboxArgs {
    /// The mailbox, if one is meant.
    pub(super) fn wanted(&self) -> Option<&OsStr> {
        self.mailbox.as_deref()
    }
}

/// Brings a mailbox back.
pub(super) fn run(wanted: &OsStr, args: &super::Args, context: &Context, out: &mut Out) -> CommandResult {
    let Found { source, starting_day } = args.source.find(context)?;
    let request = request(wanted, args, starting_day, context)?;
    let System { monitor, interrupt, .. } = &context.system;
    let report = restore(&source, &request, monitor.as_ref(), interrupt).map_err(refusal)?;
    context.terminal.finish();
    let exit = match (report.failures.is_empty(), report.mailboxes.is_empty()) {
        (true, _) => Exit::Done,
        (false, false) => Exit::Incomplete,
        (false, true) => Exit::Failed,
    };
    if context.global.json {
        out.json(&Document::new("restore", JsonReport::new(&report, exit, context)))?;
    } else {
        report.warnings.iter().for_each(|warning| monitor.warning(format!("{}: {warning}", report.name)));
        report.failures.iter().for_each(|failure| monitor.error(failure));
        summarise(&report, &request, context, out)?;
    }
    Ok(exit)
}

fn request(
    wanted: &OsStr,
    args: &super::Args,
    starting_day: Option<Weekday>,
    context: &Context,
) -> Result<Request, CommandError> {
    let overwrite = match args.overwrite {
        None | Some(OverwriteMode::Never) => false,
        Some(OverwriteMode::Always) => true,
        Some(OverwriteMode::IfDifferent | OverwriteMode::IfOlder) => {
            let message = "a mailbox is replaced or left alone; there is nothing to compare it by";
            return Err(CommandError::message(Exit::Usage, message).hint("--overwrite always"));
        }
    };
    Ok(Request {
        peer: args.source.peer.clone(),
        wanted: wanted.to_owned(),
        as_of: as_of(args, context)?,
        target: args.to.clone().unwrap_or_else(|| PathBuf::from(".")),
        overwrite,
        starting_day,
        dry_run: context.global.dry_run,
    })
}

fn refusal(error: MailError) -> CommandError {
    let exit = if matches!(error, MailError::Interrupted(_)) { Exit::Interrupted } else { Exit::Failed };
    let hint = match &error {
        MailError::Peer(PeerError::Several { .. }) => Some("--peer NAME"),
        MailError::Exists { .. } => Some("choose another file, or say --overwrite always"),
        _ => None,
    };
    let refusal = CommandError::new(exit, error);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

fn summarise(report: &Report, request: &Request, context: &Context, out: &mut Out) -> io::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    let Report { peer, name, days, mailboxes, failures, .. } = report;
    match days[..] {
        [] => {}
        [day] => writeln!(out, "{peer}: {name} of {day}")?,
        [first, .., last] => {
            writeln!(
                out,
                "{peer}: {name} of {last} (from {} since {first})",
                Counted(days.len() as u64, "piece")
            )?;
        }
    }
    if request.dry_run {
        return writeln!(out, "would restore it to {}", escape::display(&request.target));
    }
    let messages = Counted(mailboxes.iter().map(|mailbox| mailbox.messages).sum(), "message");
    let bytes = Size(mailboxes.iter().map(|mailbox| mailbox.bytes).sum());
    let (count, to) = (mailboxes.len() as u64, escape::display(&request.target));
    let took = Time(context.started.elapsed());
    writeln!(out, "restored {}, {messages}, {bytes}, to {to} in {took}", Counted(count, "file"))?;
    let duplicates: u64 = mailboxes.iter().map(|mailbox| mailbox.duplicates).sum();
    if duplicates > 0 {
        writeln!(out, "{} left out, which are in more than one piece", Counted(duplicates, "duplicate"))?;
    }
    if !failures.is_empty() {
        writeln!(out, "{}", Counted(failures.len() as u64, "failure"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonReport<'a> {
    result: &'static str,
    seconds: f64,
    peer: &'a str,
    item: &'a str,
    days: Vec<String>,
    mailboxes: Vec<JsonMailbox>,
    failures: &'a [String],
    warnings: &'a [String],
}

#[derive(Serialize)]
struct JsonMailbox {
    path: JsonPath,
    messages: u64,
    duplicates: u64,
    bytes: u64,
}

impl<'a> JsonReport<'a> {
    fn new(report: &'a Report, exit: Exit, context: &Context) -> Self {
        let mailboxes = report.mailboxes.iter().map(|mailbox| JsonMailbox {
            path: mailbox.path.as_path().into(),
            messages: mailbox.messages,
            duplicates: mailbox.duplicates,
            bytes: mailbox.bytes,
        });
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            peer: &report.peer,
            item: &report.name,
            days: report.days.iter().map(ToString::to_string).collect(),
            mailboxes: mailboxes.collect(),
            failures: &report.failures,
            warnings: &report.warnings,
        }
    }
}
