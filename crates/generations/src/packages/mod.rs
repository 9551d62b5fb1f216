//! What the package managers of a machine know: which packages are there, whether they can be had again, and what they say
//! about the files they own.

mod apk;
pub mod dpkg;
mod inventory;
mod members;
mod pacman;
mod portage;
pub mod program;
mod read;
mod root;
mod rpm;
mod stanza;
#[cfg(test)]
mod tests;

pub use inventory::{Inventory, OwnedPath};

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use redcedar_system::{Interrupted, Owner, System, escape};

use crate::Digest;
use inventory::Builder;
use root::Root;

/// A package of an [`Inventory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageRef(pub(crate) u32);

impl PackageRef {
    /// Its place in [`Inventory::packages`].
    pub fn index(self) -> u32 {
        self.0
    }
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Which database knows it: `dpkg`, `rpm` …
    pub database: &'static str,
    /// Its name, without version and architecture.
    pub name: String,
    /// The full version, with epoch and release where the manager has them.
    pub version: String,
    /// The architecture it was built for.
    pub architecture: String,
    /// Where it came from, if that is known: a repository, an archive, a vendor.
    pub origin: Option<String>,
    /// It was installed only because another package needs it.
    pub is_auto: bool,
    /// It must stay at its version.
    pub is_held: bool,
    /// How completely it is installed.
    pub state: State,
    /// Whether it can be had again.
    pub availability: Availability,
}

/// How completely a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Installed,
    /// Its files are there, but its installation was not brought to an end.
    Unfinished,
    /// It was removed; only its configuration files are left.
    ConfigurationOnly,
}

/// Whether a package can be had again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Availability {
    /// A configured repository has exactly this version.
    SameVersion,
    /// A configured repository has it in another version only, or another build of this version.
    OtherVersion,
    /// No configured repository has it, or none could be asked.
    Nowhere,
}

/// What a package says about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The package.
    pub package: PackageRef,
    /// What is to be there.
    pub claim: Claim,
    /// Mode and owner that it is to have.
    pub permissions: Permissions,
}

/// What is to be at a path according to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The package names the path and says no more.
    Unspecified,
    /// The package does not bring this file: it had it once, or only names it.
    Obsolete,
    /// It was told to have its file here instead of where it belongs, or to leave the place to another.
    Diverted,
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// The digest of its content.
        digest: Digest,
        /// Its size, where that is recorded.
        size: Option<u64>,
    },
    /// A symbolic link.
    Symlink(Target),
}

/// Where a symbolic link is to lead according to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// There.
    Path(OsString),
    /// To a path of which only the digest is recorded.
    Digest(Digest),
}

/// Mode and owner according to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permissions {
    /// Not recorded: what nearly all files of packages have, that is, owned by root, readable by all and writable by
    /// root alone at most, without set-id bits.
    Usual,
    /// These.
    Recorded {
        /// Permission bits with set-id and sticky.
        mode: u16,
        /// User and group.
        owner: Owner,
    },
    /// Recorded, but by the name of a user or group that is not there.
    Unknown,
}

/// A package manager's database.
trait Database: Sync {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Files and directories in a root of which at least one changes whenever the database does. If none is there, the root
    /// has no such database.
    fn places(&self, root: &Root) -> Result<Vec<PathBuf>, PackagesError>;

    /// Adds what it knows.
    fn read(&self, root: &Root, system: &System, builder: &mut Builder) -> Result<(), PackagesError>;
}

/// Why a database was not read.
#[derive(Debug, thiserror::Error)]
enum PackagesError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{} is not as expected: {what}", escape::display(path))]
    Malformed { path: PathBuf, what: String },
    #[error("it changed each time it was read; is the package manager at work?")]
    Changing,
    #[error("{0}")]
    Command(String),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
