//! All packages of a machine and all paths they own, ready to be compared with a walk.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_archive::select::compare_paths;

use super::root::{Resolver, Root};
use super::{Claim, Owned, Package, PackageRef, Permissions, dpkg};
use crate::Digest;

/// What the package managers of a machine know.
#[derive(Debug, Default)]
pub struct Inventory {
    packages: Vec<Package>,
    paths: Vec<u8>,
    /// In the order in which they were read.
    records: Vec<Record>,
    /// Places of `records`, in canonical order of the paths; those of one path by package. To sort these takes less room.
    order: Vec<u32>,
    others: Vec<(Claim, Permissions)>,
    remarks: Vec<String>,
    dpkg: Option<dpkg::Settings>,
}

/// A path with what one package says about it.
#[derive(Debug, Clone)]
pub struct OwnedPath<'a> {
    /// The path on this machine, no link in the directories above it.
    pub path: &'a Path,
    /// What the package says.
    pub owned: Owned,
}

/// Kept small: there is one for each path of each package.
#[derive(Debug)]
struct Record {
    start: u32,
    length: u16,
    package: PackageRef,
    said: Said,
}

/// What packages say, with usual permissions where nothing else is told.
#[derive(Debug)]
enum Said {
    Unspecified,
    Md5([u8; 16]),
    /// At this place of a list of what is said seldom.
    Other(u32),
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
        self.order.iter().map(|&place| {
            let record = self.at(place);
            OwnedPath {
                path: Path::new(OsStr::from_bytes(record.path(&self.paths))),
                owned: self.owned_of(record),
            }
        })
    }

    fn at(&self, place: u32) -> &Record {
        &self.records[place as usize]
    }

    fn owned_of(&self, record: &Record) -> Owned {
        let (claim, permissions) = match record.said {
            Said::Unspecified => (Claim::Unspecified, Permissions::Usual),
            Said::Md5(digest) => {
                (Claim::File { digest: Digest::Md5(digest), size: None }, Permissions::Usual)
            }
            Said::Other(place) => self.others[place as usize].clone(),
        };
        Owned { package: record.package, claim, permissions }
    }

    /// What a package says about a path, by its place in [`Inventory::owned`].
    pub(crate) fn record(&self, index: u32) -> Owned {
        self.owned_of(self.at(self.order[index as usize]))
    }

    /// What packages say, by places in [`Inventory::owned`].
    pub(crate) fn records(&self, range: Range<u32>) -> impl ExactSizeIterator<Item = Owned> + Clone {
        let places = &self.order[range.start as usize..range.end as usize];
        places.iter().map(|&place| self.owned_of(self.at(place)))
    }

    /// What packages say about one path.
    pub fn owners<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = Owned> + 'a {
        let wanted = path.as_os_str().as_bytes();
        let before = |place: &u32| compare_paths(self.at(*place).path(&self.paths), wanted) == Ordering::Less;
        let first = self.order.partition_point(before);
        let records = self.order[first..].iter().map(|&place| self.at(place));
        records
            .take_while(move |record| record.path(&self.paths) == wanted)
            .map(|record| self.owned_of(record))
    }

    /// What people should know about it, above all why more is saved than they may expect: an index that is not there, a
    /// database that could not be read.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// What dpkg was told besides packages, where there is a dpkg.
    pub fn dpkg(&self) -> Option<&dpkg::Settings> {
        self.dpkg.as_ref()
    }
}

/// Collects an [`Inventory`].
#[derive(Debug)]
pub(crate) struct Builder {
    inventory: Inventory,
    resolver: Resolver,
}

/// How far a builder had come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Height {
    packages: usize,
    paths: usize,
    records: usize,
    others: usize,
    remarks: usize,
}

impl Builder {
    pub(super) fn new(root: &Root) -> Self {
        Self { inventory: Inventory::default(), resolver: Resolver::new(root) }
    }

    pub(super) fn package(&mut self, package: Package) -> PackageRef {
        self.inventory.packages.push(package);
        PackageRef(u32::try_from(self.inventory.packages.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds what a package says about a path, which begins with a slash. What is longer than the kernel allows cannot be there
    /// and is passed over.
    pub(super) fn owned(&mut self, path: &[u8], owned: Owned) {
        let Inventory { paths, records, others, .. } = &mut self.inventory;
        let start = paths.len();
        self.resolver.resolve(path, paths);
        let Owned { package, claim, permissions } = owned;
        let said = match (claim, permissions) {
            (Claim::Unspecified, Permissions::Usual) => Said::Unspecified,
            (Claim::File { digest: Digest::Md5(digest), size: None }, Permissions::Usual) => {
                Said::Md5(digest)
            }
            other => {
                others.push(other);
                Said::Other(u32::try_from(others.len() - 1).unwrap_or(u32::MAX))
            }
        };
        match (u32::try_from(start), u16::try_from(paths.len() - start)) {
            (Ok(start), Ok(length)) => records.push(Record { start, length, package, said }),
            _ => paths.truncate(start),
        }
    }

    pub(super) fn remark(&mut self, remark: String) {
        self.inventory.remarks.push(remark);
    }

    pub(super) fn dpkg(&mut self, settings: dpkg::Settings) {
        self.inventory.dpkg = Some(settings);
    }

    pub(super) fn height(&self) -> Height {
        let Inventory { packages, paths, records, others, remarks, .. } = &self.inventory;
        Height {
            packages: packages.len(),
            paths: paths.len(),
            records: records.len(),
            others: others.len(),
            remarks: remarks.len(),
        }
    }

    /// Forgets what was added since.
    pub(super) fn truncate(&mut self, height: Height) {
        self.inventory.packages.truncate(height.packages);
        self.inventory.paths.truncate(height.paths);
        self.inventory.records.truncate(height.records);
        self.inventory.others.truncate(height.others);
        self.inventory.remarks.truncate(height.remarks);
    }

    pub(super) fn finish(self) -> Inventory {
        let Self { mut inventory, resolver } = self;
        drop(resolver);
        let Inventory { paths, records, order, .. } = &mut inventory;
        records.shrink_to_fit();
        paths.shrink_to_fit();
        *order = (0_u32..).take(records.len()).collect();
        // The lists of packages are in order already, each for itself.
        order.sort_by(|&a, &b| {
            let [a, b] = [a, b].map(|place| &records[place as usize]);
            compare_paths(a.path(paths), b.path(paths)).then(a.package.cmp(&b.package))
        });
        inventory
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Availability, State};
    use super::*;

    #[test]
    fn owners_are_found_by_path_whatever_order_they_came_in() {
        let mut builder = Builder::new(&Root::new(Path::new("/nonexistent")));
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
        let height = builder.height();
        let c = builder.package(package("c"));
        builder.owned(b"/x", Owned { package: c, claim: Claim::Directory, permissions: Permissions::Usual });
        builder.truncate(height);
        let inventory = builder.finish();
        let owners = |path: &str| {
            let path = Path::new("/nonexistent").join(path);
            inventory.owners(&path).map(|owned| owned.package).collect::<Vec<_>>()
        };
        assert_eq!(owners("x"), [a, b]);
        assert_eq!(owners("x/y"), [b]);
        assert_eq!(owners("x/z"), []);
        let paths: Vec<_> = inventory.owned().map(|owned| owned.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/nonexistent/x", "/nonexistent/x", "/nonexistent/x/y", "/nonexistent/x-"]);
        assert_eq!(inventory.package(b).name, "b");
    }
}
