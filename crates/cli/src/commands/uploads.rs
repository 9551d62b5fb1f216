//! `redcedar uploads`: what was begun to be uploaded in parts and never completed.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use redcedar_objectstore::{Bucket, Kind, Upload};
use redcedar_system::escape;
use serde::Serialize;

use super::bucket::{self, ServerArgs};
use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;
use crate::output::human::Size;
use crate::output::json::Document;
use crate::output::table::{Align, Table};

/// List uploads that were begun and never completed, and give them up
///
/// What was sent of a large object stays in the bucket, unseen and paid for, until the object is complete or the upload is given
/// up. `sync` sees to its own; this is for those of other programs, or of a machine that is no more.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar uploads s3://bucket
  redcedar uploads s3://bucket/backup --abort --older-than 7")]
pub(crate) struct Args {
    /// The place in a bucket
    #[arg(value_name = "PLACE")]
    place: PathBuf,
    /// Give up what is listed
    #[arg(long)]
    abort: bool,
    /// Only what was begun more than DAYS days ago: somebody may be at work on what is newer [default: 0, with --abort 7]
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u16>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Uploads that are younger are given up only by whoever says so.
const YOUNG: u16 = 7;

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let address = bucket::required(&args.place)?;
    let bucket = bucket::connect(&address, &args.server, context)?;
    let days = args.older_than.unwrap_or(if args.abort { YOUNG } else { 0 });
    let before = context.system.clock.now().timestamp() - SignedDuration::from_hours(24) * i32::from(days);
    let acts = args.abort && !context.global.dry_run;
    let (mut left, mut exit) = (Vec::new(), Exit::Done);
    for (upload, begun) in bucket.uploads(address.prefix()).map_err(bucket::refusal)? {
        if begun > before {
            continue;
        }
        let Some(bytes) = size(&bucket, &upload)? else { continue };
        let mut given_up = false;
        if acts {
            match bucket.abort(&upload) {
                Ok(()) => given_up = true,
                Err(error) if error.kind() == Kind::Interrupted => return Err(bucket::refusal(error)),
                Err(error) => {
                    context.system.monitor.error(error.to_string());
                    exit = Exit::Failed;
                }
            }
        }
        left.push(Left { key: upload.key, begun, bytes, given_up });
    }
    context.terminal.finish();
    if context.global.json {
        out.json(&Document::new("uploads", JsonUploads { uploads: left }))?;
    } else if !context.global.quiet {
        let left_over = if args.abort && context.global.dry_run { "would be given up" } else { "left" };
        show(&left, left_over, out)?;
    }
    Ok(exit)
}

/// What was sent of an upload; nothing if it has ended meanwhile.
fn size(bucket: &Bucket, upload: &Upload) -> Result<Option<u64>, CommandError> {
    match bucket.parts(upload) {
        Ok(parts) => Ok(Some(parts.iter().map(|part| part.size).sum())),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(bucket::refusal(error)),
    }
}

/// An upload that was begun and never completed.
#[derive(Serialize)]
struct Left {
    key: String,
    begun: Timestamp,
    /// What was sent of it.
    bytes: u64,
    given_up: bool,
}

#[derive(Serialize)]
struct JsonUploads {
    uploads: Vec<Left>,
}

fn show(uploads: &[Left], left_over: &str, out: &mut Out) -> Result<(), CommandError> {
    let columns =
        [("BEGUN", Align::Left), ("SIZE", Align::Right), ("FATE", Align::Left), ("KEY", Align::Left)];
    let mut table = Table::new(columns);
    for Left { key, begun, bytes, given_up } in uploads {
        table.row([
            begun.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            Size(*bytes).to_string(),
            if *given_up { "given up" } else { left_over }.to_owned(),
            escape::display_bytes(key.as_bytes()).to_string(),
        ]);
    }
    table.write(out)?;
    Ok(())
}
