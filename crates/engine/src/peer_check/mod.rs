//! Proves that a peer can be staged, step by step: what would be found out at night is found out now, with the command that
//! mends it. Nothing is changed, here or there.

mod connection;
mod copy;
mod facts;
mod judge;
mod local;
mod remote;
mod step;

use redcedar_config::Config;
use redcedar_config::cedar::{LocalPeer, PeerList, RemotePeer};
use redcedar_system::{Interrupted, System};

pub use step::{Finding, PeerReport, Status, Step};

/// A peer of the configuration.
#[derive(Debug, Clone, Copy)]
pub enum Peer<'a> {
    /// On this machine.
    Local(&'a LocalPeer),
    /// On another one.
    Remote(&'a RemotePeer),
}

impl Peer<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Local(peer) => &peer.name,
            Self::Remote(peer) => &peer.name,
        }
    }
}

/// How hints name this program: `redcedar`, and what has to follow its words.
#[derive(Debug, Clone)]
pub struct Own {
    /// How a shell reaches it.
    pub program: String,
    /// Options that lead it to the same configuration, with a blank before each.
    pub options: String,
}

impl Own {
    /// A command line of this program.
    pub fn line(&self, words: &str) -> String {
        format!("{} {words}{}", self.program, self.options)
    }
}

/// All peers: those that are staged, and those that are only managed.
pub fn peers(config: &Config) -> Vec<Peer<'_>> {
    let staged = config.stage.as_ref().and_then(|stage| stage.peers.as_ref());
    let lists: Vec<&PeerList> = staged.into_iter().chain(&config.peers).collect();
    let mut peers: Vec<Peer<'_>> = Vec::new();
    for list in lists {
        let of_list = list.local.iter().map(Peer::Local).chain(list.remote.iter().map(Peer::Remote));
        for peer in of_list {
            if !peers.iter().any(|known| known.name() == peer.name()) {
                peers.push(peer);
            }
        }
    }
    peers
}

/// Looks at everything that staging from a peer needs.
///
/// # Errors
/// Only when it was interrupted: whatever else goes wrong is what was to be found out.
pub fn check(peer: Peer<'_>, config: &Config, own: &Own, system: &System) -> Result<PeerReport, Interrupted> {
    match peer {
        Peer::Local(peer) => Ok(local::check(peer, config, own, system)),
        Peer::Remote(peer) => remote::check(peer, config, own, system),
    }
}
