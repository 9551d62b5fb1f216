//! Which packages can be had again: the indexes of repositories that apt has fetched.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead};

use bstr::ByteSlice;
use redcedar_system::escape;

use super::super::inventory::Builder;
use super::super::{Availability, PackagesError, members, stanza};
use super::Root;
use super::status::{BUILD_FIELDS, Installed, build_of};

const LISTS: &str = "var/lib/apt/lists";
const FIELDS: &[&str] =
    &["Package", "Architecture", "Version", BUILD_FIELDS[0], BUILD_FIELDS[1], BUILD_FIELDS[2]];

/// What the indexes say about installed packages.
pub(super) struct Index {
    /// By name and architecture.
    found: HashMap<(Vec<u8>, Vec<u8>), Found>,
    indexes: usize,
}

#[derive(Debug)]
struct Found {
    version: Vec<u8>,
    build: Vec<u8>,
    availability: Availability,
    origin: Option<String>,
}

impl Index {
    pub(super) fn read(
        root: &Root,
        installed: &[Installed],
        builder: &mut Builder,
    ) -> Result<Self, PackagesError> {
        let wanted = |installed: &Installed| {
            let found = Found {
                version: installed.package.version.clone().into_bytes(),
                build: installed.build.clone(),
                availability: Availability::Nowhere,
                origin: None,
            };
            (key(installed), found)
        };
        let mut index = Self { found: installed.iter().map(wanted).collect(), indexes: 0 };
        let names = installed.iter().map(|installed| installed.package.name.as_bytes()).collect();
        for name in root.names(LISTS)? {
            let name = name.to_string_lossy();
            let Some((origin, _)) = name.rsplit_once("_Packages") else { continue };
            let path = format!("{LISTS}/{name}");
            let Some(file) = root.open(&path)? else { continue };
            let outcome = members::decompress(file).and_then(|reader| index.add(reader, origin, &names));
            match outcome {
                Ok(()) => index.indexes += 1,
                // What it would have shown counts as not to be had.
                Err(error) => builder.remark(format!(
                    "cannot read {}, so packages that are only there are saved whole: {error}",
                    escape::display(&root.path(&path))
                )),
            }
        }
        Ok(index)
    }

    /// Whether there was none.
    pub(super) fn is_empty(&self) -> bool {
        self.indexes == 0
    }

    /// Tells packages what was found.
    pub(super) fn mark(&self, installed: &mut [Installed]) {
        for installed in installed {
            if let Some(found) = self.found.get(&key(installed)) {
                installed.package.availability = found.availability;
                installed.package.origin.clone_from(&found.origin);
            }
        }
    }

    fn add(&mut self, reader: impl BufRead, origin: &str, names: &HashSet<&[u8]>) -> io::Result<()> {
        // Looked up some ten thousand times: the key is not made anew for each.
        let mut key = (Vec::new(), Vec::new());
        let is_wanted = |package: &[u8]| names.contains(package);
        stanza::for_each_of(reader, FIELDS, is_wanted, |stanza| {
            for (part, field) in [(&mut key.0, "Package"), (&mut key.1, "Architecture")] {
                part.clear();
                part.extend_from_slice(stanza.get(field));
            }
            let Some(found) = self.found.get_mut(&key) else { return };
            let is_same = stanza.get("Version") == found.version && build_of(stanza) == found.build;
            let availability = if is_same { Availability::SameVersion } else { Availability::OtherVersion };
            if availability < found.availability {
                found.availability = availability;
                found.origin = Some(origin.to_owned());
            }
        })
    }
}

fn key(installed: &Installed) -> (Vec<u8>, Vec<u8>) {
    let package = &installed.package;
    (package.name.clone().into_bytes(), package.architecture.clone().into_bytes())
}

/// Marks what was installed only because another package needs it.
pub(super) fn mark_automatic(root: &Root, installed: &mut [Installed]) -> Result<(), PackagesError> {
    let states = root.read("var/lib/apt/extended_states")?.unwrap_or_default();
    let mut automatic = Vec::new();
    stanza::for_each(states.as_slice(), &["Package", "Architecture", "Auto-Installed"], |stanza| {
        if stanza.get("Auto-Installed") == b"1" {
            let text = |field| stanza.get(field).to_str_lossy().into_owned();
            automatic.push((text("Package"), text("Architecture")));
        }
    })?;
    automatic.sort();
    for Installed { package, .. } in installed {
        // Packages for all architectures are noted there under the machine's own.
        let first = automatic.partition_point(|(name, _)| *name < package.name);
        let mut entries = automatic[first..].iter().take_while(|(name, _)| *name == package.name);
        package.is_auto = entries
            .any(|(_, architecture)| package.architecture == "all" || *architecture == package.architecture);
    }
    Ok(())
}
