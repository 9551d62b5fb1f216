//! `redcedar snapshot restore`.

use std::io::{self, Write};
use std::path::PathBuf;

use redcedar_generations::restore::{Exact, Overwrite, Report, Request, RestoreError, restore};
use redcedar_generations::store::Generation;
use redcedar_system::escape;
use serde::Serialize;

use super::super::restore::OverwriteMode;
use super::super::{CommandError, CommandResult, Context, Out, paths};
use super::{StoreArgs, find, refusal};
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, JsonPath, result_word};

/// Bring back what is in a generation
///
/// Recreates each PATH below DIR with its whole path. Nothing is written where it was unless --in-place asks for it, and nothing
/// that is there already is replaced unless --overwrite allows it. What the generation leaves to packages is counted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar snapshot restore --from /mnt/store --to /tmp/everything
  redcedar snapshot restore /home/anna --from /mnt/store --to /tmp/restored
  redcedar snapshot restore /etc/fstab --from /mnt/store --in-place --overwrite if-different --dry-run")]
pub(crate) struct Args {
    /// Files or directories to bring back [default: everything]
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// From this generation [default: the newest]
    #[arg(long, value_name = "NAME")]
    pub(super) generation: Option<String>,
    /// Directory to recreate the paths in; it is made if need be
    #[arg(long, value_name = "DIR", required_unless_present = "in_place", conflicts_with = "in_place")]
    pub(super) to: Option<PathBuf>,
    /// Write everything where it was
    #[arg(long)]
    pub(super) in_place: bool,
    /// What to do with what is there already [default: DIR must be empty; with --in-place: never]
    #[arg(long, value_name = "WHEN", value_enum)]
    pub(super) overwrite: Option<OverwriteMode>,
    /// Set owners by number, not by name
    #[arg(long)]
    pub(super) numeric_owner: bool,
    /// Make everything what it was, after packages were installed
    ///
    /// Replaces what is there. What packages have brought back is compared with the manifest, and gets its mode, owner and time;
    /// what was not there is removed, but for what is in directories that the snapshot has not looked into, and on other file
    /// systems. With --dry-run it is listed. `rebuild-plan` says when to use this.
    #[arg(long)]
    pub(super) exact: bool,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let unusable = |error| CommandError::new(Exit::Failed, error).hint("name absolute paths");
    let store = args.store.open(context)?;
    let generation = find(&store, args.generation.as_deref())?;
    let overwrite = match (args.overwrite, args.exact) {
        (None, true) => Some(Overwrite::Always),
        (Some(mode), true) if Overwrite::from(mode) == Overwrite::Never => {
            return Err(CommandError::message(
                Exit::Usage,
                "what is never replaced does not become what it was",
            )
            .hint("use --exact without --overwrite never"));
        }
        (mode, _) => mode.map(Overwrite::from),
    };
    // What runs is not removed.
    let protected = std::env::current_exe().into_iter().collect();
    let request = Request {
        paths: args
            .paths
            .iter()
            .map(|path| paths::absolute(path))
            .collect::<Result<_, _>>()
            .map_err(unusable)?,
        target: args.to.clone().unwrap_or_else(|| PathBuf::from("/")),
        in_place: args.in_place,
        overwrite: if args.in_place { overwrite.or(Some(Overwrite::Never)) } else { overwrite },
        numeric_owner: args.numeric_owner,
        dry_run: context.global.dry_run,
        exact: args.exact.then_some(Exact { protected }),
    };
    let report = restore(&store, &generation, &request, &context.system).map_err(failed)?;
    context.terminal.finish();
    let exit = match (report.failures.is_empty(), report.restored + report.unchanged + report.skipped) {
        (true, _) => Exit::Done,
        (false, 0) => Exit::Failed,
        (false, _) => Exit::Incomplete,
    };
    if context.global.json {
        let body = JsonReport::new(&report, &generation, exit, context);
        out.json(&Document::new("snapshot restore", body))?;
    } else {
        let monitor = &context.system.monitor;
        report.warnings.iter().for_each(|warning| monitor.warning(warning));
        for (path, reason) in &report.failures {
            monitor.error(format!("{}: {reason}", escape::display(path)));
        }
        let verb = if request.dry_run { "would remove" } else { "removed" };
        report.removed.iter().for_each(|path| monitor.info(format!("{verb} {}", escape::display(path))));
        summarise(&report, &request, &generation, context, out)?;
    }
    Ok(exit)
}

fn failed(error: RestoreError) -> CommandError {
    match error {
        RestoreError::Store(error) => refusal(error),
        error @ RestoreError::Interrupted(_) => CommandError::new(Exit::Interrupted, error),
        error @ RestoreError::TargetNotEmpty { .. } => {
            CommandError::new(Exit::Failed, error).hint("--overwrite never, if-different or always")
        }
        error @ RestoreError::InPlace => CommandError::new(Exit::Failed, error).hint("--in-place"),
        error => CommandError::new(Exit::Failed, error),
    }
}

fn summarise(
    report: &Report,
    request: &Request,
    generation: &Generation,
    context: &Context,
    out: &mut Out,
) -> io::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    let verb = if request.dry_run { "would restore" } else { "restored" };
    let to = escape::display(&request.target);
    let took =
        if request.dry_run { String::new() } else { format!(" in {}", Time(context.started.elapsed())) };
    let (objects, bytes) = (Counted(report.restored, "object"), Size(report.bytes));
    writeln!(out, "{verb} {objects}, {bytes}, of {} to {to}{took}", generation.name)?;
    if report.unchanged > 0 {
        writeln!(out, "{} there already and the same", Counted(report.unchanged, "object"))?;
    }
    if report.skipped > 0 {
        writeln!(out, "{} there already and left alone", Counted(report.skipped, "object"))?;
    }
    if report.left_out > 0 {
        writeln!(out, "{} left to packages", Counted(report.left_out, "path"))?;
    }
    if report.adjusted > 0 {
        writeln!(out, "{} of packages got back mode, owner or time", Counted(report.adjusted, "path"))?;
    }
    if !report.removed.is_empty() {
        let verb = if request.dry_run { "would remove" } else { "removed" };
        writeln!(out, "{verb} {} that were not there", Counted(report.removed.len() as u64, "path"))?;
    }
    if !report.failures.is_empty() {
        writeln!(out, "{}", Counted(report.failures.len() as u64, "failure"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonReport {
    result: &'static str,
    seconds: f64,
    generation: String,
    restored: u64,
    unchanged: u64,
    skipped: u64,
    bytes: u64,
    left_out: u64,
    adjusted: u64,
    removed: Vec<JsonPath>,
    failures: Vec<JsonFailure>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct JsonFailure {
    path: JsonPath,
    reason: String,
}

impl JsonReport {
    fn new(report: &Report, generation: &Generation, exit: Exit, context: &Context) -> Self {
        let failures = report.failures.iter();
        let failure = |(path, reason): &(PathBuf, String)| JsonFailure {
            path: path.as_path().into(),
            reason: reason.clone(),
        };
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            generation: generation.name.to_string(),
            restored: report.restored,
            unchanged: report.unchanged,
            skipped: report.skipped,
            bytes: report.bytes,
            left_out: report.left_out,
            adjusted: report.adjusted,
            removed: report.removed.iter().map(|path| path.as_path().into()).collect(),
            failures: failures.map(failure).collect(),
            warnings: report.warnings.clone(),
        }
    }
}
