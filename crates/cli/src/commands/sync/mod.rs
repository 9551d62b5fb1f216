//! `redcedar sync`: a directory, and a place in a bucket that is kept equal to it.

mod show;

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use redcedar_objectstore::sync::{
    Change, Fetch, Filter, Limit, Links, Outcome, Request, SyncError, fetch, sync,
};
use redcedar_objectstore::{Address, Attributes, Lock, LockMode, Settings};
use redcedar_system::escape;

use super::bucket::{self, ServerArgs};
use super::{CommandError, CommandResult, Context, Out};
use crate::bucket::cost::{Cost, Prices, Requests};
use crate::bucket::state;
use crate::exit::Exit;
use crate::output::json::Document;
use show::{JsonChange, JsonOutcome};

/// Keep a place in a bucket equal to a directory, or the other way round
///
/// What is not in the bucket as it is in the directory is uploaded, and proved by checksum to have arrived. What changed is noticed
/// even if neither size nor time tell: what nothing has changed since is remembered, everything else is read and compared. With
/// --delete, objects without files go last, and only if all else went well. The files of the AWS CLI and its environment say
/// where the bucket is and who we are. With a bucket as SOURCE, the directory is made equal to it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar sync /home/anna s3://bucket/anna --dry-run
  redcedar sync /home/anna s3://bucket/anna --delete --exclude '*.tmp'
  redcedar sync /home/anna s3://bucket/anna --verify
  redcedar sync s3://bucket/anna /home/anna")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch")]
pub(crate) struct Args {
    /// The directory, or the place in a bucket: s3://BUCKET/PREFIX
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// The place in a bucket, or the directory
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    /// Delete in TARGET what is not in SOURCE
    #[arg(long)]
    delete: bool,
    /// Delete no more than so many, or so much of all (20%) [default: 50% where it is more than 100, and nothing if SOURCE is
    /// empty]
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
    /// Nobody can delete or change what is uploaded for --lock-days: governance (whoever may can end that) or compliance
    /// (nobody can)
    #[arg(long, value_name = "MODE", requires = "lock_days")]
    lock_mode: Option<LockMode>,
    /// For how many days
    #[arg(long, value_name = "DAYS", requires = "lock_mode", value_parser = clap::value_parser!(u16).range(1..))]
    lock_days: Option<u16>,
    /// Tags of what is uploaded: NAME=VALUE&NAME=VALUE
    #[arg(long, value_name = "TAGS")]
    tags: Option<String>,
    /// With --dry-run: what requests and storage cost, see docs/buckets.md [default: /etc/redcedar.prices, if it is there]
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let filter =
        Filter::new(&args.include, &args.exclude).map_err(|error| CommandError::new(Exit::Usage, error))?;
    let acts = !args.verify && !context.global.dry_run;
    let mut changes = Vec::new();
    let is_listed = context.global.json || !acts;
    let mut hear = |change, name: &str, size| {
        if is_listed {
            changes.push(JsonChange::new(change, name, size));
        } else {
            let message = format!("{} {}", show::word(change), escape::display(Path::new(name)));
            context.system.monitor.info(message);
        }
    };
    let mut settings = Settings::default();
    let (outcome, sends) = match (bucket::address(&args.source)?, bucket::address(&args.target)?) {
        (None, Some(target)) => {
            let (outcome, used) = send(args, &target, &filter, acts, context, &mut hear)?;
            settings = used;
            (outcome, true)
        }
        (Some(source), None) => (get(args, &source, &filter, acts, context, &mut hear)?, false),
        _ => {
            let message = "one of SOURCE and TARGET has to be a directory, the other a place in a bucket";
            return Err(
                CommandError::message(Exit::Usage, message).hint("such a place is s3://BUCKET/PREFIX")
            );
        }
    };
    context.terminal.finish();
    let exit = exit_of(&outcome, args.verify);
    let is_asked = context.global.dry_run && !args.verify && sends;
    let cost = if is_asked { Some(cost(args, &outcome, &changes, &settings)?) } else { None };
    if context.global.json {
        out.json(&Document::new("sync", JsonOutcome::new(&outcome, changes, cost, exit, context)))?;
    } else if !context.global.quiet {
        show::list(&changes, out)?;
        bucket::warn_of_versions(outcome.kept, context);
        show::summarise(&outcome, (acts, sends), context, out)?;
        cost.iter().try_for_each(|cost| show::cost(cost, out))?;
    }
    Ok(exit)
}

/// What the run would cost that was only looked at.
fn cost(
    args: &Args,
    outcome: &Outcome,
    changes: &[JsonChange],
    settings: &Settings,
) -> Result<Cost, CommandError> {
    let prices = Prices::find(args.prices.as_deref());
    let prices = prices.map_err(|error| CommandError::new(Exit::Failed, error))?;
    let Outcome { unchanged, compared, new, changed, deleted, extra, .. } = outcome;
    // An ETag that says nothing is asked about.
    let mut requests = Requests { read: changed.files, ..Requests::default() };
    let listed = unchanged.files + compared.files + changed.files + deleted.files + extra.files;
    requests.list_and_delete(listed, deleted.files);
    for change in changes.iter().filter(|change| change.is_sent()) {
        requests.send(change.bytes, settings);
    }
    let stored = unchanged.bytes + compared.bytes + new.bytes + changed.bytes + extra.bytes;
    Ok(Cost::new(requests, stored, args.storage_class.as_deref(), prices))
}

fn send(
    args: &Args,
    target: &Address,
    filter: &Filter,
    acts: bool,
    context: &Context,
    hear: &mut dyn FnMut(Change, &str, u64),
) -> Result<(Outcome, Settings), CommandError> {
    let access = args.server.access();
    let bucket = bucket::connect(target, &args.server, context)?;
    let endpoint = state::endpoint(&access, &context.environment);
    let kept = state::directory(&context.environment, &args.source, &endpoint, target);
    let request = Request {
        source: &args.source,
        target,
        acts,
        delete: args.delete,
        limit: args.max_delete,
        filter,
        links: if args.skip_links { Links::Skip } else { Links::Follow },
        reread: args.checksum || args.verify,
        attributes: Attributes {
            storage_class: args.storage_class.clone(),
            encryption: args.sse.clone(),
            kms_key: args.sse_kms_key_id.clone(),
            lock: lock(args, context),
            tags: args.tags.clone(),
            ..Attributes::default()
        },
        state: kept.as_deref(),
    };
    let outcome = sync(&bucket, &request, &context.system, hear).map_err(refusal)?;
    Ok((outcome, bucket.settings().clone()))
}

/// How what is uploaded is locked.
fn lock(args: &Args, context: &Context) -> Option<Lock> {
    let day = SignedDuration::from_hours(24);
    let until = context.system.clock.now().timestamp() + day * i32::from(args.lock_days?);
    Some(Lock { mode: args.lock_mode?, until })
}

fn get(
    args: &Args,
    source: &Address,
    filter: &Filter,
    acts: bool,
    context: &Context,
    hear: &mut dyn FnMut(Change, &str, u64),
) -> Result<Outcome, CommandError> {
    let bucket = bucket::connect(source, &args.server, context)?;
    let target = &args.target;
    let request = Fetch { source, target, acts, delete: args.delete, limit: args.max_delete, filter };
    fetch(&bucket, &request, &context.system, hear).map_err(refusal)
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
