//! What a generation says that a plan is made of.

use std::collections::BTreeSet;
use std::path::PathBuf;

use redcedar_archive::Kind;
use redcedar_archive::manifest::Flaw;

use super::{ACCOUNTS, BOUND, dpkg, others};
use crate::manifest::{Header, Line, PackageLine, PackageState, PathLine};
use crate::packages::dpkg::Settings;
use crate::store::{Generation, Store, StoreError, damaged};

/// Where dpkg keeps what it knows.
const DPKG: &str = "/var/lib/dpkg";

/// What a generation says that a plan is made of.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(crate) header: Header,
    pub(crate) packages: Vec<PackageLine>,
    /// How many paths are left to each package.
    pub(super) left_out: Vec<u64>,
    pub(super) missing: Vec<PathBuf>,
    pub(super) flawed: Vec<(PathBuf, Flaw)>,
    /// Devices, which only root can store.
    pub(super) devices: u64,
    pub(super) problems: Vec<String>,
    /// Those of the places that plans speak of in or at which something is saved.
    pub(super) places: BTreeSet<&'static str>,
    /// What dpkg was told.
    pub(super) dpkg: Option<Settings>,
}

impl Facts {
    /// Reads the manifest of a generation.
    ///
    /// # Errors
    /// When it has no manifest, or cannot be read.
    pub fn gather(store: &Store, generation: &Generation) -> Result<Self, StoreError> {
        let name = &generation.name;
        let mut reader = store.manifest(name)?;
        let mut facts = Self::of_header(reader.header().clone());
        while let Some(line) = reader.next_line().map_err(|error| damaged(name, error))? {
            facts.add(line);
        }
        Ok(facts)
    }

    /// Nothing but who and when.
    pub(super) fn of_header(header: Header) -> Self {
        Self {
            header,
            packages: Vec::new(),
            left_out: Vec::new(),
            missing: Vec::new(),
            flawed: Vec::new(),
            devices: 0,
            problems: Vec::new(),
            places: BTreeSet::new(),
            dpkg: None,
        }
    }

    pub(super) fn add(&mut self, line: Line) {
        match line {
            Line::Package(package) => {
                self.packages.push(package);
                self.left_out.push(0);
            }
            Line::Dpkg(settings) => self.dpkg = Some(*settings),
            Line::Path(line) => self.path(*line),
            Line::Missing { path, .. } => self.missing.push(path),
            Line::Problem(problem) => self.problems.push(problem),
        }
    }

    fn path(&mut self, line: PathLine) {
        if let Some(left_out) = line.left_out {
            if let Some(count) =
                usize::try_from(left_out.package).ok().and_then(|at| self.left_out.get_mut(at))
            {
                *count += 1;
            }
            return;
        }
        if matches!(line.entry.kind, Kind::Character | Kind::Block) && !self.header.is_by_root {
            self.devices += 1;
        }
        let path = line.entry.path;
        if line.entry.kind != Kind::Directory {
            let places = all_places().filter(|place| path.starts_with(place));
            self.places.extend(places);
        }
        if let Some(flaw) = line.entry.flaw {
            self.flawed.push((path, flaw));
        }
    }

    /// Which of some places are saved, or have something in them that is.
    pub(super) fn saved(&self, places: &[&'static str]) -> Vec<&'static str> {
        places.iter().copied().filter(|place| self.places.contains(place)).collect()
    }

    /// The package managers that know a package.
    pub(super) fn databases(&self) -> Vec<&str> {
        let mut databases: Vec<&str> =
            self.packages.iter().map(|package| package.database.as_str()).collect();
        databases.sort_unstable();
        databases.dedup();
        databases
    }

    /// The packages of a manager that are completely installed.
    pub(super) fn installed<'a>(&'a self, database: &'a str) -> impl Iterator<Item = &'a PackageLine> {
        self.with_left_out(database).map(|(package, _)| package)
    }

    /// The same, with how many paths are left to each.
    pub(super) fn with_left_out<'a>(
        &'a self,
        database: &'a str,
    ) -> impl Iterator<Item = (&'a PackageLine, u64)> {
        let all = self.packages.iter().zip(self.left_out.iter().copied());
        all.filter(move |(package, _)| {
            package.database == database && package.state == PackageState::Installed
        })
    }

    /// Whether what dpkg knows comes back with the files.
    pub(super) fn has_dpkg(&self) -> bool {
        self.places.contains(DPKG)
    }
}

/// All places that plans speak of.
fn all_places() -> impl Iterator<Item = &'static str> {
    let of_managers = others::MANAGERS.iter().flat_map(|manager| manager.places);
    let all = ACCOUNTS.iter().chain(&BOUND).chain(&dpkg::PLACES).chain(of_managers).copied();
    all.chain(["/boot", DPKG])
}
