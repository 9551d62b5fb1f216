//! Package managers that are not known here: a program tells what they own.
//!
//! It is called with the argument `list` and prints records. A record is some fields, each `key=value` and ended by a NUL, and an
//! empty field, so two NULs end it. The first is `protocol=1`. Then, in any order and number:
//!
//! - a package: `package=NAME`, `version=…`, `architecture=…`, `origin=…`, `auto=yes|no`, `held=yes|no`, and `availability=same`
//!   (a repository has this version), `other` (another version) or `none`. Without `availability` it is `none`, so nothing of
//!   the package is left out of snapshots.
//! - a path of the package before it: `path=/…` and what is there, `kind=file|link|directory`; for a file one of `md5=`, `sha1=`,
//!   `sha256=` in hexadecimal and perhaps `size=`; for a link `target=`; and `mode=` (octal), `uid=`, `gid=`, all three or
//!   none. Without them the file must be root's, readable by all and writable by nobody else.
//!
//! Anything else makes the whole output unusable. The program must be the owner's alone: it and all directories above it belong
//! to root or to us, nobody else may write there, and none of them is a link.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use bstr::ByteSlice;
use redcedar_system::command::{Command, Executable};
use redcedar_system::{Owner, System};

use super::inventory::Builder;
use super::{Availability, Claim, Owned, Package, PackageRef, PackagesError, Permissions, State, Target};
use crate::Digest;

/// Adds what a program prints.
pub(super) fn read(program: &Path, system: &System, builder: &mut Builder) -> Result<(), PackagesError> {
    let executable = Executable::open(program).map_err(|error| PackagesError::Command(error.to_string()))?;
    let mut output = Vec::new();
    let finished = system.runner.stream(&Command::of(executable).arg("list"), &mut output)?;
    if !finished.success() {
        let (status, said) = (finished.status, finished.tail.join("; "));
        return Err(PackagesError::Command(format!("it ended with {status}: {said}")));
    }
    let unusable = |number: usize, what: &str| {
        PackagesError::Command(format!("its record {} is not as expected: {what}", number + 1))
    };
    let records = records(&output).map_err(|what| unusable(0, what))?;
    let mut records = records.into_iter().map(Record).enumerate();
    match records.next() {
        Some((_, Record(first))) if first == [(&b"protocol"[..], &b"1"[..])] => {}
        _ => return Err(unusable(0, "it is not `protocol=1`")),
    }
    let mut package = None;
    for (number, record) in records {
        match record.0.first() {
            Some((b"package", _)) => record.package().map(|found| package = Some(builder.package(found))),
            Some((b"path", _)) => match package {
                Some(package) => record.owned(package).map(|(path, owned)| builder.owned(path, owned)),
                None => Err("a path comes before any package"),
            },
            _ => Err("it begins with neither `package` nor `path`"),
        }
        .map_err(|what| unusable(number, what))?;
    }
    Ok(())
}

type Field<'a> = (&'a [u8], &'a [u8]);

fn records(output: &[u8]) -> Result<Vec<Vec<Field<'_>>>, &'static str> {
    let mut records = vec![Vec::new()];
    let mut rest = output;
    while !rest.is_empty() {
        let (field, after) = rest.split_once_str("\0").ok_or("the output does not end with a NUL")?;
        rest = after;
        match records.last_mut() {
            Some(record) if !field.is_empty() => {
                record.push(field.split_once_str("=").ok_or("a field has no equals sign")?);
            }
            _ => records.push(Vec::new()),
        }
    }
    if records.pop().is_some_and(|last| !last.is_empty()) {
        return Err("the last record is not ended");
    }
    Ok(records)
}

struct Record<'a>(Vec<Field<'a>>);

