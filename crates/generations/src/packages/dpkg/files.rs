//! What packages say about their files: lists, digests, conffiles.

use std::collections::HashMap;

use bstr::ByteSlice;

use super::super::inventory::Builder;
use super::super::root::{Names, Root};
use super::super::{Claim, Owned, PackageRef, PackagesError, Permissions, State};
use super::settings::{Diversions, Settings};
use super::status::{Conffile, Installed};
use crate::Digest;

/// Reads what is in `info/`.
pub(super) struct Files<'a> {
    root: &'a Root,
    diversions: Diversions<'a>,
    permissions: HashMap<Vec<u8>, Permissions>,
}

impl<'a> Files<'a> {
    pub(super) fn new(root: &'a Root, settings: &'a Settings, names: &Names) -> Self {
        Self {
            root,
            diversions: Diversions::new(&settings.diversions),
            permissions: settings.permissions(names),
        }
    }

    /// Adds the paths of one package.
    pub(super) fn read(
        &self,
        installed: &Installed,
        package: PackageRef,
        builder: &mut Builder,
    ) -> Result<(), PackagesError> {
        let conffiles = installed.conffiles.iter().map(|conffile| (conffile.path.as_slice(), conffile));
        let mut conffiles: HashMap<&[u8], &Conffile> = conffiles.collect();
        if installed.package.state != State::ConfigurationOnly {
            let list = self.info(installed, "list")?.ok_or_else(|| PackagesError::Malformed {
                path: self.root.path("var/lib/dpkg/info"),
                what: format!("it has no list of the files of {}", installed.package.name),
            })?;
            let digests = self.info(installed, "md5sums")?.unwrap_or_default();
            let digests: HashMap<&[u8], Digest> = digests.lines().filter_map(digest).collect();
            for path in list.lines().filter(|path| path.starts_with(b"/") && *path != b"/.") {
                let claim = match conffiles.remove(path) {
                    Some(conffile) => claim_of(conffile),
                    None => digests.get(&path[1..]).map_or(Claim::Unspecified, |&digest| file(digest)),
                };
                self.add(path, claim, installed, package, builder);
            }
        }
        // What is left are files that the package has no more, or that a removed package has left.
        for (path, _) in conffiles {
            self.add(path, Claim::Obsolete, installed, package, builder);
        }
        Ok(())
    }

    fn add(
        &self,
        path: &[u8],
        claim: Claim,
        installed: &Installed,
        package: PackageRef,
        builder: &mut Builder,
    ) {
        let permissions = self.permissions.get(path).copied().unwrap_or(Permissions::Usual);
        match self.diversions.place(path, &installed.package.name) {
            Some(place) => builder.owned(place, Owned { package, claim: Claim::Diverted, permissions }),
            None => builder.owned(path, Owned { package, claim, permissions }),
        }
    }

    /// A file about a package. Only of packages that may be installed for several architectures it is named with one.
    fn info(&self, installed: &Installed, suffix: &str) -> Result<Option<Vec<u8>>, PackagesError> {
        let name = &installed.package.name;
        let plain = format!("var/lib/dpkg/info/{name}.{suffix}");
        let qualified = format!("var/lib/dpkg/info/{name}:{}.{suffix}", installed.package.architecture);
        let [first, second] =
            if installed.is_multi_arch_same { [qualified, plain] } else { [plain, qualified] };
        match self.root.read(first)? {
            Some(content) => Ok(Some(content)),
            None => self.root.read(second),
        }
    }
}

fn claim_of(conffile: &Conffile) -> Claim {
    match conffile.digest {
        _ if conffile.is_obsolete => Claim::Obsolete,
        Some(digest) => file(digest),
        None => Claim::Unspecified,
    }
}

fn file(digest: Digest) -> Claim {
    Claim::File { digest, size: None }
}

/// A digest in hexadecimal, two blanks, a path without a slash at its beginning.
fn digest(line: &[u8]) -> Option<(&[u8], Digest)> {
    let (digest, path) = line.split_at_checked(32)?;
    Some((path.strip_prefix(b"  ")?, Digest::from_hex(digest)?))
}
