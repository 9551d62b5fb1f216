//! What a stored file is, by its name without layers (the names that Cedar Backup's collect, extensions and indicators use).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use redcedar_archive::dump::{Dump, Server};
use redcedar_archive::{Compression, manifest, naming};
use redcedar_system::fs::TEMPORARY_PREFIX;
use serde::Serialize;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredKind {
    /// The archive of a collected item, with the item's normalised name.
    Archive(OsString, Compression),
    /// The manifest of a collected item, with the item's normalised name.
    Manifest(OsString),
    /// `cback.sha256`.
    Checksums,
    /// Digests of what was encrypted or split, as it was before.
    Origins,
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
            Self::Mbox => "mbox",
            Self::Subversion => "subversion",
            Self::Mysql => "mysql",
            Self::Postgresql => "postgresql",
            Self::SystemInformation => "system-information",
            Self::Foreign => "other",
        }
    }

    /// Whether it is the dump of a database server.
    pub(crate) fn is_dump(self) -> bool {
        matches!(self, Self::Mysql | Self::Postgresql)
    }
}

/// What a file is that has the name `name` without its layers.
pub fn classify(name: &OsStr) -> StoredKind {
    let bytes = name.as_bytes();
    if bytes == b"cback.sha256" {
        return StoredKind::Checksums;
    }
    if name == naming::ORIGINS {
        return StoredKind::Origins;
    }
    if naming::is_metadata(name) {
        return StoredKind::Indicator;
    }
    if bytes.starts_with(TEMPORARY_PREFIX.as_bytes()) {
        return StoredKind::Temporary;
    }
    if let Some(item) = bytes.strip_suffix(manifest::SUFFIX.as_bytes()) {
        return StoredKind::Manifest(OsStr::from_bytes(item).to_owned());
    }
    if let Some((dump, _)) = Dump::of_file(name) {
        return StoredKind::Other(match dump.server {
            Server::Mysql => OtherKind::Mysql,
            Server::Postgresql => OtherKind::Postgresql,
        });
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

fn dump(name: &[u8]) -> Option<OtherKind> {
    let text = name.strip_suffix(b".txt");
    if is_mbox(name) {
        return Some(OtherKind::Mbox);
    }
    match text? {
        b"dpkg-selections" | b"fdisk-l" | b"ls-laR" => Some(OtherKind::SystemInformation),
        text if text.starts_with(b"sysinfo-") => Some(OtherKind::SystemInformation),
        text if is_svndump(text) => Some(OtherKind::Subversion),
        _ => None,
    }
}

/// `mbox-YYYYMMDD-NAME`.
fn is_mbox(name: &[u8]) -> bool {
    name.strip_prefix(b"mbox-")
        .and_then(|rest| rest.split_first_chunk::<8>())
        .is_some_and(|(date, rest)| date.iter().all(u8::is_ascii_digit) && rest.len() > 1 && rest[0] == b'-')
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
            ("cback.origins.sha256", StoredKind::Origins),
            ("cback.d.tar", archive("cback.d", Compression::None)),
            ("etc.tar.gz_0001", StoredKind::Other(OtherKind::Foreign)),
            ("mbox-20261124-home-x-mail.tar", StoredKind::Other(OtherKind::Mbox)),
            ("mbox-20261124-home-x-mail.bz2", StoredKind::Other(OtherKind::Mbox)),
            ("mbox-2026-x.tar", archive("mbox-2026-x", Compression::None)),
            ("svndump-0:17-svn-repo.txt.gz", StoredKind::Other(OtherKind::Subversion)),
            ("mysqldump.txt.bz2", StoredKind::Other(OtherKind::Mysql)),
            ("mysqldump-web.txt", StoredKind::Other(OtherKind::Mysql)),
            ("mysqldumped.txt", StoredKind::Other(OtherKind::Foreign)),
            ("postgresqldump-web.txt.gz", StoredKind::Other(OtherKind::Postgresql)),
            ("postgresqlglobals.txt", StoredKind::Other(OtherKind::Postgresql)),
            ("mysqldump-web.txt.zst", StoredKind::Other(OtherKind::Mysql)),
            ("ls-laR.txt.bz2", StoredKind::Other(OtherKind::SystemInformation)),
            ("sysinfo-disks.txt.bz2", StoredKind::Other(OtherKind::SystemInformation)),
            (".tar", StoredKind::Other(OtherKind::Foreign)),
            ("readme", StoredKind::Other(OtherKind::Foreign)),
        ] {
            assert_eq!(classify(OsStr::new(name)), kind, "{name}");
        }
    }
}
