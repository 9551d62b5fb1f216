//! What a run does with each entry.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Zoned;
use redcedar_archive::Compression;
use redcedar_archive::select::Exclude;
use redcedar_archive::tar::stream::{FileHeader, StreamWriter};
use redcedar_config::value::CollectMode;
use redcedar_engine::extension::{Call, ExtensionError};
use redcedar_engine::schedule::{Due, Today, due};
use redcedar_engine::{Omission, OmissionKind, Outcome, Ownership};
use redcedar_system::fs::Directory;
use redcedar_system::{Accounts, Interrupted, System, escape};

use super::config::{self, Entry, is_maildir};
use super::copy::{CopyError, Mailbox, Remark, Wanted};
use super::memory::{Base, Known, Memory, Records};
use crate::output::{CollectDir, Output};

/// What is not known to have an end yet; a temporary name in the working directory comes of it.
const SPOOL: &str = "mbox";

/// Backs up all entries that are due.
pub(super) fn run(call: &Call<'_>) -> Result<Outcome, ExtensionError> {
    let monitor = &call.system.monitor;
    monitor.debug("Executing mbox extended action.");
    let entries =
        config::read(call.document, &mut Vec::new()).ok_or(ExtensionError::NotConfigured("Mbox"))?;
    let options = &call.config.options;
    let collect_dir = CollectDir::open(call)?;
    let working_dir = Directory::open(&options.working_dir);
    let now = call.system.clock.now();
    let mut run = Run {
        collect_dir: &collect_dir,
        working_dir: working_dir.map_err(|error| ExtensionError::Failed(error.to_string()))?,
        ownership: call.ownership,
        accounts: Accounts::new(),
        today: Today::new(now.date(), options.starting_day, call.full),
        now,
        is_picked_up: call.is_picked_up,
        system: call.system,
        outcome: Outcome::default(),
    };
    let mut names = HashMap::new();
    for entry in &entries {
        call.system.interrupt.check()?;
        match names.insert(&entry.name, &entry.path) {
            None => run.back_up(entry)?,
            Some(other) => {
                let other = escape::display(&other.value);
                run.fail(&entry.path, format!("its backup would replace that of [{other}]"));
            }
        }
    }
    if run.outcome.failures.is_empty() {
        monitor.info("Executed the mbox extended action successfully.");
    }
    Ok(run.outcome)
}

/// What holds for all entries.
struct Run<'a> {
    collect_dir: &'a CollectDir<'a>,
    working_dir: Directory,
    ownership: &'a Ownership,
    accounts: Accounts,
    today: Today,
    now: Zoned,
    is_picked_up: bool,
    system: &'a System,
    outcome: Outcome,
}

/// What was copied of an entry.
type Boxes = BTreeMap<OsString, Known>;

/// Why an entry was not backed up.
#[derive(Debug, thiserror::Error)]
enum EntryError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("{0}")]
    Nothing(&'static str),
}

impl From<io::Error> for EntryError {
    fn from(error: io::Error) -> Self {
        Self::Copy(error.into())
    }
}

