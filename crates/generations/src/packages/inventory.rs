//! All packages of a machine and all paths they own, ready to be compared with a walk.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_archive::select::compare_paths;

use super::{Owned, Package, PackageRef};

/// What the package managers of a machine know.
#[derive(Debug, Default)]
pub struct Inventory {
    packages: Vec<Package>,
    paths: Vec<u8>,
    /// In canonical order of the paths; those of one path by package.
    records: Vec<Record>,
}

/// A path with what one package says about it.
#[derive(Debug, Clone, Copy)]
pub struct OwnedPath<'a> {
    /// The path on this machine, no link in the directories above it.
    pub path: &'a Path,
    /// What the package says.
    pub owned: &'a Owned,
}

#[derive(Debug)]
struct Record {
    start: u32,
    length: u16,
    owned: Owned,
}

impl Record {
    fn path<'a>(&self, paths: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        &paths[start..start + usize::from(self.length)]
    }
}

impl Inventory {
    /// All packages.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// One package.
    pub fn package(&self, package: PackageRef) -> &Package {
        &self.packages[package.0 as usize]
    }

    /// All owned paths in canonical order ([`compare_paths`]); a path that several packages own comes as often.
    pub fn owned(&self) -> impl Iterator<Item = OwnedPath<'_>> {
        self.records.iter().map(|record| self.view(record))
    }

    /// What packages say about one path.
    pub fn owners<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Owned> {
        let wanted = path.as_os_str().as_bytes();
        let before = |record: &Record| compare_paths(record.path(&self.paths), wanted) == Ordering::Less;
        let first = self.records.partition_point(before);
        let here = move |record: &&Record| record.path(&self.paths) == wanted;
        self.records[first..].iter().take_while(here).map(|record| &record.owned)
    }

    fn view<'a>(&'a self, record: &'a Record) -> OwnedPath<'a> {
        OwnedPath { path: Path::new(OsStr::from_bytes(record.path(&self.paths))), owned: &record.owned }
    }
}

/// Collects an [`Inventory`].
#[derive(Debug, Default)]
pub struct InventoryBuilder(Inventory);

impl InventoryBuilder {
    /// Adds a package.
    pub fn package(&mut self, package: Package) -> PackageRef {
        self.0.packages.push(package);
        PackageRef(u32::try_from(self.0.packages.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds what a package says about a path. A path longer than the kernel allows cannot be there and is passed over.
    pub fn owned(&mut self, path: &[u8], owned: Owned) {
        let Inventory { paths, records, .. } = &mut self.0;
        if let (Ok(start), Ok(length)) = (u32::try_from(paths.len()), u16::try_from(path.len())) {
            paths.extend_from_slice(path);
            records.push(Record { start, length, owned });
        }
    }

    /// Puts everything in order.
    pub fn finish(self) -> Inventory {
        let mut inventory = self.0;
        let Inventory { paths, records, .. } = &mut inventory;
        records.sort_by(|a, b| {
            compare_paths(a.path(paths), b.path(paths)).then(a.owned.package.cmp(&b.owned.package))
        });
        records.shrink_to_fit();
        paths.shrink_to_fit();
        inventory
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Availability, Claim, Permissions, State};
    use super::*;

    #[test]
    fn owners_are_found_by_path_whatever_order_they_came_in() {
        let mut builder = InventoryBuilder::default();
        let package = |name: &str| Package {
            database: "dpkg",
            name: name.to_owned(),
            version: "1".to_owned(),
            architecture: "all".to_owned(),
            origin: None,
            is_auto: false,
            is_held: false,
            state: State::Installed,
            availability: Availability::Nowhere,
        };
        let (a, b) = (builder.package(package("a")), builder.package(package("b")));
        for (path, package) in [("/x/y", b), ("/x-", a), ("/x", b), ("/x", a)] {
            let owned = Owned { package, claim: Claim::Unspecified, permissions: Permissions::Usual };
            builder.owned(path.as_bytes(), owned);
        }
        let inventory = builder.finish();
        let owners =
            |path: &str| inventory.owners(Path::new(path)).map(|owned| owned.package).collect::<Vec<_>>();
        assert_eq!(owners("/x"), [a, b]);
        assert_eq!(owners("/x/y"), [b]);
        assert_eq!(owners("/x/z"), []);
        let paths: Vec<_> = inventory.owned().map(|owned| owned.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/x", "/x", "/x/y", "/x-"]);
        assert_eq!(inventory.package(b).name, "b");
    }
}
