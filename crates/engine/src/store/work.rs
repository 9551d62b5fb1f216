//! Writing days to the disc in the drive, proving them, and marking them as stored.

use std::path::PathBuf;

use jiff::Zoned;
use jiff::civil::Date;
use redcedar_config::cedar::Store;
use redcedar_media::writer::{DiscWriter, Entry, Medium, Session, State};
use redcedar_media::{Label, MediaError, label};
use redcedar_system::fs::{Directory, Scratch};
use redcedar_system::{System, checkpoint, escape};

use super::catalogue::{Catalogue, Disc, Stored};
use super::days::{self, Content, STORED};
use super::error::{StoreError, to};
use super::index::{self, Index};
use super::{Drive, StoreRequest, plan};
use crate::daily_dir;
use crate::indicator::Indicator;
use crate::item::ownership::Ownership;
use crate::item::{new_run_id, rfc3339};
use crate::outcome::{Omission, OmissionKind, Outcome};

/// A drive with a disc in it, and what is known of discs.
pub(super) struct Work<'a> {
    store: &'a Store,
    system: &'a System,
    is_rewritable: bool,
    source: Directory,
    working_dir: Directory,
    ownership: &'a Ownership,
    now: Zoned,
    pub(super) writer: Box<dyn DiscWriter + 'a>,
    pub(super) medium: Medium,
    pub(super) catalogue: Catalogue,
    pub(super) outcome: Outcome,
}

impl<'a> Work<'a> {
    /// Looks at the disc in the drive.
    pub(super) fn begin(
        drive: &'a Drive,
        store: &'a Store,
        source: Directory,
        request: &StoreRequest<'a>,
        system: &'a System,
    ) -> Result<Self, StoreError> {
        let working_dir =
            Directory::open(&request.config.options.working_dir).map_err(to("use the working directory"))?;
        let catalogue = Catalogue::read(&working_dir).map_err(to("read what is known of earlier discs"))?;
        let writer = drive.writer(system)?;
        let medium = writer.medium()?;
        drive.protect_image(&medium)?;
        Ok(Self {
            store,
            system,
            is_rewritable: drive.setup().kind.is_rewritable(),
            source,
            working_dir,
            ownership: request.ownership,
            now: system.clock.now(),
            writer,
            medium,
            catalogue,
            outcome: Outcome::default(),
        })
    }

    /// Refuses a disc that is none of ours, where that is wanted.
    pub(super) fn check_media(&self) -> Result<(), StoreError> {
        if self.store.check_media != Some(true) {
            return Ok(());
        }
        plan::check_media(self.medium.label.as_deref(), self.is_rewritable).map_err(StoreError::Refused)
    }

    /// Whether the session that is to be written will be the first on its disc.
    pub(super) fn begins(&self, is_new: bool) -> Result<bool, StoreError> {
        plan::begins(is_new, &self.medium, self.is_rewritable).map_err(StoreError::Refused)
    }

    /// What we know of the disc in the drive.
    pub(super) fn known_disc(&self) -> Option<&Disc> {
        self.catalogue.current(self.medium.label.as_deref(), self.medium.serial.as_deref())
    }

    pub(super) fn entries(&self, days: &[Date]) -> Vec<Entry> {
        days.iter().map(|date| days::entry(&self.source, *date)).collect()
    }

    /// Stores days, as many as there is room for; the oldest stay behind. Returns what did, for people.
    pub(super) fn store(&mut self, mut due: Vec<Date>, is_new: bool) -> Result<Vec<String>, StoreError> {
        if !is_new {
            let there = self.already_there(&due)?;
            self.mark(&there)?;
            due.retain(|date| !there.contains(date));
        }
        let mut left_out = Vec::new();
        while !due.is_empty() {
            match self.write(&due, is_new) {
                Err(StoreError::Media(error @ MediaError::DoesNotFit { .. })) if due.len() > 1 => {
                    let message =
                        format!("the day {} is not stored, there is no room for it: {error}", due.remove(0));
                    self.system.monitor.error(&message);
                    left_out.push(message);
                }
                written => {
                    written?;
                    self.prove_and_mark(&due)?;
                    break;
                }
            }
        }
        Ok(left_out)
    }

