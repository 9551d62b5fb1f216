//! Reading all databases that a system has.

use std::path::{Path, PathBuf};

use redcedar_system::command::CommandError;
use redcedar_system::{Interrupted, System, escape};

use super::inventory::Builder;
use super::root::Root;
use super::{Database, Inventory, PackagesError, program};

/// All databases that are read without being asked to.
static DATABASES: [&dyn Database; 5] = [
    &super::dpkg::Dpkg,
    &super::portage::Portage,
    &super::rpm::Rpm,
    &super::pacman::Pacman,
    &super::apk::Apk,
];

/// How often a database is read that changes meanwhile.
const MOST_ATTEMPTS: usize = 3;

impl Inventory {
    /// Reads what the package managers of the system in `root` know, and what each of `programs` prints (see
    /// [`super::program`]).
    ///
    /// A database that cannot be read, or that does not stop changing, is left out with a remark: nothing will be left out of
    /// a snapshot on its word.
    ///
    /// # Errors
    /// On interrupt only.
    pub fn read(root: &Path, programs: &[PathBuf], system: &System) -> Result<Self, Interrupted> {
        let root = Root::new(root);
        let mut builder = Builder::new(&root);
        for database in DATABASES {
            match read_whole(database, &root, system, &mut builder) {
                Ok(()) => {}
                Err(PackagesError::Interrupted(interrupted)) => return Err(interrupted),
                Err(error) => builder.remark(format!(
                    "the packages of {} are saved whole, because its database cannot be used: {error}",
                    database.name()
                )),
            }
        }
        for path in programs {
            let height = builder.height();
            match program::read(path, system, &mut builder) {
                Ok(()) => {}
                Err(PackagesError::Interrupted(interrupted)) => return Err(interrupted),
                Err(error) => {
                    builder.truncate(height);
                    builder.remark(format!(
                        "nothing is left out on the word of {}: {error}",
                        escape::display(path)
                    ));
                }
            }
        }
        Ok(builder.finish())
    }
}

/// Reads a database, if it is there, between two changes of it.
fn read_whole(
    database: &dyn Database,
    root: &Root,
    system: &System,
    builder: &mut Builder,
) -> Result<(), PackagesError> {
    let height = builder.height();
    for _ in 0..MOST_ATTEMPTS {
        system.interrupt.check()?;
        let places = database.places(root)?;
        let before = root.stamp(&places);
        if before.iter().all(Option::is_none) {
            return Ok(());
        }
        let result = database.read(root, system, builder);
        let is_unchanged = database.places(root)? == places && root.stamp(&places) == before;
        if is_unchanged && result.is_ok() {
            return Ok(());
        }
        builder.truncate(height);
        if is_unchanged {
            return result;
        }
    }
    Err(PackagesError::Changing)
}

impl From<CommandError> for PackagesError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Command(error.to_string()),
        }
    }
}
