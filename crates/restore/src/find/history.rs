//! What the days of an item say about paths.

use std::path::{Path, PathBuf};

use redcedar_archive::manifest::{Entry, Line, Mode};
use redcedar_system::{Interrupt, Interrupted, escape};

use crate::layer::{check_archive, open_manifest};
use crate::path::clean;
use crate::scan::scan;
use crate::source::{StoredFile, StoredItem};
use crate::tree::entry_of;

/// What a day says of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// It was there.
    Present {
        /// As what. Its path is empty, and so is what is of use only together with the archive.
        entry: Box<Entry>,
        /// Whether the archive of the day has its content.
        is_stored: bool,
    },
    /// It was there no more.
    Gone,
}

/// What a day of an item says.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Whether what it does not mention was not there.
    pub(super) is_full: bool,
    pub(super) events: Vec<(PathBuf, Event)>,
    /// What could not be read, and why.
    pub(super) problems: Vec<String>,
}

impl Reading {
    /// Reads what a day says of the paths that are wanted.
    pub(super) fn new(
        item: &StoredItem,
        is_wanted: &dyn Fn(&Path) -> bool,
        interrupt: &Interrupt,
    ) -> Result<Self, Interrupted> {
        let reason = match item.manifest.as_ref().map(|file| Self::of_manifest(item, file, is_wanted)) {
            Some(Ok(reading)) => return Ok(reading),
            Some(Err(reason)) => Some(reason),
            None => None,
        };
        let mut reading = Self::of_archive(item, is_wanted, interrupt)?;
        if let Some(reason) = reason {
            let name = escape::display(&item.name);
            reading.problems.push(format!("the manifest of {name} of {}: {reason}", item.date));
        }
        Ok(reading)
    }

    /// What a manifest says, which has been read to its end before anything of it counts.
    fn of_manifest(
        item: &StoredItem,
        file: &StoredFile,
        is_wanted: &dyn Fn(&Path) -> bool,
    ) -> Result<Self, String> {
        let mut reader = open_manifest(file)?;
        let header = reader.header().clone();
        let mut events = Vec::new();
        while let Some(line) =
            reader.next_where(|path, _| is_wanted(path)).map_err(|error| error.to_string())?
        {
            events.push(match line {
                Line::Gone(path) => (path, Event::Gone),
                Line::Present(entry) => present(entry),
            });
        }
        let trailer = reader.trailer().map_err(|error| error.to_string())?;
        check_archive(item, &header, &trailer)?;
        Ok(Self { is_full: header.mode == Mode::Full, events, problems: Vec::new() })
    }

    /// What an archive without a manifest holds. It cannot say what is gone.
    fn of_archive(
        item: &StoredItem,
        is_wanted: &dyn Fn(&Path) -> bool,
        interrupt: &Interrupt,
    ) -> Result<Self, Interrupted> {
        let Some((file, compression)) = &item.archive else { return Ok(Self::default()) };
        let scan = scan(file, *compression, interrupt)?;
        // What has no usable name or kind is told by `verify` and `restore`.
        let named = scan.members.iter().filter_map(|scanned| {
            let (path, entry) = (clean(&scanned.member.path).ok()?, entry_of(&scanned.member)?);
            is_wanted(&path).then_some(Entry { path, ..entry })
        });
        let name = escape::display(file.path()).to_string();
        let problems = scan.damages.iter().map(|damage| format!("{name}: {damage}")).collect();
        Ok(Self { is_full: false, events: named.map(present).collect(), problems })
    }
}

fn present(mut entry: Entry) -> (PathBuf, Event) {
    let path = std::mem::take(&mut entry.path);
    let is_stored = entry.offset.take().is_some();
    (entry.hard_link, entry.flaw) = (None, None);
    (path, Event::Present { entry: Box::new(entry), is_stored })
}
