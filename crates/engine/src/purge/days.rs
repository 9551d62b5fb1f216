//! What there is in the staging directory, as far as the fate of its days depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;

use jiff::civil::Date;
use redcedar_archive::naming::KEEP;
use redcedar_system::System;
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use rustix::fs::FileType;

use super::fate::{Day, Link, PeerDay};
use super::links::{Foundation, foundation, together};
use super::survey::Refusal;
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
            let (items, on_days) =
                if reads_manifests { items(&peer, &names, system) } else { Default::default() };
            peers.insert(name, PeerDay { is_complete, items, on_days });
        }
    }
    Ok(peers)
}

/// The items of a peer, and those that may build on any of the days before.
fn items(
    peer: &Directory,
    names: &[OsString],
    system: &System,
) -> (BTreeMap<OsString, Option<Link>>, BTreeSet<OsString>) {
    let (mut links, mut on_days) = (BTreeMap::<_, Vec<Link>>::new(), BTreeSet::new());
    for name in names {
        match foundation(peer, name) {
            Ok(None) => {}
            Ok(Some((item, Foundation::Known(link)))) => links.entry(item).or_default().push(link),
            Ok(Some((item, Foundation::Days))) => drop(on_days.insert(item)),
            Err(error) => system.monitor.warning(format!("What builds on what is not known: {error}")),
        }
    }
    let mut items: BTreeMap<_, _> =
        names.iter().filter_map(|name| item_of(name)).map(|item| (item, None)).collect();
    items.extend(links.into_iter().map(|(item, links)| (item, together(links))));
    (items, on_days)
}
