//! `status` with what `updates/` adds to it.

use std::collections::HashMap;

use bstr::ByteSlice;

use super::super::stanza::{self, Stanza};
use super::super::{Availability, Package, PackagesError, State};
use super::Root;
use crate::Digest;

const STATUS: &str = "var/lib/dpkg/status";
const UPDATES: &str = "var/lib/dpkg/updates";

/// The fields in which two builds of one version differ, as apt sees it.
pub(super) const BUILD_FIELDS: [&str; 3] = ["Installed-Size", "Depends", "Pre-Depends"];

const FIELDS: &[&str] = &[
    "Package",
    "Architecture",
    "Version",
    "Status",
    "Multi-Arch",
    "Conffiles",
    BUILD_FIELDS[0],
    BUILD_FIELDS[1],
    BUILD_FIELDS[2],
];

/// A package as `status` has it.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) package: Package,
    /// Its lists are named with the architecture.
    pub(super) is_multi_arch_same: bool,
    pub(super) conffiles: Vec<Conffile>,
    /// See [`build_of`].
    pub(super) build: Vec<u8>,
}

/// A configuration file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conffile {
    pub(super) path: Vec<u8>,
    /// The digest of the file as it was shipped.
    pub(super) digest: Option<Digest>,
    /// The package no longer ships it.
    pub(super) is_obsolete: bool,
}

/// All packages that have files, in the order of the database.
pub(super) fn read(root: &Root) -> Result<Vec<Installed>, PackagesError> {
    let mut packages = Vec::new();
    // Later stanzas replace earlier ones of the same package and architecture.
    let mut places = HashMap::new();
    let mut broken = None;
    let mut add = |stanza: &Stanza<'_>, file: &str| {
        let key = (stanza.get("Package").to_vec(), stanza.get("Architecture").to_vec());
        match installed(stanza) {
            Ok(installed) => {
                let place = *places.entry(key).or_insert(packages.len());
                if place == packages.len() {
                    packages.push(installed);
                } else {
                    packages[place] = installed;
                }
            }
            Err(what) => broken = Some(PackagesError::Malformed { path: root.path(file), what }),
        }
    };
    let text = root.read(STATUS)?.unwrap_or_default();
    stanza::for_each(text.as_slice(), FIELDS, |stanza| add(stanza, STATUS))?;
    for update in pending_updates(root)? {
        let text = root.read(&update)?.unwrap_or_default();
        stanza::for_each(text.as_slice(), FIELDS, |stanza| add(stanza, &update))?;
    }
    broken.map_or(Ok(packages.into_iter().flatten().collect()), Err)
}

/// What dpkg has not merged into `status` yet: files named by a number, in its order.
fn pending_updates(root: &Root) -> Result<Vec<String>, PackagesError> {
    let names = root.names(UPDATES)?;
    let mut numbers: Vec<(u64, String)> = names
        .iter()
        .filter_map(|name| name.to_str())
        .filter_map(|name| Some((name.parse().ok()?, format!("{UPDATES}/{name}"))))
        .collect();
    numbers.sort();
    Ok(numbers.into_iter().map(|(_, path)| path).collect())
}

/// The package of a stanza; nothing when none of its files are there.
fn installed(stanza: &Stanza<'_>) -> Result<Option<Installed>, String> {
    let text = |field| stanza.get(field).to_str_lossy().into_owned();
    let name = text("Package");
    if name.is_empty() {
        return Err("it has a stanza without a package".to_owned());
    }
    let status = text("Status");
    let [want, flag, state] = status.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
        return Err(format!("package {name} has the status \"{status}\""));
    };
    let state = match state {
        "installed" | "triggers-pending" | "triggers-awaited" if flag == "ok" => State::Installed,
        "installed" | "triggers-pending" | "triggers-awaited" | "half-configured" | "unpacked"
        | "half-installed" => State::Unfinished,
        "config-files" => State::ConfigurationOnly,
        "not-installed" => return Ok(None),
        _ => return Err(format!("package {name} has the status \"{status}\"")),
    };
    Ok(Some(Installed {
        package: Package {
            database: "dpkg",
            name,
            version: text("Version"),
            architecture: text("Architecture"),
            origin: None,
            is_auto: false,
            is_held: want == "hold",
            state,
            availability: Availability::Nowhere,
        },
        is_multi_arch_same: stanza.get("Multi-Arch") == b"same",
        conffiles: stanza.get("Conffiles").lines().filter_map(conffile).collect(),
        build: build_of(stanza),
    }))
}

/// What tells builds of one version apart, for comparison only. Blanks do not count: dpkg and repositories set them differently.
pub(super) fn build_of(stanza: &Stanza<'_>) -> Vec<u8> {
    let mut build = Vec::new();
    for field in BUILD_FIELDS {
        build.extend(stanza.get(field).iter().filter(|byte| !byte.is_ascii_whitespace()));
        build.push(b'\n');
    }
    build
}

/// ` <path> <md5> [obsolete] [remove-on-upgrade]`; the path may hold blanks.
fn conffile(line: &[u8]) -> Option<Conffile> {
    let mut rest = line.trim_ascii();
    let mut is_obsolete = false;
    loop {
        let (before, last) = rest.rsplit_once_str(" ")?;
        rest = before;
        match last {
            b"obsolete" | b"remove-on-upgrade" => is_obsolete = true,
            // `newconffile` stands for a digest that is not known yet.
            digest => {
                return Some(Conffile {
                    path: rest.to_vec(),
                    digest: Digest::from_hex(digest).filter(|digest| matches!(digest, Digest::Md5(_))),
                    is_obsolete,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conffiles_are_read_from_the_right() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        let digest = Digest::from_hex(md5.as_bytes());
        let read = |line: String| conffile(line.as_bytes());
        let expected = |path: &str, digest, is_obsolete| {
            Some(Conffile { path: path.as_bytes().to_vec(), digest, is_obsolete })
        };
        assert_eq!(read(format!(" /etc/a {md5}")), expected("/etc/a", digest, false));
        assert_eq!(read(format!(" /etc/a b c {md5} obsolete")), expected("/etc/a b c", digest, true));
        assert_eq!(read(format!(" /etc/a {md5} remove-on-upgrade")), expected("/etc/a", digest, true));
        assert_eq!(read(" /etc/a newconffile".to_owned()), expected("/etc/a", None, false));
        assert_eq!(read("  ".to_owned()), None);
    }
}
