//! What anybody asks before he deletes backups: whether the last ones are what they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;

use jiff::civil::Date;
use redcedar_archive::manifest::{SUFFIX, Tally};
use redcedar_config::Config;
use redcedar_system::fs::Directory;
use redcedar_system::{Monitor, escape};

use super::anomaly::{self, Anomaly};
use super::facts::{Facts, StatusError, look};
use crate::daily_dir;
use crate::staged::manifest_tally;

/// What is unusual in a pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Anomalies {
    /// The peers that staged something unusual in the week before they were staged last, and what.
    pub by_peer: BTreeMap<OsString, Vec<Anomaly>>,
    /// What could not be looked at, as messages.
    pub problems: Vec<String>,
}

/// Compares what was staged last with what was staged before. Manifests are read to the end for that.
pub fn anomalies(facts: &Facts) -> Anomalies {
    let mut found = Anomalies::default();
    for (name, peer) in &facts.peers {
        let mut known: BTreeMap<(Date, OsString), Option<Tally>> = BTreeMap::new();
        let own = anomaly::anomalies(peer, |day, item| {
            let tally = known.entry((day, item.to_owned()));
            tally
                .or_insert_with(|| {
                    tally_of(facts, day, name, item).unwrap_or_else(|problem| {
                        found.problems.push(problem);
                        None
                    })
                })
                .clone()
        });
        if !own.is_empty() {
            found.by_peer.insert(name.clone(), own);
        }
    }
    found
}

/// The peers that staged something unusual, which is told as a warning, with what comes of it.
///
/// # Errors
/// When there is no staging directory to look at.
pub(crate) fn suspects(
    config: &Config,
    effect: &str,
    monitor: &(dyn Monitor + 'static),
) -> Result<BTreeSet<OsString>, StatusError> {
    let found = anomalies(&look(config)?);
    found.problems.iter().for_each(|problem| monitor.warning(problem));
    for (peer, anomalies) in &found.by_peer {
        let peer = escape::display(peer);
        for anomaly in anomalies {
            monitor.warning(format!("What peer [{peer}] staged is unusual: {anomaly}{effect}."));
        }
    }
    Ok(found.by_peer.into_keys().collect())
}

fn tally_of(facts: &Facts, day: Date, peer: &OsStr, item: &OsStr) -> Result<Option<Tally>, String> {
    let mut name = item.to_owned();
    name.push(SUFFIX);
    let open = || -> io::Result<Option<Directory>> {
        let directory = daily_dir::open(&Directory::open(&facts.staging_dir)?, day)?.open_directory(peer)?;
        Ok(directory.status(&name)?.is_some().then_some(directory))
    };
    match open().map_err(|error| error.to_string())? {
        Some(directory) => manifest_tally(&directory, &name).map(Some),
        None => Ok(None),
    }
}
