//! What there is in the staging directory, as far as the fate of its days depends on it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;

use jiff::civil::Date;
use redcedar_archive::manifest::{self, Header, Mode};
use redcedar_archive::naming::KEEP;
use redcedar_system::System;
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use rustix::fs::FileType;

use super::fate::{Day, Link, PeerDay};
use super::survey::Refusal;
use crate::staged::manifest_header;
use crate::status::item_of;
use crate::{daily_dir, indicator};

/// Looks at all days. `is_old` says it of those that are to be purged; all others stay. What cannot be read is warned about: a
/// day stays then, a manifest says nothing.
pub(super) fn look(
    staging: &Directory,
    is_old: &BTreeMap<Date, bool>,
    system: &System,
) -> Result<Vec<Day>, Refusal> {
    // Where nothing can go, nothing has to be known about what builds on what.
    let reads_manifests = is_old.values().any(|is_old| *is_old);
    let mut days = Vec::new();
    for date in daily_dir::days(staging)? {
        system.interrupt.check()?;
        let mut day = Day { date, is_old: is_old.get(&date) == Some(&true), ..Day::default() };
        let looked = daily_dir::open(staging, date).and_then(|directory| {
            day.is_marked = directory.status(OsStr::new(KEEP))?.is_some();
            day.peers = peers(&directory, reads_manifests, system)?;
            Ok(())
        });
        if let Err(error) = looked {
            system.monitor.warning(format!("The day {date} is not purged: {error}"));
            day.is_old = false;
        }
        days.push(day);
    }
    Ok(days)
}

/// What was staged of each peer. One without a file is not there.
fn peers(day: &Directory, reads_manifests: bool, system: &System) -> io::Result<BTreeMap<OsString, PeerDay>> {
    let mut peers = BTreeMap::new();
    for name in day.names()? {
        let is_directory =
            day.status(&name)?.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
        if !is_directory || name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            continue;
        }
        let peer = day.open_directory(&name)?;
        let names = peer.names()?;
        if !names.is_empty() {
            let is_complete = names.iter().any(|name| name == indicator::COLLECT);
            let items = if reads_manifests { items(&peer, &names, system) } else { BTreeMap::new() };
            peers.insert(name, PeerDay { is_complete, items });
        }
    }
    Ok(peers)
}

fn items(peer: &Directory, names: &[OsString], system: &System) -> BTreeMap<OsString, Option<Link>> {
    let mut items: BTreeMap<OsString, Option<Link>> = BTreeMap::new();
    for name in names {
        let Some(item) = item_of(name) else { continue };
        let link = items.entry(item).or_default();
        if name.as_bytes().ends_with(manifest::SUFFIX.as_bytes()) {
            match manifest_header(peer, name) {
                Ok(header) => *link = Some(header.into()),
                Err(error) => system.monitor.warning(format!("What builds on what is not known: {error}")),
            }
        }
    }
    items
}

impl From<Header> for Link {
    fn from(header: Header) -> Self {
        let baseline = if header.mode == Mode::Full { None } else { header.baseline };
        Self { run: header.run, baseline }
    }
}
