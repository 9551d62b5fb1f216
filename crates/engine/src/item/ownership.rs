//! Whose the outputs shall be.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use redcedar_config::cedar::Options;
use redcedar_system::fs::PendingFile;
use redcedar_system::{Monitor, Owner, account, escape};
use rustix::fs::{Gid, Uid, fchown};

/// Whose the outputs of a run shall be. A file that cannot be given away is kept, since nobody is served by a backup that is
/// not there, but it is told and counted: the run has failed in that.
#[derive(Debug)]
pub struct Ownership {
    whose: Whose,
    refused: AtomicUsize,
}

#[derive(Debug)]
enum Whose {
    /// Whose they are when we make them.
    Ours,
    /// The backup user's.
    Given(Owner),
    /// The backup user's, whom the machine does not know.
    Unknown(String),
}

impl Ownership {
    /// Outputs stay with whoever makes them.
    pub fn ours() -> Self {
        Whose::Ours.into()
    }

    /// That of the configuration. Only root can give files away.
    pub fn configured(options: &Options) -> Self {
        if !account::is_root() {
            return Self::ours();
        }
        match account::owner(&options.backup_user, &options.backup_group) {
            Ok(owner) => Whose::Given(owner).into(),
            Err(error) => Whose::Unknown(error.to_string()).into(),
        }
    }

    /// The numbers, where there is somebody to give files to.
    pub fn owner(&self) -> Option<Owner> {
        match &self.whose {
            Whose::Given(owner) => Some(*owner),
            Whose::Ours | Whose::Unknown(_) => None,
        }
    }

    /// Gives a finished file to its owner, and then its mode and its name.
    ///
    /// # Errors
    /// When it does not get its name. A refused owner is none: that is told and counted.
    pub fn publish(
        &self,
        mut file: PendingFile,
        mode: u32,
        monitor: &(dyn Monitor + 'static),
    ) -> io::Result<()> {
        self.give(&mut file, monitor);
        file.publish(mode, None)
    }

    fn give(&self, file: &mut PendingFile, monitor: &(dyn Monitor + 'static)) {
        let problem = match &self.whose {
            Whose::Ours => return,
            Whose::Given(owner) => {
                let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
                match fchown(file.file_mut(), Some(uid), Some(gid)) {
                    Ok(()) => return,
                    Err(error) => error.to_string(),
                }
            }
            Whose::Unknown(problem) => problem.clone(),
        };
        self.refused.fetch_add(1, Ordering::Relaxed);
        monitor.error(format!("Error changing ownership of [{}]: {problem}", escape::display(file.path())));
    }

    /// How many files could not be given away.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

impl From<Whose> for Ownership {
    fn from(whose: Whose) -> Self {
        Self { whose, refused: AtomicUsize::default() }
    }
}
