//! `peers`, and the `peer` elements of `stage`.

use std::path::PathBuf;
use std::str::FromStr;

use super::purge::Keep;
use super::{read_names, report_duplicates};
use crate::Located;
use crate::diagnostic::Diagnostic;
use crate::section::Section;
use crate::value::{self, IgnoreFailures};
use crate::xml::{TextError, Writer};

/// Peers of a section: local ones are always handled first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PeerList {
    /// Peers on this machine, in file order.
    pub local: Vec<LocalPeer>,
    /// Peers on other machines, in file order.
    pub remote: Vec<RemotePeer>,
}

/// A peer whose collect directory is on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalPeer {
    /// Its name, and the name of its directory below a day.
    pub name: Located<String>,
    /// Where its collected data lies.
    pub collect_dir: Located<PathBuf>,
    /// Which days' failures are no errors.
    pub ignore_failures: Option<IgnoreFailures>,
    /// How many days its last good backup may be old. Ours.
    pub max_age: Option<u64>,
    /// Which of its staged days stay; none of the elements: those of the purge section count. Ours.
    pub keep: Keep,
}

/// A peer on another machine.
#[derive(Debug, Clone, PartialEq)]
pub struct RemotePeer {
    /// Its name: host name, and the name of its directory below a day.
    pub name: Located<String>,
    /// Where its collected data lies, on that machine.
    pub collect_dir: Located<PathBuf>,
    /// Which days' failures are no errors.
    pub ignore_failures: Option<IgnoreFailures>,
    /// How many days its last good backup may be old. Ours.
    pub max_age: Option<u64>,
    /// Which of its staged days stay; none of the elements: those of the purge section count. Ours.
    pub keep: Keep,
    /// The login there; else that of the options.
    pub backup_user: Option<Located<String>>,
    /// How files are copied; else as in the options.
    pub rcp_command: Option<Located<String>>,
    /// How programs are run there; else as in the options.
    pub rsh_command: Option<Located<String>>,
    /// The program there; else as in the options.
    pub cback_command: Option<Located<String>>,
    /// Whether actions are run there from here; absent means no.
    pub managed: Option<bool>,
    /// Which actions; else as in the options. An empty list counts as given.
    pub managed_actions: Option<Vec<Located<String>>>,
}

/// What a peer may take from the options; found out before the options themselves are known to be valid.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Inherited {
    rsh_command: bool,
    cback_command: bool,
    managed_actions: bool,
}

impl Inherited {
    pub(super) fn from_options(options: Section<'_>) -> Self {
        Self {
            rsh_command: options.scalar("rsh_command").is_some(),
            cback_command: options.scalar("cback_command").is_some(),
            managed_actions: names_something(options),
        }
    }
}

/// Whether there is a `managed_actions` with a name in it. One that is invalid has been complained about.
fn names_something(section: Section<'_>) -> bool {
    section
        .scalar("managed_actions")
        .is_some_and(|text| value::name_list(text.value).map_or(true, |names| !names.is_empty()))
}

impl PeerList {
    /// Reads the `peer` elements of a section. One that is neither `local` nor `remote` is skipped, as the originals do.
    pub(super) fn read(section: Section<'_>, inherited: Inherited, findings: &mut Vec<Diagnostic>) -> Self {
        let mut peers = Self::default();
        for peer in section.sections("peer") {
            match peer.scalar("type").map(|text| text.value) {
                Some("local") => peers.local.extend(LocalPeer::read(peer, findings)),
                Some("remote") => peers.remote.extend(RemotePeer::read(peer, inherited, findings)),
                _ => {}
            }
        }
        let names =
            peers.local.iter().map(|peer| &peer.name).chain(peers.remote.iter().map(|peer| &peer.name));
        report_duplicates("peer", names, findings);
        peers
    }

    /// Whether a section has a peer that is not skipped.
    pub(super) fn is_in(section: Section<'_>) -> bool {
        section
            .sections("peer")
            .filter_map(|peer| peer.scalar("type"))
            .any(|kind| matches!(kind.value, "local" | "remote"))
    }

