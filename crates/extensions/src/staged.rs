//! What is done with every file of every staged day: which days and files are due, several at a time, one failure not keeping
//! the others from being treated, and the indicator when a day is done.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use redcedar_config::{Diagnostic, Severity};
use redcedar_engine::daily_dir;
use redcedar_engine::extension::{Call, ExtensionError};
use redcedar_engine::staged::{Folder, Ledger, folders, no_days};
use redcedar_engine::{Omission, OmissionKind, Outcome, Ownership};
use redcedar_system::fs::Directory;
use redcedar_system::{Interrupted, Monitor, System, escape};
use rustix::fs::Stat;

/// How much is read at a time.
pub(crate) const BUFFER: usize = 1 << 20;

/// What is done with files.
pub(crate) trait Treatment: Sync {
    /// The indicator of days that are done.
    fn indicator(&self) -> &'static str;

    /// What it does, for messages: `encrypt`.
    fn verb(&self) -> &'static str;

    /// How many files are treated at a time.
    fn threads(&self) -> usize;

    /// Whether a file has yet to be treated. `done` is when the day was, if it was.
    fn is_due(&self, file: &File<'_>, done: Option<(i64, i64)>) -> io::Result<bool>;

    /// Puts something else in the place of a file.
    fn treat(&self, file: &File<'_>) -> Result<Treated, TreatError>;
}

/// What came of a file.
#[derive(Debug)]
pub(crate) struct Treated {
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// That it had not been what was staged.
    pub(crate) changed: Option<Omission>,
}

/// Why a file stays as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TreatError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// A file of a day, with everything that treating it takes.
pub(crate) struct File<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) name: &'a OsStr,
    pub(crate) stat: &'a Stat,
    pub(crate) ownership: &'a Ownership,
    pub(crate) system: &'a System,
    ledger: &'a Mutex<Ledger>,
}