impl<'a> Record<'a> {
    /// Nothing but these may be there, and each once.
    fn keys(&self, known: &[&str]) -> Result<(), &'static str> {
        let keys: Vec<&[u8]> = self.0.iter().map(|(key, _)| *key).collect();
        let is_known = |key: &&[u8]| known.iter().any(|known| known.as_bytes() == *key);
        if !keys.iter().all(is_known) {
            return Err("it has a field that is not known");
        }
        let is_repeated = keys.iter().enumerate().any(|(index, key)| keys[..index].contains(key));
        if is_repeated { Err("it has a field twice") } else { Ok(()) }
    }

    fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(found, _)| *found == key.as_bytes()).map(|(_, value)| *value)
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(|value| value.to_str_lossy().into_owned())
    }

    fn flag(&self, key: &str) -> Result<bool, &'static str> {
        match self.get(key) {
            None | Some(b"no") => Ok(false),
            Some(b"yes") => Ok(true),
            Some(_) => Err("a field is neither `yes` nor `no`"),
        }
    }

    /// A number, in octal or decimal; nothing when it is not there.
    fn number(&self, key: &str, radix: u32) -> Result<Option<u64>, &'static str> {
        let parse = |value: &[u8]| u64::from_str_radix(value.to_str().ok()?, radix).ok();
        self.get(key).map(|value| parse(value).ok_or("a field is no number")).transpose()
    }

    fn package(&self) -> Result<Package, &'static str> {
        self.keys(&["package", "version", "architecture", "origin", "auto", "held", "availability"])?;
        Ok(Package {
            database: "program",
            name: self.text("package").unwrap_or_default(),
            version: self.text("version").unwrap_or_default(),
            architecture: self.text("architecture").unwrap_or_default(),
            origin: self.text("origin"),
            is_auto: self.flag("auto")?,
            is_held: self.flag("held")?,
            state: State::Installed,
            availability: match self.get("availability") {
                Some(b"same") => Availability::SameVersion,
                Some(b"other") => Availability::OtherVersion,
                None | Some(b"none") => Availability::Nowhere,
                Some(_) => return Err("`availability` is neither `same` nor `other` nor `none`"),
            },
        })
    }

    fn owned(&self, package: PackageRef) -> Result<(&'a [u8], Owned), &'static str> {
        self.keys(&["path", "kind", "md5", "sha1", "sha256", "size", "target", "mode", "uid", "gid"])?;
        let path =
            self.get("path").filter(|path| path.starts_with(b"/")).ok_or("its path is not absolute")?;
        let claim = match self.get("kind") {
            Some(b"directory") => Claim::Directory,
            Some(b"link") => {
                let target = self.get("target").ok_or("a link has no target")?;
                Claim::Symlink(Target::Path(OsString::from_vec(target.to_vec())))
            }
            Some(b"file") => match self.digest()? {
                Some(digest) => Claim::File { digest, size: self.number("size", 10)? },
                None => Claim::Unspecified,
            },
            _ => return Err("`kind` is neither `file` nor `link` nor `directory`"),
        };
        Ok((path, Owned { package, claim, permissions: self.permissions()? }))
    }

    fn digest(&self) -> Result<Option<Digest>, &'static str> {
        let mut found = None;
        for (key, length) in [("md5", 16), ("sha1", 20), ("sha256", 32)] {
            if let Some(text) = self.get(key) {
                let digest = Digest::from_hex(text).filter(|digest| digest.as_bytes().len() == length);
                found = Some(digest.ok_or("a digest has not its length, or is not hexadecimal")?);
            }
        }
        Ok(found)
    }

    fn permissions(&self) -> Result<Permissions, &'static str> {
        match (self.number("mode", 8)?, self.number("uid", 10)?, self.number("gid", 10)?) {
            (None, None, None) => Ok(Permissions::Usual),
            (Some(mode), Some(uid), Some(gid)) if mode <= 0o7777 => {
                let id = |id| u32::try_from(id).map_err(|_| "an id is too large");
                #[expect(clippy::cast_possible_truncation, reason = "it was compared")]
                let mode = mode as u16;
                Ok(Permissions::Recorded { mode, owner: Owner { uid: id(uid)?, gid: id(gid)? } })
            }
            _ => Err("of `mode`, `uid` and `gid` not all are there and valid"),
        }
    }
}
