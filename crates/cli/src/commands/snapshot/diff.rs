//! `redcedar snapshot diff`.

use redcedar_generations::diff::diff;
use redcedar_generations::store::StoreError;
use serde::Serialize;

use super::super::{CommandResult, Context, Out};
use super::{StoreArgs, find, refusal};
use crate::exit::Exit;
use crate::output::difference::{self, JsonDifference};
use crate::output::json::Document;

/// Show what changed from one generation to another
///
/// + is new, - is gone, * changed in the respects behind it. Times of directories are not compared.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar snapshot diff 2026-11-23-02:00:00 --from /mnt/store
  redcedar snapshot diff 2026-11-23-02:00:00 2026-11-24-02:00:00 --from /mnt/store --json")]
pub(crate) struct Args {
    /// The older generation
    #[arg(value_name = "OLD")]
    old: String,
    /// The newer one [default: the newest]
    #[arg(value_name = "NEW")]
    new: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let store = args.store.open(context)?;
    let old = find(&store, Some(&args.old))?;
    let new = find(&store, args.new.as_deref())?;
    let mut differences = Vec::new();
    let is_json = context.global.json;
    diff(&store, &old, &new, &context.system.interrupt, |difference| {
        if is_json {
            differences.push(JsonDifference::from(difference));
            return Ok(());
        }
        difference::write(&difference, out).map_err(StoreError::from)
    })
    .map_err(refusal)?;
    if is_json {
        let (old, new) = (old.name.to_string(), new.name.to_string());
        out.json(&Document::new("snapshot diff", JsonDiff { old, new, differences }))?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct JsonDiff {
    old: String,
    new: String,
    differences: Vec<JsonDifference>,
}
