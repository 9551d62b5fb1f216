//! How the outcome of a run is shown.

use std::io::Write;

use redcedar_engine::{Omission, OmissionKind, Outcome};
use redcedar_system::{Level, escape};

use super::{CommandError, Context, Out};
use crate::exit::Exit;
use crate::output::human::{Count, Counted, Size, Time};
use crate::output::json::{Document, JsonOutcome, omission_word, result_word};

/// Shows what came out, and says how the program ends.
pub(crate) fn report(
    command: &str,
    outcome: &Outcome,
    context: &Context,
    out: &mut Out,
) -> Result<Exit, CommandError> {
    context.terminal.finish();
    let exit = exit_of(outcome);
    let elapsed = context.started.elapsed();
    if context.global.json {
        let outcome = JsonOutcome::new(outcome, result_word(exit), elapsed.as_secs_f64());
        out.json(&Document::new(command, outcome))?;
        return Ok(exit);
    }
    list_omissions(outcome, context);
    if !context.global.quiet {
        let summary = &outcome.summary;
        writeln!(
            out,
            "{} new, {} changed, {} unchanged, {} removed, {} left out",
            Count(summary.new),
            Count(summary.changed),
            Count(summary.unchanged),
            Count(summary.removed),
            Count(summary.omitted)
        )?;
        writeln!(
            out,
            "read {}, wrote {} in {}",
            Size(summary.bytes_in),
            Size(summary.bytes_out),
            Time(elapsed)
        )?;
        if !outcome.clients.is_empty() {
            writeln!(out, "{} failed on managed clients", Counted(outcome.clients.len() as u64, "action"))?;
        }
    }
    Ok(exit)
}

/// Each omission was told as a warning when it was met. That is enough when warnings are what is shown; they are told (again)
/// when nothing or a lot is.
fn list_omissions(outcome: &Outcome, context: &Context) {
    if context.global.threshold() == Level::Warning {
        return;
    }
    for omission in outcome.omissions.iter().filter(|omission| counts(omission)) {
        let (path, kind) = (escape::display(&omission.path), omission_word(omission.kind));
        context.terminal.print(&format!("{kind}: {path}: {}", escape::multiline(&omission.detail)));
    }
}

/// What was skipped because it can be in no backup (a socket, `/proc`, the backup itself) is told, but is no reason to call the
/// run incomplete: it would be every night.
fn counts(omission: &Omission) -> bool {
    omission.kind != OmissionKind::Skipped
}

fn exit_of(outcome: &Outcome) -> Exit {
    if !outcome.failures.is_empty() {
        Exit::Failed
    } else if !outcome.clients.is_empty() || outcome.omissions.iter().any(counts) {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_engine::ClientFailure;

    #[test]
    fn the_exit_code_tells_failed_from_incomplete_from_done() {
        let omission = |kind| Omission { path: "/x".into(), kind, detail: String::new() };
        let mut outcome = Outcome::default();
        assert_eq!(exit_of(&outcome), Exit::Done);
        outcome.omissions.push(omission(OmissionKind::Skipped));
        assert_eq!(exit_of(&outcome), Exit::Done);
        outcome.omissions.push(omission(OmissionKind::Vanished));
        assert_eq!(exit_of(&outcome), Exit::Incomplete);
        let (peer, action) = ("h1".to_owned(), "collect".to_owned());
        let client = ClientFailure { peer, action, reason: String::new() };
        assert_eq!(exit_of(&Outcome { clients: vec![client], ..Outcome::default() }), Exit::Incomplete);
        outcome.failures.push("no".into());
        assert_eq!(exit_of(&outcome), Exit::Failed);
    }
}
