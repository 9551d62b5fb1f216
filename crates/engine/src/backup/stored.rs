//! Days in a store such as a bucket, put together in a directory of this machine, one item at a time.
//!
//! What an item came to is in the store before the next one begins, and goes from here. Lists of digests and indicators follow
//! when everything is there, and memory last: whatever ends a run early leaves a day that nobody takes for complete, and a
//! memory of what was there before.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::Stored;
use redcedar_system::checkpoint;
use redcedar_system::fs::Directory;

use super::STATE_DIR;
use super::day::item_of;
use super::target::{Target, is_of_run, key, manifest_name};
use crate::checksums::{self, Checksums};
use crate::daily_dir;
use crate::indicator::{self, Indicator};
use crate::item::store::Output;
use crate::state::side_file::{self, Link};

/// The name of the directory from which everything is sent.
const OUTGOING: &str = "outgoing";

/// Keeps files by names with `/` between their parts, as a bucket does.
pub trait Store {
    /// A place in it, for people.
    fn show(&self, name: &str) -> PathBuf;

    /// The size of a file; nothing where there is none.
    ///
    /// # Errors
    /// When it does not say.
    fn size(&self, name: &str) -> io::Result<Option<u64>>;

    /// A file from its beginning; nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn open(&self, name: &str) -> io::Result<Option<Stored>>;

    /// The names of all files in a directory, without that of the directory.
    ///
    /// # Errors
    /// When it does not say.
    fn names(&self, directory: &str) -> io::Result<Vec<String>>;

    /// Keeps all files of a directory under `directory`. Each is there whole, and proved to be, or as it was before.
    ///
    /// # Errors
    /// When one of them is not there.
    fn keep(&self, files: &Path, directory: &str) -> io::Result<()>;

    /// Removes files.
    ///
    /// # Errors
    /// When one of them is still there.
    fn remove(&self, names: &[String]) -> io::Result<()>;
}

/// A store, and where its days are put together.
pub(super) struct StoredDays<'a> {
    store: &'a dyn Store,
    /// Where memory is read and written.
    state_dir: PathBuf,
    host: String,
    day: Option<Day>,
}

/// The day of this run.
struct Day {
    date: Date,
    /// Where outputs are put together.
    outgoing: Directory,
    /// Which items were to be replaced, and whether they were.
    items: BTreeMap<OsString, bool>,
    checksums: Checksums,
    /// What was there before.
    before: Vec<String>,
    /// What those files were.
    known: Checksums,
}

impl<'a> StoredDays<'a> {
    pub(super) fn new(store: &'a dyn Store, state_dir: PathBuf, host: String) -> Self {
        Self { store, state_dir, host, day: None }
    }

    /// The directory of this machine for a day.
    fn own(&self, date: Date) -> String {
        format!("{}/{}", day_name(date), self.host)
    }

    fn memory(&self) -> String {
        format!("{STATE_DIR}/{}", self.host)
    }

    /// An empty directory from which files are sent.
    fn outgoing(&self) -> io::Result<Directory> {
        let state_dir = Directory::open(&self.state_dir)?;
        state_dir.remove_all(OsStr::new(OUTGOING))?;
        Ok(state_dir.create_directory(OsStr::new(OUTGOING), 0o700, None)?.0)
    }
}

