//! `redcedar restore --repository` and `--sqlite`: what comes back as a whole, by commands of its own.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::PathBuf;

use redcedar_restore::{
    PeerError, RepositoryError, RepositoryReport, RepositoryRequest, SqliteError, SqliteReport,
    SqliteRequest, restore_repository, restore_sqlite,
};
use redcedar_system::escape;
use serde::Serialize;

use super::as_of;
use crate::commands::source::Found;
use crate::commands::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, JsonPath, result_word};

const HEADING: &str = "Repositories and databases";

#[derive(Debug, clap::Args)]
#[group(id = "repositories")]
pub(crate) struct Args {
    /// This repository of Subversion, Git or Mercurial, by its path or as `list` names it
    #[arg(long, value_name = "NAME", help_heading = HEADING, conflicts_with_all = ["paths", "item", "in_place", "overwrite", "numeric_owner", "strip", "delete", "map_owner", "sqlite"])]
    repository: Option<OsString>,
    /// This SQLite database, by its path or as `list` names it
    #[arg(long, value_name = "NAME", help_heading = HEADING, conflicts_with_all = ["paths", "item", "in_place", "overwrite", "numeric_owner", "strip", "delete", "map_owner"])]
    sqlite: Option<OsString>,
}

/// What is to be restored.
pub(super) enum Wanted<'a> {
    Repository(&'a OsStr),
    Sqlite(&'a OsStr),
}

impl Args {
    /// What is to be restored, if it is any of this.
    pub(super) fn wanted(&self) -> Option<Wanted<'_>> {
        let repository = self.repository.as_deref().map(Wanted::Repository);
        repository.or_else(|| self.sqlite.as_deref().map(Wanted::Sqlite))
    }
}

pub(super) fn run(
    wanted: &Wanted<'_>,
    args: &super::Args,
    context: &Context,
    out: &mut Out,
) -> CommandResult {
    let Found { source, .. } = args.source.find(context)?;
    let peer = args.source.peer.clone();
    let as_of = as_of(args, context)?;
    // Without --to there would be --in-place, which does not go with these.
    let target = args.to.clone().unwrap_or_default();
    let dry_run = context.global.dry_run;
    match wanted {
        Wanted::Repository(repository) => {
            let repository = (*repository).to_owned();
            let request = RepositoryRequest { peer, repository, as_of, target: target.clone(), dry_run };
            let report = restore_repository(&source, &request, &context.system).map_err(no_repository)?;
            context.terminal.finish();
            tell_repository(&report, target, context, out)
        }
        Wanted::Sqlite(database) => {
            let database = (*database).to_owned();
            let request = SqliteRequest { peer, database, as_of, target: target.clone(), dry_run };
            let report = restore_sqlite(&source, &request, &context.system.interrupt).map_err(no_database)?;
            context.terminal.finish();
            tell_database(&report, target, context, out)
        }
    }
}

fn no_repository(error: RepositoryError) -> CommandError {
    let (exit, hint) = match &error {
        RepositoryError::Interrupted(_) => (Exit::Interrupted, None),
        RepositoryError::Peer(PeerError::Several { .. }) => (Exit::Failed, Some("--peer NAME")),
        RepositoryError::Gap(_) | RepositoryError::Damaged { .. } => (
            Exit::Failed,
            Some("an earlier day may be whole: `redcedar list` shows which there are; --as-of DAY"),
        ),
        _ => (Exit::Failed, None),
    };
    refusal(CommandError::new(exit, error), hint)
}

fn no_database(error: SqliteError) -> CommandError {
    let (exit, hint) = match &error {
        SqliteError::Interrupted(_) => (Exit::Interrupted, None),
        SqliteError::Peer(PeerError::Several { .. }) => (Exit::Failed, Some("--peer NAME")),
        SqliteError::Damaged { .. } => (Exit::Failed, Some("--as-of DAY chooses an earlier copy")),
        _ => (Exit::Failed, None),
    };
    refusal(CommandError::new(exit, error), hint)
}

fn refusal(error: CommandError, hint: Option<&'static str>) -> CommandError {
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn tell_repository(
    report: &RepositoryReport,
    target: PathBuf,
    context: &Context,
    out: &mut Out,
) -> CommandResult {
    let RepositoryReport { peer, repository, kind, content, files, bytes } = report;
    if context.global.json {
        let files = files.iter().map(|(day, name)| JsonFile { day: day.to_string(), name }).collect();
        let restored =
            JsonRestored { kind, peer, name: repository, content: Some(content), bytes: *bytes, files };
        return json(restored, target, context, out);
    }
    if !context.global.quiet {
        writeln!(out, "{peer}: {kind} {repository}, {content}")?;
        for (day, name) in files {
            writeln!(out, "  {day} {name}")?;
        }
        let read = format!("{}, {}", Counted(files.len() as u64, "file"), Size(*bytes));
        summarise(&read, &escape::display(&target).to_string(), context, out)?;
    }
    Ok(Exit::Done)
}

fn tell_database(report: &SqliteReport, target: PathBuf, context: &Context, out: &mut Out) -> CommandResult {
    let SqliteReport { peer, database, date, file, bytes } = report;
    if context.global.json {
        let files = vec![JsonFile { day: date.to_string(), name: file }];
        let restored =
            JsonRestored { kind: "sqlite", peer, name: database, content: None, bytes: *bytes, files };
        return json(restored, target, context, out);
    }
    if !context.global.quiet {
        writeln!(out, "{peer}: sqlite {database} of {date}")?;
        summarise(&Size(*bytes).to_string(), &escape::display(&target).to_string(), context, out)?;
    }
    Ok(Exit::Done)
}

fn summarise(what: &str, target: &str, context: &Context, out: &mut Out) -> std::io::Result<()> {
    if context.global.dry_run {
        writeln!(out, "would restore {what}, to {target}")
    } else {
        writeln!(out, "restored {what}, to {target} in {}", Time(context.started.elapsed()))
    }
}

fn json(restored: JsonRestored<'_>, target: PathBuf, context: &Context, out: &mut Out) -> CommandResult {
    let report = JsonReport {
        result: result_word(Exit::Done),
        seconds: context.started.elapsed().as_secs_f64(),
        target: JsonPath(target),
        restored: [restored],
    };
    out.json(&Document::new("restore", report))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct JsonReport<'a> {
    result: &'static str,
    seconds: f64,
    target: JsonPath,
    restored: [JsonRestored<'a>; 1],
}

#[derive(Serialize)]
struct JsonRestored<'a> {
    kind: &'a str,
    peer: &'a str,
    name: &'a str,
    content: Option<&'a str>,
    bytes: u64,
    files: Vec<JsonFile<'a>>,
}

#[derive(Serialize)]
struct JsonFile<'a> {
    day: String,
    name: &'a str,
}
