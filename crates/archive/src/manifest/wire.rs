//! The lines as JSON: what `docs/format.md` says, and nothing else.
//!
//! Everything here borrows, in both directions: a manifest has a line per file of a machine.

use std::borrow::Cow;
use std::ffi::OsStr;

use serde::{Deserialize, Serialize};

use super::text::{Text, decimal, name};
use super::{Entry, Flaw, Header, Mode, Trailer};
use crate::{Kind, digest};

/// What the first line's `redcedar_manifest` says. Readers refuse every other; new keys do not change it.
pub(super) const VERSION: u64 = 1;

/// How many blocks a line lists at most, so that no line grows with the archive.
pub(super) const BLOCKS_PER_LINE: usize = 4096;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeaderLine<'a> {
    #[serde(rename = "redcedar_manifest")]
    pub(super) version: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) item_hex: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) collect_mode: Text<'a>,
    pub(super) mode: Mode,
    #[serde(borrow)]
    pub(super) run: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<Text<'a>>,
    pub(super) sequence: u64,
    #[serde(borrow)]
    pub(super) host: Text<'a>,
    #[serde(borrow)]
    pub(super) time: Text<'a>,
    #[serde(borrow)]
    pub(super) program: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) archive: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) archive_hex: Option<Text<'a>>,
}

impl<'a> From<&'a Header> for HeaderLine<'a> {
    fn from(header: &'a Header) -> Self {
        let (item, item_hex) = name(header.item.as_os_str());
        let (archive, archive_hex) = header.archive.as_deref().map_or((None, None), name);
        Self {
            version: VERSION,
            item,
            item_hex,
            collect_mode: Text::borrowed(&header.collect_mode),
            mode: header.mode,
            run: Text::borrowed(&header.run),
            baseline: header.baseline.as_deref().map(Text::borrowed),
            sequence: header.sequence,
            host: Text::borrowed(&header.host),
            time: Text::borrowed(&header.time),
            program: Text::borrowed(&header.program),
            archive,
            archive_hex,
        }
    }
}

/// Only the version, to be asked before anything else.
#[derive(Debug, Deserialize)]
pub(super) struct VersionLine {
    #[serde(rename = "redcedar_manifest")]
    pub(super) version: u64,
}

/// Every line after the first: which keys it has says what it is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BodyLine<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) path_hex: Option<Text<'a>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gid: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) mtime: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) link_hex: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) hardlink: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) hardlink_hex: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rdev: Option<(u32, u32)>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flaw: Option<Flaw>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) gone: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) gone_hex: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blocks: Option<Cow<'a, [(u64, u64)]>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<EndLine<'a>>,
}

/// What the last line says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EndLine<'a> {
    pub(super) lines: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) archive_size: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) archive_sha256: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uncompressed_size: Option<u64>,
}

impl<'a> BodyLine<'a> {
    pub(super) fn present(entry: &'a Entry) -> Self {
        let (path, path_hex) = name(entry.path.as_os_str());
        let (link, link_hex) = entry.link.as_ref().map_or((None, None), |link| name(link.as_os_str()));
        let (hardlink, hardlink_hex) =
            entry.hard_link.as_ref().map_or((None, None), |first| name(first.as_os_str()));
        Self {
            path,
            path_hex,
            kind: Some(entry.kind),
            size: Some(entry.size),
            mode: Some(Text::from(format!("{:04o}", entry.mode))),
            uid: Some(entry.uid),
            gid: Some(entry.gid),
            user: entry.user.as_deref().map(Text::borrowed),
            group: entry.group.as_deref().map(Text::borrowed),
            mtime: Some(Text::from(decimal(entry.modified))),
            link,
            link_hex,
            hardlink,
            hardlink_hex,
            rdev: entry.rdev,
            sha256: entry.sha256.as_ref().map(|sum| Text::from(digest::to_hex(sum))),
            offset: entry.offset,
            flaw: entry.flaw,
            ..Self::default()
        }
    }

    pub(super) fn gone(path: &'a OsStr) -> Self {
        let (gone, gone_hex) = name(path);
        Self { gone, gone_hex, ..Self::default() }
    }

    pub(super) fn blocks(blocks: &'a [(u64, u64)]) -> Self {
        Self { blocks: Some(Cow::Borrowed(blocks)), ..Self::default() }
    }

    pub(super) fn end(trailer: &Trailer) -> Self {
        let end = EndLine {
            lines: trailer.lines,
            archive_size: trailer.archive_size,
            archive_sha256: trailer.archive_sha256.map(|sum| Text::from(digest::to_hex(&sum))),
            uncompressed_size: trailer.uncompressed_size,
        };
        Self { end: Some(end), ..Self::default() }
    }
}
