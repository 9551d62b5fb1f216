//! How the outcome of a run is shown.

use std::fmt::Write as _;
use std::io::Write;

use redcedar_engine::{Omission, OmissionKind, Outcome, PeerResult, PeerStatus};
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
        if let Some(line) = peers(&outcome.peers) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(exit)
}

/// What was staged, and which peers are missing why. Each reason was told as an error.
fn peers(peers: &[PeerResult]) -> Option<String> {
    if peers.is_empty() {
        return None;
    }
    let staged = peers.iter().filter(|peer| peer.status == PeerStatus::Staged);
    let (count, files, bytes) = staged
        .fold((0, 0, 0), |(count, files, bytes), peer| (count + 1, files + peer.files, bytes + peer.bytes));
    let mut line = format!(
        "staged {count} of {}: {}, {}",
        Counted(peers.len() as u64, "peer"),
        Counted(files, "file"),
        Size(bytes)
    );
    for (status, title) in [
        (PeerStatus::NotReady, "not ready"),
        (PeerStatus::AlreadyStaged, "already staged"),
        (PeerStatus::Failed, "failed"),
        (PeerStatus::Staged, "not told"),
        (PeerStatus::Ignored, "ignored"),
    ] {
        let is_meant = |peer: &&PeerResult| peer.status == status && peer.error.is_some();
        let names: Vec<String> =
            peers.iter().filter(is_meant).map(|peer| escape::display(&peer.peer).to_string()).collect();
        if !names.is_empty() {
            let _infallible = write!(line, "; {title}: {}", names.join(", "));
        }
    }
    Some(line)
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
    } else if !outcome.clients.is_empty()
        || outcome.omissions.iter().any(counts)
        || !outcome.peers.iter().all(PeerResult::is_fine)
    {
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

    fn peer(name: &str, status: PeerStatus, error: Option<&str>) -> PeerResult {
        let (peer, error) = (name.to_owned(), error.map(str::to_owned));
        PeerResult { peer, status, files: 2, bytes: 1024, error, took: std::time::Duration::ZERO }
    }

    #[test]
    fn a_missing_peer_is_incomplete_and_named() {
        use PeerStatus::{AlreadyStaged, Failed, Ignored, NotReady, Staged};
        let ending = |peers: Vec<PeerResult>| exit_of(&Outcome { peers, ..Outcome::default() });
        assert_eq!(ending(vec![peer("a", Staged, None), peer("b", Ignored, Some("x"))]), Exit::Done);
        for status in [NotReady, AlreadyStaged, Failed, Staged] {
            assert_eq!(ending(vec![peer("b", status, Some("x"))]), Exit::Incomplete, "{status:?}");
        }
        let all = [
            peer("a", Staged, None),
            peer("b", Staged, Some("x")),
            peer("c", Ignored, Some("x")),
            peer("d", NotReady, Some("x")),
            peer("e", NotReady, Some("x")),
            peer("f", AlreadyStaged, Some("x")),
            peer("g", Failed, Some("x")),
        ];
        assert_eq!(
            peers(&all).unwrap(),
            "staged 2 of 7 peers: 4 files, 2.0 KiB; not ready: d, e; already staged: f; failed: g; not told: b; \
             ignored: c"
        );
        assert_eq!(peers(&[]), None);
    }
}
