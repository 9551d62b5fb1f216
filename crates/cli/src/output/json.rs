//! The parts of JSON output that several commands share. The whole is documented in `docs/json.md`.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use redcedar_engine::{ClientFailure, Omission, OmissionKind, Outcome, PeerResult, PeerStatus, Summary};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::exit::Exit;

/// Goes up when a key changes its meaning or disappears; new keys may come at any time.
pub(crate) const FORMAT: u32 = 1;

/// What every document is wrapped in.
#[derive(Serialize)]
pub(crate) struct Document<'a, T> {
    format: u32,
    command: &'a str,
    #[serde(flatten)]
    body: T,
}

impl<'a, T: Serialize> Document<'a, T> {
    pub(crate) fn new(command: &'a str, body: T) -> Self {
        Self { format: FORMAT, command, body }
    }
}

/// A path: a string where it is UTF-8, else `{"hex": "…"}` with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath(pub(crate) PathBuf);

impl From<&Path> for JsonPath {
    fn from(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.as_os_str().as_bytes();
        if let Ok(text) = bytes.to_str() {
            return serializer.serialize_str(text);
        }
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("hex", &hex)?;
        map.end()
    }
}

/// The word for how a command ended.
pub(crate) fn result_word(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done",
        Exit::Incomplete => "incomplete",
        _ => "failed",
    }
}

/// What `backup` and `run` came to.
#[derive(Serialize)]
pub(crate) struct JsonOutcome {
    /// `done`, `incomplete` or `failed`.
    result: &'static str,
    seconds: f64,
    summary: JsonSummary,
    omissions: Vec<JsonOmission>,
    failures: Vec<String>,
    clients: Vec<JsonClient>,
    peers: Vec<JsonPeer>,
}

impl JsonOutcome {
    pub(crate) fn new(outcome: &Outcome, result: &'static str, seconds: f64) -> Self {
        Self {
            result,
            seconds,
            summary: (&outcome.summary).into(),
            omissions: outcome.omissions.iter().map(Into::into).collect(),
            failures: outcome.failures.clone(),
            clients: outcome.clients.iter().map(Into::into).collect(),
            peers: outcome.peers.iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
struct JsonClient {
    peer: String,
    action: String,
    reason: String,
}

impl From<&ClientFailure> for JsonClient {
    fn from(failure: &ClientFailure) -> Self {
        let ClientFailure { peer, action, reason } = failure.clone();
        Self { peer, action, reason }
    }
}

#[derive(Serialize)]
struct JsonSummary {
    new: u64,
    changed: u64,
    unchanged: u64,
    removed: u64,
    omitted: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl From<&Summary> for JsonSummary {
    fn from(summary: &Summary) -> Self {
        let Summary { new, changed, unchanged, removed, omitted, bytes_in, bytes_out } = *summary;
        Self { new, changed, unchanged, removed, omitted, bytes_in, bytes_out }
    }
}

#[derive(Serialize)]
struct JsonPeer {
    peer: String,
    status: PeerStatus,
    files: u64,
    bytes: u64,
    error: Option<String>,
    seconds: f64,
}

impl From<&PeerResult> for JsonPeer {
    fn from(result: &PeerResult) -> Self {
        Self {
            peer: result.peer.clone(),
            status: result.status,
            files: result.files,
            bytes: result.bytes,
            error: result.error.clone(),
            seconds: result.took.as_secs_f64(),
        }
    }
}

#[derive(Serialize)]
struct JsonOmission {
    path: JsonPath,
    kind: &'static str,
    detail: String,
}

impl From<&Omission> for JsonOmission {
    fn from(omission: &Omission) -> Self {
        Self {
            path: omission.path.as_path().into(),
            kind: omission_word(omission.kind),
            detail: omission.detail.clone(),
        }
    }
}

/// The word for a kind of omission, in JSON and in text.
pub(crate) fn omission_word(kind: OmissionKind) -> &'static str {
    match kind {
        OmissionKind::Vanished => "vanished",
        OmissionKind::Unreadable => "unreadable",
        OmissionKind::Changed => "changed",
        OmissionKind::Padded => "padded",
        OmissionKind::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn a_path_that_is_not_utf8_is_carried_without_loss() {
        let odd = Path::new(OsStr::from_bytes(b"/caf\xe9"));
        let document = Document::new("list", [JsonPath::from(Path::new("/é")), odd.into()].map(Row::new));
        assert_eq!(
            serde_json::to_string(&document.body).unwrap(),
            r#"[{"path":"/é"},{"path":{"hex":"2f636166e9"}}]"#
        );
    }

    #[derive(Serialize)]
    struct Row {
        path: JsonPath,
    }

    impl Row {
        fn new(path: JsonPath) -> Self {
            Self { path }
        }
    }
}
