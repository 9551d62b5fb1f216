//! Which pieces are meant.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use jiff::civil::{Date, Weekday};
use redcedar_archive::naming;
use redcedar_system::escape;

use super::PieceName;
use crate::source::{OtherKind, Source, StoredFile};

/// The pieces of what was configured, and which of its mailboxes is wanted.
#[derive(Debug)]
pub(super) struct Found {
    /// The normalised name.
    pub(super) name: OsString,
    /// Oldest first.
    pub(super) pieces: Vec<(PieceName, StoredFile)>,
    /// The only mailbox of a directory that is wanted.
    pub(super) only: Option<OsString>,
}

/// Why there is nothing to put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// There is none.
    #[error("there is no mail of {wanted}{}; {}", .as_of.map(|day| format!(" up to {day}")).unwrap_or_default(), there(.names))]
    None {
        /// What was asked for.
        wanted: String,
        /// The day.
        as_of: Option<Date>,
        /// What there is up to that day.
        names: Vec<String>,
    },
}

fn there(names: &[String]) -> String {
    if names.is_empty() {
        "there is none at all".to_owned()
    } else {
        format!("there is mail of {}", names.join(", "))
    }
}

/// Finds the pieces that make up `wanted` (a configured path, a mailbox in a configured directory, or a normalised name) as of a
/// day. Where it is known on which day of the week everything is stored, they begin with the last such day.
pub(super) fn find(
    source: &Source,
    peer: &OsStr,
    wanted: &OsStr,
    as_of: Option<Date>,
    starting_day: Option<Weekday>,
) -> Result<Found, FindError> {
    let all = pieces(source, peer, as_of);
    let (matches, only) = candidates(wanted)
        .into_iter()
        .find_map(|(name, only)| {
            let matches = matching(&all, &name);
            (!matches.is_empty()).then_some((matches, only))
        })
        .ok_or_else(|| none(&all, wanted, as_of))?;
    let is_start = |piece: &(PieceName, StoredFile)| Some(piece.0.date.weekday()) == starting_day;
    let last_start = matches.iter().rev().find(|piece| is_start(piece)).map(|piece| piece.0.date);
    let pieces: Vec<_> =
        matches.into_iter().filter(|piece| last_start.is_none_or(|start| piece.0.date >= start)).collect();
    let name = pieces.first().map(|(piece, _)| stem(&piece.name).to_owned()).unwrap_or_default();
    Ok(Found { name, pieces, only })
}

/// All pieces of a machine up to a day, by their own days. A piece that was staged on several days counts as it was last.
fn pieces(source: &Source, peer: &OsStr, as_of: Option<Date>) -> Vec<(PieceName, StoredFile)> {
    let mut newest = BTreeMap::new();
    let peers = source.days().iter().flat_map(|day| &day.peers).filter(|day| day.name == peer);
    for (file, kind) in peers.flat_map(|day| &day.others) {
        if *kind != OtherKind::Mbox {
            continue;
        }
        let file_name = file.path().file_name().unwrap_or_default();
        if let Some(piece) = PieceName::of_file(file_name)
            && as_of.is_none_or(|as_of| piece.date <= as_of)
        {
            newest.insert((piece.date, file_name.to_owned()), (piece, file.clone()));
        }
    }
    newest.into_values().collect()
}

/// What there is mail of, each with the bytes of its pieces.
pub(crate) fn names(source: &Source, peer: &OsStr, as_of: Option<Date>) -> BTreeMap<OsString, u64> {
    let mut names = BTreeMap::new();
    for (piece, file) in pieces(source, peer, as_of) {
        *names.entry(stem(&piece.name).to_owned()).or_default() += file.size();
    }
    names
}

fn matching(all: &[(PieceName, StoredFile)], name: &OsStr) -> Vec<(PieceName, StoredFile)> {
    all.iter().filter(|(piece, _)| piece.name == name || stem(&piece.name) == name).cloned().collect()
}

/// The names that pieces of `wanted` can have; where it may be a mailbox in a directory, with that.
fn candidates(wanted: &OsStr) -> Vec<(OsString, Option<OsString>)> {
    let path = Path::new(wanted);
    let mut candidates: Vec<_> = naming::names(wanted).into_iter().map(|name| (name, None)).collect();
    if let (true, Some(parent), Some(name)) = (path.is_absolute(), path.parent(), path.file_name()) {
        let of_parent = naming::names(parent.as_os_str()).into_iter();
        candidates.extend(of_parent.map(|of_parent| (of_parent, Some(name.to_owned()))));
    }
    candidates
}

fn stem(name: &OsStr) -> &OsStr {
    OsStr::from_bytes(name.as_bytes().strip_suffix(b".tar").unwrap_or(name.as_bytes()))
}

fn none(all: &[(PieceName, StoredFile)], wanted: &OsStr, as_of: Option<Date>) -> FindError {
    let mut names: Vec<_> =
        all.iter().map(|(piece, _)| escape::display(stem(&piece.name)).to_string()).collect();
    names.sort();
    names.dedup();
    FindError::None { wanted: escape::display(wanted).to_string(), as_of, names }
}
