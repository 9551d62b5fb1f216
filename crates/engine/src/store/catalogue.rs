//! What we know of the discs that were written: which days are on which, and whether that was proven. A file in the working
//! directory, described in `docs/state-files.md`; without it everything still works by labels and indicators.

use std::ffi::OsStr;
use std::io::{self, Read};

use jiff::civil::Date;
use redcedar_system::Monitor;
use redcedar_system::fs::Directory;
use serde::{Deserialize, Serialize};

use crate::item::ownership::Ownership;

/// The name of the file.
pub(super) const NAME: &str = "redcedar-discs.json";

/// More is none of ours.
const LONGEST: u64 = 64 << 20;

/// All discs that we have written to, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Catalogue {
    pub(super) discs: Vec<Disc>,
}

/// A disc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Disc {
    /// What tells it from others, where the burner could write that down.
    pub(super) serial: Option<String>,
    /// What it was called when it was last written to.
    pub(super) label: String,
    /// The day on which it was begun; none if we have only continued it.
    pub(super) begun: Option<Date>,
    /// The days on it, as far as we wrote them, in the order in which we did.
    pub(super) days: Vec<Stored>,
}

/// A day on a disc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) day: Date,
    /// When, RFC 3339.
    pub(super) written: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Whether nothing more is to be done for it. One that is not is looked at by the next run before it is written again.
    pub(super) done: bool,
}

impl Catalogue {
    /// Reads what is known. A file that cannot be understood is as good as none.
    pub(super) fn read(working_dir: &Directory) -> io::Result<Self> {
        if working_dir.status(OsStr::new(NAME))?.is_none() {
            return Ok(Self::default());
        }
        let mut text = Vec::new();
        working_dir.open_file(OsStr::new(NAME))?.take(LONGEST).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text).unwrap_or_default())
    }

    pub(super) fn write(
        &self,
        working_dir: &Directory,
        ownership: &Ownership,
        monitor: &(dyn Monitor + 'static),
    ) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        text.push(b'\n');
        let mut file = working_dir.create_file(OsStr::new(NAME))?;
        io::Write::write_all(&mut file, &text)?;
        ownership.publish(file, 0o640, monitor)
    }

    /// When the last disc was begun.
    pub(super) fn begun(&self) -> Option<Date> {
        self.discs.iter().filter_map(|disc| disc.begun).max()
    }

    /// The disc that is in the drive, if it is the last one that we wrote to.
    pub(super) fn current(&self, label: Option<&str>, serial: Option<&str>) -> Option<&Disc> {
        self.discs.last().filter(|disc| match (&disc.serial, serial) {
            (Some(known), Some(serial)) => known == serial,
            _ => label == Some(&*disc.label),
        })
    }

    /// Notes a session.
    pub(super) fn note(&mut self, session: Disc, is_new: bool) {
        match self.discs.last_mut() {
            Some(disc) if !is_new && disc.serial == session.serial => {
                let replaced = |stored: &Stored| session.days.iter().all(|new| new.day != stored.day);
                disc.days.retain(replaced);
                disc.label = session.label;
                disc.days.extend(session.days);
            }
            _ => self.discs.push(session),
        }
    }

    /// Notes that nothing more is to be done for these days.
    pub(super) fn done(&mut self, days: &[Date]) {
        let stored = self.discs.last_mut().into_iter().flat_map(|disc| &mut disc.days);
        for stored in stored.filter(|stored| days.contains(&stored.day)) {
            stored.done = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn session(serial: Option<&str>, label: &str, day: i8) -> Disc {
        let stored = Stored {
            day: date(2026, 11, day),
            written: "2026-11-23T03:00:00+00:00".to_owned(),
            files: 1,
            bytes: 2,
            done: false,
        };
        let serial = serial.map(str::to_owned);
        Disc { serial, label: label.to_owned(), begun: Some(stored.day), days: vec![stored] }
    }

    #[test]
    fn sessions_come_to_the_disc_they_were_written_to_and_all_is_read_back() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let mut catalogue = Catalogue::read(&directory).unwrap();
        assert_eq!(catalogue.begun(), None);
        catalogue.note(session(Some("1"), "A", 23), true);
        catalogue.note(session(Some("1"), "B", 24), false);
        catalogue.note(session(Some("1"), "B", 24), false);
        catalogue.note(session(Some("2"), "C", 25), false);
        catalogue.done(&[date(2026, 11, 25)]);
        let days: Vec<_> =
            catalogue.discs.iter().map(|disc| (disc.label.as_str(), disc.days.len())).collect();
        assert_eq!(days, [("B", 2), ("C", 1)]);
        assert!(catalogue.discs[1].days[0].done && !catalogue.discs[0].days[1].done);
        assert_eq!(catalogue.begun(), Some(date(2026, 11, 25)));
        let (system, _) = redcedar_system::fake::system("2026-11-25T03:00");
        catalogue.write(&directory, &Ownership::ours(), &*system.monitor).unwrap();
        assert_eq!(Catalogue::read(&directory).unwrap(), catalogue);
        fs_err::write(root.path().join(NAME), "{").unwrap();
        assert_eq!(Catalogue::read(&directory).unwrap(), Catalogue::default());
    }

    #[test]
    fn the_disc_in_the_drive_is_known_by_its_serial_or_else_its_label() {
        let mut catalogue = Catalogue::default();
        assert_eq!(catalogue.current(Some("A"), None), None);
        catalogue.note(session(Some("1"), "A", 23), true);
        assert!(catalogue.current(Some("Z"), Some("1")).is_some());
        assert!(catalogue.current(Some("A"), Some("2")).is_none());
        assert!(catalogue.current(Some("A"), None).is_some());
        assert!(catalogue.current(None, None).is_none());
    }
}
