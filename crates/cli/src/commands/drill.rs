//! `redcedar drill`: a restore for practice.

mod report;

use std::ffi::OsString;
use std::path::PathBuf;

use redcedar_config::value::ByteQuantity;
use redcedar_restore::PeerError;
use redcedar_restore::drill::{
    Choice, DrillError, DrillReport, DrillRequest, Drilled, Subject, choose, drill,
};

use super::restore::databases::wanted;
use super::source::{Found, SourceArgs};
use super::{CommandError, CommandResult, Context, Out, paths};
use crate::day::Day;
use crate::exit::Exit;
use crate::output::json::Document;

/// Restore for practice: into a scratch directory, compare, measure, and remove it
///
/// Trees are compared with their manifests, file by file, as they are on the disk. Dumps of databases are loaded into a server that is
/// made for them and thrown away, if MariaDB, MySQL or PostgreSQL is installed here; repositories are made anew and verified by
/// their own programs, SQLite databases checked by SQLite, mailboxes put together.
///
/// Says how long restoring takes (RTO) and how old what comes back is (RPO). Exits with 7 when something that came back is not what it
/// was, or could not be drilled though it was named; with 6 when nothing could be drilled.
///
/// Without a name, something is chosen by chance, another choice every day. Nothing of it is left.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar drill --from /mnt/backup
  redcedar drill /etc /home/anna --from /mnt/backup --scratch /tmp
  redcedar drill --all --dry-run
  redcedar drill --repository /srv/svn/project --sqlite /srv/app/app.db --mailbox /var/mail/anna
  redcedar drill --database mysql:web --as-of yesterday --dry-run
  redcedar drill --size 20GB --peer web1 --dry-run --json")]
pub(crate) struct Args {
    /// Files or directories to restore
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    /// This item: the file or directory that was configured, or given to `backup`; repeatable, like the following
    #[arg(long, value_name = "PATH")]
    item: Vec<OsString>,
    /// This database; `mysql:NAME` or `postgresql:NAME` where both have one of that name
    #[arg(long, value_name = "NAME")]
    database: Vec<OsString>,
    /// This repository of Subversion, Git or Mercurial
    #[arg(long, value_name = "NAME")]
    repository: Vec<OsString>,
    /// This SQLite database
    #[arg(long, value_name = "NAME")]
    sqlite: Vec<OsString>,
    /// This mailbox, or directory of mailboxes
    #[arg(long, value_name = "PATH")]
    mailbox: Vec<OsString>,
    /// Everything there is
    #[arg(long, conflicts_with_all = ["paths", "item", "database", "repository", "sqlite", "mailbox", "size"])]
    all: bool,
    /// Choose by chance, but not more than SIZE of what is stored: 500MB, 20GB
    #[arg(long, value_name = "SIZE", default_value = "1GB", conflicts_with_all = ["paths", "item", "database", "repository", "sqlite", "mailbox"])]
    size: ByteQuantity,
    /// As it was on this day: YYYY-MM-DD, "yesterday", "3 days ago" [default: the newest]
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
    /// Make the scratch directory in DIR [default: $TMPDIR, or /tmp]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

impl Args {
    fn choice(&self) -> Result<Choice, CommandError> {
        if self.all {
            return Ok(Choice::Everything);
        }
        let paths = self.paths.iter().map(|path| paths::absolute(path)).collect::<Result<Vec<_>, _>>();
        let paths = paths.map_err(|error| CommandError::new(Exit::Failed, error))?;
        let named: Vec<_> = (!paths.is_empty())
            .then_some(Subject::Paths(paths))
            .into_iter()
            .chain(self.item.iter().cloned().map(Subject::Item))
            .chain(self.database.iter().map(|name| Subject::Database(wanted(name))))
            .chain(self.repository.iter().cloned().map(Subject::Repository))
            .chain(self.sqlite.iter().cloned().map(Subject::Sqlite))
            .chain(self.mailbox.iter().cloned().map(Subject::Mailbox))
            .collect();
        if !named.is_empty() {
            return Ok(Choice::Named(named));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; a limit")]
        Ok(Choice::Random(self.size.bytes() as u64))
    }
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let today = context.system.clock.now().date();
    let as_of = args.as_of.map(|day| day.resolve(today)).transpose();
    let as_of = as_of.map_err(|error| CommandError::new(Exit::Usage, error))?;
    let choice = args.choice()?;
    let Found { source, starting_day } = args.source.find(context)?;
    let (peer, scratch) = (args.source.peer.clone(), args.scratch.clone());
    let request = DrillRequest { peer, choice, as_of, scratch, starting_day };
    if context.global.dry_run {
        let (chosen, others) = choose(&source, &request, &context.system).map_err(refusal)?;
        return report::plan(&chosen, others, context, out);
    }
    let report = drill(&source, &request, &context.system).map_err(refusal)?;
    context.terminal.finish();
    let exit = exit_of(&report, matches!(request.choice, Choice::Named(_)));
    if context.global.json {
        out.json(&Document::new("drill", report::JsonReport::new(&report, exit, today)))?;
    } else {
        report::tell(&report, context);
        report::summarise(&report, today, context, out)?;
    }
    Ok(exit)
}

fn exit_of(report: &DrillReport, is_named: bool) -> Exit {
    let has = |what: fn(&Drilled) -> bool| report.drilled.iter().any(what);
    let is_complete = report.drilled.iter().all(|drilled| drilled.is_good() || drilled.differs());
    match (has(Drilled::is_good), has(Drilled::differs)) {
        (false, false) => Exit::Failed,
        (_, true) => Exit::Incomplete,
        (true, false) if is_named && !is_complete => Exit::Incomplete,
        (true, false) => Exit::Done,
    }
}

fn refusal(error: DrillError) -> CommandError {
    let exit = if matches!(error, DrillError::Interrupted(_)) { Exit::Interrupted } else { Exit::Failed };
    let hint = match &error {
        DrillError::Peer(PeerError::Several { .. }) => Some("--peer NAME"),
        DrillError::TooLarge { .. } => Some("--size SIZE, or --item PATH"),
        DrillError::Scratch(_) => Some("--scratch DIR"),
        _ => None,
    };
    let refusal = CommandError::new(exit, error);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}