impl Run<'_> {
    /// Backs up an entry, if it is due. One that fails is told.
    fn back_up(&mut self, entry: &Entry) -> Result<(), Interrupted> {
        let memory = self.records(entry).recall();
        let today = self.today.date;
        let week = memory.week();
        let base = match due(entry.mode, self.today, week) {
            Due::Skip if week.is_some() => return Ok(()),
            Due::Skip => {
                let remembered = self.records(entry).remember_week(today);
                self.note(entry, remembered);
                return Ok(());
            }
            Due::Full(_) => None,
            Due::Increment => self.base(entry, memory),
        };
        self.system.monitor.task(&format!("Backing up mail of {}", escape::display(&entry.path.value)));
        let failed_before = self.outcome.failures.len();
        let mut boxes = Boxes::new();
        let began = self.began();
        match self.copy(entry, base.as_ref(), began, &mut boxes) {
            Err(EntryError::Copy(CopyError::Interrupted(interrupted))) => return Err(interrupted),
            Err(error) => self.fail(&entry.path, error),
            Ok(()) => {}
        }
        let is_complete = self.outcome.failures.len() == failed_before;
        let records = self.records(entry);
        let remembered = match entry.mode {
            CollectMode::Weekly if is_complete => records.remember_week(today),
            CollectMode::Incremental if is_complete => {
                let week = week.filter(|_| base.is_some()).unwrap_or(today);
                records.remember(boxes, base, week, &self.now)
            }
            // There is nothing to build on.
            CollectMode::Incremental if base.is_none() => records.forget(),
            // The next run covers what this one did not.
            CollectMode::Daily | CollectMode::Weekly | CollectMode::Incremental => Ok(()),
        };
        self.note(entry, remembered);
        Ok(())
    }

    /// What an increment of an entry builds on; nothing when everything is copied again.
    fn base(&self, entry: &Entry, memory: Memory) -> Option<Base> {
        let is_known = memory.week().is_some();
        let Some(base) = memory.base(self.is_picked_up, &self.now) else {
            if is_known {
                self.system.monitor.info(format!(
                    "No full copy of [{}] is known to be picked up; everything is copied again.",
                    escape::display(&entry.path.value)
                ));
            }
            return None;
        };
        // What is there of today would be replaced by what came since.
        if base.day == self.today.date && self.is_there(entry) {
            self.system.monitor.info(format!(
                "[{}] was backed up earlier today; everything is copied again.",
                escape::display(&entry.path.value)
            ));
            return None;
        }
        Some(base)
    }

    /// Boxes what is wanted of an entry into its file in the collect directory.
    fn copy(
        &mut self,
        entry: &Entry,
        base: Option<&Base>,
        began: i64,
        boxes: &mut Boxes,
    ) -> Result<(), EntryError> {
        let path = &entry.path.value;
        match &entry.kind {
            config::Kind::File => {
                let mailbox = Mailbox::open(path, &self.system.interrupt)?;
                let mut output = self
                    .collect_dir
                    .create(&self.output_name(entry, entry.compression), entry.compression)?;
                let known = self.copy_mailbox(mailbox, path, OsStr::new(""), base, began, &mut output)?;
                boxes.insert(OsString::new(), known);
                self.publish(output)?;
            }
            config::Kind::Dir(exclude) => {
                let names = mailboxes(path, exclude)?;
                if names.is_empty() {
                    return Err(EntryError::Nothing(if is_maildir(path) {
                        "it is a maildir, not a directory of mailboxes; collect it as a `dir` of the section `collect`"
                    } else {
                        "there is no mailbox in it"
                    }));
                }
                let output = self
                    .collect_dir
                    .create(&self.output_name(entry, entry.compression), entry.compression)?;
                let mut tar = StreamWriter::new(output);
                for name in names {
                    self.copy_member(&path.join(&name), name, base, began, &mut tar, boxes)?;
                }
                if boxes.is_empty() {
                    return Err(EntryError::Nothing("none of its mailboxes could be copied"));
                }
                self.publish(tar.finish()?)?;
            }
        }
        Ok(())
    }

    /// Boxes a mailbox of a directory into the archive. One that fails does not keep the others from being copied.
    fn copy_member(
        &mut self,
        path: &Path,
        name: OsString,
        base: Option<&Base>,
        began: i64,
        tar: &mut StreamWriter<Output<'_>>,
        boxes: &mut Boxes,
    ) -> Result<(), EntryError> {
        // How long it gets is only known at its end, and has to be written before.
        let mut spool = self.working_dir.create_file(OsStr::new(SPOOL))?;
        let opened = Mailbox::open(path, &self.system.interrupt);
        let copied = opened.and_then(|mailbox| {
            let metadata = mailbox.metadata.clone();
            let known = self.copy_mailbox(mailbox, path, &name, base, began, &mut spool)?;
            Ok((metadata, known))
        });
        let (metadata, known) = match copied {
            Ok(copied) => copied,
            Err(CopyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                self.omit(path, OmissionKind::Vanished, "it was gone when it was to be read");
                return Ok(());
            }
            Err(CopyError::Io(error)) => {
                self.fail(path, error);
                return Ok(());
            }
            Err(error @ CopyError::Interrupted(_)) => return Err(error.into()),
        };
        let (user, group) =
            (self.accounts.user_name(metadata.uid()), self.accounts.group_name(metadata.gid()));
        let header = FileHeader {
            name: name.as_bytes(),
            size: spool.file_mut().metadata()?.len(),
            mode: metadata.mode() & 0o777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            user: user.as_deref(),
            group: group.as_deref(),
            modified: metadata.mtime(),
        };
        spool.rewind()?;
        tar.append(&header, spool.file_mut())?;
        boxes.insert(name, known);
        Ok(())
    }

    /// Boxes what is wanted of a mailbox, and says what is new to know of it.
    fn copy_mailbox(
        &mut self,
        mailbox: Mailbox,
        path: &Path,
        name: &OsStr,
        base: Option<&Base>,
        began: i64,
        into: &mut impl io::Write,
    ) -> Result<Known, CopyError> {
        let wanted = match base {
            None => Wanted::Everything,
            Some(base) => Wanted::New { since: base.since.as_second(), known: base.known(name) },
        };
        if let Wanted::New { since, known: Some(known) } = wanted
            && mailbox.is_unchanged(since, known)
        {
            return Ok(Known { keys: HashSet::new(), ..*known });
        }
        let copied = mailbox.copy(wanted, began, self.now.time_zone(), &self.system.interrupt, into)?;
        let shown = escape::display(path);
        for remark in copied.remarks {
            match remark {
                Remark::NoMailbox => {
                    self.system.monitor.warning(format!("[{shown}] is not a mailbox; it is stored as it is."));
                }
                Remark::Locked => self.system.monitor.warning(format!(
                    "[{shown}] stayed locked; a message that was being delivered may be incomplete in the backup."
                )),
                Remark::Rewritten => {
                    self.omit(path, OmissionKind::Changed, "it was rewritten while it was read");
                }
            }
        }
        Ok(copied.known)
    }

    fn publish(&mut self, output: Output<'_>) -> io::Result<()> {
        let packed = output.publish()?;
        self.outcome.summary.bytes_in += packed.uncompressed_size;
        self.outcome.summary.bytes_out += packed.size;
        Ok(())
    }

    /// `mbox-YYYYMMDD-NAME`, with what is put behind it.
    fn output_name(&self, entry: &Entry, compression: Compression) -> OsString {
        let mut name = OsString::from(self.today.date.strftime("mbox-%Y%m%d-").to_string());
        name.push(&entry.name);
        if let config::Kind::Dir(_) = entry.kind {
            name.push(".tar");
        }
        name.push(compression.suffix());
        name
    }

    /// Whether there is an output of today already.
    fn is_there(&self, entry: &Entry) -> bool {
        let directory = self.collect_dir.directory();
        let is_there = |name: &OsStr| !matches!(directory.status(name), Ok(None));
        Compression::ALL.into_iter().any(|compression| is_there(&self.output_name(entry, compression)))
    }

    fn records<'r>(&'r self, entry: &'r Entry) -> Records<'r> {
        Records::new(&entry.path, entry.name.clone(), &self.working_dir, self.ownership, self.system)
    }

    /// What the clock of the file system says: what was changed earlier is not being changed. Without a working directory to
    /// write into, nobody knows, and everything counts as being changed.
    fn began(&self) -> i64 {
        let spool = self.working_dir.create_file(OsStr::new(SPOOL));
        spool.and_then(|mut spool| spool.file_mut().metadata()).map_or(i64::MIN, |metadata| metadata.ctime())
    }

    /// An entry is backed up, and the next run may not know.
    fn note(&mut self, entry: &Entry, remembered: io::Result<()>) {
        if let Err(error) = remembered {
            let message =
                format!("Cannot remember the backup of [{}]: {error}", escape::display(&entry.path.value));
            self.tell_failure(message);
        }
    }

    fn fail(&mut self, path: &Path, error: impl Display) {
        self.tell_failure(format!("Error backing up mail of [{}]: {error}", escape::display(path)));
    }

    fn tell_failure(&mut self, message: String) {
        self.system.monitor.error(&message);
        self.outcome.failures.push(message);
    }

    fn omit(&mut self, path: &Path, kind: OmissionKind, detail: &str) {
        self.outcome.omissions.push(Omission { path: path.to_owned(), kind, detail: detail.to_owned() });
    }
}

/// The files of a directory that are not excluded, links to files among them, by name.
fn mailboxes(path: &Path, exclude: &Exclude) -> io::Result<Vec<OsString>> {
    let mut names = Directory::open(path)?.names()?;
    let is_out = exclude.excludes(path);
    names.retain(|name| {
        let path = path.join(name);
        !is_out
            && !exclude.excludes(&path)
            && fs_err::metadata(&path).is_ok_and(|metadata| metadata.is_file())
    });
    Ok(names)
}
