//! `stage`: gathering what the peers collected.

use std::path::PathBuf;

use super::PeerList;
use super::peers::Inherited;
use crate::diagnostic::Diagnostic;
use crate::section::Section;
use crate::xml::Writer;
use crate::{Located, value};

/// The `stage` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Where days are gathered: `YYYY/MM/DD/peer` below it.
    pub staging_dir: Located<PathBuf>,
    /// Peers that replace those of the `peers` section, if there is any.
    pub peers: Option<PeerList>,
}

impl Stage {
    pub(super) fn read(
        section: Section<'_>,
        inherited: Inherited,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let staging_dir = section.read("staging_dir", value::absolute_path, findings).required(
            section,
            "staging_dir",
            findings,
        );
        let peers = PeerList::read(section, inherited, findings);
        Some(Self { staging_dir: staging_dir?, peers: PeerList::is_in(section).then_some(peers) })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.path("staging_dir", Some(&self.staging_dir));
        if let Some(peers) = &self.peers {
            peers.write(writer);
        }
    }
}
