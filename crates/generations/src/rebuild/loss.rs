//! What will not be as it was.

use std::fmt;
use std::path::PathBuf;

use redcedar_archive::manifest::Flaw;
use redcedar_system::escape;

use super::{Facts, others};
use crate::manifest::{PackageAvailability, PackageLine, PackageState};

/// Something that will not be as it was, or that nobody can promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// No repository had a package. Its files are in the generation, but for some that may have been left to it.
    NotAvailable {
        /// The package.
        package: PackageLine,
        /// How many of its files are in nothing.
        lost: u64,
    },
    /// Repositories had a package in another version only.
    OtherVersion {
        /// The package.
        package: PackageLine,
        /// How many of its files will be those of that version.
        others: u64,
    },
    /// A package was not completely installed.
    Unfinished {
        /// The package.
        package: PackageLine,
    },
    /// Packages of a manager whose commands are not known here.
    UnknownManager {
        /// What it is called.
        database: String,
        /// How many packages it has.
        packages: usize,
        /// How many paths are left to them.
        left_out: u64,
    },
    /// Packages that are built again, and are not the same to the last byte.
    BuiltAgain {
        /// The package manager.
        database: String,
        /// How many paths are left to them.
        left_out: u64,
    },
    /// A path that the generation has not as it was.
    Flawed {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Devices that were not stored.
    Devices {
        /// How many.
        count: u64,
    },
    /// What was said when the generation was made.
    Problem(String),
}

/// Everything that will not be as it was, the worst first.
pub(super) fn all(facts: &Facts) -> Vec<Loss> {
    let mut losses: Vec<Loss> = facts
        .packages
        .iter()
        .zip(&facts.left_out)
        .filter_map(|(package, &count)| of(package, count))
        .collect();
    losses.sort_by_key(|loss| match loss {
        Loss::NotAvailable { package, lost } => (0, !package.held, std::cmp::Reverse(*lost)),
        Loss::OtherVersion { package, others } => (1, !package.held, std::cmp::Reverse(*others)),
        _ => (2, true, std::cmp::Reverse(0)),
    });
    for database in facts.databases() {
        let of_it =
            || facts.packages.iter().zip(&facts.left_out).filter(|(package, _)| package.database == database);
        let left_out = of_it().map(|(_, count)| count).sum();
        if database == "portage" && left_out > 0 {
            losses.push(Loss::BuiltAgain { database: database.to_owned(), left_out });
        } else if database != "dpkg" && others::find(database).is_none() {
            let packages = of_it().count();
            losses.push(Loss::UnknownManager { database: database.to_owned(), packages, left_out });
        }
    }
    losses.extend(facts.flawed.iter().map(|(path, flaw)| Loss::Flawed { path: path.clone(), flaw: *flaw }));
    if facts.devices > 0 {
        losses.push(Loss::Devices { count: facts.devices });
    }
    losses.extend(facts.problems.iter().cloned().map(Loss::Problem));
    losses
}

fn of(package: &PackageLine, left_out: u64) -> Option<Loss> {
    let package = package.clone();
    match (package.state, package.available) {
        (PackageState::Unfinished, _) => Some(Loss::Unfinished { package }),
        (PackageState::ConfigurationOnly, _) | (_, PackageAvailability::SameVersion) => None,
        (_, PackageAvailability::OtherVersion) => Some(Loss::OtherVersion { package, others: left_out }),
        (_, PackageAvailability::Nowhere) => Some(Loss::NotAvailable { package, lost: left_out }),
    }
}

/// The end of a sentence, or a sentence.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |package: &PackageLine| {
            let held = if package.held { ", held back" } else { "" };
            escape::display(&format!("{} {}{held}", package.name, package.version)).to_string()
        };
        match self {
            Self::NotAvailable { package, lost: 0 } => {
                write!(f, "{}: no repository had it; its files come from the snapshot", name(package))
            }
            Self::NotAvailable { package, lost } => {
                write!(
                    f,
                    "{}: no repository had it, and {lost} of its files are not in the snapshot",
                    name(package)
                )
            }
            Self::OtherVersion { package, others: 0 } => {
                write!(
                    f,
                    "{}: repositories had another version only; its files come from the snapshot",
                    name(package)
                )
            }
            Self::OtherVersion { package, others } => {
                write!(
                    f,
                    "{}: repositories had another version only, from which {others} of its files will be",
                    name(package)
                )
            }
            Self::Unfinished { package } => {
                write!(
                    f,
                    "{}: it was not completely installed; its files come from the snapshot",
                    name(package)
                )
            }
            Self::UnknownManager { database, packages, left_out } => write!(
                f,
                "{packages} package(s) of {}: how to install them is not known here; they were to bring {left_out} file(s) back",
                escape::display(database)
            ),
            Self::BuiltAgain { database, left_out } => {
                write!(f, "{left_out} file(s) of {database} are built again: equal in function, not in bytes")
            }
            Self::Flawed { path, flaw } => {
                let what = match flaw {
                    Flaw::Unreadable => "it could not be read and is not in the snapshot",
                    Flaw::Changed => "it changed while it was read: it may mix old and new",
                    Flaw::Padded => "it became shorter while it was read",
                };
                write!(f, "{}: {what}", escape::display(path))
            }
            Self::Devices { count } => {
                write!(f, "{count} device(s) are not in the snapshot, which was not made by root")
            }
            Self::Problem(problem) => write!(f, "when the snapshot was made: {problem}"),
        }
    }
}
