//! Our key.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use redcedar_system::account::host_name;
use redcedar_system::escape;

use super::{AddError, Near};
use crate::ssh::{ask, said};

/// The kind of key that is made, and the usual name of one.
const KIND: &str = "ed25519";
const NAME: &str = "id_ed25519";

/// The key of the user who talks to peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The private half.
    pub path: PathBuf,
    /// Whether it was made now.
    pub state: KeyState,
    /// The public half, as a line. None when there is no key yet.
    pub public: Option<String>,
}

/// Whether a key was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It was there.
    There,
    /// It was made.
    Made,
    /// It is not there, and would be made.
    Missing,
}

/// The first key that `ssh` would use; where there is none, one is made.
pub(super) fn ensure(near: &Near<'_>, user: &str) -> Result<Key, AddError> {
    let keys = &near.settings.keys;
    if let Some(path) = keys.iter().find(|path| path.exists()) {
        let public = Some(public(near, path)?);
        return Ok(Key { path: path.clone(), state: KeyState::There, public });
    }
    let usual = keys.iter().find(|path| path.file_name() == Some(OsStr::new(NAME)));
    let path = usual.or(keys.first()).ok_or_else(|| AddError::NoKey {
        path: NAME.to_owned(),
        reason: "ssh would use no key at all".to_owned(),
    })?;
    if near.dry_run {
        return Ok(Key { path: path.clone(), state: KeyState::Missing, public: None });
    }
    make(near, path, user)?;
    Ok(Key { path: path.clone(), state: KeyState::Made, public: Some(public(near, path)?) })
}

/// Makes a key without a passphrase: at night there is nobody to type one. `ssh-keygen` asks before it replaces a file, and
/// there is nobody to answer either.
fn make(near: &Near<'_>, path: &Path, user: &str) -> Result<(), AddError> {
    let failed = |reason| AddError::NoKey { path: escape::display(path).to_string(), reason };
    near.make_parent(path).map_err(|error| failed(error.to_string()))?;
    let comment = format!("{user}@{}", host_name());
    let words = ["ssh-keygen", "-q", "-t", KIND, "-N", "", "-C", &comment, "-f"].map(OsStr::new);
    let words: Vec<&OsStr> = words.into_iter().chain([path.as_os_str()]).collect();
    let (finished, _) = ask(near.runner, &near.identity.command(&words))?;
    if finished.success() { Ok(()) } else { Err(failed(said(&finished))) }
}

/// The public half of a key that can be used without a passphrase.
fn public(near: &Near<'_>, path: &Path) -> Result<String, AddError> {
    let words = ["ssh-keygen", "-y", "-P", "", "-f"].map(OsStr::new);
    let words: Vec<&OsStr> = words.into_iter().chain([path.as_os_str()]).collect();
    let (finished, answer) = ask(near.runner, &near.identity.command(&words))?;
    let line = String::from_utf8_lossy(&answer).trim().to_owned();
    if finished.success() && line.split(' ').count() >= 2 {
        return Ok(line);
    }
    Err(AddError::Key { path: escape::display(path).to_string(), reason: said(&finished) })
}
