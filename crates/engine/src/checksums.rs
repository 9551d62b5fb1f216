//! `cback.sha256`: proves a directory with `sha256sum -c`, and no tool of ours.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use redcedar_archive::layers::layers;
use redcedar_archive::naming;
use redcedar_system::Owner;
use redcedar_system::fs::Directory;

/// The name of the file.
pub const NAME: &str = "cback.sha256";

/// SHA-256 digests of the files of one directory, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checksums(BTreeMap<OsString, [u8; 32]>);

impl Checksums {
    /// Reads the file of `directory`; none there means no digests. Lines that are not ours are passed over.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(directory: &Directory) -> io::Result<Self> {
        Self::read_from(directory, NAME)
    }

    /// Reads a file of the same form with another name.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read_from(directory: &Directory, file: &str) -> io::Result<Self> {
        if directory.status(OsStr::new(file))?.is_none() {
            return Ok(Self::default());
        }
        let mut text = Vec::new();
        directory.open_file(OsStr::new(file))?.read_to_end(&mut text)?;
        Ok(Self::parse(&text))
    }

    /// What such a file says. Lines that are not ours are passed over.
    pub fn parse(text: &[u8]) -> Self {
        Self(text.split(|byte| *byte == b'\n').filter_map(parse_line).collect())
    }

    /// The digests of what was staged into `directory`, whatever it was encrypted or split into since.
    ///
    /// # Errors
    /// When a file of digests is there and cannot be read.
    pub fn as_staged(directory: &Directory) -> io::Result<Self> {
        let origins = Self::read_from(directory, naming::ORIGINS)?;
        let mut staged = Self::read(directory)?;
        staged.0.extend(origins.0.iter().map(|(name, digest)| (name.clone(), *digest)));
        staged.retain(|name| !layers(name).any(|(inner, _)| origins.0.contains_key(inner)));
        Ok(staged)
    }

    /// Writes the file into `directory`, atomically.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, directory: &Directory, owner: Option<Owner>) -> io::Result<()> {
        self.write_to(directory, NAME, owner)
    }

    /// Writes a file of the same form with another name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_to(&self, directory: &Directory, file: &str, owner: Option<Owner>) -> io::Result<()> {
        let mut pending = directory.create_file(OsStr::new(file))?;
        pending.write_all(&self.render())?;
        pending.publish(0o640, owner)
    }

    /// Notes the digest of a file.
    pub fn insert(&mut self, name: OsString, digest: [u8; 32]) {
        self.0.insert(name, digest);
    }

    /// Notes the digests of files.
    pub fn extend(&mut self, digests: impl IntoIterator<Item = (OsString, [u8; 32])>) {
        self.0.extend(digests);
    }

    /// The digest of a file.
    pub fn get(&self, name: &OsStr) -> Option<&[u8; 32]> {
        self.0.get(name)
    }

    /// Whether there are no digests.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the files for which `keep` says no.
    pub fn retain(&mut self, keep: impl Fn(&OsStr) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// In the order of names; a name with a backslash or a line break is escaped as `sha256sum` does.
    fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (name, digest) in &self.0 {
            let name = name.as_bytes();
            if name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r')) {
                text.push(b'\\');
            }
            text.extend(digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
            text.extend_from_slice(b"  ");
            for byte in name {
                match byte {
                    b'\\' => text.extend_from_slice(b"\\\\"),
                    b'\n' => text.extend_from_slice(b"\\n"),
                    b'\r' => text.extend_from_slice(b"\\r"),
                    byte => text.push(*byte),
                }
            }
            text.push(b'\n');
        }
        text
    }
}

fn parse_line(line: &[u8]) -> Option<(OsString, [u8; 32])> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (hex, name) = line.split_at_checked(64)?;
    let name = name.strip_prefix(b"  ").or_else(|| name.strip_prefix(b" *"))?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let name = if escaped { unescape(name) } else { name.to_vec() };
    Some((OsString::from_vec(name), digest))
}

fn unescape(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        let unescaped = match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(other) => *other,
                None => b'\\',
            },
            byte => *byte,
        };
        plain.push(unescaped);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256sum_accepts_what_we_write_and_we_read_it_back() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        assert_eq!(Checksums::read(&directory).unwrap(), Checksums::default());
        let mut checksums = Checksums::default();
        for name in [&b"etc.tar.gz"[..], b"a b", b"back\\slash", b"new\nline", b"ret\rurn", b"byte\xff"] {
            let name = OsStr::from_bytes(name);
            fs_err::write(root.path().join(name), name.as_bytes()).unwrap();
            checksums.insert(name.to_owned(), sha2::Digest::finalize(sha256(name.as_bytes())).into());
        }
        checksums.write(&directory, None).unwrap();
        assert_eq!(Checksums::read(&directory).unwrap(), checksums);
        let output = redcedar_testing::program::command("sha256sum")
            .args(["--strict", "-c", NAME])
            .current_dir(root.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn what_was_staged_is_known_after_it_was_encrypted_and_split() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let sums = |names: &[&str]| Checksums(names.iter().map(|name| (name.into(), [7; 32])).collect());
        sums(&["x.gpg_00000", "x.gpg_00001", "y", "y_00001"]).write(&directory, None).unwrap();
        assert_eq!(Checksums::as_staged(&directory).unwrap(), Checksums::read(&directory).unwrap());
        sums(&["x", "x.gpg"]).write_to(&directory, naming::ORIGINS, None).unwrap();
        assert_eq!(Checksums::as_staged(&directory).unwrap(), sums(&["x", "y", "y_00001"]));
    }

    fn sha256(bytes: &[u8]) -> sha2::Sha256 {
        sha2::Digest::new_with_prefix(bytes)
    }
}
