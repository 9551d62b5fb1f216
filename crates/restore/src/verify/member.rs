//! A member of an archive, compared with what the manifest says of it.

use std::fmt;
use std::io::Read;

use redcedar_archive::manifest::Entry;
use redcedar_archive::reader::{Member, MemberKind, Members};
use redcedar_system::escape;

use crate::content::Content;
use crate::object::ObjectError;
use crate::path::clean;

/// Why a member is not what the manifest says.
pub(super) enum Difference {
    /// It cannot be read to its end.
    Unreadable(ObjectError),
    /// It is something else.
    Other(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

/// Whether the content was compared and is right.
pub(super) fn compare<R: Read>(
    member: &Member,
    entry: Option<&Entry>,
    members: &mut Members<R>,
) -> Result<bool, Difference> {
    let stored = member.data.end - member.data.start;
    let digest = Content {
        data: &mut members.content(),
        stored,
        extents: member.extents.as_deref(),
        size: member.size,
        announced: stored,
    }
    .digest()
    .map_err(Difference::Unreadable)?;
    let Some(entry) = entry else { return Ok(false) };
    if clean(&member.path).as_deref() != Ok(entry.path.as_path()) {
        let message = format!("the manifest has {} in its place", escape::display(&entry.path));
        return Err(Difference::Other(message));
    }
    if member.kind != MemberKind::File {
        return Ok(true);
    }
    match entry.sha256 {
        Some(expected) if expected == digest => Ok(true),
        Some(_) => Err(Difference::Other("its SHA-256 is not that of the manifest".to_owned())),
        None => Ok(false),
    }
}
