//! `redcedar restore`: everything back, as of any day.

pub(super) mod databases;
mod interactive;
mod mailboxes;
mod repositories;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Weekday};
use redcedar_restore::{
    Action, Deed, Failure, ItemReport, Overwrite, OwnerRule, PeerError, Report, RestoreError, RestoreRequest,
    Source, restore,
};
use redcedar_system::{System, escape};
use serde::Serialize;

use super::source::{Found, SourceArgs};
use super::{CommandError, CommandResult, Context, Out, paths, snapshot};
use crate::day::Day;
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, JsonPath, result_word};

/// Bring it back, as of any day
///
/// Recreates each PATH below DIR with its whole path, as `tar -C DIR` would: /etc/fstab becomes DIR/etc/fstab. Without a PATH,
/// everything comes back. Deleted files stay deleted. Nothing is written where it was unless --in-place asks for it, and nothing
/// that is there already is replaced unless --overwrite allows it. A restore that was interrupted goes on where it was with
/// --overwrite if-different.
///
/// A database comes back as SQL in a file, or is loaded into a server that has no such database, or an empty one. A mailbox comes
/// back as the file DIR, put together from its pieces; a directory of mailboxes as the directory DIR.
///
/// A repository of Subversion, Git or Mercurial is made anew in DIR, with everything it had on the day, by the program it belongs
/// to. A SQLite database comes back as the file DIR.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar restore --from /mnt/backup --to /tmp/restored
  redcedar restore /home/anna/report.odt --from /mnt/backup --to /tmp/report
  redcedar restore --from /mnt/backup --to /tmp/earlier --as-of yesterday
  redcedar restore /home/anna/report.odt --from /mnt/backup --in-place --overwrite if-different
  redcedar restore --interactive --from /mnt/backup
  redcedar restore /home/anna --from /mnt/backup --to /tmp/anna --strip 2 --map-owner 1000=0
  redcedar restore /home/anna --in-place --overwrite if-different --delete --dry-run -v
  redcedar restore --to /tmp/everything --dry-run
  redcedar restore --database web --to-file /tmp/web.sql
  redcedar restore --database web --into-server --server-option=--host=db1
  redcedar restore --repository /srv/svn/project --to /tmp/project
  redcedar restore --sqlite /srv/app/app.db --to /tmp/app.db
  redcedar restore --mailbox /var/mail/anna --to /tmp/anna")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch")]
