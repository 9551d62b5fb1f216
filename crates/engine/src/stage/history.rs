//! What earlier days hold of a peer: whether it has collected since.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_system::fs::Directory;
use redcedar_system::{System, escape};

use crate::checksums::Checksums;
use crate::daily_dir;
use crate::indicator::{self, Indicator};

/// The days before today.
pub(super) struct History<'a> {
    staging_dir: PathBuf,
    /// Newest first.
    days: Vec<Date>,
    system: &'a System,
}

impl<'a> History<'a> {
    pub(super) fn read(staging_dir: &Path, today: Date, system: &'a System) -> io::Result<Self> {
        let mut days = daily_dir::days(&Directory::open(staging_dir)?)?;
        days.retain(|day| *day < today);
        days.reverse();
        Ok(Self { staging_dir: staging_dir.to_owned(), days, system })
    }

    /// Removes what killed runs have left in earlier days.
    pub(super) fn clear_left_overs(&self) {
        for day in &self.days {
            let opened =
                Directory::open(&self.staging_dir).and_then(|staging| daily_dir::open(&staging, *day));
            if let Err(error) = opened.and_then(|day| super::clear_left_overs(&day)) {
                self.system.monitor.warning(format!("Left-overs in the day {day} are not removed: {error}"));
            }
        }
    }

    /// The day on which what `run` collected was staged completely, if there is one.
    pub(super) fn day_of_run(&self, peer: &str, run: &str) -> Option<Date> {
        self.days.iter().copied().find(|day| {
            let said = self.look(peer, *day, |directory| Indicator::read(directory, indicator::COLLECT));
            said.is_some_and(|indicator| indicator.run == run)
        })
    }

    /// The last day on which the peer was staged completely, if its files were the same as today's.
    pub(super) fn same_as(&self, peer: &str, checksums: &Checksums) -> Option<Date> {
        let is_staged = |directory: &Directory| directory.status(OsStr::new(indicator::COLLECT));
        let last = self.days.iter().copied().find(|day| self.look(peer, *day, is_staged).is_some())?;
        let before = self.look(peer, last, |directory| Checksums::as_staged(directory).map(Some))?;
        (before == *checksums && !before.is_empty()).then_some(last)
    }

    /// What `look` finds in a day of the peer. A day that cannot be looked at proves nothing.
    fn look<T>(
        &self,
        peer: &str,
        day: Date,
        look: impl Fn(&Directory) -> io::Result<Option<T>>,
    ) -> Option<T> {
        let found = Directory::open(&self.staging_dir)
            .and_then(|staging| daily_dir::open(&staging, day))
            .and_then(|day| match day.status(OsStr::new(peer))? {
                Some(_) => look(&day.open_directory(OsStr::new(peer))?),
                None => Ok(None),
            });
        found.unwrap_or_else(|error| {
            let peer = escape::display(peer);
            self.system
                .monitor
                .debug(format!("What was staged of peer [{peer}] on {day} is not known: {error}"));
            None
        })
    }
}
