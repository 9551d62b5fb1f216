//! Portage's database: a directory per package under `/var/db/pkg`.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use redcedar_system::System;

use super::inventory::Builder;
use super::root::Root;
use super::{Availability, Claim, Database, Owned, Package, PackagesError, Permissions, State, Target};
use crate::Digest;

const DATABASE: &str = "var/db/pkg";

pub(super) struct Portage;

impl Database for Portage {
    fn name(&self) -> &'static str {
        "portage"
    }

    /// A package that comes or goes changes the directory of its category.
    fn places(&self, root: &Root) -> Result<Vec<PathBuf>, PackagesError> {
        let database = Path::new(DATABASE);
        let categories = root.names(database)?.into_iter().map(|category| database.join(category));
        Ok(categories.chain([database.to_owned()]).collect())
    }

    fn read(&self, root: &Root, system: &System, builder: &mut Builder) -> Result<(), PackagesError> {
        let repositories = Repositories::read(root)?;
        if repositories.0.is_empty() {
            builder.remark(
                "the packages of portage are saved whole, because no repository of ebuilds was found"
                    .to_owned(),
            );
        }
        let world = root.read("var/lib/portage/world")?.unwrap_or_default();
        // `category/name`, perhaps with a slot.
        let world: HashSet<&[u8]> =
            world.lines().filter_map(|line| line.trim_ascii().split_str(":").next()).collect();
        for category in root.names(DATABASE)? {
            let directory = Path::new(DATABASE).join(&category);
            for name in root.names(&directory)? {
                system.interrupt.check()?;
                let directory = directory.join(&name);
                // Where it is not there a package is being merged.
                let Some(contents) = root.read(directory.join("CONTENTS"))? else { continue };
                let Some(found) = Ebuild::parse(&category, &name) else { continue };
                let origin = root.read(directory.join("repository"))?;
                let origin = origin.map(|origin| origin.trim_ascii().to_str_lossy().into_owned());
                let package = builder.package(Package {
                    database: "portage",
                    availability: repositories.availability(root, &found, origin.as_deref())?,
                    version: found.version,
                    architecture: String::new(),
                    origin,
                    is_auto: !world.contains(found.full_name.as_bytes()),
                    is_held: false,
                    state: State::Installed,
                    name: found.full_name,
                });
                for (path, claim) in contents.lines().filter_map(content) {
                    builder.owned(path, Owned { package, claim, permissions: Permissions::Usual });
                }
            }
        }
        Ok(())
    }
}

/// A package's name and version, from the names of its directories.
struct Ebuild {
    /// `category/name`.
    full_name: String,
    version: String,
    /// `name-version.ebuild`.
    file: String,
    directory: PathBuf,
}

impl Ebuild {
    fn parse(category: &OsStr, name_and_version: &OsStr) -> Option<Self> {
        let (category, both) = (category.to_str()?, name_and_version.to_str()?);
        let (before, last) = both.rsplit_once('-')?;
        let is_revision = last.strip_prefix('r').is_some_and(|rest| rest.parse::<u64>().is_ok());
        let name = if is_revision { before.rsplit_once('-')?.0 } else { before };
        let full_name = format!("{category}/{name}");
        Some(Self {
            version: both[name.len() + 1..].to_owned(),
            file: format!("{both}.ebuild"),
            directory: PathBuf::from(&full_name),
            full_name,
        })
    }
}

/// Where repositories of ebuilds are, by name.
struct Repositories(BTreeMap<String, PathBuf>);

impl Repositories {
    fn read(root: &Root) -> Result<Self, PackagesError> {
        let mut repositories = Self(BTreeMap::new());
        let defaults = [("gentoo", "usr/portage"), ("gentoo", "var/db/repos/gentoo")];
        for (name, place) in defaults {
            repositories.add(root, name, Path::new(place));
        }
        for file in ["usr/share/portage/config/repos.conf", "etc/portage/repos.conf"] {
            if root.path(file).is_dir() {
                for name in root.names(file)? {
                    repositories.configured(root, &Path::new(file).join(name))?;
                }
            } else {
                repositories.configured(root, Path::new(file))?;
            }
        }
        Ok(repositories)
    }

