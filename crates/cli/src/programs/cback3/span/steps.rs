//! The tool, from its first question to the last disc.

use std::path::Path;
use std::sync::Arc;

use redcedar_config::cedar::Store;
use redcedar_config::{Config, Document, Loaded};
use redcedar_engine::span::{Disc, Inventory, Room, Set, Solution, Spanner, capacity};
use redcedar_engine::store::{Drive, StoreError};
use redcedar_media::{DiscWriter, Size};
use redcedar_system::{System, escape};

use super::SpanError;
use super::dialog::Dialog;
use super::texts;

/// A run of the tool.
pub(super) struct Span<'a> {
    config: &'a Config,
    document: &'a Document,
    store: &'a Store,
    drive: Drive,
    system: Arc<System>,
    dialog: Dialog,
}

impl<'a> Span<'a> {
    pub(super) fn new(loaded: &'a Loaded, system: Arc<System>, dialog: Dialog) -> Result<Self, SpanError> {
        let config = &loaded.config;
        let (Some(store), Some(drive)) = (&config.store, Drive::configured(config)) else {
            return Err(SpanError::NotConfigured);
        };
        Ok(Self { config, document: &loaded.document, store, drive, system, dialog })
    }

    /// Everything. Whoever says no is done.
    pub(super) fn run(mut self) -> Result<(), SpanError> {
        self.dialog.say(texts::BANNER);
        if !self.dialog.agrees("Continue?")? || !self.confirm_settings()? {
            return Ok(());
        }
        self.dialog.say("\nLooking for staged data (this may take a while)...\n");
        // A disc that is mounted, say, is noticed before anybody answers ten questions.
        let (drive, system) = (self.drive.clone(), Arc::clone(&self.system));
        let writer = drive.writer(&system).map_err(StoreError::from)?;
        let inventory = Inventory::take(&self.store.source_dir)?;
        self.tell(&inventory);
        inventory.refuse_clear_text(&self.store.source_dir, self.document)?;
        let inventory = inventory.protect(&self.store.source_dir, self.config, &self.system)?;
        self.dialog.rule();
        let Some(room) = self.confirm_amount(&inventory)? else { return Ok(()) };
        let set = self.choose(&inventory, room)?;
        self.write(&set, &drive, &*writer)?;
        set.note_stored(self.config, &self.system)?;
        self.dialog.say("\nAll discs are written.\n\n");
        match set.unprotected {
            0 => Ok(()),
            days => Err(SpanError::Unprotected(days)),
        }
    }

    fn confirm_settings(&mut self) -> Result<bool, SpanError> {
        let store = self.store;
        let none = || "None".to_owned();
        let flag = |flag: Option<bool>| if flag == Some(true) { "True" } else { "False" };
        let text = format!(
            "\nThis is what the configuration says:\n
   Source Directory...: {}
   Media Type.........: {}
   Device Type........: {}
   Device Path........: {}
   Device SCSI ID.....: {}
   Drive Speed........: {}
   Check Data Flag....: {}
   No Eject Flag......: {}\n\n",
            escape::display(&store.source_dir.value),
            store.media_type,
            store.drive(),
            escape::display(&store.target_device.value),
            store.target_scsi_id.as_ref().map_or_else(none, |id| id.value.clone()),
            store.drive_speed.map_or_else(none, |speed| speed.to_string()),
            flag(store.check_data),
            flag(store.no_eject),
        );
        self.dialog.say(&text);
        Ok(self.dialog.agrees("Is this OK?")?)
    }

    /// Says what is not written.
    fn tell(&self, inventory: &Inventory) {
        for day in &inventory.unfinished {
            let text = format!("[{}] is still being staged, and left out.", escape::display(day));
            self.system.monitor.error(text);
        }
        for stranger in &inventory.strangers {
            let text = format!("[{}] is no file, and left out.", escape::display(stranger));
            self.system.monitor.error(text);
        }
    }

    /// How much of each disc is to be used; none when that is declined.
    fn confirm_amount(&mut self, inventory: &Inventory) -> Result<Option<Room>, SpanError> {
        let total = Size::of_bytes(inventory.size());
        self.dialog.say("\nThese daily staging directories are on no disc yet:\n\n");
        for day in &inventory.directories {
            let path = self.store.source_dir.join(day);
            self.dialog.say(&format!("   {}\n", escape::display(&path)));
        }
        self.dialog.say(&format!("\nThe data in them takes {total}.\n\n"));
        if !self.dialog.agrees("Continue?")? {
            return Ok(None);
        }
        let raw = capacity(self.drive.setup());
        self.dialog.say(&format!("\nA disc as configured has room for {raw}.\n{}", texts::CUSHION));
        let cushion = self.dialog.cushion()?;
        let room = Room::of_original(self.drive.setup(), cushion)?;
        self.dialog.say(&format!(
            "\nWithout the cushion of {cushion:.2}% that is {}.\nAt least {} disc(s) are needed for {total}.\n\n",
            room.size(),
            room.least_discs(inventory.size()),
        ));
        Ok(self.dialog.agrees("Continue?")?.then_some(room))
    }

