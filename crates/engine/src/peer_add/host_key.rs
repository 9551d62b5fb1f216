//! Keys of the host: what is known, what it offers, and what somebody vouches for.

use std::ffi::OsStr;
use std::path::Path;

use redcedar_system::escape;
use redcedar_system::fs::Scratch;

use super::{AddError, Near};
use crate::remote::Identity;
use crate::ssh::{ask, said};

/// How the host is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeys {
    /// A key of it is known already.
    Known,
    /// It was asked, and offers these.
    Offered(Vec<HostKey>),
    /// It cannot be asked, and why.
    Unknown(String),
}

impl HostKeys {
    /// Whether the backup user would trust the host now.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Known => true,
            Self::Offered(keys) => keys.iter().any(|key| key.state == HostKeyState::Added),
            Self::Unknown(_) => false,
        }
    }
}

/// A key that the host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// `SHA256:…`
    pub fingerprint: String,
    /// `ED25519`, `RSA`, …
    pub kind: String,
    /// What became of it.
    pub state: HostKeyState,
    /// As it stands in `known_hosts`.
    line: String,
}

/// What became of a key of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyState {
    /// Nobody vouches for it.
    Offered,
    /// Somebody does, and it would be added.
    Accepted,
    /// It was added.
    Added,
}

pub(super) fn look(near: &Near<'_>, accepted: &[String]) -> Result<HostKeys, AddError> {
    let settings = near.settings;
    for file in settings.known_hosts.iter().chain(&settings.global_known_hosts) {
        if is_known_in(near, file)? {
            return Ok(HostKeys::Known);
        }
    }
    if settings.is_relayed {
        return Ok(HostKeys::Unknown("it is reached by way of another host".to_owned()));
    }
    let mut keys = match scan(near)? {
        Ok(keys) => keys,
        Err(reason) => return Ok(HostKeys::Unknown(reason)),
    };
    for given in accepted {
        let Some(key) = keys.iter_mut().find(|key| key.fingerprint == *given) else {
            let offered = keys.into_iter().map(|key| key.fingerprint).collect();
            return Err(AddError::OtherHostKey { given: given.clone(), offered });
        };
        key.state = HostKeyState::Accepted;
    }
    if !near.dry_run {
        for key in keys.iter_mut().filter(|key| key.state == HostKeyState::Accepted) {
            remember(near, &key.line)?;
            key.state = HostKeyState::Added;
        }
    }
    Ok(HostKeys::Offered(keys))
}

fn is_known_in(near: &Near<'_>, file: &Path) -> Result<bool, AddError> {
    let known_as = near.settings.known_as();
    let words = [OsStr::new("ssh-keygen"), "-F".as_ref(), known_as.as_ref(), "-f".as_ref(), file.as_os_str()];
    let (finished, answer) = ask(near.runner, &near.identity.command(&words))?;
    Ok(finished.success() && !answer.is_empty())
}

/// Asks the host for its keys, or says why that is not possible.
fn scan(near: &Near<'_>) -> Result<Result<Vec<HostKey>, String>, AddError> {
    let settings = near.settings;
    let words = ["ssh-keyscan", "-T", "10", "-p", &settings.port, "--", &settings.host];
    let (finished, answer) = ask(near.runner, &near.identity.command(&words))?;
    let known_as = settings.known_as();
    let answer = String::from_utf8_lossy(&answer);
    let lines: Vec<String> = answer.lines().filter_map(|line| known_line(line, &known_as)).collect();
    if lines.is_empty() {
        return Ok(Err(said(&finished)));
    }
    let scratch = Scratch::new(None)?;
    let file = scratch.file("keys", (lines.join("\n") + "\n").as_bytes())?;
    let words = [OsStr::new("ssh-keygen"), "-l".as_ref(), "-f".as_ref(), file.as_os_str()];
    let (finished, answer) = ask(near.runner, &Identity::Ourselves.command(&words))?;
    let fingerprints = String::from_utf8_lossy(&answer).into_owned();
    let keys: Vec<HostKey> = lines
        .into_iter()
        .zip(fingerprints.lines())
        .filter_map(|(line, print)| host_key(line, print))
        .collect();
    Ok(if keys.is_empty() { Err(said(&finished)) } else { Ok(keys) })
}

/// A line of `ssh-keyscan` (name, kind, key) with the name by which we know the host.
fn known_line(line: &str, known_as: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let (name, kind, key) = (words.next()?, words.next()?, words.next()?);
    (!name.starts_with('#')).then(|| format!("{known_as} {kind} {key}"))
}

/// `256 SHA256:… name (ED25519)`
fn host_key(line: String, print: &str) -> Option<HostKey> {
    let fingerprint = print.split(' ').nth(1)?.to_owned();
    let kind = print.rsplit('(').next()?.trim_end_matches(')').to_owned();
    Some(HostKey { fingerprint, kind, state: HostKeyState::Offered, line })
}

/// Adds a line to the file of known hosts, as the one whose file it is.
fn remember(near: &Near<'_>, line: &str) -> Result<(), AddError> {
    let Some(file) = near.settings.known_hosts.first() else {
        let reason = "ssh knows no such file".to_owned();
        return Err(AddError::KnownHosts { path: "known_hosts".to_owned(), reason });
    };
    let failed = |reason| AddError::KnownHosts { path: escape::display(file).to_string(), reason };
    near.make_parent(file).map_err(|error| failed(error.to_string()))?;
    let scratch = Scratch::new(None)?;
    // The last line that is there may lack its end; an empty one means nothing.
    let is_new = fs_err::metadata(file).map_or(true, |metadata| metadata.len() == 0);
    let text = format!("{}{line}\n", if is_new { "" } else { "\n" });
    let input = scratch.file("line", text.as_bytes())?;
    let append = near.identity.command(&[OsStr::new("tee"), "-a".as_ref(), "--".as_ref(), file.as_os_str()]);
    let (finished, _) = ask(near.runner, &append.input_from(input))?;
    if finished.success() { Ok(()) } else { Err(failed(said(&finished))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_the_name_that_ssh_will_look_for() {
        let scanned = "[127.0.0.1]:22922 ssh-ed25519 AAAAC3Nz";
        assert_eq!(known_line(scanned, "web1").as_deref(), Some("web1 ssh-ed25519 AAAAC3Nz"));
        assert_eq!(known_line("# 127.0.0.1:22922 SSH-2.0-OpenSSH_9.2p1", "web1"), None);
        assert_eq!(known_line("", "web1"), None);
        let key = host_key("line".into(), "256 SHA256:asNW7Z/M+N66 web1 (ED25519)").unwrap();
        assert_eq!((&*key.fingerprint, &*key.kind), ("SHA256:asNW7Z/M+N66", "ED25519"));
    }
}
