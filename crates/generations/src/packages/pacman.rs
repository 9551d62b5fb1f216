//! pacman's database: a directory per package under `/var/lib/pacman/local`, and indexes of repositories beside it.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use redcedar_system::{Owner, System, escape};

use super::inventory::Builder;
use super::root::Root;
use super::{
    Availability, Claim, Database, Owned, Package, PackagesError, Permissions, State, Target, members,
};
use crate::Digest;

const LOCAL: &str = "var/lib/pacman/local";

pub(super) struct Pacman;

impl Database for Pacman {
    fn name(&self) -> &'static str {
        "pacman"
    }

    fn places(&self, _: &Root) -> Result<Vec<PathBuf>, PackagesError> {
        Ok(vec![PathBuf::from(LOCAL)])
    }

    fn read(&self, root: &Root, system: &System, builder: &mut Builder) -> Result<(), PackagesError> {
        let index = Index::read(root, builder)?;
        for name in root.names(LOCAL)? {
            system.interrupt.check()?;
            let directory = Path::new(LOCAL).join(name);
            let Some(description) = root.read(directory.join("desc"))? else { continue };
            let description = Description::parse(&description);
            let package = builder.package(Package {
                database: "pacman",
                name: description.text("NAME"),
                version: description.text("VERSION"),
                architecture: description.text("ARCH"),
                origin: index.origin(&description),
                is_auto: description.first("REASON") == b"1",
                is_held: false,
                state: State::Installed,
                availability: index.availability(&description),
            });
            let claims = claims(root, &directory.join("mtree"))?;
            let files = root.read(directory.join("files"))?.unwrap_or_default();
            for path in Description::parse(&files).all("FILES") {
                let path = path.strip_suffix(b"/").unwrap_or(path);
                let (claim, permissions) = match claims.get(path) {
                    Some((claim, permissions)) => (claim.clone(), *permissions),
                    None => (Claim::Unspecified, Permissions::Unknown),
                };
                builder.owned(&[b"/", path].concat(), Owned { package, claim, permissions });
            }
        }
        Ok(())
    }
}

/// `%KEY%`, a value per line, an empty line.
struct Description<'a>(HashMap<&'a [u8], Vec<&'a [u8]>>);

impl<'a> Description<'a> {
    fn parse(text: &'a [u8]) -> Self {
        let mut values: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let [b'%', key @ .., b'%'] = line {
                values.insert(key, lines.by_ref().take_while(|line| !line.is_empty()).collect());
            }
        }
        Self(values)
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.get(key.as_bytes()).into_iter().flatten().copied()
    }

    fn first(&self, key: &str) -> &'a [u8] {
        self.all(key).next().unwrap_or_default()
    }

    fn text(&self, key: &str) -> String {
        self.first(key).to_str_lossy().into_owned()
    }
}

/// Names with versions, dates of build and repository.
struct Index(HashMap<Vec<u8>, Vec<Available>>);

struct Available {
    version: Vec<u8>,
    built: Vec<u8>,
    repository: String,
}