    /// `[name]` and `location = /path`.
    fn configured(&mut self, root: &Root, file: &Path) -> Result<(), PackagesError> {
        let text = root.read(file)?.unwrap_or_default();
        let mut name = String::new();
        for line in text.lines().map(<[u8]>::trim_ascii) {
            let line = line.to_str_lossy();
            if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section.clone_into(&mut name);
            } else if let Some((key, value)) = line.split_once('=')
                && key.trim() == "location"
            {
                self.add(root, &name, Path::new(value.trim().trim_start_matches('/')));
            }
        }
        Ok(())
    }

    fn add(&mut self, root: &Root, name: &str, place: &Path) {
        if root.path(place).is_dir() {
            self.0.insert(name.to_owned(), place.to_owned());
        }
    }

    /// Whether the repository that a package came from still has its ebuild. What follows a branch of development
    /// (`9999`) is never the same again.
    fn availability(
        &self,
        root: &Root,
        ebuild: &Ebuild,
        origin: Option<&str>,
    ) -> Result<Availability, PackagesError> {
        let mut best = Availability::Nowhere;
        for (name, place) in &self.0 {
            let names = root.names(place.join(&ebuild.directory))?;
            let is_ebuild = |name: &OsString| name.as_bytes().ends_with(b".ebuild");
            let is_origin = origin.is_none_or(|origin| origin == name);
            let is_same = is_origin
                && !ebuild.version.contains("9999")
                && names.iter().any(|name| *name == *ebuild.file);
            if is_same {
                best = Availability::SameVersion;
            } else if names.iter().any(is_ebuild) {
                best = best.min(Availability::OtherVersion);
            }
        }
        Ok(best)
    }
}

/// A line of `CONTENTS`. Paths may hold blanks, so what follows them is taken from the end.
fn content(line: &[u8]) -> Option<(&[u8], Claim)> {
    let (kind, rest) = line.split_once_str(" ")?;
    let (path, claim) = match kind {
        b"dir" => (rest, Claim::Directory),
        b"obj" => {
            let (rest, _) = rest.rsplit_once_str(" ")?;
            let (path, digest) = rest.rsplit_once_str(" ")?;
            let digest = Digest::from_hex(digest);
            (path, digest.map_or(Claim::Unspecified, |digest| Claim::File { digest, size: None }))
        }
        b"sym" => {
            // The time is a number or, in old entries, everything that `stat` says, in parentheses.
            let (rest, _) =
                if rest.ends_with(b")") { rest.rsplit_once_str(" (")? } else { rest.rsplit_once_str(" ")? };
            let (path, target) = rest.rsplit_once_str(" -> ")?;
            (path, Claim::Symlink(Target::Path(OsString::from_vec(target.to_vec()))))
        }
        b"fif" | b"dev" => (rest, Claim::Unspecified),
        _ => return None,
    };
    path.starts_with(b"/").then_some((path, claim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_read_from_the_right() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        let digest = Digest::from_hex(md5.as_bytes()).unwrap();
        let link = |target: &str| Claim::Symlink(Target::Path(target.into()));
        let cases = [
            ("dir /usr/share/a b".to_owned(), Some(("/usr/share/a b", Claim::Directory))),
            (format!("obj /a b {md5} 1700000000"), Some(("/a b", Claim::File { digest, size: None }))),
            ("obj /a - 1".to_owned(), Some(("/a", Claim::Unspecified))),
            ("sym /a b -> c d 1700000000".to_owned(), Some(("/a b", link("c d")))),
            ("sym /a -> b (41471, 1, 2L)".to_owned(), Some(("/a", link("b")))),
            ("fif /run/x y".to_owned(), Some(("/run/x y", Claim::Unspecified))),
            (String::new(), None),
            ("obj".to_owned(), None),
            (format!("obj relative {md5} 1"), None),
        ];
        for (line, expected) in cases {
            let found = content(line.as_bytes());
            let found = found.map(|(path, claim)| (path.to_str().unwrap().to_owned(), claim));
            assert_eq!(found, expected.map(|(path, claim)| (path.to_owned(), claim)), "{line}");
        }
    }

    #[test]
    fn a_version_begins_behind_the_name_and_includes_the_revision() {
        let parse = |name: &str| {
            let ebuild = Ebuild::parse(OsStr::new("dev-libs"), OsStr::new(name))?;
            Some((ebuild.full_name, ebuild.version))
        };
        let expected = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(parse("a-b-1.2"), expected("dev-libs/a-b", "1.2"));
        assert_eq!(parse("a-1.2_p3-r10"), expected("dev-libs/a", "1.2_p3-r10"));
        assert_eq!(parse("a-r-1"), expected("dev-libs/a-r", "1"));
        assert_eq!(parse("a"), None);
    }
}
