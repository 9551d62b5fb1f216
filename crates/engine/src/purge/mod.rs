//! Deletes what is old: looks, decides, then deletes.
//!
//! What becomes of staged days is decided in `fate`, by what they hold and what builds on them; what becomes of everything else
//! in `plan`, by its age alone. All work is relative to open directories; no link is followed and no other file system entered.

mod days;
mod deletion;
mod fate;
mod jump;
mod links;
mod plan;
mod survey;
mod walk;

use redcedar_config::Config;
use redcedar_system::interrupt::Interrupted;
use redcedar_system::{System, checkpoint, escape};

use crate::outcome::Outcome;
use deletion::Deletion;
pub use fate::{Fate, Why};
pub use jump::Jump;
pub use survey::DirectoryPlan;
use survey::{Refusal, Survey};

/// Why the purge is not done, or not completely.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// There is no purge section.
    #[error("Purge configuration is not properly filled in.")]
    NotConfigured,
    /// Some directories cannot be purged; the others were.
    #[error("{}", .0.join("; "))]
    Directories(Vec<String>),
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// What a purge would do.
#[derive(Debug, Default)]
pub struct PurgePlan {
    /// The directories that can be purged, in the order of the configuration.
    pub directories: Vec<DirectoryPlan>,
    /// Why others cannot be, as messages.
    pub refused: Vec<String>,
    /// What cannot be looked at, and stays, as messages.
    pub failures: Vec<String>,
}

/// Purges all configured directories. What cannot be deleted is told at ERROR and in the outcome.
///
/// # Errors
/// When a configured directory cannot be purged (after the others have been), or the run was interrupted.
pub fn purge(config: &Config, system: &System) -> Result<Outcome, PurgeError> {
    system.monitor.debug("Executing the 'purge' action.");
    let mut outcome = Outcome::default();
    let refused = each_directory(config, system, &mut outcome, |plan, outcome| {
        checkpoint::reach("purge-before-delete");
        let mut deletion = Deletion { system, outcome, files: 0, directories: 0 };
        deletion.all(&plan.root, &plan.removals)?;
        let Deletion { files, directories, .. } = deletion;
        let shown = escape::display(&plan.path);
        system.monitor.info(format!("Purged {files} files and {directories} directories in [{shown}]."));
        Ok(())
    })?;
    for message in &refused {
        system.monitor.error(message);
    }
    if !refused.is_empty() {
        return Err(PurgeError::Directories(refused));
    }
    system.monitor.info("Executed the 'purge' action successfully.");
    Ok(outcome)
}

/// Decides what a purge would do now, and does nothing.
///
/// # Errors
/// When no purge is configured, or the run was interrupted.
pub fn purge_plan(config: &Config, system: &System) -> Result<PurgePlan, PurgeError> {
    let mut outcome = Outcome::default();
    let mut directories = Vec::new();
    let refused = each_directory(config, system, &mut outcome, |plan, _| {
        directories.push(plan);
        Ok(())
    })?;
    Ok(PurgePlan { directories, refused, failures: outcome.failures })
}

/// Does something with each directory that can be purged, and says why others cannot be.
fn each_directory(
    config: &Config,
    system: &System,
    outcome: &mut Outcome,
    mut act: impl FnMut(DirectoryPlan, &mut Outcome) -> Result<(), Interrupted>,
) -> Result<Vec<String>, PurgeError> {
    let section = config.purge.as_ref().ok_or(PurgeError::NotConfigured)?;
    let survey = Survey::new(config, system);
    let mut refused = Vec::new();
    for dir in &section.dirs {
        system.monitor.task(&format!("Purging {}", escape::display(&*dir.abs_path)));
        match survey.directory(dir, outcome) {
            Ok(plan) => act(plan, outcome)?,
            Err(Refusal::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(refusal) => {
                refused.push(format!("Unable to purge [{}]: {refusal}", escape::display(&*dir.abs_path)));
            }
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests;
