//! Which files of a collect directory are taken.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;

use redcedar_system::escape;
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use rustix::fs::{FileType, Stat};

use super::take::Method;
use crate::checksums;
use crate::indicator;
use crate::outcome::{Omission, OmissionKind};

/// What is in a collect directory.
#[derive(Default)]
pub(super) struct Listing {
    /// What is taken.
    pub(super) files: Vec<(OsString, Stat)>,
    /// What is left out though it looks like data.
    pub(super) skipped: Vec<Omission>,
}

/// Removes temporary files of a run that was killed, and links: we make none, so somebody planted them where our files go.
pub(super) fn clear(target: &Directory) -> io::Result<()> {
    for name in target.names()? {
        let status = target.status(&name)?;
        let is_link = status.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_symlink());
        if is_temporary(&name) || is_link {
            target.remove_file(&name)?;
        }
    }
    Ok(())
}

pub(super) fn is_temporary(name: &OsStr) -> bool {
    name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes())
}

/// Lists a collect directory. What coordinates a peer with us is neither taken nor missed.
pub(super) fn regular_files(source: &Directory, method: Method) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for name in source.names()? {
        let ours = [indicator::COLLECT, indicator::STAGE, checksums::NAME].iter().any(|own| name == *own);
        if ours || is_temporary(&name) {
            continue;
        }
        let Some(stat) = source.status(&name)? else { continue };
        match fault(&name, &stat, method) {
            None => listing.files.push((name, stat)),
            Some(fault) => {
                let path = source.path().join(&name);
                let detail = format!("[{}] is not staged: it {fault}.", escape::display(&path));
                listing.skipped.push(Omission { path, kind: OmissionKind::Skipped, detail });
            }
        }
    }
    Ok(listing)
}

/// Why something is not taken. A file that is moved must be nobody else's, neither by its owner nor by a name elsewhere.
fn fault(name: &OsStr, stat: &Stat, method: Method) -> Option<&'static str> {
    let is_foreign = match method {
        Method::Copy => false,
        Method::Adopt { fetched_by, .. } => {
            stat.st_nlink != 1 || fetched_by.is_some_and(|user| user != stat.st_uid)
        }
    };
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        Some("is no regular file")
    } else if is_foreign {
        Some("was not fetched from the peer, but put there by somebody else")
    } else if indicator::OF_THE_MASTER.iter().any(|indicator| name == *indicator) {
        Some("would say of the staged data what only this machine can say")
    } else {
        None
    }
}
