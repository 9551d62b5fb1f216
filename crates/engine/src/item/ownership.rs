//! Whose the outputs shall be.

use redcedar_config::cedar::Options;
use redcedar_system::fs::PendingFile;
use redcedar_system::{Monitor, Owner, account, escape};
use rustix::fs::{Gid, Uid, fchown};

/// Whose the outputs shall be. That an owner is not to be had is reported and ends nothing, as with the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Whose they are when we make them.
    Ours,
    /// The backup user's.
    Given(Owner),
    /// The backup user's, whom the machine does not know.
    Unknown(String),
}

impl Ownership {
    /// That of the configuration. Only root can give files away.
    pub fn configured(options: &Options) -> Self {
        if !account::is_root() {
            return Self::Ours;
        }
        match account::owner(&options.backup_user, &options.backup_group) {
            Ok(owner) => Self::Given(owner),
            Err(error) => Self::Unknown(error.to_string()),
        }
    }

    /// The numbers, where there is somebody to give files to.
    pub fn owner(&self) -> Option<Owner> {
        match self {
            Self::Given(owner) => Some(*owner),
            Self::Ours | Self::Unknown(_) => None,
        }
    }

    /// Gives a file to its owner.
    pub fn apply(&self, file: &mut PendingFile, monitor: &(dyn Monitor + 'static)) {
        let problem = match self {
            Self::Ours => return,
            Self::Given(owner) => {
                let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
                match fchown(file.file_mut(), Some(uid), Some(gid)) {
                    Ok(()) => return,
                    Err(error) => error.to_string(),
                }
            }
            Self::Unknown(problem) => problem.clone(),
        };
        monitor.error(format!("Error changing ownership of [{}]: {problem}", escape::display(file.path())));
    }
}
