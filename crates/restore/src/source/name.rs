//! What a stored file is, by its name (the names that Cedar Backup's collect, extensions and indicators use).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use redcedar_archive::dump::{Dump, Server};
use redcedar_archive::{Compression, manifest};
use redcedar_system::fs::TEMPORARY_PREFIX;
use serde::Serialize;

use crate::mailbox::PieceName;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredKind {
    /// The archive of a collected item, with the item's normalised name.
    Archive(OsString, Compression),
    /// The manifest of a collected item, with the item's normalised name.
    Manifest(OsString),
    /// `cback.sha256`.
    Checksums,
    /// `cback.collect` and the like.
    Indicator,
    /// Left over from a run that was killed.
    Temporary,
    /// Anything else.
    Other(OtherKind),
}

/// What is no archive of a collected item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherKind {
    /// An OpenPGP message (`.gpg`).
    Encrypted,
    /// A piece of a split file (`_00000`).
    Split,
    /// Mail folders.
    Mbox,
    /// A Subversion dump.
    Subversion,
    /// A MySQL dump.
    Mysql,
    /// A PostgreSQL dump.
    Postgresql,
    /// Package selections, partition tables, file lists.
    SystemInformation,
    /// Nothing that Cedar Backup makes.
    Foreign,
}

impl OtherKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Split => "split",
            Self::Mbox => "mbox",
            Self::Subversion => "subversion",
            Self::Mysql => "mysql",
            Self::Postgresql => "postgresql",
            Self::SystemInformation => "system-information",
            Self::Foreign => "other",
        }
    }

    /// Whether it is a dump of something that is no file: such a file tells a directory with backups from any other.
    pub(crate) fn is_dump(self) -> bool {
        matches!(self, Self::Mysql | Self::Postgresql | Self::Mbox)
    }
}

/// What the file `name` is.
pub fn classify(name: &OsStr) -> StoredKind {
    let bytes = name.as_bytes();
    if bytes == b"cback.sha256" {
        return StoredKind::Checksums;
    }
    if bytes.starts_with(b"cback.") {
        return StoredKind::Indicator;
    }
    if bytes.starts_with(TEMPORARY_PREFIX.as_bytes()) {
        return StoredKind::Temporary;
    }
    if let Some(item) = bytes.strip_suffix(manifest::SUFFIX.as_bytes()) {
        return StoredKind::Manifest(OsStr::from_bytes(item).to_owned());
    }
    if bytes.ends_with(b".gpg") {
        return StoredKind::Other(OtherKind::Encrypted);
    }
    if is_chunk(bytes) {
        return StoredKind::Other(OtherKind::Split);
    }
    if let Some((dump, _)) = Dump::of_file(name) {
        return StoredKind::Other(match dump.server {
            Server::Mysql => OtherKind::Mysql,
            Server::Postgresql => OtherKind::Postgresql,
        });
    }
    if PieceName::of_file(name).is_some() {
        return StoredKind::Other(OtherKind::Mbox);
    }
    if let Some(kind) = dump(strip_compression(bytes)) {
        return StoredKind::Other(kind);
    }
    match Compression::of_archive(name) {
        Some((item, compression)) if !item.is_empty() => StoredKind::Archive(item.to_owned(), compression),
        _ => StoredKind::Other(OtherKind::Foreign),
    }
}

fn strip_compression(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".gz").or_else(|| name.strip_suffix(b".bz2")).unwrap_or(name)
}

/// A name that ends in `_` and five digits.
fn is_chunk(name: &[u8]) -> bool {
    name.split_last_chunk::<6>()
        .is_some_and(|(_, end)| end[0] == b'_' && end[1..].iter().all(u8::is_ascii_digit))
}

fn dump(name: &[u8]) -> Option<OtherKind> {
    let text = name.strip_suffix(b".txt");
    match text? {
        b"dpkg-selections" | b"fdisk-l" | b"ls-laR" => Some(OtherKind::SystemInformation),
        text if is_svndump(text) => Some(OtherKind::Subversion),
        _ => None,
    }
}

/// `svndump-FIRST:LAST-NAME`.
fn is_svndump(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"svndump-") else { return false };
    let Some((revisions, name)) = bstr::ByteSlice::split_once_str(rest, b"-") else { return false };
    let Some((first, last)) = bstr::ByteSlice::split_once_str(revisions, b":") else { return false };
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number(first) && is_number(last) && !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_files_are() {
        let archive = |item: &str, compression| StoredKind::Archive(item.into(), compression);
        for (name, kind) in [
            ("etc.tar.gz", archive("etc", Compression::Gzip)),
            ("_.tar", archive("_", Compression::None)),
            ("home-x.tar.bz2", archive("home-x", Compression::Bzip2)),
            ("home-x.tar.zst", archive("home-x", Compression::Zstd)),
            ("etc.manifest.jsonl.zst", StoredKind::Manifest("etc".into())),
            ("cback.sha256", StoredKind::Checksums),
            ("cback.collect", StoredKind::Indicator),
            (".redcedar-12-etc.tar", StoredKind::Temporary),
            ("etc.tar.gz.gpg", StoredKind::Other(OtherKind::Encrypted)),
            ("etc.tar.gz_00001", StoredKind::Other(OtherKind::Split)),
            ("etc.tar.gz_0001", StoredKind::Other(OtherKind::Foreign)),
            ("mbox-20261124-home-x-mail.tar", StoredKind::Other(OtherKind::Mbox)),
            ("mbox-20261124-home-x-mail.bz2", StoredKind::Other(OtherKind::Mbox)),
            ("mbox-20261124-home-x-mail.tar.zst", StoredKind::Other(OtherKind::Mbox)),
            ("mbox-20261324-x.tar", archive("mbox-20261324-x", Compression::None)),
            ("mbox-2026-x.tar", archive("mbox-2026-x", Compression::None)),
            ("svndump-0:17-svn-repo.txt.gz", StoredKind::Other(OtherKind::Subversion)),
            ("mysqldump.txt.bz2", StoredKind::Other(OtherKind::Mysql)),
            ("mysqldump-web.txt", StoredKind::Other(OtherKind::Mysql)),
            ("mysqldumped.txt", StoredKind::Other(OtherKind::Foreign)),
            ("postgresqldump-web.txt.gz", StoredKind::Other(OtherKind::Postgresql)),
            ("postgresqlglobals.txt", StoredKind::Other(OtherKind::Postgresql)),
            ("mysqldump-web.txt.zst", StoredKind::Other(OtherKind::Mysql)),
            ("ls-laR.txt.bz2", StoredKind::Other(OtherKind::SystemInformation)),
            (".tar", StoredKind::Other(OtherKind::Foreign)),
            ("readme", StoredKind::Other(OtherKind::Foreign)),
        ] {
            assert_eq!(classify(OsStr::new(name)), kind, "{name}");
        }
    }
}
