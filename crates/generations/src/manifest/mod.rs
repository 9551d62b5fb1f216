//! The manifest of a generation: what was there, what of it is in the tree, and which packages bring back the rest. The format is
//! documented in `docs/format.md`.
//!
//! `<generation>.manifest.jsonl.zst`, beside the tree: one JSON object a line, compressed with zstd. First a [`Header`], then a
//! [`Line`] per package, path and problem, last a [`Summary`]. Lines of paths are those of manifests of archives, with more keys.

mod read;
mod wire;
mod write;

use std::path::PathBuf;

pub use read::ManifestReader;
use redcedar_archive::Timestamp;
use redcedar_archive::manifest::Entry;
pub use redcedar_archive::manifest::ManifestError;
use redcedar_archive::writer::AttributeList;
use serde::{Deserialize, Serialize};
pub use write::ManifestWriter;

use crate::Digest;
use crate::packages::{Availability, Package, State, dpkg};

/// What follows the name of the generation in the name of its manifest.
pub const SUFFIX: &str = ".manifest.jsonl.zst";

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name of the generation.
    pub generation: String,
    /// The machine.
    pub host: String,
    /// When the run began, RFC 3339 with offset.
    pub time: String,
    /// When it began by the clock of the file system. What changed later may have changed unnoticed.
    pub began: Timestamp,
    /// Whether root wrote it: others cannot give owners to files of the tree, nor make devices.
    pub is_by_root: bool,
    /// Name and version of the program.
    pub program: String,
    /// What was walked.
    pub roots: Vec<PathBuf>,
    /// Directories of which only they themselves were looked at; none: nobody knows.
    pub not_entered: Option<Vec<PathBuf>>,
}

/// A line between header and summary. Packages come first, then what dpkg was told, then paths in canonical order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An installed package.
    Package(PackageLine),
    /// What dpkg was told besides packages.
    Dpkg(Box<dpkg::Settings>),
    /// A path that was there.
    Path(Box<PathLine>),
    /// A path of a package that somebody has removed.
    Missing {
        /// The path.
        path: PathBuf,
        /// The number of the package's line, from 0.
        package: u32,
    },
    /// Something that is not in the generation as it was asked for.
    Problem(String),
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageLine {
    /// Its name.
    #[serde(rename = "package")]
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it was built for.
    pub architecture: String,
    /// Which package manager knows it.
    pub database: String,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Installed only because another needs it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
    /// Kept at its version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// How completely it was installed.
    pub state: PackageState,
    /// Whether it could be had again.
    pub available: PackageAvailability,
}

/// See [`State`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageState {
    /// [`State::Installed`]
    Installed,
    /// [`State::Unfinished`]
    Unfinished,
    /// [`State::ConfigurationOnly`]
    ConfigurationOnly,
}

/// See [`Availability`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageAvailability {
    /// [`Availability::SameVersion`]
    SameVersion,
    /// [`Availability::OtherVersion`]
    OtherVersion,
    /// [`Availability::Nowhere`]
    Nowhere,
}

impl From<&Package> for PackageLine {
    fn from(package: &Package) -> Self {
        Self {
            name: package.name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            database: package.database.to_owned(),
            origin: package.origin.clone(),
            auto: package.is_auto,
            held: package.is_held,
            state: match package.state {
                State::Installed => PackageState::Installed,
                State::Unfinished => PackageState::Unfinished,
                State::ConfigurationOnly => PackageState::ConfigurationOnly,
            },
            available: match package.availability {
                Availability::SameVersion => PackageAvailability::SameVersion,
                Availability::OtherVersion => PackageAvailability::OtherVersion,
                Availability::Nowhere => PackageAvailability::Nowhere,
            },
        }
    }
}

/// A path that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathLine {
    /// What it was. [`Entry::offset`] is none; [`Entry::sha256`] is that of files in the tree.
    pub entry: Entry,
    /// The last change of anything about it.
    pub changed: Timestamp,
    /// Its inode.
    pub inode: u64,
    /// Its extended attributes and access lists.
    pub attributes: AttributeList,
    /// Who brings it back, if it is not in the tree for that reason.
    pub left_out: Option<LeftOut>,
}

/// Why a path is not in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// The number of the package's line, from 0.
    pub package: u32,
    /// The digest by which its content was compared with the package; none for a link.
    pub digest: Option<Digest>,
}

/// The last line. A manifest without it is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// How many lines are between header and summary.
    pub lines: u64,
    /// Paths in the tree.
    pub paths: u64,
    /// Bytes in files of the tree, each counted once.
    pub bytes: u64,
    /// Files whose content is new.
    pub new_files: u64,
    /// Bytes in them.
    pub new_bytes: u64,
    /// Paths that packages bring back.
    pub left_out: u64,
    /// Lines of problems.
    pub problems: u64,
}