    /// Which file goes onto which disc, once somebody likes it.
    fn choose(&mut self, inventory: &Inventory, room: Room) -> Result<Set, SpanError> {
        loop {
            self.dialog.say(texts::ALGORITHMS);
            let algorithm = self.dialog.algorithm()?;
            self.dialog.say("\nSpreading files over discs (this may take a while)...\n");
            let solution = room.spread(&inventory.files, algorithm)?;
            self.dialog.rule();
            self.show(&solution);
            let accepts = self.dialog.retries("Accept this solution?", true)?;
            self.dialog.rule();
            if accepts {
                return Ok(self.set(inventory, solution));
            }
        }
    }

    fn show(&mut self, Solution { algorithm, discs }: &Solution) {
        let count = discs.len();
        self.dialog.say(&format!("\nBy the algorithm {algorithm} the data goes onto {count} discs.\n\n"));
        for (number, load) in (1..).zip(discs) {
            let (files, size, utilization) = (load.files.len(), Size(load.size), load.utilization);
            let line = format!("Disc {number}: {files} files, {size}, {utilization:.2}% utilization\n");
            self.dialog.say(&line);
        }
        self.dialog.say("\n");
    }

    fn set(&self, inventory: &Inventory, solution: Solution) -> Set {
        let files = |load: Vec<usize>| load.into_iter().map(|file| inventory.files[file].clone()).collect();
        let disc = |load: redcedar_engine::span::Load| Disc { files: files(load.files), is_written: false };
        Set {
            source_dir: self.store.source_dir.value.clone(),
            date: self.system.clock.now().date(),
            discs: solution.discs.into_iter().map(disc).collect(),
            unprotected: inventory.unprotected,
        }
    }

    fn write(&mut self, set: &Set, drive: &Drive, writer: &dyn DiscWriter) -> Result<(), SpanError> {
        let system = Arc::clone(&self.system);
        let work_dir: &Path = &self.config.options.working_dir;
        for disc in 0..set.discs.len() {
            let request = if disc == 0 {
                "\nPlease put the first disc into the drive."
            } else {
                "\nPlease put the next disc into the drive."
            };
            self.dialog.wait(request)?;
            self.dialog.say("\nPreparing...\n");
            let own = set.drive(drive, disc);
            let is_image = own.setup().device != drive.setup().device;
            let image = is_image.then(|| own.writer(&system)).transpose().map_err(StoreError::from)?;
            let writer = image.as_deref().unwrap_or(writer);
            let spanner = self.prepare(|| Spanner::new(&own, writer, set, work_dir))?;
            self.write_disc(&spanner, disc)?;
            if self.store.check_data == Some(true) {
                self.check_disc(&spanner, disc)?;
            }
            spanner.settle()?;
            self.dialog.say("The disc is done.\n");
            self.dialog.rule();
        }
        Ok(())
    }

    fn prepare<T>(&mut self, prepare: impl Fn() -> Result<T, StoreError>) -> Result<T, SpanError> {
        loop {
            match prepare() {
                Ok(prepared) => return Ok(prepared),
                Err(error) => self.decide("prepare the disc", error, "Retry initialization step?")?,
            }
        }
    }

    fn write_disc(&mut self, spanner: &Spanner<'_>, disc: usize) -> Result<(), SpanError> {
        loop {
            self.dialog.say("Writing the disc...\n");
            match spanner.write(disc) {
                Ok(()) => break,
                Err(error) => self.decide("write the disc", error, "Retry this step?")?,
            }
            self.dialog.wait("Please put in another disc if need be.")?;
        }
        self.dialog.say("The disc is written.\n");
        Ok(())
    }

    fn check_disc(&mut self, spanner: &Spanner<'_>, disc: usize) -> Result<(), SpanError> {
        loop {
            self.dialog.say("Comparing the disc...\n");
            match spanner.check(disc) {
                Ok(()) => break,
                Err(error) => self.decide("compare the disc", error, "Retry the consistency check?")?,
            }
            if self.dialog.retries("Rewrite the disc first?", false)? {
                self.dialog.wait("Please put in another disc.")?;
                self.write_disc(spanner, disc)?;
            }
        }
        self.dialog.say("The disc holds what was written.\n");
        Ok(())
    }

    /// Lets somebody decide whether something is tried again; if not, the error is the end.
    fn decide(&mut self, what: &str, error: StoreError, question: &str) -> Result<(), SpanError> {
        if matches!(error, StoreError::Interrupted(_)) {
            return Err(error.into());
        }
        self.system.monitor.error(format!("Failed to {what}: {error}"));
        if self.dialog.retries(question, true)? { Ok(()) } else { Err(error.into()) }
    }
}