    /// The days that an earlier run has written to this disc but could not prove or mark: they need not be written again.
    fn already_there(&self, due: &[Date]) -> Result<Vec<Date>, StoreError> {
        let undone = self.known_disc().into_iter().flat_map(|disc| &disc.days).filter(|stored| !stored.done);
        let undone: Vec<Date> = undone.map(|stored| stored.day).collect();
        let on_disc = self.medium.directories.as_deref();
        let mut there = Vec::new();
        for date in due {
            let may_be_there = match on_disc {
                Some(directories) => directories.contains(&days::on_disc(*date)),
                None => undone.contains(date),
            };
            if !may_be_there {
                continue;
            }
            let monitor = &self.system.monitor;
            match self.compare(&[*date]) {
                Ok(()) => {
                    monitor.info(format!("The day {date} is on the disc already, and as it should be."));
                    there.push(*date);
                }
                Err(StoreError::NotProven(error)) if on_disc.is_some() => {
                    monitor.warning(format!(
                        "The day {date} on the disc is not as it should be; it is written again: {error}"
                    ));
                }
                // The classic programs would take over what they believe not to have changed.
                Err(StoreError::NotProven(error)) => {
                    return Err(StoreError::Refused(format!(
                        "the day {date} is on the disc, and not as it should be; run rebuild, or insert another disc: {error}"
                    )));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(there)
    }

    /// Writes days in one session.
    pub(super) fn write(&mut self, days: &[Date], is_new: bool) -> Result<(), StoreError> {
        let label = Label::of(self.now.date());
        // xorriso writes it in capitals.
        let fresh = new_run_id(&self.now).to_uppercase();
        let serial = if is_new { Some(fresh) } else { self.medium.serial.clone() };
        let contents = self.contents(days)?;
        let scratch = Scratch::new(None).map_err(to("prepare the disc"))?;
        let extras = if self.writer.takes_extras() {
            self.extras(&label, serial.as_deref(), &contents, is_new, &scratch)?
        } else {
            Vec::new()
        };
        let on_disc = self.medium.directories.iter().flatten().filter(|_| !is_new);
        let is_written = |path: &&PathBuf| days.iter().any(|date| days::on_disc(*date) == **path);
        let replaced: Vec<PathBuf> = on_disc.filter(is_written).cloned().collect();
        self.system.monitor.task("Writing the disc");
        self.writer.write(&Session {
            entries: &self.entries(days),
            extras: &extras,
            replaced: &replaced,
            is_new,
            label: Some(&label),
            serial: serial.as_deref().filter(|_| is_new && self.writer.takes_extras()),
            work_dir: self.working_dir.path(),
        })?;
        checkpoint::reach("store-written");
        let serial = serial.filter(|_| self.writer.takes_extras());
        let days = contents.iter().map(|content| self.stored(content)).collect();
        let begun = is_new.then(|| self.now.date());
        self.catalogue.note(Disc { serial, label: label.to_string(), begun, days }, is_new);
        if self.writer.is_settled() {
            self.write_catalogue();
        }
        Ok(())
    }

    fn contents(&self, days: &[Date]) -> Result<Vec<Content>, StoreError> {
        let mut days = days.to_vec();
        days.sort_unstable();
        let read = |date| Content::read(&self.source, date).map_err(to("list what is staged"));
        days.into_iter().map(read).collect()
    }

    fn stored(&self, content: &Content) -> Stored {
        Stored {
            day: content.date,
            written: rfc3339(&self.now),
            files: content.files.len() as u64,
            bytes: content.bytes(),
            done: false,
        }
    }

    /// The files that are on the disc for people.
    fn extras(
        &self,
        label: &Label,
        serial: Option<&str>,
        contents: &[Content],
        is_new: bool,
        scratch: &Scratch,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let before = self.known_disc().filter(|_| !is_new);
        let is_known = |date: &Date| {
            contents.iter().any(|content| content.date == *date)
                || before.into_iter().flat_map(|disc| &disc.days).any(|stored| stored.day == *date)
        };
        let there = self.medium.directories.iter().flatten().filter(|_| !is_new);
        let unknown: Vec<Date> =
            there.filter_map(|path| days::of_path(path)).filter(|date| !is_known(date)).collect();
        let index = Index {
            label,
            serial: serial.unwrap_or("-"),
            now: &self.now,
            days: contents,
            before,
            unknown: &unknown,
            catalogue: &self.catalogue,
        };
        let mut extras = index::write(&index, scratch).map_err(to("write the index of the disc"))?;
        extras.extend(self.store.disc_program.as_ref().map(|path| path.value.clone()));
        Ok(extras)
    }

    /// What is not known of earlier discs is a nuisance, but takes nothing from what is on this one.
    fn write_catalogue(&self) {
        if let Err(error) = self.catalogue.write(&self.working_dir, self.ownership, &*self.system.monitor) {
            self.system.monitor.warning(format!("cannot write down what is on the disc: {error}"));
        }
    }

    /// Proves that the days are on the disc, where that is wanted, and marks them as stored.
    pub(super) fn prove_and_mark(&mut self, days: &[Date]) -> Result<(), StoreError> {
        if self.store.check_data == Some(true) {
            self.system.monitor.task("Comparing the disc");
            self.compare(days)?;
            self.check_digests(days)?;
        }
        self.writer.settle()?;
        self.mark(days)
    }

    fn compare(&self, days: &[Date]) -> Result<(), StoreError> {
        match self.writer.compare(&self.entries(days), self.working_dir.path()) {
            Err(error) if !error.is_interrupt() => Err(StoreError::NotProven(error)),
            compared => Ok(compared?),
        }
    }

    /// The disc is what is staged; whether that still is what was staged once is told, and is no fault of the disc.
    fn check_digests(&mut self, days: &[Date]) -> Result<(), StoreError> {
        for date in days {
            let check = || self.system.interrupt.check().map_err(std::io::Error::other);
            let changed = days::changed(&self.source, *date, &check);
            self.system.interrupt.check()?;
            for path in changed.map_err(to("compare what is stored with its digests"))? {
                let detail = format!(
                    "[{}] is not what was staged, says cback.sha256; it is on the disc as it is.",
                    escape::display(&path)
                );
                self.system.monitor.error(&detail);
                self.outcome.omissions.push(Omission { path, kind: OmissionKind::Changed, detail });
            }
        }
        Ok(())
    }

    /// Marks days as stored. They are on the disc whatever becomes of their owner.
    fn mark(&mut self, days: &[Date]) -> Result<(), StoreError> {
        if days.is_empty() {
            return Ok(());
        }
        checkpoint::reach("store-before-indicator");
        let indicator = Indicator {
            run: new_run_id(&self.now),
            time: rfc3339(&self.now),
            program: crate::PROGRAM.to_owned(),
        };
        for date in days {
            let day = daily_dir::open(&self.source, *date).map_err(to("mark the day as stored"))?;
            let marked = indicator.write_owned(&day, STORED, self.ownership, &*self.system.monitor);
            marked.map_err(to("mark the day as stored"))?;
        }
        self.catalogue.done(days);
        self.write_catalogue();
        Ok(())
    }
}

impl Drive {
    /// What is written over and is no disc has to be an image of ours: it could be anything.
    pub(crate) fn protect_image(&self, medium: &Medium) -> Result<(), StoreError> {
        let is_ours = match (&medium.state, &medium.label) {
            (State::Blank, _) => true,
            (_, Some(label)) => label::is_ours(label),
            (_, None) => false,
        };
        if is_ours || self.setup().is_drive() {
            return Ok(());
        }
        Err(StoreError::Refused(format!(
            "[{}] is no image that we wrote, so nothing is written to it; name another, or remove it yourself",
            escape::display(&self.setup().device)
        )))
    }
}
