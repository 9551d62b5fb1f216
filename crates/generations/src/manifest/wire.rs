//! The lines as JSON. Everything here borrows: there is a line per file of a machine.

use std::borrow::Cow;

use redcedar_archive::digest::to_hex;
use redcedar_archive::manifest::Flaw;
use redcedar_archive::manifest::text::{Text, decimal, name};
use redcedar_archive::{Kind, Timestamp};
use serde::{Deserialize, Serialize};

use super::{LeftOut, PathLine, Summary};
use crate::packages::dpkg;

/// What the first line's `redcedar_snapshot` says. Readers refuse every other; new keys do not change it.
pub(super) const VERSION: u64 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeaderLine<'a> {
    #[serde(rename = "redcedar_snapshot")]
    pub(super) version: u64,
    #[serde(borrow)]
    pub(super) generation: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) host: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) time: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) began: Cow<'a, str>,
    pub(super) by_root: bool,
    #[serde(borrow)]
    pub(super) program: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) roots: Vec<NameLine<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) not_entered: Option<Vec<NameLine<'a>>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NameLine<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) path_hex: Option<Text<'a>>,
}

/// What dpkg was told. Paths that are not UTF-8 have no place here.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DpkgLine<'a> {
    pub(super) dpkg: Cow<'a, dpkg::Settings>,
}

/// Only the version, to be asked before anything else.
#[derive(Debug, Deserialize)]
pub(super) struct VersionLine {
    #[serde(rename = "redcedar_snapshot")]
    pub(super) version: u64,
}

/// An extended attribute; the value in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AttributeLine<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) name_hex: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) value: Text<'a>,
}

/// A line about a path, a missing path or a problem, or the last one: which keys it has says what it is. The keys of archive
/// manifests are listed again rather than flattened in: flattening reads each value twice, and an unchanged machine is little
/// else than reading this.
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
    pub(super) ctime: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inode: Option<u64>,
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
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub(super) attributes: Vec<AttributeLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flaw: Option<Flaw>,
    /// Who brings the path back: the number of a package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<u32>,
    /// What its content was compared by: hexadecimal, the kind told by the length.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) missing_hex: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<Summary>,
}

impl<'a> BodyLine<'a> {
    pub(super) fn of_path(found: &'a PathLine) -> Self {
        let entry = &found.entry;
        let (path, path_hex) = name(entry.path.as_os_str());
        let (link, link_hex) = entry.link.as_ref().map_or((None, None), |target| name(target.as_os_str()));
        let (hardlink, hardlink_hex) =
            entry.hard_link.as_ref().map_or((None, None), |first| name(first.as_os_str()));
        Self {
            path,
            path_hex,
            kind: Some(entry.kind),
            size: Some(entry.size),
            mode: Some(format!("{:04o}", entry.mode).into()),
            uid: Some(entry.uid),
            gid: Some(entry.gid),
            user: entry.user.as_deref().map(Text::borrowed),
            group: entry.group.as_deref().map(Text::borrowed),
            mtime: Some(time(entry.modified)),
            ctime: Some(time(found.changed)),
            inode: Some(found.inode),
            link,
            link_hex,
            hardlink,
            hardlink_hex,
            rdev: entry.rdev,
            sha256: entry.sha256.as_ref().map(|sum| to_hex(sum).into()),
            attributes: found.attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
            flaw: entry.flaw,
            by: found.left_out.map(|left_out| left_out.package),
            digest: found.left_out.and_then(digest),
            ..Self::default()
        }
    }
}

fn time(time: Timestamp) -> Text<'static> {
    decimal(time).into()
}

fn digest(left_out: LeftOut) -> Option<Text<'static>> {
    left_out.digest.map(|digest| to_hex(digest.as_bytes()).into())
}

fn attribute<'a>(attribute: &'a [u8], value: &[u8]) -> AttributeLine<'a> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (name, name_hex) = name(OsStr::from_bytes(attribute));
    AttributeLine { name, name_hex, value: to_hex(value).into() }
}
