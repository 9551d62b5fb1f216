//! Removing generations that no rule wants any more.

use std::ffi::{OsStr, OsString};
use std::io;

use redcedar_retention::{Moment, Policy, Reason, RetentionError, decide};
use redcedar_system::fs::LockError;
use redcedar_system::{Interrupted, System, checkpoint};

use crate::remove::{remove_tree, set_aside};
use crate::store::{Generation, Store, StoreError, manifest_name};

/// What becomes of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The generation.
    pub generation: Generation,
    /// Why it stays; one without a reason goes.
    pub reasons: Vec<Reason>,
}

/// Why nothing was removed, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another run is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The times make no sense.
    #[error(transparent)]
    Retention(#[from] RetentionError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<io::Error> for PruneError {
    fn from(error: io::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Decides about every generation, the oldest first, and removes what is to go unless it is a dry run. The newest one with a
/// manifest stays whatever the rules say, and so does the one that `latest` leads to.
///
/// # Errors
/// When nothing can be decided, and when something cannot be removed. What was not removed is by the next run.
pub fn prune(
    store: &Store,
    policy: &Policy,
    is_dry_run: bool,
    system: &System,
) -> Result<Vec<Verdict>, PruneError> {
    let _lock = if is_dry_run { None } else { Some(store.lock()?) };
    let generations = store.generations()?;
    let newest = generations.iter().rev().find(|generation| generation.has_manifest);
    let newest = newest.map(|generation| generation.name.clone());
    let latest = store.latest()?;
    let moments: Vec<Moment> = generations
        .iter()
        .map(|Generation { name, .. }| Moment {
            time: name.time(),
            is_protected: Some(name) == newest.as_ref() || Some(name) == latest.as_ref(),
        })
        .collect();
    let reasons = decide(policy, &moments, system.clock.now().datetime())?;
    let verdicts: Vec<Verdict> = generations
        .into_iter()
        .zip(reasons)
        .map(|(generation, reasons)| Verdict { generation, reasons })
        .collect();
    if !is_dry_run {
        let gone = verdicts.iter().filter(|verdict| verdict.reasons.is_empty());
        remove(store, gone.map(|verdict| &verdict.generation), system)?;
    }
    Ok(verdicts)
}

/// Takes all of them out of the store before the first is emptied.
fn remove<'g>(
    store: &Store,
    generations: impl Iterator<Item = &'g Generation>,
    system: &System,
) -> Result<(), PruneError> {
    store.tidy()?;
    let mut trash: Vec<OsString> = Vec::new();
    for generation in generations {
        trash.push(set_aside(store, OsStr::new(&generation.name.to_string()))?);
        if generation.has_manifest {
            store.directory().remove_file(&manifest_name(&generation.name))?;
        }
        system.monitor.info(format!("removing generation {}", generation.name));
    }
    checkpoint::reach("snapshot-set-aside");
    for name in trash {
        system.interrupt.check()?;
        remove_tree(store.directory(), &name)?;
    }
    Ok(())
}