pub(crate) struct Args {
    /// Files or directories to bring back [default: everything]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    /// Only this item: the file or directory that was configured, or given to `backup`
    #[arg(long, value_name = "PATH")]
    item: Option<OsString>,
    /// Directory to recreate the paths in; it is made if need be
    #[arg(long, value_name = "DIR", conflicts_with_all = ["in_place", "into"])]
    to: Option<PathBuf>,
    /// Write everything where it was
    #[arg(long, conflicts_with = "into")]
    in_place: bool,
    /// Look around, mark what is to come back, and restore it [default: on a terminal, if nothing else is said]
    #[arg(long, conflicts_with_all = ["paths", "item", "to", "in_place", "into", "repository", "sqlite", "mailbox", "json"])]
    interactive: bool,
    /// As it was on this day: YYYY-MM-DD, "yesterday", "3 days ago" [default: the newest]
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
    /// What to do with what is there already [default: DIR must be empty; with --in-place: never]
    #[arg(long, value_name = "WHEN", value_enum)]
    overwrite: Option<OverwriteMode>,
    /// Leave out the first N names of each path below DIR: with 2, /home/anna/x becomes DIR/x
    #[arg(long, value_name = "N", default_value_t, hide_default_value = true, conflicts_with = "in_place")]
    strip: usize,
    /// Remove what is below the paths and was not there on that day, what was left out of the backup as well; with --dry-run, each
    /// is listed. Other file systems and what other items hold stay
    #[arg(long, requires = "overwrite")]
    delete: bool,
    /// Set owners by number, not by name
    #[arg(long)]
    numeric_owner: bool,
    /// Give to others what was somebody's: USER[:GROUP]=USER[:GROUP], names or numbers; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    map_owner: Vec<OwnerRule>,
    #[command(flatten)]
    databases: databases::DatabaseArgs,
    #[command(flatten)]
    repositories: repositories::Args,
    #[command(flatten)]
    mailboxes: mailboxes::MailboxArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OverwriteMode {
    /// Leave it alone
    Never,
    /// Replace it where size, time, mode, owner or kind differ
    IfDifferent,
    /// Replace it where what is stored changed later; directories stay as they are
    IfOlder,
    /// Replace it
    Always,
}

impl From<OverwriteMode> for Overwrite {
    fn from(mode: OverwriteMode) -> Self {
        match mode {
            OverwriteMode::Never => Self::Never,
            OverwriteMode::IfDifferent => Self::IfDifferent,
            OverwriteMode::IfOlder => Self::IfOlder,
            OverwriteMode::Always => Self::Always,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    if let Some(store) = args.source.snapshots()? {
        return of_snapshots(store, args, context, out);
    }
    if args.databases.is_meant() {
        return databases::run(args, context, out);
    }
    let (repository, mailbox) = (args.repositories.wanted(), args.mailboxes.wanted());
    if repository.is_none() && mailbox.is_none() && args.is_interactive() {
        return interactive::run(args, context, out);
    }
    if args.to.is_none() && !args.in_place {
        let message = "it is not said where everything is to be written";
        let hint = "--to DIR, --in-place, or --interactive to look around first";
        return Err(CommandError::message(Exit::Usage, message).hint(hint));
    }
    if let Some(wanted) = repository {
        return repositories::run(&wanted, args, context, out);
    }
    if let Some(wanted) = mailbox {
        return mailboxes::run(wanted, args, context, out);
    }
    let Found { source, starting_day } = args.source.find(context)?;
    bring_back(&source, &request(args, starting_day, context)?, context, out)
}

impl Args {
    /// Whether somebody sits there who has not said yet what he wants.
    fn is_interactive(&self) -> bool {
        let Self { paths, item, to, in_place, interactive, .. } = self;
        let says_nothing = paths.is_empty() && item.is_none() && to.is_none() && !in_place;
        *interactive || (says_nothing && io::stdin().is_terminal() && io::stdout().is_terminal())
    }
}

/// Brings back what is in a snapshot, which knows nothing of items, databases and the like.
fn of_snapshots(store: &Path, args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let knows_it = args.item.is_none()
        && args.strip == 0
        && !args.delete
        && args.map_owner.is_empty()
        && !args.interactive
        && !args.databases.is_meant()
        && args.repositories.wanted().is_none()
        && args.mailboxes.wanted().is_none()
        && (args.to.is_some() || args.in_place);
    if !knows_it {
        let message = "of snapshots, paths are restored, with --to or --in-place, --as-of, --overwrite and --numeric-owner";
        return Err(CommandError::message(Exit::Usage, message).hint("`redcedar help snapshot restore`"));
    }
    let wishes = snapshot::Wishes {
        paths: args.paths.clone(),
        as_of: as_of(args, context)?,
        to: args.to.clone(),
        in_place: args.in_place,
        overwrite: args.overwrite,
        numeric_owner: args.numeric_owner,
    };
    snapshot::restore_store(store, wishes, context, out)
}

fn bring_back(source: &Source, request: &RestoreRequest, context: &Context, out: &mut Out) -> CommandResult {
    let System { monitor, interrupt, .. } = &context.system;
    let report = restore(source, request, monitor.as_ref(), interrupt).map_err(refusal)?;
    context.terminal.finish();
    let exit = exit_of(&report);
    if context.global.json {
        out.json(&Document::new("restore", JsonReport::new(&report, request, exit, context)))?;
    } else {
        tell(&report, context);
        summarise(&report, request, context, out)?;
    }
    Ok(exit)
}

fn request(
    args: &Args,
    starting_day: Option<Weekday>,
    context: &Context,
) -> Result<RestoreRequest, CommandError> {
    let unusable = |error| CommandError::new(Exit::Failed, error).hint("name absolute paths");
    let overwrite = args.overwrite.map(Overwrite::from);
    Ok(RestoreRequest {
        peer: args.source.peer.clone(),
        item: args.item.clone(),
        paths: args
            .paths
            .iter()
            .map(|path| paths::absolute(path))
            .collect::<Result<_, _>>()
            .map_err(unusable)?,
        as_of: as_of(args, context)?,
        target: args.to.clone().unwrap_or_else(|| PathBuf::from("/")),
        strip: args.strip,
        in_place: args.in_place,
        overwrite: if args.in_place { overwrite.or(Some(Overwrite::Never)) } else { overwrite },
        numeric_owner: args.numeric_owner,
        owners: args.map_owner.clone(),
        delete: args.delete,
        starting_day,
        dry_run: context.global.dry_run,
    })
}

/// The day whose state is wanted.
fn as_of(args: &Args, context: &Context) -> Result<Option<Date>, CommandError> {
    let today = context.system.clock.now().date();
    let day = args.as_of.map(|day| day.resolve(today)).transpose();
    day.map_err(|error| CommandError::new(Exit::Usage, error))
}

fn refusal(error: RestoreError) -> CommandError {
    let exit = match error {
        RestoreError::Interrupted(_) => Exit::Interrupted,
        RestoreError::DeleteAlone => Exit::Usage,
        _ => Exit::Failed,
    };
    let hint = match &error {
        RestoreError::Peer(PeerError::Several { .. }) => Some("--peer NAME"),
        RestoreError::TargetNotEmpty { .. } => Some("--overwrite never, if-different, if-older or always"),
        RestoreError::DeleteAlone => Some("--overwrite if-different, or always"),
        RestoreError::InPlace => Some("--in-place"),
        RestoreError::NoPath { .. } => {
            Some("`redcedar list` shows which days there are; --as-of DAY chooses one")
        }
        _ => None,
    };
    let refusal = CommandError::new(exit, error);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

fn exit_of(report: &Report) -> Exit {
    match (report.failures.is_empty(), report.restored + report.unchanged + report.skipped) {
        (true, _) => Exit::Done,
        (false, 0) => Exit::Failed,
        (false, _) => Exit::Incomplete,
    }
}

/// What has to be known about what was restored, and what was not.
fn tell(report: &Report, context: &Context) {
    let monitor = &context.system.monitor;
    for item in &report.items {
        item.caveats.iter().for_each(|caveat| monitor.warning(format!("{}: {caveat}", item.item)));
    }
    report.warnings.iter().for_each(|warning| monitor.warning(warning));
    report.failures.iter().for_each(|failure| monitor.error(failure.to_string()));
}

fn summarise(report: &Report, request: &RestoreRequest, context: &Context, out: &mut Out) -> io::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    for ItemReport { peer, item, days, .. } in &report.items {
        match days[..] {
            [] => writeln!(out, "{peer}: {item}: nothing")?,
            [day] => writeln!(out, "{peer}: {item} of {day}")?,
            [first, .., last] => writeln!(out, "{peer}: {item} of {last} (full backup of {first})")?,
        }
    }
    for Action { path, deed } in actions_to_tell(report, context) {
        writeln!(out, "{:7} {}", deed.word(), escape::display(&request.target.join(path)))?;
    }
    let verb = if request.dry_run { "would restore" } else { "restored" };
    let to = escape::display(&request.target);
    let took =
        if request.dry_run { String::new() } else { format!(" in {}", Time(context.started.elapsed())) };
    writeln!(out, "{verb} {}, {}, to {to}{took}", Counted(report.restored, "object"), Size(report.bytes))?;
    if report.unchanged > 0 {
        writeln!(out, "{} there already and the same", Counted(report.unchanged, "object"))?;
    }
    if report.skipped > 0 {
        writeln!(out, "{} there already and left alone", Counted(report.skipped, "object"))?;
    }
    if report.deleted > 0 {
        let verb = if request.dry_run { "would be deleted" } else { "deleted" };
        writeln!(out, "{} not there on that day {verb}", Counted(report.deleted, "object"))?;
    }
    if !report.failures.is_empty() {
        writeln!(out, "{}", Counted(report.failures.len() as u64, "failure"))?;
    }
    Ok(())
}

/// What a dry run would do with each path; without `-v` only what would go.
fn actions_to_tell<'r>(report: &'r Report, context: &Context) -> impl Iterator<Item = &'r Action> {
    let all = context.global.verbose > 0;
    report.actions.iter().filter(move |action| all || action.deed == Deed::Delete)
}

#[derive(Serialize)]
struct JsonReport {
    result: &'static str,
    seconds: f64,
    items: Vec<JsonItem>,
    restored: u64,
    unchanged: u64,
    skipped: u64,
    deleted: u64,
    bytes: u64,
    failures: Vec<JsonFailure>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<JsonAction>>,
}

#[derive(Serialize)]
struct JsonAction {
    path: JsonPath,
    action: &'static str,
}

#[derive(Serialize)]
struct JsonItem {
    peer: String,
    item: String,
    days: Vec<String>,
    caveats: Vec<String>,
}

#[derive(Serialize)]
struct JsonFailure {
    path: JsonPath,
    reason: String,
}

impl JsonReport {
    fn new(report: &Report, request: &RestoreRequest, exit: Exit, context: &Context) -> Self {
        let item = |item: &ItemReport| JsonItem {
            peer: item.peer.clone(),
            item: item.item.clone(),
            days: item.days.iter().map(ToString::to_string).collect(),
            caveats: item.caveats.iter().map(ToString::to_string).collect(),
        };
        let failure = |failure: &Failure| JsonFailure {
            path: failure.path.as_path().into(),
            reason: failure.reason.clone(),
        };
        let action = |Action { path, deed }: &Action| JsonAction {
            path: request.target.join(path).as_path().into(),
            action: deed.word(),
        };
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            items: report.items.iter().map(item).collect(),
            restored: report.restored,
            unchanged: report.unchanged,
            skipped: report.skipped,
            deleted: report.deleted,
            bytes: report.bytes,
            failures: report.failures.iter().map(failure).collect(),
            warnings: report.warnings.clone(),
            actions: request.dry_run.then(|| report.actions.iter().map(action).collect()),
        }
    }
}
