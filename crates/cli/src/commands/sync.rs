//! `redcedar sync`: a directory, and a place in a bucket that is kept equal to it.

use std::io::Write;
use std::path::{Path, PathBuf};

use redcedar_objectstore::sync::{
    Change, Filter, Limit, Links, Outcome, Problem, Request, SyncError, Tally, sync,
};
use redcedar_objectstore::{Address, Attributes};
use redcedar_system::escape;
use serde::Serialize;

use super::bucket::{self, ServerArgs};
use super::{CommandError, CommandResult, Context, Out};
use crate::bucket::state;
use crate::exit::Exit;
use crate::output::human::{Count, Counted, Size, Time};
use crate::output::json::{Document, JsonPath, result_word};

/// Keep a place in a bucket equal to a directory
///
/// What is not in the bucket as it is in DIR is uploaded, and proved by checksum to have arrived. What changed is noticed even if
/// neither size nor time tell: what nothing has changed since is remembered, everything else is read and compared. With
/// --delete, objects without files go last, and only if all else went well. The files of the AWS CLI and its environment say
/// where the bucket is and who we are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar sync /home/anna s3://bucket/anna --dry-run
  redcedar sync /home/anna s3://bucket/anna --delete --exclude '*.tmp'
  redcedar sync /home/anna s3://bucket/anna --verify")]
pub(crate) struct Args {
    /// The directory
    #[arg(value_name = "DIR")]
    source: PathBuf,
    /// The place in a bucket: s3://BUCKET/PREFIX
    #[arg(value_name = "TARGET")]
    target: Address,
    /// Delete objects without files
    #[arg(long)]
    delete: bool,
    /// Delete no more than so many objects, or so much of all (20%) [default: 50% where it is more than 100, and nothing if DIR
    /// is empty]
    #[arg(long, value_name = "LIMIT", requires = "delete")]
    max_delete: Option<Limit>,
    /// Leave out, in both places, what matches GLOB: `*` stays within a name, `**` does not; a GLOB without `/` matches names
    /// anywhere
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Only what matches GLOB
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Read and compare all files, also those that nothing has changed
    #[arg(long)]
    checksum: bool,
    /// Change nothing: read all files, compare them with the bucket, and fail if something differs
    #[arg(long, conflicts_with_all = ["delete", "checksum"])]
    verify: bool,
    /// Leave symbolic links out instead of following them
    #[arg(long)]
    skip_links: bool,
    /// How objects are stored, such as STANDARD_IA
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// How the server encrypts objects: AES256 or aws:kms
    #[arg(long, value_name = "METHOD")]
    sse: Option<String>,
    /// The key of aws:kms
    #[arg(long, value_name = "KEY", requires = "sse")]
    sse_kms_key_id: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let filter =
        Filter::new(&args.include, &args.exclude).map_err(|error| CommandError::new(Exit::Usage, error))?;
    let access = args.server.access();
    let system = &context.system;
    let bucket = bucket::connect(&args.target, &access, context)?;
    let endpoint = state::endpoint(&access, &context.environment);
    let kept = state::directory(&context.environment, &args.source, &endpoint, &args.target);
    let request = Request {
        source: &args.source,
        target: &args.target,
        acts: !args.verify && !context.global.dry_run,
        delete: args.delete,
        limit: args.max_delete,
        filter: &filter,
        links: if args.skip_links { Links::Skip } else { Links::Follow },
        reread: args.checksum || args.verify,
        attributes: Attributes {
            storage_class: args.storage_class.clone(),
            encryption: args.sse.clone(),
            kms_key: args.sse_kms_key_id.clone(),
            ..Attributes::default()
        },
        state: kept.as_deref(),
    };
    let mut changes = Vec::new();
    let is_listed = context.global.json || !request.acts;
    let outcome = sync(&bucket, &request, system, &mut |change, name, size| {
        if is_listed {
            changes.push(JsonChange { path: JsonPath(name.into()), change: word(change), bytes: size });
        } else {
            system.monitor.info(format!("{} {}", word(change), escape::display(Path::new(name))));
        }
    });
    let outcome = outcome.map_err(refusal)?;
    context.terminal.finish();
    let exit = exit_of(&outcome, args.verify);
    if context.global.json {
        out.json(&Document::new("sync", JsonOutcome::new(&outcome, changes, exit, context)))?;
    } else if !context.global.quiet {
        for JsonChange { path, change, bytes } in &changes {
            writeln!(out, "{change:<7} {} ({})", escape::display(&path.0), Size(*bytes))?;
        }
        summarise(&outcome, &request, context, out)?;
    }
    Ok(exit)
}

