//! Whose backups are meant.

use std::ffi::{OsStr, OsString};

use redcedar_system::escape;

use crate::source::Source;

/// Why it is not clear whose backups are meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// There are several machines.
    #[error("there are backups of several machines; choose one of {}", .peers.join(", "))]
    Several {
        /// Their names.
        peers: Vec<String>,
    },
    /// There is no such machine.
    #[error("there are no backups of {peer}; there are backups of {}", .peers.join(", "))]
    Unknown {
        /// What was asked for.
        peer: String,
        /// What there is.
        peers: Vec<String>,
    },
}

/// The machine that was asked for; it may be left out where there is only one.
pub(crate) fn choose(source: &Source, wanted: Option<&OsStr>) -> Result<OsString, PeerError> {
    let peers = source.peers();
    let names = || peers.iter().map(|name| escape::display(name).to_string()).collect();
    match wanted {
        Some(peer) if peers.contains(&peer) => Ok(peer.to_owned()),
        Some(peer) => Err(PeerError::Unknown { peer: escape::display(peer).to_string(), peers: names() }),
        None => match peers[..] {
            [peer] => Ok(peer.to_owned()),
            _ => Err(PeerError::Several { peers: names() }),
        },
    }
}
