//! `cback.result` in a day: what became of each peer. One line of JSON for each; see `docs/state-files.md`.

use std::ffi::OsStr;
use std::io::{self, Read};

use jiff::Zoned;
use redcedar_system::Owner;
use redcedar_system::fs::Directory;
use serde::{Deserialize, Serialize};

use crate::outcome::{PeerResult, PeerStatus};

/// The name of the file.
pub const NAME: &str = "cback.result";

/// More is none of ours.
const LONGEST: u64 = 16 << 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    peer: String,
    status: PeerStatus,
    files: u64,
    bytes: u64,
    error: Option<String>,
    seconds: f64,
    time: String,
}

impl Line {
    fn new(result: &PeerResult, now: &Zoned) -> Self {
        Self {
            peer: result.peer.clone(),
            status: result.status,
            files: result.files,
            bytes: result.bytes,
            error: result.error.clone(),
            seconds: (result.took.as_secs_f64() * 1000.0).round() / 1000.0,
            time: now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        }
    }

    /// What the day holds of the peer after a further attempt: what was staged stays staged.
    fn followed_by(self, new: Self) -> Self {
        match (self.status, new.status) {
            (PeerStatus::Staged, PeerStatus::Staged) => new,
            (PeerStatus::Staged, PeerStatus::Ignored) => self,
            (PeerStatus::Staged, _) => Self { error: new.error, ..self },
            _ => new,
        }
    }
}

/// Writes what became of the peers into the day, together with what an earlier run of the day has written of others.
pub(super) fn write(
    day: &Directory,
    results: &[PeerResult],
    now: &Zoned,
    owner: Option<Owner>,
) -> io::Result<()> {
    let new = results.iter().map(|result| Line::new(result, now)).collect();
    let text: Vec<u8> = merge(read(day)?, new).iter().flat_map(to_text).collect();
    super::write_file(day, NAME, &text, owner)
}

fn to_text(line: &Line) -> Vec<u8> {
    // A structure of texts and finite numbers can be written as JSON.
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text
}

fn read(day: &Directory) -> io::Result<Vec<Line>> {
    if day.status(OsStr::new(NAME))?.is_none() {
        return Ok(Vec::new());
    }
    let mut text = Vec::new();
    day.open_file(OsStr::new(NAME))?.take(LONGEST).read_to_end(&mut text)?;
    Ok(text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// Peers of this run in its order, then the others.
fn merge(mut old: Vec<Line>, new: Vec<Line>) -> Vec<Line> {
    let mut merged: Vec<Line> = Vec::new();
    for line in new {
        let before = old.iter().position(|before| before.peer == line.peer).map(|at| old.remove(at));
        merged.push(match before {
            Some(before) => before.followed_by(line),
            None => line,
        });
    }
    merged.append(&mut old);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn result(peer: &str, status: PeerStatus, error: Option<&str>) -> PeerResult {
        let files = u64::from(status == PeerStatus::Staged) * 3;
        let error = error.map(str::to_owned);
        PeerResult {
            peer: peer.to_owned(),
            status,
            files,
            bytes: 10,
            error,
            took: Duration::from_millis(1500),
        }
    }

    #[test]
    fn a_peer_is_a_line_and_stays_staged_whatever_comes_later_that_day() {
        use PeerStatus::{AlreadyStaged, Failed, Ignored, NotReady, Staged};
        let root = tempfile::tempdir().unwrap();
        let day = Directory::open(root.path()).unwrap();
        let now: Zoned = "2026-11-24T02:30:00+01:00[Europe/Berlin]".parse().unwrap();
        let write = |results: &[PeerResult]| super::write(&day, results, &now, None).unwrap();
        let text = || fs_err::read_to_string(root.path().join(NAME)).unwrap();
        write(&[
            result("a", Staged, None),
            result("b", NotReady, Some("no")),
            result("gone", Failed, Some("x")),
        ]);
        assert_eq!(
            text(),
            "{\"peer\":\"a\",\"status\":\"staged\",\"files\":3,\"bytes\":10,\"error\":null,\"seconds\":1.5,\
             \"time\":\"2026-11-24T02:30:00+01:00\"}\n\
             {\"peer\":\"b\",\"status\":\"not_ready\",\"files\":0,\"bytes\":10,\"error\":\"no\",\"seconds\":1.5,\
             \"time\":\"2026-11-24T02:30:00+01:00\"}\n\
             {\"peer\":\"gone\",\"status\":\"failed\",\"files\":0,\"bytes\":10,\"error\":\"x\",\"seconds\":1.5,\
             \"time\":\"2026-11-24T02:30:00+01:00\"}\n"
        );
        let lines = |expected: &[&str]| {
            let lines: Vec<String> = read(&day)
                .unwrap()
                .iter()
                .map(|line| format!("{} {:?} {} {:?}", line.peer, line.status, line.files, line.error))
                .collect();
            assert_eq!(lines, expected);
        };
        write(&[result("b", Staged, None), result("a", Failed, Some("later"))]);
        lines(&["b Staged 3 None", "a Staged 3 Some(\"later\")", "gone Failed 0 Some(\"x\")"]);
        write(&[result("a", Ignored, Some("quiet")), result("b", AlreadyStaged, Some("old"))]);
        lines(&["a Staged 3 Some(\"later\")", "b Staged 3 Some(\"old\")", "gone Failed 0 Some(\"x\")"]);
        fs_err::write(root.path().join(NAME), "{\"peer\": 7}\nnonsense").unwrap();
        write(&[result("a", Staged, None)]);
        lines(&["a Staged 3 None"]);
    }
}