fn refusal(error: SyncError) -> CommandError {
    match error {
        SyncError::Bucket(error) => bucket::refusal(error),
        SyncError::Interrupted => {
            CommandError::new(Exit::Interrupted, error).hint("the next run goes on from here")
        }
        SyncError::Lost(_) => CommandError::new(Exit::Bug, error),
        error => CommandError::new(Exit::Failed, error),
    }
}

fn exit_of(outcome: &Outcome, verifies: bool) -> Exit {
    let differs = outcome.new.files + outcome.changed.files > 0;
    if outcome.has_failed() || (verifies && differs) {
        Exit::Failed
    } else if !outcome.problems.is_empty() || outcome.refusal.is_some() {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

fn word(change: Change) -> &'static str {
    match change {
        Change::New => "new",
        Change::Changed => "changed",
        Change::Deleted => "deleted",
        Change::Extra => "extra",
    }
}

fn summarise(
    outcome: &Outcome,
    request: &Request<'_>,
    context: &Context,
    out: &mut Out,
) -> std::io::Result<()> {
    if let Some(refusal) = &outcome.refusal {
        context.system.monitor.warning(refusal.to_string());
    }
    let Outcome { unchanged, compared, new, changed, deleted, extra, unproved, problems, .. } = outcome;
    writeln!(
        out,
        "{} new, {} changed, {} unchanged, {} deleted, {} only in the bucket",
        Count(new.files),
        Count(changed.files),
        Count(unchanged.files + compared.files),
        Count(deleted.files),
        Count(extra.files)
    )?;
    let sent = Size(new.bytes + changed.bytes);
    let intent = if request.acts { "sent" } else { "would send" };
    let (read, time) = (Size(compared.bytes), Time(context.started.elapsed()));
    writeln!(out, "{intent} {sent}, compared {read} in {time}")?;
    if *unproved > 0 {
        writeln!(out, "{} without a checksum of the server", Counted(*unproved, "object"))?;
    }
    if !problems.is_empty() {
        writeln!(out, "{}", Counted(problems.len() as u64, "problem"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonOutcome {
    result: &'static str,
    seconds: f64,
    new: JsonTally,
    changed: JsonTally,
    unchanged: JsonTally,
    compared: JsonTally,
    deleted: JsonTally,
    extra: JsonTally,
    unproved: u64,
    refusal: Option<String>,
    changes: Vec<JsonChange>,
    problems: Vec<JsonProblem>,
}

impl JsonOutcome {
    fn new(outcome: &Outcome, changes: Vec<JsonChange>, exit: Exit, context: &Context) -> Self {
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            new: outcome.new.into(),
            changed: outcome.changed.into(),
            unchanged: outcome.unchanged.into(),
            compared: outcome.compared.into(),
            deleted: outcome.deleted.into(),
            extra: outcome.extra.into(),
            unproved: outcome.unproved,
            refusal: outcome.refusal.map(|refusal| refusal.to_string()),
            changes,
            problems: outcome.problems.iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
struct JsonTally {
    files: u64,
    bytes: u64,
}

impl From<Tally> for JsonTally {
    fn from(Tally { files, bytes }: Tally) -> Self {
        Self { files, bytes }
    }
}

#[derive(Serialize)]
struct JsonChange {
    path: JsonPath,
    change: &'static str,
    bytes: u64,
}

#[derive(Serialize)]
struct JsonProblem {
    path: JsonPath,
    message: String,
    failed: bool,
}

impl From<&Problem> for JsonProblem {
    fn from(problem: &Problem) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(&problem.name));
        Self { path: path.into(), message: problem.text.clone(), failed: problem.is_failure }
    }
}