impl File<'_> {
    /// As messages show it.
    pub(crate) fn shown(&self) -> String {
        escape::display(&self.folder.directory.path().join(self.name)).to_string()
    }

    pub(crate) fn size(&self) -> u64 {
        self.stat.st_size.unsigned_abs()
    }

    /// The permissions that what takes its place gets.
    pub(crate) fn mode(&self) -> u32 {
        self.stat.st_mode & 0o777
    }

    pub(crate) fn open(&self) -> io::Result<std::fs::File> {
        self.folder.directory.open_file(self.name)
    }

    /// Reads `input` to its end, and hands over each piece.
    pub(crate) fn read(
        &self,
        input: &mut impl Read,
        mut piece: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), TreatError> {
        let mut buffer = vec![0; BUFFER];
        loop {
            self.system.interrupt.check()?;
            match input.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => piece(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let message = format!("cannot read {}: {error}", self.shown());
                    return Err(io::Error::new(error.kind(), message).into());
                }
            }
        }
    }

    /// Refuses to put `forms` in the place of files that are something else, whatever they are called.
    pub(crate) fn check_names<'n>(
        &self,
        forms: impl Iterator<Item = &'n OsString>,
    ) -> Result<(), TreatError> {
        let ledger = self.ledger();
        for form in forms {
            if form.len() > 255 {
                let name = escape::display(form);
                return Err(TreatError::Refused(format!("the name {name} would be too long")));
            }
            if self.folder.has(form) && ledger.is_file_of_its_own(form, self.name) {
                let name = escape::display(form);
                return Err(TreatError::Refused(format!("{name} was staged as a file of its own")));
            }
        }
        Ok(())
    }

    /// Whether it is as it was when it was found.
    pub(crate) fn check_unchanged(&self) -> Result<(), TreatError> {
        let identity = |stat: &Stat| (stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        let now = self.folder.directory.status(self.name)?;
        if now.is_some_and(|now| identity(&now) == identity(self.stat)) {
            Ok(())
        } else {
            Err(TreatError::Refused("it changed meanwhile".to_owned()))
        }
    }

    /// Lets `forms`, which are complete, take its place: notes them, removes it, and what an earlier file of its name had been
    /// turned into. Says whether it was not what was staged.
    pub(crate) fn replace(
        &self,
        digest: [u8; 32],
        forms: Vec<(OsString, [u8; 32])>,
    ) -> Result<Option<Omission>, TreatError> {
        let directory = &self.folder.directory;
        let mut ledger = self.ledger();
        let is_changed = ledger.digest(self.name).is_some_and(|staged| *staged != digest);
        let names = self.folder.files.iter().map(|(name, _)| name.as_os_str());
        let stale: Vec<OsString> = ledger
            .stale(self.name, names)
            .into_iter()
            .filter(|stale| forms.iter().all(|(form, _)| form != stale))
            .map(OsStr::to_owned)
            .collect();
        ledger.replace(directory, self.name, digest, forms)?;
        redcedar_system::checkpoint::reach("treat-noted");
        directory.remove_file(self.name)?;
        for name in stale {
            directory.remove_file(&name)?;
        }
        directory.sync()?;
        Ok(is_changed.then(|| self.changed()))
    }

    fn changed(&self) -> Omission {
        let path = self.folder.directory.path().join(self.name);
        let detail = format!(
            "[{}] is not what was staged, says cback.sha256: it was changed or damaged since.",
            self.shown()
        );
        self.system.monitor.error(&detail);
        Omission { path, kind: OmissionKind::Changed, detail }
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The settings of a section, or the first thing that is wrong with it.
pub(crate) fn usable<T>((settings, findings): (Option<T>, Vec<Diagnostic>)) -> Result<T, ExtensionError> {
    settings.ok_or_else(|| {
        let error = findings.into_iter().find(|finding| finding.severity == Severity::Error);
        ExtensionError::Failed(error.map_or_else(String::new, |finding| finding.message))
    })
}

/// Treats all days.
pub(crate) fn treat_days(treatment: &dyn Treatment, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
    let stage = call.config.stage.as_ref().ok_or(ExtensionError::NotConfigured("Stage"))?;
    let failed = |error: io::Error| ExtensionError::Failed(error.to_string());
    let staging = Directory::open(&stage.staging_dir).map_err(failed)?;
    let dates = daily_dir::days(&staging).map_err(failed)?;
    for path in no_days(&staging, &dates).map_err(failed)? {
        let path = escape::display(&path);
        call.system.monitor.info(format!("[{path}] is left alone: its name is not that of a day."));
    }
    let mut days =
        Days { treatment, ownership: call.ownership, system: call.system, outcome: Outcome::default() };
    for date in dates {
        days.day(&staging, date)?;
    }
    Ok(days.outcome)
}

struct Days<'a> {
    treatment: &'a dyn Treatment,
    ownership: &'a Ownership,
    system: &'a System,
    outcome: Outcome,
}

impl Days<'_> {
    fn day(&mut self, staging: &Directory, date: Date) -> Result<(), Interrupted> {
        let before = self.outcome.failures.len();
        let treated = match self.files(staging, date) {
            Ok((treated, failures)) => {
                for failure in failures {
                    self.fail(failure);
                }
                treated
            }
            Err(TreatError::Interrupted(interrupted)) => return Err(interrupted),
            Err(error) => {
                self.fail(format!("Cannot {} the day {date}: {error}", self.treatment.verb()));
                return Ok(());
            }
        };
        if treated > 0 {
            let verb = self.treatment.verb();
            self.system.monitor.info(format!("{treated} files of {date}: {verb} done."));
        }
        if self.outcome.failures.len() == before
            && let Err(error) = self.mark(staging, date)
        {
            self.fail(format!("Cannot mark the day {date}: {error}"));
        }
        Ok(())
    }

    fn fail(&mut self, message: String) {
        self.system.monitor.error(&message);
        self.outcome.failures.push(message);
    }

    /// Treats the files of a day. Returns how many there were, and what failed.
    fn files(&mut self, staging: &Directory, date: Date) -> Result<(usize, Vec<String>), TreatError> {
        let day = daily_dir::open(staging, date)?;
        let done = day.status(OsStr::new(self.treatment.indicator()))?;
        let done = done.map(|stat| (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or_default()));
        let folders = folders(day)?;
        let mut ledgers = Vec::new();
        for folder in &folders {
            self.clear(folder, done.is_some())?;
            ledgers.push(Mutex::new(Ledger::read(&folder.directory, self.ownership.owner())?));
        }
        let mut files = Vec::new();
        for (folder, ledger) in folders.iter().zip(&ledgers) {
            for (name, stat) in &folder.files {
                let (ownership, system) = (self.ownership, self.system);
                files.push(File { folder, name, stat, ownership, system, ledger });
            }
        }
        let mut due = Vec::new();
        let mut failures = Vec::new();
        for file in files {
            self.system.interrupt.check()?;
            match self.treatment.is_due(&file, done) {
                Ok(true) => due.push(file),
                Ok(false) => {}
                Err(error) => failures.push(error.to_string()),
            }
        }
        if !due.is_empty() {
            self.system.monitor.task(&format!("{date}: {}", self.treatment.verb()));
        }
        let (mut bytes_in, mut bytes_out) = (0, 0);
        for (file, result) in due.iter().zip(self.all(&due)) {
            match result {
                Ok(treated) => {
                    bytes_in += treated.bytes_in;
                    bytes_out += treated.bytes_out;
                    self.outcome.omissions.extend(treated.changed);
                }
                Err(TreatError::Interrupted(interrupted)) => return Err(interrupted.into()),
                Err(error) => {
                    failures.push(format!("Cannot {} [{}]: {error}", self.treatment.verb(), file.shown()));
                }
            }
        }
        let count = due.len();
        self.outcome.summary.bytes_in += bytes_in;
        self.outcome.summary.bytes_out += bytes_out;
        Ok((count, failures))
    }

    /// Removes what runs that were killed have left, and names what is neither file nor directory.
    fn clear(&self, folder: &Folder, is_done: bool) -> io::Result<()> {
        for name in &folder.leftovers {
            folder.directory.remove_file(name)?;
        }
        for name in folder.strangers.iter().filter(|_| !is_done) {
            let path = escape::display(&folder.directory.path().join(name)).to_string();
            self.system.monitor.warning(format!("[{path}] is left as it is: it is no regular file."));
        }
        Ok(())
    }

    fn mark(&self, staging: &Directory, date: Date) -> io::Result<()> {
        redcedar_system::checkpoint::reach("treat-before-indicator");
        let day = daily_dir::open(staging, date)?;
        mark(&day, self.treatment.indicator(), self.ownership, &*self.system.monitor)
    }

    /// Treats files, several at a time; the results are in their order.
    fn all(&self, due: &[File<'_>]) -> Vec<Result<Treated, TreatError>> {
        let next = AtomicUsize::new(0);
        let results: Vec<_> = due.iter().map(|_| Mutex::new(Err(Interrupted.into()))).collect();
        std::thread::scope(|scope| {
            for _ in 0..self.treatment.threads().min(due.len()) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(file), Some(result)) = (due.get(number), results.get(number)) else {
                            return;
                        };
                        let treated = self.system.interrupt.check().map_err(TreatError::from);
                        let treated = treated.and_then(|()| self.treatment.treat(file));
                        *result.lock().unwrap_or_else(PoisonError::into_inner) = treated;
                    }
                });
            }
        });
        results
            .into_iter()
            .map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect()
    }
}

/// Marks a day as done; one that is marked stays so.
pub(crate) fn mark(
    day: &Directory,
    indicator: &str,
    ownership: &Ownership,
    monitor: &(dyn Monitor + 'static),
) -> io::Result<()> {
    let name = OsStr::new(indicator);
    if day.status(name)?.is_some() {
        return Ok(());
    }
    ownership.publish(day.create_file(name)?, 0o640, monitor)
}
