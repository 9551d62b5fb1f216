//! Looks at a purge directory and decides: everything but the deletion.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use redcedar_config::Config;
use redcedar_config::cedar::{Keep, PeerList, PurgeDir};
use redcedar_config::value::AnomalyMode;
use redcedar_retention::{Policy, RetentionError};
use redcedar_system::fs::Directory;
use redcedar_system::{Interrupted, System, escape};

use super::days;
use super::fate::{Fate, Rules, Why, fates};
use super::plan::{self, Contents, Limits, Removal};
use super::walk::Walk;
use crate::outcome::Outcome;
use crate::schedule::weekday;
use crate::status::{self, StatusError};

/// What becomes of a purge directory.
#[derive(Debug)]
pub struct DirectoryPlan {
    /// The directory.
    pub path: PathBuf,
    /// The staged days in it, oldest first.
    pub days: Vec<Fate>,
    /// How many files go.
    pub files: u64,
    /// How many directories go.
    pub directories: u64,
    pub(super) root: Directory,
    pub(super) removals: Vec<Removal>,
}

/// Why nothing of a directory is purged.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}; set the clock right, or remove the day")]
    Clock(#[from] RetentionError),
    #[error(
        "there is a file of more than a day in the future: the clock is wrong, or was; nothing is removed while it is there"
    )]
    Future,
    #[error(transparent)]
    Status(#[from] StatusError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

pub(super) struct Survey<'a> {
    config: &'a Config,
    anomaly: AnomalyMode,
    system: &'a System,
    /// Peers that staged something unusual, once somebody has asked.
    suspects: OnceCell<BTreeSet<OsString>>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(config: &'a Config, system: &'a System) -> Self {
        Self { config, anomaly: config.anomaly(), system, suspects: OnceCell::new() }
    }

    /// Decides what goes of a directory. What cannot be looked at is told, and is a failure of the outcome.
    pub(super) fn directory(&self, dir: &PurgeDir, outcome: &mut Outcome) -> Result<DirectoryPlan, Refusal> {
        let root = Directory::open(&dir.abs_path)?;
        let walk = Walk::new(self.config, &root, self.system)?;
        let contents = walk.contents(&root, Path::new(""), outcome)?;
        if walk.is_of_collect() && contents.youngest().is_some_and(|age_days| age_days < -1) {
            return Err(Refusal::Future);
        }
        let mut limits = Limits { retain_days: dir.retain_days, kept: BTreeSet::new() };
        let days = match walk.staging_dir() {
            Some(staging) => self.days(&Directory::open(staging)?, &contents, dir, &limits)?,
            None => Vec::new(),
        };
        limits.kept = days.iter().filter(|fate| !fate.goes()).map(|fate| fate.date).collect();
        let removals = plan::removals(&contents, &limits);
        let (files, directories) = plan::count(&removals);
        Ok(DirectoryPlan { path: dir.abs_path.value.clone(), days, files, directories, root, removals })
    }

    fn days(
        &self,
        staging: &Directory,
        contents: &Contents,
        dir: &PurgeDir,
        limits: &Limits,
    ) -> Result<Vec<Fate>, Refusal> {
        let is_old = contents.days(limits);
        let days = days::look(staging, &is_old, self.system)?;
        let rules = Rules {
            policy: &policy(dir.keep),
            of_peers: &self.policies_of_peers(),
            retain_days: dir.retain_days,
            starting_day: weekday(self.config.options.starting_day),
            held: &BTreeSet::new(),
            now: self.system.clock.now().datetime(),
        };
        let mut decided = fates(&days, &rules)?;
        if self.anomaly != AnomalyMode::Ignore && decided.iter().any(Fate::goes) {
            let suspects = self.suspects()?;
            if self.anomaly == AnomalyMode::Hold {
                decided = fates(&days, &Rules { held: suspects, ..rules })?;
            }
        }
        decided.retain(|fate| is_old.contains_key(&fate.date));
        self.tell(&decided, dir);
        Ok(decided)
    }

    /// The rules of peers that have their own.
    fn policies_of_peers(&self) -> BTreeMap<OsString, Policy> {
        let peers = self.config.staged_peers().into_iter().flat_map(PeerList::keep);
        peers.map(|(name, keep)| (name.into(), policy(keep))).collect()
    }

    /// The peers that staged something unusual; what that is is told once.
    fn suspects(&self) -> Result<&BTreeSet<OsString>, StatusError> {
        if let Some(suspects) = self.suspects.get() {
            return Ok(suspects);
        }
        let effect = if self.anomaly == AnomalyMode::Hold { "; its days are not purged" } else { "" };
        let suspects = status::suspects(self.config, effect, &*self.system.monitor)?;
        Ok(self.suspects.get_or_init(|| suspects))
    }

    /// Tells why days stay that are old enough to go.
    fn tell(&self, fates: &[Fate], dir: &PurgeDir) {
        let is_young = |fate: &&Fate| fate.reasons.contains(&Why::Young);
        for fate in fates.iter().filter(|fate| !fate.goes() && !is_young(fate)) {
            let reasons: Vec<String> = fate.reasons.iter().map(ToString::to_string).collect();
            self.system.monitor.debug(format!("The day {} stays: {}.", fate.date, reasons.join("; ")));
        }
        let by_jump = fates.iter().find_map(|fate| match fate.reasons[..] {
            [Why::Jump(jump)] => Some(jump),
            _ => None,
        });
        if let Some(jump) = by_jump {
            let shown = escape::display(&*dir.abs_path);
            self.system.monitor.warning(format!(
                "Days before {} stay in [{shown}], until three days have been staged since: {jump}.",
                jump.to
            ));
        }
    }
}

fn policy(keep: Keep) -> Policy {
    let count = |value: Option<u64>| u32::try_from(value.unwrap_or(0)).unwrap_or(u32::MAX);
    Policy {
        last: count(keep.last),
        daily: count(keep.daily),
        weekly: count(keep.weekly),
        monthly: count(keep.monthly),
        yearly: count(keep.yearly),
        ..Policy::default()
    }
}
