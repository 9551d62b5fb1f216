//! The system that has to be there before anything is brought back.

use std::fmt;

use redcedar_system::command::Command;

use crate::manifest::PackageLine;

/// Packages that no Debian system is without, whose repository is therefore that of the system.
const TELLING: [&str; 3] = ["base-files", "dpkg", "apt"];
/// What is a part of another suite.
const POCKETS: [&str; 4] = ["-updates", "-security", "-proposed-updates", "-backports"];

/// A Debian system, or one derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The name of the release, such as `bookworm`.
    pub suite: String,
    /// Where it comes from.
    pub mirror: String,
    /// For which machines.
    pub architecture: String,
}

impl Base {
    /// The command that makes a small system of it in a directory.
    pub fn debootstrap(&self, directory: &std::path::Path) -> Command {
        Command::new("debootstrap")
            .args(["--variant=minbase", &format!("--arch={}", self.architecture), &self.suite])
            .arg(directory)
            .arg(&self.mirror)
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} from {}", self.suite, self.architecture, self.mirror)
    }
}

/// What the origin of the most basic packages tells about the system.
pub(super) fn of(packages: &[PackageLine]) -> Option<Base> {
    TELLING.iter().find_map(|name| {
        let package = packages.iter().find(|package| package.database == "dpkg" && package.name == *name)?;
        parse(package.origin.as_deref()?)
    })
}

/// `deb.debian.org_debian_dists_bookworm_main_binary-amd64`: the address of an index, as apt names the file with it.
fn parse(origin: &str) -> Option<Base> {
    let (place, rest) = origin.split_once("_dists_")?;
    let (rest, architecture) = rest.rsplit_once("_binary-")?;
    let (suite, _component) = rest.rsplit_once('_')?;
    let suite = POCKETS.iter().find_map(|pocket| suite.strip_suffix(pocket)).unwrap_or(suite);
    let text = |part: &str| part.replace('_', "/").replace("%5f", "_");
    Some(Base {
        suite: text(suite),
        mirror: format!("http://{}", text(place)),
        architecture: architecture.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_index_tells_release_mirror_and_architecture() {
        let rows = [
            (
                "deb.debian.org_debian_dists_bookworm_main_binary-amd64",
                Some(("bookworm", "http://deb.debian.org/debian", "amd64")),
            ),
            (
                "security.debian.org_debian-security_dists_bookworm-security_main_binary-arm64",
                Some(("bookworm", "http://security.debian.org/debian-security", "arm64")),
            ),
            ("example.org_my%5frepo_._binary", None),
        ];
        for (origin, expected) in rows {
            let base = parse(origin);
            let found = base.as_ref().map(|base| (&*base.suite, &*base.mirror, &*base.architecture));
            assert_eq!(found, expected, "{origin}");
        }
    }
}