impl Target for StoredDays<'_> {
    fn recall(&self, item: &OsStr) -> io::Result<()> {
        let side_file = side_file_name(item);
        let name = format!("{}/{}", self.memory(), key(&side_file)?);
        let state_dir = Directory::open(&self.state_dir)?;
        match self.store.open(&name)? {
            Some(mut memory) => {
                let mut file = state_dir.create_file(&side_file)?;
                io::copy(&mut memory, &mut file)?;
                file.publish(0o600, None)
            }
            // What is here is of another store, or was never complete.
            None if state_dir.status(&side_file)?.is_some() => state_dir.remove_file(&side_file),
            None => Ok(()),
        }
    }

    fn holds(&self, item: &OsStr, link: &Link) -> bool {
        let day = self.own(link.date);
        let name = |file: &OsStr| Some(format!("{day}/{}", file.to_str()?));
        let size = |archive: &OsStr| self.store.size(&name(archive)?).ok()?;
        let manifest = name(&manifest_name(item)).and_then(|name| self.store.open(&name).ok()?);
        manifest.is_some_and(|manifest| is_of_run(manifest, link, size))
    }

    fn show(&self, date: Date) -> PathBuf {
        self.store.show(&self.own(date))
    }

    fn begin(&mut self, date: Date) -> io::Result<PathBuf> {
        let own = self.own(date);
        let before = self.store.names(&own)?;
        let mut known = Vec::new();
        if let Some(mut list) = self.store.open(&format!("{own}/{}", checksums::NAME))? {
            list.read_to_end(&mut known)?;
        }
        // What says that the day is complete must not say so while it is replaced.
        let announced = [indicator::COLLECT, checksums::NAME].map(str::to_owned);
        let announced = announced.into_iter().filter(|name| before.contains(name));
        let announced: Vec<_> = announced.map(|name| format!("{own}/{name}")).collect();
        if !announced.is_empty() {
            self.store.remove(&announced)?;
        }
        let outgoing = self.outgoing()?;
        let path = outgoing.path().to_owned();
        let (items, checksums) = (BTreeMap::new(), Checksums::default());
        self.day = Some(Day { date, outgoing, items, checksums, before, known: Checksums::parse(&known) });
        Ok(path)
    }

    fn add(&mut self, item: &OsStr, outputs: Vec<Output>) -> io::Result<()> {
        let own = self.day.as_ref().map(|day| self.own(day.date));
        let (Some(day), Some(own)) = (&mut self.day, own) else { return Ok(()) };
        // Until all of it is there, nobody knows what is.
        day.items.insert(item.to_owned(), false);
        day.keep_only(&outputs)?;
        self.store.keep(day.outgoing.path(), &own)?;
        checkpoint::reach("backup-item-sent");
        day.keep_only(&[])?;
        day.checksums.extend(outputs.into_iter().map(|output| (output.name, output.sha256)));
        day.items.insert(item.to_owned(), true);
        Ok(())
    }

    fn publish(&mut self, indicator: &Indicator) -> io::Result<()> {
        let Some(mut day) = self.day.take() else { return Ok(()) };
        let own = self.own(day.date);
        let stale = day.carry_over();
        day.keep_only(&[])?;
        day.checksums.write(&day.outgoing, None)?;
        self.store.keep(day.outgoing.path(), &own)?;
        day.outgoing.remove_file(OsStr::new(checksums::NAME))?;
        checkpoint::reach("backup-before-day");
        for (name, place) in [(indicator::COLLECT, own.clone()), (indicator::STAGE, day_name(day.date))] {
            indicator.write(&day.outgoing, name, None)?;
            self.store.keep(day.outgoing.path(), &place)?;
            day.outgoing.remove_file(OsStr::new(name))?;
        }
        let stale: Vec<_> = stale.into_iter().map(|name| format!("{own}/{name}")).collect();
        if stale.is_empty() { Ok(()) } else { self.store.remove(&stale) }
    }

    fn remember(&self, item: &OsStr) -> io::Result<()> {
        let name = side_file_name(item);
        let outgoing = self.outgoing()?;
        let mut memory = Directory::open(&self.state_dir)?.open_file(&name)?;
        let mut file = outgoing.create_file(&name)?;
        io::copy(&mut memory, &mut file)?;
        file.flush()?;
        file.publish(0o600, None)?;
        self.store.keep(outgoing.path(), &self.memory())?;
        outgoing.remove_file(&name)
    }
}

impl Day {
    /// Removes everything else from where files are sent.
    fn keep_only(&self, outputs: &[Output]) -> io::Result<()> {
        for output in outputs {
            key(&output.name)?;
        }
        let names = self.outgoing.names()?;
        let others = names.iter().filter(|name| outputs.iter().all(|output| output.name != **name));
        others.into_iter().try_for_each(|name| self.outgoing.remove_file(name))
    }

    /// Takes in the digests of what the day holds of other items. Returns what this run has replaced by other names.
    fn carry_over(&mut self) -> Vec<String> {
        let mut stale = Vec::new();
        for name in std::mem::take(&mut self.before) {
            let file = OsStr::new(&name);
            match item_of(file).and_then(|item| self.items.get(item)) {
                Some(true) if self.checksums.get(file).is_none() => stale.push(name),
                Some(_) => {}
                None => self.checksums.extend(self.known.get(file).map(|digest| (file.to_owned(), *digest))),
            }
        }
        stale
    }
}

fn day_name(date: Date) -> String {
    daily_dir::path(Path::new(""), date).to_string_lossy().into_owned()
}

fn side_file_name(item: &OsStr) -> OsString {
    let mut name = item.to_owned();
    name.push(side_file::SUFFIX);
    name
}
