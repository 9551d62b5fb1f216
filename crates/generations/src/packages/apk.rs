//! apk's database: one file, `/lib/apk/db/installed`.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use bstr::ByteSlice;
use redcedar_system::{Owner, System, escape};

use super::inventory::Builder;
use super::root::Root;
use super::{
    Availability, Claim, Database, Owned, Package, PackageRef, PackagesError, Permissions, State, Target,
    members,
};
use crate::Digest;

/// Where it is, and where it is since apk 3.
const PLACES: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/// Where indexes are cached.
const CACHES: [&str; 2] = ["var/cache/apk", "etc/apk/cache"];

pub(super) struct Apk;

impl Database for Apk {
    fn name(&self) -> &'static str {
        "apk"
    }

    fn places(&self, _: &Root) -> Result<Vec<PathBuf>, PackagesError> {
        Ok(PLACES.map(PathBuf::from).to_vec())
    }

    fn read(&self, root: &Root, system: &System, builder: &mut Builder) -> Result<(), PackagesError> {
        let index = Index::read(root, builder)?;
        let world = root.read("etc/apk/world")?.unwrap_or_default();
        // A name may be followed by a version or the tag of a repository.
        let world: HashSet<&[u8]> =
            world.lines().map(|line| &line[..line.find_byteset("@=<>~").unwrap_or(line.len())]).collect();
        let mut text = None;
        for place in PLACES {
            text = text.or(root.read(place)?);
        }
        for stanza in stanzas(&text.unwrap_or_default()) {
            system.interrupt.check()?;
            let value =
                |key| stanza.iter().find(|(found, _)| *found == key).map_or(&b""[..], |(_, value)| value);
            let package = builder.package(Package {
                database: "apk",
                name: value(b'P').to_str_lossy().into_owned(),
                version: value(b'V').to_str_lossy().into_owned(),
                architecture: value(b'A').to_str_lossy().into_owned(),
                origin: None,
                is_auto: !world.contains(value(b'P')),
                is_held: false,
                state: State::Installed,
                availability: index.availability(value(b'P'), value(b'C')),
            });
            // Then digests are the first bytes of SHA-256, which looks like SHA-1.
            let is_cut = value(b'f').contains(&b'S');
            add_files(&stanza, package, is_cut, builder);
        }
        Ok(())
    }
}

type Line<'a> = (u8, &'a [u8]);

/// Stanzas of `K:value` lines, separated by empty lines.
fn stanzas(text: &[u8]) -> impl Iterator<Item = Vec<Line<'_>>> {
    let stanzas = text.split_str("\n\n").filter(|stanza| !stanza.trim_ascii().is_empty());
    stanzas.map(|stanza| stanza.split_str("\n").filter_map(line).collect())
}

fn line(line: &[u8]) -> Option<Line<'_>> {
    match line {
        &[key, b':', ..] => Some((key, &line[2..])),
        _ => None,
    }
}

