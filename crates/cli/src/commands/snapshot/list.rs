//! `redcedar snapshot list`.

use redcedar_generations::manifest::Summary;
use redcedar_generations::store::{Generation, Store, damaged};
use serde::Serialize;

use super::super::{CommandResult, Context, Out};
use super::{StoreArgs, refusal};
use crate::exit::Exit;
use crate::output::human::{Count, Size};
use crate::output::json::{Document, JsonPath};
use crate::output::table::{Align, Table};

/// List the generations of a store
///
/// NEW is what a generation did not share with the one before it when it was made. A generation without a manifest is by
/// jw.backup: it is unverified, for nobody knows whether it was completed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar snapshot list --from /mnt/store
  redcedar snapshot list --from /mnt/store --json")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let store = args.store.open(context)?;
    let generations = store.generations().map_err(refusal)?;
    let mut listed = Vec::new();
    for generation in generations {
        let summary = summary(&store, &generation, context);
        listed.push((generation, summary));
    }
    if context.global.json {
        let generations =
            listed.iter().map(|(generation, summary)| JsonGeneration::new(generation, *summary));
        let store = JsonPath::from(store.path());
        out.json(&Document::new("snapshot list", JsonListing { store, generations: generations.collect() }))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new([
        ("GENERATION", Align::Left),
        ("STATE", Align::Left),
        ("PATHS", Align::Right),
        ("SIZE", Align::Right),
        ("NEW", Align::Right),
        ("LEFT OUT", Align::Right),
    ]);
    for (generation, summary) in &listed {
        let number =
            |of: fn(&Summary) -> u64| summary.as_ref().map_or("-".to_owned(), |it| Count(of(it)).to_string());
        let size =
            |of: fn(&Summary) -> u64| summary.as_ref().map_or("-".to_owned(), |it| Size(of(it)).to_string());
        table.row([
            generation.name.to_string(),
            state(generation, *summary).to_owned(),
            number(|summary| summary.paths),
            size(|summary| summary.bytes),
            size(|summary| summary.new_bytes),
            number(|summary| summary.left_out),
        ]);
    }
    table.write(out)?;
    Ok(Exit::Done)
}

/// What the manifest says at its end. One that is damaged is told and costs nothing else.
fn summary(store: &Store, generation: &Generation, context: &Context) -> Option<Summary> {
    if !generation.has_manifest {
        return None;
    }
    let name = &generation.name;
    let read =
        store.manifest(name).and_then(|manifest| manifest.summary().map_err(|error| damaged(name, error)));
    read.map_err(|error| context.system.monitor.warning(error.to_string())).ok()
}

fn state(generation: &Generation, summary: Option<Summary>) -> &'static str {
    match summary {
        _ if !generation.has_manifest => "unverified",
        None => "damaged",
        Some(summary) if summary.problems > 0 => "incomplete",
        Some(_) => "complete",
    }
}

#[derive(Serialize)]
struct JsonListing {
    store: JsonPath,
    generations: Vec<JsonGeneration>,
}

#[derive(Serialize)]
struct JsonGeneration {
    generation: String,
    state: &'static str,
    paths: Option<u64>,
    bytes: Option<u64>,
    new_files: Option<u64>,
    new_bytes: Option<u64>,
    left_out: Option<u64>,
    problems: Option<u64>,
}

impl JsonGeneration {
    fn new(generation: &Generation, summary: Option<Summary>) -> Self {
        Self {
            generation: generation.name.to_string(),
            state: state(generation, summary),
            paths: summary.map(|summary| summary.paths),
            bytes: summary.map(|summary| summary.bytes),
            new_files: summary.map(|summary| summary.new_files),
            new_bytes: summary.map(|summary| summary.new_bytes),
            left_out: summary.map(|summary| summary.left_out),
            problems: summary.map(|summary| summary.problems),
        }
    }
}
