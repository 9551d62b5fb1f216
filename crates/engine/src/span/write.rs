//! Writing one disc of a set, and noting at the end what is stored.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use redcedar_config::Config;
use redcedar_media::DiscWriter;
use redcedar_media::writer::{Entry, Session};
use redcedar_system::fs::{Directory, Scratch};
use redcedar_system::{System, escape};

use super::inventory::STORE;
use super::journal::Set;
use crate::indicator::Indicator;
use crate::item::ownership::Ownership;
use crate::item::{new_run_id, rfc3339};
use crate::store::{Drive, StoreError, to};

/// The name, on every disc, of the list of what is on which.
const CATALOGUE: &str = "CATALOGUE.txt";

/// Writes discs of a set.
pub struct Spanner<'a> {
    writer: &'a dyn DiscWriter,
    set: &'a Set,
    work_dir: &'a Path,
}

impl<'a> Spanner<'a> {
    /// Prepares to write a set.
    ///
    /// # Errors
    /// When it is no drive, and what is there is no image of ours.
    pub fn new(
        drive: &Drive,
        writer: &'a dyn DiscWriter,
        set: &'a Set,
        work_dir: &'a Path,
    ) -> Result<Self, StoreError> {
        if !drive.setup().is_drive() {
            drive.protect_image(&writer.medium()?)?;
        }
        Ok(Self { writer, set, work_dir })
    }

    /// Writes a disc, on which nothing stays of what was there before.
    ///
    /// # Errors
    /// When it was not written as it should have been.
    pub fn write(&self, disc: usize) -> Result<(), StoreError> {
        let scratch = Scratch::new(None).map_err(to("prepare the disc"))?;
        let mut extras = Vec::new();
        if self.writer.takes_extras() {
            let catalogue = catalogue(self.set);
            extras.push(scratch.file(CATALOGUE, catalogue.as_bytes()).map_err(to("prepare the disc"))?);
        }
        let label = self.set.label(disc);
        self.writer.write(&Session {
            extras: &extras,
            is_new: true,
            label: Some(&label),
            ..Session::of(&self.entries(disc), self.work_dir)
        })?;
        Ok(())
    }

    /// Compares a disc with what it was written from.
    ///
    /// # Errors
    /// When it cannot be read, or differs.
    pub fn check(&self, disc: usize) -> Result<(), StoreError> {
        Ok(self.writer.compare(&self.entries(disc), self.work_dir)?)
    }

    /// Lets a disc count: what was kept until now of what was there before goes.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn settle(&self) -> Result<(), StoreError> {
        Ok(self.writer.settle()?)
    }

    /// The files of a disc, each in the directory where it is in the staging directory.
    fn entries(&self, disc: usize) -> Vec<Entry> {
        let files = self.set.discs.get(disc).map(|disc| disc.files.as_slice()).unwrap_or_default();
        let entry = |path: &PathBuf| {
            Entry::new(self.set.source_dir.join(path), path.parent().unwrap_or(Path::new("")))
        };
        files.iter().map(|file| entry(&file.path)).collect()
    }
}

impl Set {
    /// Notes in every directory of a day that it is stored.
    ///
    /// # Errors
    /// When that cannot be noted everywhere.
    pub fn note_stored(&self, config: &Config, system: &System) -> Result<(), StoreError> {
        let now = system.clock.now();
        let indicator =
            Indicator { run: new_run_id(&now), time: rfc3339(&now), program: crate::PROGRAM.to_owned() };
        let ownership = Ownership::configured(&config.options);
        for path in self.directories() {
            let directory = self.open(&path).map_err(to("mark the day as stored"))?;
            let marked = indicator.write_owned(&directory, STORE, &ownership, &*system.monitor);
            marked.map_err(to("mark the day as stored"))?;
        }
        Ok(())
    }

    /// The drive for a disc. An image is a file, and several of them are several files: `disc.iso` becomes `disc-2-of-3.iso`.
    pub fn drive(&self, drive: &Drive, disc: usize) -> Drive {
        let (path, count) = (&drive.setup().device, self.discs.len());
        if !drive.makes_images() || count == 1 {
            return drive.clone();
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{}-of-{count}", disc + 1));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        drive.clone().with_device(path.with_file_name(name))
    }

    /// A directory below the one with the days. No link is followed.
    fn open(&self, path: &Path) -> io::Result<Directory> {
        let source = Directory::open(&self.source_dir)?;
        path.iter().try_fold(source, |directory, name| directory.open_directory(name))
    }
}

/// What is on which disc, for people.
fn catalogue(set: &Set) -> String {
    let mut text = format!("Written {} by Redcedar: these files, on {} discs.\n", set.date, set.discs.len());
    for (number, disc) in set.discs.iter().enumerate() {
        let _infallible = write!(text, "\n{}\n", set.label(number));
        for file in &disc.files {
            let _infallible = writeln!(text, "{:>16}  {}", file.size, escape::display(&file.path));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::{Disc, SpanFile};
    use jiff::civil::Date;

    #[test]
    fn the_catalogue_lists_all_discs() {
        let disc = |path: &str| Disc {
            files: vec![SpanFile { path: path.into(), size: 5, modified: (0, 0) }],
            is_written: false,
        };
        let set = Set {
            source_dir: "/s".into(),
            date: Date::constant(2026, 11, 24),
            discs: vec![disc("2026/11/24/a/x"), disc("2026/11/24/b/y")],
            unprotected: 0,
        };
        assert_eq!(
            catalogue(&set),
            "Written 2026-11-24 by Redcedar: these files, on 2 discs.

CEDAR BACKUP 24-NOV-2026 1/2
               5  2026/11/24/a/x

CEDAR BACKUP 24-NOV-2026 2/2
               5  2026/11/24/b/y
"
        );
    }
}