    /// The rules of those that have their own for which of their staged days stay.
    pub fn keep(&self) -> impl Iterator<Item = (&str, Keep)> {
        let local = self.local.iter().map(|peer| (&peer.name, peer.keep));
        let remote = self.remote.iter().map(|peer| (&peer.name, peer.keep));
        local
            .chain(remote)
            .filter(|(_, keep)| !keep.is_empty())
            .map(|(name, keep)| (name.value.as_str(), keep))
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for peer in &self.local {
            writer.section("peer", |writer| peer.write(writer));
        }
        for peer in &self.remote {
            writer.section("peer", |writer| peer.write(writer));
        }
    }
}

impl LocalPeer {
    fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let name = section.read("name", value::text, findings).required(section, "name", findings);
        let collect_dir = read_collect_dir(section, findings);
        let ignore_failures = section.read("ignore_failures", IgnoreFailures::from_str, findings).value();
        let max_age = section.read("max_age", value::positive, findings).value();
        let keep = Keep::read(section, findings);
        Some(Self { name: name?, collect_dir: collect_dir?, ignore_failures, max_age, keep })
    }

    fn write(&self, writer: &mut Writer) {
        writer.scalar("name", Some(&self.name));
        writer.scalar("type", Some("local"));
        writer.path("collect_dir", Some(&self.collect_dir));
        writer.scalar("ignore_failures", self.ignore_failures);
        write_max_age(self.max_age, writer);
        self.keep.write(writer);
    }
}

impl RemotePeer {
    fn read(section: Section<'_>, inherited: Inherited, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let name = section.read("name", value::text, findings).required(section, "name", findings);
        let collect_dir = read_collect_dir(section, findings);
        let ignore_failures = section.read("ignore_failures", IgnoreFailures::from_str, findings).value();
        let max_age = section.read("max_age", value::positive, findings).value();
        let keep = Keep::read(section, findings);
        let mut text = |name| section.read(name, value::text, findings).optional();
        let backup_user = text("backup_user");
        let rcp_command = text("rcp_command");
        let rsh_command = text("rsh_command");
        let cback_command = text("cback_command");
        let managed = section.read("managed", value::boolean, findings).value();
        let managed_actions = read_names(section, "managed_actions", findings).value();
        if managed == Some(true) {
            let available = [
                ("rsh_command", rsh_command.is_some() || inherited.rsh_command),
                ("cback_command", cback_command.is_some() || inherited.cback_command),
                ("managed_actions", names_something(section) || inherited.managed_actions),
            ];
            for (name, _) in available.iter().filter(|(_, available)| !available) {
                let message = format!("a managed peer needs `{name}`, here or in `options`");
                findings.push(Diagnostic::error(section.name_span(), message));
            }
        }
        Some(Self {
            name: name?,
            collect_dir: collect_dir?,
            ignore_failures,
            max_age,
            keep,
            backup_user,
            rcp_command,
            rsh_command,
            cback_command,
            managed,
            managed_actions,
        })
    }

    /// The `peer` element, as it stands in the `peers` section of a configuration.
    ///
    /// # Errors
    /// When a value cannot be written.
    pub fn render(&self) -> Result<String, TextError> {
        let mut writer = Writer::at_depth(2);
        writer.section("peer", |writer| self.write(writer));
        writer.finish()
    }

    fn write(&self, writer: &mut Writer) {
        writer.scalar("name", Some(&self.name));
        writer.scalar("type", Some("remote"));
        writer.path("collect_dir", Some(&self.collect_dir));
        writer.scalar("backup_user", self.backup_user.as_ref());
        writer.scalar("rcp_command", self.rcp_command.as_ref());
        writer.scalar("rsh_command", self.rsh_command.as_ref());
        writer.scalar("cback_command", self.cback_command.as_ref());
        writer.scalar("ignore_failures", self.ignore_failures);
        writer.boolean("managed", self.managed);
        writer.names("managed_actions", self.managed_actions.as_deref());
        write_max_age(self.max_age, writer);
        self.keep.write(writer);
    }
}

/// An element of ours is written only where it is used.
fn write_max_age(max_age: Option<u64>, writer: &mut Writer) {
    if max_age.is_some() {
        writer.scalar("max_age", max_age);
    }
}

fn read_collect_dir(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Located<PathBuf>> {
    section.read("collect_dir", value::absolute_path, findings).required(section, "collect_dir", findings)
}
