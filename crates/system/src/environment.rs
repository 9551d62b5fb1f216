//! Environment variables that Redcedar itself reads, and the environment that its children get.

use std::ffi::{OsStr, OsString};

/// Names the configuration file when `--config` does not.
pub const REDCEDAR_CONFIG: &str = "REDCEDAR_CONFIG";
/// Names a file with secret keys of age, when `--identity` does not.
pub const REDCEDAR_IDENTITY: &str = "REDCEDAR_IDENTITY";
/// Sets the clock, for tests: `2026-11-24T02:30`. See [`crate::clock::FixedClock::parse`].
pub const REDCEDAR_NOW: &str = "REDCEDAR_NOW";
/// Ends the process at a named point, for tests of debug builds. See [`crate::checkpoint`].
pub const REDCEDAR_CHECKPOINT: &str = "REDCEDAR_CHECKPOINT";
/// Where programs keep what they remember for a user; it may be lost.
pub const XDG_STATE_HOME: &str = "XDG_STATE_HOME";
/// Where programs keep what they can make anew.
pub const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// What a client wants run by a key that has a forced command; set by `sshd`.
pub const SSH_ORIGINAL_COMMAND: &str = "SSH_ORIGINAL_COMMAND";
/// From where a client came: its address and port, then ours; set by `sshd`.
pub const SSH_CONNECTION: &str = "SSH_CONNECTION";
/// Turns colours off when it is set to anything but nothing (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";

/// Variables that the original takes out of the environment before it starts its first child.
const REMOVED: [&str; 13] = [
    "LC_ADDRESS",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_IDENTIFICATION",
    "LC_MEASUREMENT",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NAME",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TELEPHONE",
    "LC_TIME",
];

/// A snapshot of environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// The environment this process was started with.
    pub fn inherited() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Builds an environment from pairs.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// The value of `name`; an empty value counts as none.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_os_str())
    }

    /// The environment for children, as the original sanitises it (`cedar-cli.md` §12): the `LC_*` variables go,
    /// `LANG` becomes `C` if it is there at all.
    #[must_use]
    pub fn sanitised(&self) -> Self {
        let kept = self.0.iter().filter(|(k, _)| !REMOVED.iter().any(|removed| k == removed));
        Self(
            kept.map(|(k, v)| (k.clone(), if k == "LANG" { OsString::from("C") } else { v.clone() }))
                .collect(),
        )
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(k, v)| (k.as_os_str(), v.as_os_str()))
    }
}
