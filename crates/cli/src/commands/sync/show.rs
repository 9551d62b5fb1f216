//! What is said of a run.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_objectstore::sync::{Change, Outcome, Problem, Tally};
use redcedar_system::escape;
use serde::Serialize;

use super::super::{Context, Out};
use crate::bucket::cost::{Cost, Requests};
use crate::exit::Exit;
use crate::output::human::{Count, Counted, Size, Time};
use crate::output::json::{JsonPath, result_word};

/// The word for what happened to a name.
pub(super) fn word(change: Change) -> &'static str {
    match change {
        Change::New => "new",
        Change::Changed => "changed",
        Change::Deleted => "deleted",
        Change::Extra => "extra",
    }
}

/// A line for each name.
pub(super) fn list(changes: &[JsonChange], out: &mut Out) -> io::Result<()> {
    for JsonChange { path, change, bytes } in changes {
        writeln!(out, "{change:<7} {} ({})", escape::display(&path.0), Size(*bytes))?;
    }
    Ok(())
}

/// What a run came to, in a few lines.
pub(super) fn summarise(
    outcome: &Outcome,
    (acts, sends): (bool, bool),
    context: &Context,
    out: &mut Out,
) -> io::Result<()> {
    if let Some(refusal) = &outcome.refusal {
        context.system.monitor.warning(refusal.to_string());
    }
    let Outcome { unchanged, compared, new, changed, deleted, extra, unproved, problems, .. } = outcome;
    writeln!(
        out,
        "{} new, {} changed, {} unchanged, {} deleted, {} only in {}",
        Count(new.files),
        Count(changed.files),
        Count(unchanged.files + compared.files),
        Count(deleted.files),
        Count(extra.files),
        if sends { "the bucket" } else { "the directory" }
    )?;
    let moved = Size(new.bytes + changed.bytes);
    let intent = match (acts, sends) {
        (true, true) => "sent",
        (true, false) => "fetched",
        (false, true) => "would send",
        (false, false) => "would fetch",
    };
    let (read, time) = (Size(compared.bytes), Time(context.started.elapsed()));
    writeln!(out, "{intent} {moved}, compared {read} in {time}")?;
    if *unproved > 0 {
        writeln!(out, "{} without a checksum of the server", Counted(*unproved, "object"))?;
    }
    if !problems.is_empty() {
        writeln!(out, "{}", Counted(problems.len() as u64, "problem"))?;
    }
    Ok(())
}

/// What a run would cost.
pub(super) fn cost(cost: &Cost, out: &mut Out) -> io::Result<()> {
    let Requests { write, read, delete } = cost.requests;
    writeln!(
        out,
        "would make {} that write or list, {} that read, {} that delete; {} would be in the bucket then",
        Counted(write, "request"),
        Count(read),
        Count(delete),
        Size(cost.stored)
    )?;
    cost.money.iter().try_for_each(|money| writeln!(out, "{money}"))
}

#[derive(Serialize)]
pub(super) struct JsonOutcome {
    result: &'static str,
    seconds: f64,
    new: JsonTally,
    changed: JsonTally,
    unchanged: JsonTally,
    compared: JsonTally,
    deleted: JsonTally,
    kept_versions: u64,
    extra: JsonTally,
    unproved: u64,
    refusal: Option<String>,
    /// Only of a dry run that would send.
    cost: Option<Cost>,
    changes: Vec<JsonChange>,
    problems: Vec<JsonProblem>,
}

impl JsonOutcome {
    pub(super) fn new(
        outcome: &Outcome,
        changes: Vec<JsonChange>,
        cost: Option<Cost>,
        exit: Exit,
        context: &Context,
    ) -> Self {
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            new: outcome.new.into(),
            changed: outcome.changed.into(),
            unchanged: outcome.unchanged.into(),
            compared: outcome.compared.into(),
            deleted: outcome.deleted.into(),
            kept_versions: outcome.kept,
            extra: outcome.extra.into(),
            unproved: outcome.unproved,
            refusal: outcome.refusal.map(|refusal| refusal.to_string()),
            cost,
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

/// What happened to a name, or would.
#[derive(Serialize)]
pub(super) struct JsonChange {
    path: JsonPath,
    change: &'static str,
    pub(super) bytes: u64,
}

impl JsonChange {
    /// Whether the file would be sent.
    pub(super) fn is_sent(&self) -> bool {
        [Change::New, Change::Changed].map(word).contains(&self.change)
    }

    pub(super) fn new(change: Change, name: &str, bytes: u64) -> Self {
        Self { path: JsonPath(name.into()), change: word(change), bytes }
    }
}

#[derive(Serialize)]
struct JsonProblem {
    path: JsonPath,
    message: String,
    failed: bool,
}

impl From<&Problem> for JsonProblem {
    fn from(problem: &Problem) -> Self {
        let path = Path::new(OsStr::from_bytes(&problem.name));
        Self { path: path.into(), message: problem.text.clone(), failed: problem.is_failure }
    }
}