/// Adds what a stanza says about files: lines of a directory (`F`), its files (`R`), and what the line before is like.
fn add_files(stanza: &[Line<'_>], package: PackageRef, is_cut: bool, builder: &mut Builder) {
    let mut directory: &[u8] = b"";
    let mut lines = stanza.iter().peekable();
    while let Some(&(key, value)) = lines.next() {
        match key {
            b'F' => {
                directory = value;
                let permissions =
                    lines.next_if(|(key, _)| *key == b'M').map_or(default(0o755), |(_, value)| access(value));
                if !directory.is_empty() {
                    let owned = Owned { package, claim: Claim::Directory, permissions };
                    builder.owned(&[b"/", directory].concat(), owned);
                }
            }
            b'R' => {
                let permissions =
                    lines.next_if(|(key, _)| *key == b'a').map_or(default(0o644), |(_, value)| access(value));
                let digest = lines.next_if(|(key, _)| *key == b'Z').and_then(|(_, value)| digest(value));
                let claim = match (digest, permissions) {
                    (Some(digest), Permissions::Recorded { mode: 0o777, .. }) if !is_cut => {
                        Claim::Symlink(Target::Digest(digest))
                    }
                    (Some(digest), _) if !is_cut => Claim::File { digest, size: None },
                    _ => Claim::Unspecified,
                };
                let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
                let path = [b"/", directory, slash, value].concat();
                builder.owned(&path, Owned { package, claim, permissions });
            }
            _ => {}
        }
    }
}

fn default(mode: u16) -> Permissions {
    Permissions::Recorded { mode, owner: Owner { uid: 0, gid: 0 } }
}

/// `uid:gid:mode`; what follows are extended attributes, which no package that is common has.
fn access(text: &[u8]) -> Permissions {
    let mut fields = text.split_str(":").map(|field| field.to_str().unwrap_or_default());
    let mut number = |radix| u32::from_str_radix(fields.next()?, radix).ok();
    let (uid, gid, mode) = (number(10), number(10), number(8).and_then(|mode| u16::try_from(mode).ok()));
    match (uid, gid, mode, fields.next()) {
        (Some(uid), Some(gid), Some(mode), None) => Permissions::Recorded { mode, owner: Owner { uid, gid } },
        _ => Permissions::Unknown,
    }
}

/// `Q1` and SHA-1 in base 64.
fn digest(text: &[u8]) -> Option<Digest> {
    Digest::from_bytes(&from_base64(text.strip_prefix(b"Q1")?)?)
        .filter(|digest| matches!(digest, Digest::Sha1(_)))
}

fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for &character in text.trim_end_with(|character| character == '=') {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    Some(bytes)
}

/// The digests that tell builds apart, by name.
struct Index(HashMap<Vec<u8>, HashSet<Vec<u8>>>);

impl Index {
    fn read(root: &Root, builder: &mut Builder) -> Result<Self, PackagesError> {
        let mut index = Self(HashMap::new());
        for cache in CACHES {
            for name in root.names(cache)? {
                let text = name.to_string_lossy();
                if !(text.starts_with("APKINDEX.") && text.ends_with(".tar.gz")) {
                    continue;
                }
                let path = format!("{cache}/{text}");
                let Some(file) = root.open(&path)? else { continue };
                let outcome = members::for_each(file, |name, content| {
                    if name == b"APKINDEX" {
                        index.add(content);
                    }
                });
                if let Err(error) = outcome {
                    let path = root.path(path);
                    builder.remark(format!(
                        "cannot read {}, so packages that are only there are saved whole: {error}",
                        escape::display(&path)
                    ));
                }
            }
        }
        if index.0.is_empty() {
            builder.remark(
                "the packages of apk are saved whole, because no index in /var/cache/apk shows what can be had \
                 again; `apk update` fetches them"
                    .to_owned(),
            );
        }
        Ok(index)
    }

    fn add(&mut self, text: &[u8]) {
        for stanza in stanzas(text) {
            let value = |key| stanza.iter().find(|(found, _)| *found == key).map(|(_, value)| value.to_vec());
            if let (Some(name), Some(digest)) = (value(b'P'), value(b'C')) {
                self.0.entry(name).or_default().insert(digest);
            }
        }
    }

    fn availability(&self, name: &[u8], digest: &[u8]) -> Availability {
        match self.0.get(name) {
            Some(digests) if digests.contains(digest) => Availability::SameVersion,
            Some(_) => Availability::OtherVersion,
            None => Availability::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_read() {
        assert_eq!(from_base64(b"Zm9vYg==").unwrap(), b"foob");
        assert_eq!(from_base64(b"+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
        assert_eq!(from_base64(b"a b"), None);
    }

    #[test]
    fn access_is_owner_group_and_mode_and_nothing_else() {
        let expected = Permissions::Recorded { mode: 0o4755, owner: Owner { uid: 0, gid: 42 } };
        assert_eq!(access(b"0:42:4755"), expected);
        assert_eq!(access(b"0:42:4755:Q1xyz"), Permissions::Unknown);
        assert_eq!(access(b"0:42"), Permissions::Unknown);
    }
}
