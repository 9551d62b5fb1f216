//! The sections of `cback.conf`, as checked values. One file per section: its type, its reading, its writing.

mod collect;
mod extensions;
mod load;
mod options;
mod peers;
mod purge;
mod reference;
mod render;
mod schema;
mod stage;
mod store;
mod warnings;

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::section::{Field, Section};
use crate::value::AnomalyMode;
use crate::{Located, value};

pub use collect::{Collect, CollectDir, CollectFile, Exclusions};
pub use extensions::{ExtendedAction, Extensions, ProgramSettings};
pub use load::{LoadError, Loaded};
pub use options::{Hook, HookKind, Options, Override};
pub use peers::{LocalPeer, PeerList, RemotePeer};
pub use purge::{Keep, Purge, PurgeDir};
pub use reference::Reference;
pub use render::{RenderError, WriteError, write_file};
pub use stage::Stage;
pub use store::{BlankBehavior, Store};

/// A whole configuration that has passed the checks of `cedar-config.md` §12.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Free text about the file.
    pub reference: Option<Reference>,
    /// Extended actions.
    pub extensions: Option<Extensions>,
    /// Global options.
    pub options: Options,
    /// The pool.
    pub peers: Option<PeerList>,
    /// The collect action.
    pub collect: Option<Collect>,
    /// The stage action.
    pub stage: Option<Stage>,
    /// The store action.
    pub store: Option<Store>,
    /// The purge action.
    pub purge: Option<Purge>,
}

impl Config {
    /// The peers that stage fetches from: those of the stage section if it has any, else those of the peers section.
    pub fn staged_peers(&self) -> Option<&PeerList> {
        let own = self.stage.as_ref().and_then(|stage| stage.peers.as_ref());
        own.or(self.peers.as_ref())
    }

    /// What is done about unusual days before anything is deleted: purged, or blanked.
    pub fn anomaly(&self) -> AnomalyMode {
        self.purge.as_ref().and_then(|purge| purge.anomaly).unwrap_or(AnomalyMode::Warn)
    }
}

/// Reads a list of action names; each is located where the whole list stands.
fn read_names(
    section: Section<'_>,
    name: &str,
    findings: &mut Vec<Diagnostic>,
) -> Field<Vec<Located<String>>> {
    match section.read(name, value::name_list, findings) {
        Field::Valid(names) => {
            let span = names.span;
            Field::Valid(names.map(|names| names.into_iter().map(|value| Located { value, span }).collect()))
        }
        Field::Invalid => Field::Invalid,
        Field::Absent => Field::Absent,
    }
}

/// Complains about every surplus occurrence of a name.
fn report_duplicates<'a>(
    what: &str,
    names: impl Iterator<Item = &'a Located<String>>,
    findings: &mut Vec<Diagnostic>,
) {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(&name.value) {
            let message = format!("there is another {what} named `{}`", name.value);
            findings.push(Diagnostic::error(name.span, message));
        }
    }
}
