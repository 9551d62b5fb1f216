//! `stage`: gathering what the peers collected.

use std::path::PathBuf;
use std::str::FromStr;

use super::PeerList;
use super::peers::Inherited;
use crate::Located;
use crate::diagnostic::Diagnostic;
use crate::section::Section;
use crate::value::{self, TimeOfDay};
use crate::xml::Writer;

/// The `stage` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Where days are gathered: `YYYY/MM/DD/peer` below it.
    pub staging_dir: Located<PathBuf>,
    /// Peers that replace those of the `peers` section, if there is any.
    pub peers: Option<PeerList>,
    /// Ours: how many peers are staged at once.
    pub jobs: Option<u64>,
    /// Ours: how many minutes a peer may take.
    pub peer_time_limit: Option<u64>,
    /// Ours: how often a peer is tried again that could not be reached.
    pub retries: Option<u64>,
    /// Ours: until when peers that are not ready are waited for.
    pub wait_until: Option<TimeOfDay>,
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
        let jobs = section.read("jobs", value::positive, findings).value();
        let peer_time_limit = section.read("peer_time_limit", value::positive, findings).value();
        let retries = section.read("retries", value::non_negative, findings).value();
        let wait_until = section.read("wait_until", TimeOfDay::from_str, findings).value();
        Some(Self {
            staging_dir: staging_dir?,
            peers: PeerList::is_in(section).then_some(peers),
            jobs,
            peer_time_limit,
            retries,
            wait_until,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.path("staging_dir", Some(&self.staging_dir));
        // What the originals do not know is only written when it says something.
        let numbers =
            [("jobs", self.jobs), ("peer_time_limit", self.peer_time_limit), ("retries", self.retries)];
        for (name, value) in numbers.into_iter().filter(|(_, value)| value.is_some()) {
            writer.scalar(name, value);
        }
        if self.wait_until.is_some() {
            writer.scalar("wait_until", self.wait_until);
        }
        if let Some(peers) = &self.peers {
            peers.write(writer);
        }
    }
}
