//! `redcedar diff`: what changed between two days.

use std::path::PathBuf;

use redcedar_restore::{Compared, PeerError, RestoreError, compare};
use serde::Serialize;

use super::source::{Found, SourceArgs};
use super::{CommandError, CommandResult, Context, Out, paths};
use crate::day::Day;
use crate::exit::Exit;
use crate::output::difference::{self, JsonDifference};
use crate::output::json::Document;

/// Show what changed from one day to another
///
/// + is new, - is gone, * changed in the respects behind it. Times of directories are not compared.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar diff yesterday today --from /mnt/backup
  redcedar diff 2026-11-23 2026-11-24 /home/anna --from /mnt/backup")]
pub(crate) struct Args {
    /// The older day: YYYY-MM-DD, \"yesterday\", \"3 days ago\"
    #[arg(value_name = "OLD")]
    old: Day,
    /// The newer day
    #[arg(value_name = "NEW")]
    new: Day,
    /// Only these paths, with everything below them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let today = context.system.clock.now().date();
    let resolve = |day: Day| day.resolve(today).map_err(|error| CommandError::new(Exit::Usage, error));
    let days = [resolve(args.old)?, resolve(args.new)?];
    let wanted = args.paths.iter().map(|path| paths::absolute(path)).collect::<Result<Vec<_>, _>>();
    let wanted =
        wanted.map_err(|error| CommandError::new(Exit::Failed, error).hint("name absolute paths"))?;
    let Found { source, starting_day } = args.source.find(context)?;
    let interrupt = &context.system.interrupt;
    let compared = compare(&source, args.source.peer.as_deref(), &wanted, days, starting_day, interrupt)
        .map_err(refusal)?;
    context.terminal.finish();
    for caveat in &compared.caveats {
        context.system.monitor.warning(caveat);
    }
    if context.global.json {
        let Compared { peer, differences, caveats } = compared;
        let differences = differences.into_iter().map(JsonDifference::from).collect();
        let [old, new] = days.map(|day| day.to_string());
        out.json(&Document::new("diff", JsonDiff { peer, old, new, differences, caveats }))?;
        return Ok(Exit::Done);
    }
    for difference in &compared.differences {
        difference::write(difference, out)?;
    }
    Ok(Exit::Done)
}

fn refusal(error: RestoreError) -> CommandError {
    let exit = if matches!(error, RestoreError::Interrupted(_)) { Exit::Interrupted } else { Exit::Failed };
    let hint = match &error {
        RestoreError::Peer(PeerError::Several { .. }) => Some("--peer NAME"),
        _ => None,
    };
    let refusal = CommandError::new(exit, error);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

#[derive(Serialize)]
struct JsonDiff {
    peer: String,
    old: String,
    new: String,
    differences: Vec<JsonDifference>,
    caveats: Vec<String>,
}