impl Index {
    /// Reads the indexes of the repositories that are configured; those of others stay on the disk for long.
    fn read(root: &Root, builder: &mut Builder) -> Result<Self, PackagesError> {
        let mut index = Self(HashMap::new());
        for repository in repositories(root)? {
            let path = format!("var/lib/pacman/sync/{repository}.db");
            let Some(file) = root.open(&path)? else { continue };
            let outcome = members::for_each(file, |name, content| {
                if name.ends_with(b"/desc") {
                    index.add(&Description::parse(content), &repository);
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
        if index.0.is_empty() {
            builder.remark(
                "the packages of pacman are saved whole, because no index in /var/lib/pacman/sync shows what can \
                 be had again; `pacman -Sy` fetches them"
                    .to_owned(),
            );
        }
        Ok(index)
    }

    fn add(&mut self, description: &Description<'_>, repository: &str) {
        self.0.entry(description.first("NAME").to_vec()).or_default().push(Available {
            version: description.first("VERSION").to_vec(),
            built: description.first("BUILDDATE").to_vec(),
            repository: repository.to_owned(),
        });
    }

    fn same(&self, description: &Description<'_>) -> Option<&Available> {
        let is_same = |available: &&Available| {
            available.version == description.first("VERSION")
                && available.built == description.first("BUILDDATE")
        };
        self.0.get(description.first("NAME"))?.iter().find(is_same)
    }

    fn availability(&self, description: &Description<'_>) -> Availability {
        if self.same(description).is_some() {
            Availability::SameVersion
        } else if self.0.contains_key(description.first("NAME")) {
            Availability::OtherVersion
        } else {
            Availability::Nowhere
        }
    }

    fn origin(&self, description: &Description<'_>) -> Option<String> {
        Some(self.same(description)?.repository.clone())
    }
}

/// The sections of `pacman.conf` that are repositories.
fn repositories(root: &Root) -> Result<Vec<String>, PackagesError> {
    let text = root.read("etc/pacman.conf")?.unwrap_or_default();
    let mut seen = HashSet::new();
    let section = |line: &[u8]| {
        let name = line.trim_ascii().strip_prefix(b"[")?.strip_suffix(b"]")?.to_str().ok()?.to_owned();
        (name != "options" && !name.contains('/') && seen.insert(name.clone())).then_some(name)
    };
    Ok(text.lines().filter_map(section).collect())
}

/// What `mtree` says, by path without a slash at its beginning.
fn claims(root: &Root, path: &Path) -> Result<HashMap<Vec<u8>, (Claim, Permissions)>, PackagesError> {
    let Some(file) = root.open(path)? else { return Ok(HashMap::new()) };
    let mut text = Vec::new();
    members::decompress(file)?.read_to_end(&mut text)?;
    let mut defaults = Attributes::default();
    let mut claims = HashMap::new();
    for line in text.lines() {
        let mut words = line.fields();
        match words.next() {
            Some(b"/set") => defaults.extend(words),
            Some(name) if name.starts_with(b"./") => {
                let mut attributes = defaults.clone();
                attributes.extend(words);
                claims.insert(unescape(&name[2..]), attributes.claim());
            }
            _ => {}
        }
    }
    Ok(claims)
}

/// `key=value` words of a line of `mtree`.
#[derive(Debug, Clone, Default)]
struct Attributes<'a>(HashMap<&'a [u8], &'a [u8]>);

impl<'a> Attributes<'a> {
    fn extend(&mut self, words: impl Iterator<Item = &'a [u8]>) {
        self.0.extend(words.filter_map(|word| word.split_once_str("=")));
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.0.get(key.as_bytes())?.to_str().ok()
    }

    fn digest(&self, key: &str) -> Option<Digest> {
        Digest::from_hex(self.0.get(key.as_bytes())?)
    }

    fn claim(&self) -> (Claim, Permissions) {
        let claim = match self.text("type") {
            Some("dir") => Claim::Directory,
            Some("link") => match self.0.get(b"link".as_slice()) {
                Some(target) => Claim::Symlink(Target::Path(OsString::from_vec(unescape(target)))),
                None => Claim::Unspecified,
            },
            Some("file") => match self.digest("sha256digest").or_else(|| self.digest("md5digest")) {
                Some(digest) => {
                    let size = self.text("size").and_then(|size| size.parse().ok());
                    Claim::File { digest, size }
                }
                None => Claim::Unspecified,
            },
            _ => Claim::Unspecified,
        };
        (claim, self.permissions().unwrap_or(Permissions::Unknown))
    }

    fn permissions(&self) -> Option<Permissions> {
        let number = |key| self.text(key)?.parse().ok();
        Some(Permissions::Recorded {
            mode: u16::from_str_radix(self.text("mode")?, 8).ok()?,
            owner: Owner { uid: number("uid")?, gid: number("gid")? },
        })
    }
}

/// Blanks, backslashes and what is not ASCII appear as `\` and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| digits.to_str().ok());
        let escaped = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match escaped {
            Some(byte) if first == b'\\' => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_escapes_become_bytes() {
        assert_eq!(unescape(br"a\040b\303\244\134n\9"), b"a b\xc3\xa4\\n\\9");
        assert_eq!(unescape(br"\04"), br"\04");
    }
}
