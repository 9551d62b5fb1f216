//! Sets up what lets the backup user log in on a peer: a key, the key of the host, and what the peer lets our key do.
//!
//! Nothing that is there is replaced, and no host is believed that nobody vouched for: its key is added only when its fingerprint
//! was given.

mod authorize;
mod element;
mod host_key;
mod key;

use std::io;
use std::path::Path;

use redcedar_config::cedar::{Options, RemotePeer};
use redcedar_system::account::AccountError;
use redcedar_system::fs::Directory;
use redcedar_system::{Interrupted, Runner, System};

pub use authorize::{Authorized, Forced, Installed, Login, install};
pub use element::{Wishes, element};
pub use host_key::{HostKey, HostKeyState, HostKeys};
pub use key::{Key, KeyState};

use crate::remote::{Identity, Remote};
use crate::ssh::{Connection, Settings, said};

/// What is set up.
#[derive(Debug, Clone, Copy)]
pub struct AddRequest<'a> {
    /// The peer, as it is or will be configured.
    pub peer: &'a RemotePeer,
    /// The options of the configuration.
    pub options: &'a Options,
    /// Fingerprints of keys of the host that somebody vouches for.
    pub accepted: &'a [String],
    /// What the peer is to let our key do.
    pub forced: &'a Forced,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What is set up now.
#[derive(Debug, Clone)]
pub struct Added {
    /// The user whose key it is.
    pub user: String,
    /// `user@host`.
    pub address: String,
    /// The port of the host.
    pub port: String,
    /// Our key.
    pub key: Key,
    /// Keys of the host.
    pub host_keys: HostKeys,
    /// What has to be in `authorized_keys` there. None as long as there is no key.
    pub authorized: Option<Authorized>,
}

/// Why it cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The user who talks to peers does not exist.
    #[error("there is nobody to talk to peers: {0}")]
    Account(#[from] AccountError),
    /// There is nothing that we know how to set up.
    #[error("rcp_command is not OpenSSH's scp, so there is nothing to set up")]
    NotOpenSsh,
    /// `ssh -G` does not work.
    #[error("ssh does not accept its options or its configuration: {0}")]
    Settings(String),
    /// There is no key, and none can be made.
    #[error("cannot make the key {path}: {reason}")]
    NoKey {
        /// Where it should be.
        path: String,
        /// What happened.
        reason: String,
    },
    /// There is a key that is no use.
    #[error("cannot use the key {path}: {reason}")]
    Key {
        /// The key.
        path: String,
        /// What happened.
        reason: String,
    },
    /// The host has other keys than the accepted one.
    #[error("the host has no key with the fingerprint {given}; it offers {}", .offered.join(", "))]
    OtherHostKey {
        /// What somebody vouches for.
        given: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// The key of the host cannot be stored.
    #[error("cannot add the key of the host to {path}: {reason}")]
    KnownHosts {
        /// The file.
        path: String,
        /// What happened.
        reason: String,
    },
    /// It cannot be put there.
    #[error("cannot put the key into authorized_keys: {0}")]
    Install(String),
    /// A text that cannot be in `authorized_keys`.
    #[error("[{0}] cannot be in authorized_keys: it has control characters, or is not UTF-8")]
    Unwritable(String),
    /// A temporary file could not be written.
    #[error("cannot write a temporary file: {0}")]
    Io(#[from] io::Error),
    /// It was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Sets up the near side, and says what has to be done on the far one.
///
/// # Errors
/// When something is in the way that only a person can move.
pub fn add(request: &AddRequest<'_>, system: &System) -> Result<Added, AddError> {
    let identity = Identity::of(request.options)?;
    let account = identity.account()?;
    let remote = Remote::new(request.peer, request.options, &identity);
    let connection = Connection::of(&remote, &identity).ok_or(AddError::NotOpenSsh)?;
    let runner = &*system.runner;
    let settings = connection.settings(runner)?.map_err(|finished| AddError::Settings(said(&finished)))?;
    let near = Near { identity: &identity, settings: &settings, dry_run: request.dry_run, runner };
    let key = key::ensure(&near, &account.name)?;
    let authorized = key.public.as_deref().map(|public| Authorized::new(request.forced, public));
    Ok(Added {
        user: account.name,
        address: remote.address().to_owned(),
        authorized: authorized.transpose()?,
        host_keys: host_key::look(&near, request.accepted)?,
        port: settings.port.clone(),
        key,
    })
}

/// What is needed for work on this side.
struct Near<'a> {
    identity: &'a Identity,
    settings: &'a Settings,
    dry_run: bool,
    runner: &'a dyn Runner,
}

impl Near<'_> {
    /// Makes the directory of a file, if it is not there, for whoever talks to peers.
    fn make_parent(&self, file: &Path) -> io::Result<()> {
        let Some(parent) = file.parent().filter(|parent| !parent.exists()) else { return Ok(()) };
        let (Some(above), Some(name)) = (parent.parent(), parent.file_name()) else { return Ok(()) };
        let owner = self.identity.owner().map_err(io::Error::other)?;
        Directory::open(above)?.create_directory(name, 0o700, owner).map(drop)
    }
}
