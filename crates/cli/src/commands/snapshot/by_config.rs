//! `redcedar snapshot create --config FILE`: what `backup` does, in our words.

use std::io::{self, Write};

use redcedar_generations::config::Config;
use redcedar_generations::run::{Outcome, RunError, preview, run as make};
use redcedar_generations::select::{Total, Totals};
use serde::Serialize;

use super::super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, result_word};

pub(super) fn run(config: &Config, context: &Context, out: &mut Out) -> CommandResult {
    let made = if context.global.dry_run {
        let (totals, problems) = preview(config, &context.system).map_err(failed)?;
        for problem in &problems {
            context.system.monitor.error(problem);
        }
        Made { totals, errors: problems.len(), generation: None, removed: Vec::new() }
    } else {
        Made::of(make(config, &context.system).map_err(failed)?)
    };
    context.terminal.finish();
    let exit = if made.errors == 0 { Exit::Done } else { Exit::Incomplete };
    if context.global.json {
        out.json(&Document::new("snapshot create", JsonMade::new(&made, exit, context)))?;
    } else if !context.global.quiet {
        summarise(&made, context, out)?;
    }
    Ok(exit)
}

/// What was made, or would be.
struct Made {
    generation: Option<String>,
    totals: Totals,
    removed: Vec<String>,
    errors: usize,
}

impl Made {
    fn of(outcome: Outcome) -> Self {
        let Outcome { name, totals, removed, errors } = outcome;
        let removed = removed.iter().map(ToString::to_string).collect();
        Self { generation: Some(name.to_string()), totals, removed, errors }
    }

    fn saved(&self) -> Total {
        let mut saved = Total::default();
        self.totals.saved.values().for_each(|total| saved += *total);
        saved
    }
}

fn failed(error: RunError) -> CommandError {
    match error {
        RunError::Interrupted(_) => {
            CommandError::new(Exit::Interrupted, error).hint("the next run goes on from here")
        }
        error => CommandError::new(Exit::Failed, error),
    }
}

fn summarise(made: &Made, context: &Context, out: &mut Out) -> io::Result<()> {
    match &made.generation {
        Some(name) => writeln!(out, "generation {name} in {}", Time(context.started.elapsed()))?,
        None => writeln!(out, "would make a generation")?,
    }
    let (saved, left_out) = (made.saved(), made.totals.left_out);
    writeln!(out, "{}, {} in files", Counted(saved.paths, "path"), Size(saved.bytes))?;
    if left_out.paths > 0 {
        let paths = Counted(left_out.paths, "path");
        writeln!(out, "{paths}, {}, left to their packages", Size(left_out.bytes))?;
    }
    for name in &made.removed {
        writeln!(out, "removed generation {name}")?;
    }
    if made.errors > 0 {
        writeln!(out, "{}", Counted(made.errors as u64, "problem"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonMade<'a> {
    result: &'static str,
    seconds: f64,
    generation: Option<&'a str>,
    paths: u64,
    bytes: u64,
    left_out: u64,
    removed: &'a [String],
    errors: usize,
}

impl<'a> JsonMade<'a> {
    fn new(made: &'a Made, exit: Exit, context: &Context) -> Self {
        let saved = made.saved();
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            generation: made.generation.as_deref(),
            paths: saved.paths,
            bytes: saved.bytes,
            left_out: made.totals.left_out.paths,
            removed: &made.removed,
            errors: made.errors,
        }
    }
}
