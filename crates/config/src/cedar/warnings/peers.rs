//! Peers that are not managed after all, and names that make bad directories.

use crate::Located;
use crate::cedar::{Config, PeerList};
use crate::diagnostic::Diagnostic;

pub(super) fn check(config: &Config, findings: &mut Vec<Diagnostic>) {
    let staged = config.stage.as_ref().and_then(|stage| stage.peers.as_ref());
    for peers in config.peers.iter().chain(staged) {
        check_names(peers, findings);
    }
    for peer in config.peers.iter().flat_map(|peers| &peers.remote) {
        if peer.managed == Some(true) && peer.managed_actions.as_ref().is_some_and(Vec::is_empty) {
            let message = "this peer is managed, but its own `managed_actions` is an empty list";
            findings.push(
                Diagnostic::warning(peer.name.span, message)
                    .with_hint("remove the element to use the list of the options"),
            );
        }
    }
    for peer in staged.iter().flat_map(|peers| &peers.remote) {
        if peer.managed == Some(true) {
            let message = "a peer in `stage` is never managed; only those in `peers` are";
            findings.push(Diagnostic::warning(peer.name.span, message));
        }
    }
}

fn check_names(peers: &PeerList, findings: &mut Vec<Diagnostic>) {
    let local = peers.local.iter().map(|peer| &peer.name);
    for name in local.chain(peers.remote.iter().map(|peer| &peer.name)) {
        if let Some(problem) = problem_with(name) {
            let message = format!("the name of a peer is the name of its directory too; this one {problem}");
            findings.push(
                Diagnostic::warning(name.span, message).with_hint("use letters, digits, `.`, `_` and `-`"),
            );
        }
    }
}

fn problem_with(name: &Located<String>) -> Option<&'static str> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '@');
    match name.as_str() {
        name if name.contains('/') => Some("holds a `/`"),
        "." | ".." => Some("is a directory that is always there"),
        name if name.starts_with('-') => Some("looks like an option"),
        name if !name.chars().all(is_safe) => Some("holds characters that shells treat specially"),
        _ => None,
    }
}
