//! One mailbox into one stream.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use fs_err::os::unix::fs::OpenOptionsExt;
use jiff::tz::TimeZone;
use redcedar_archive::Compression;
use redcedar_archive::compress::read;
use redcedar_mailbox::{Content, Key, Message, Messages, Sieve};
use redcedar_system::{Interrupt, Interrupted};
use rustix::fs::{FlockOperation, OFlags, fcntl_lock};
use rustix::io::Errno;

use super::memory::{Known, Look};

/// How often we look whether somebody who writes into the mailbox is done, and how long we wait in between.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Which messages are copied.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// All.
    Everything,
    /// Those that came later than `since` (seconds since 1970), as the originals choose them, and all that are not known to be
    /// in the backup. Where nothing is known, those without a date.
    New { since: i64, known: Option<&'a Known> },
}

impl Wanted<'_> {
    fn wants(&self, message: &Message, zone: &TimeZone) -> bool {
        let Self::New { since, known } = *self else { return true };
        if known.is_some_and(|known| !known.keys.contains(&message.key())) {
            return true;
        }
        let sent = message.sent(zone);
        let is_undated = sent.is_doubtful || sent.instant.is_none();
        sent.instant.is_some_and(|instant| instant > since) || (known.is_none() && is_undated)
    }

    fn knows(&self, key: Key) -> bool {
        matches!(self, Self::New { known: Some(known), .. } if known.keys.contains(&key))
    }
}

/// What came of it.
pub(super) struct Copied {
    /// What is new to know of the mailbox.
    pub(super) known: Known,
    /// What else has to be said.
    pub(super) remarks: Vec<Remark>,
}

/// Something to be said about a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remark {
    /// It is no mailbox and was copied as it is.
    NoMailbox,
    /// Somebody wrote into it all the time.
    Locked,
    /// It was rewritten while it was copied.
    Rewritten,
}

/// Why a mailbox was not copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// A mailbox, opened.
pub(super) struct Mailbox {
    file: File,
    /// What it was when nobody wrote into it.
    pub(super) metadata: std::fs::Metadata,
    was_locked: bool,
}

impl Mailbox {
    /// Opens the mailbox at `path`, links followed. Waits a while for somebody who is writing into it.
    pub(super) fn open(path: &Path, interrupt: &Interrupt) -> Result<Self, CopyError> {
        // A pipe in its place must not hang us.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut options = fs_err::OpenOptions::new();
        let file = options.read(true).custom_flags(flags.bits().cast_signed()).open(path)?.into_file();
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file").into());
        }
        let was_locked = !waits_for_writers(&file, interrupt)?;
        let metadata = file.metadata()?;
        Ok(Self { file, metadata, was_locked })
    }

    /// Whether there cannot be anything new in it.
    pub(super) fn is_unchanged(&self, since: i64, known: &Known) -> bool {
        known.look == Some(Look::of(&self.metadata))
            && known.youngest.is_none_or(|youngest| youngest <= since)
    }

    /// Copies what is wanted of it. `began` is when the run began by the clock of the file system, in seconds.
    pub(super) fn copy(
        mut self,
        wanted: Wanted<'_>,
        began: i64,
        zone: &TimeZone,
        interrupt: &Interrupt,
        into: &mut impl Write,
    ) -> Result<Copied, CopyError> {
        let mut into = BufWriter::with_capacity(1 << 17, into);
        let mut remarks = Vec::new();
        if self.was_locked {
            remarks.push(Remark::Locked);
        }
        let mut known = match self.content() {
            Ok(Content::Messages(messages)) => copy_messages(messages, wanted, zone, interrupt, &mut into)?,
            Ok(Content::Empty) => Known::default(),
            Ok(Content::Other(_)) => {
                remarks.push(Remark::NoMailbox);
                self.copy_raw(&mut into)?;
                Known::default()
            }
            Err(error) if is_damage(&error) => {
                remarks.push(Remark::NoMailbox);
                self.copy_raw(&mut into)?;
                Known::default()
            }
            Err(error) => return Err(error.into()),
        };
        into.flush()?;
        let now = self.file.metadata()?;
        // What is appended meanwhile is for the next run. Anything else mixes old and new.
        let is_touched = now.modified()? != self.metadata.modified()?;
        if is_touched && now.size() <= self.metadata.size() {
            remarks.push(Remark::Rewritten);
            known = Known::default();
        } else if Look::of(&now) == Look::of(&self.metadata) && now.ctime() < began {
            known.look = Some(Look::of(&now));
        }
        Ok(Copied { known, remarks })
    }

    /// Its content, decompressed where need be, up to where it ended when it was opened.
    fn content(&self) -> io::Result<Content<Box<dyn Read + Send>>> {
        let mut magic = Vec::new();
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        (&file).take(4).read_to_end(&mut magic)?;
        file.rewind()?;
        let compression = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [b'B', b'Z', b'h', ..] => Compression::Bzip2,
            [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
            _ => return redcedar_mailbox::open(Box::new(file.take(self.metadata.size()))),
        };
        redcedar_mailbox::open(read::stream(file, compression)?)
    }

    fn copy_raw(&mut self, into: &mut impl Write) -> io::Result<()> {
        self.file.rewind()?;
        io::copy(&mut (&self.file).take(self.metadata.size()), into)?;
        Ok(())
    }
}

fn copy_messages(
    mut messages: Messages<impl Read>,
    wanted: Wanted<'_>,
    zone: &TimeZone,
    interrupt: &Interrupt,
    into: &mut impl Write,
) -> Result<Known, CopyError> {
    let mut sieve = Sieve::default();
    let mut youngest = None;
    while let Some(message) = messages.next_message()? {
        interrupt.check()?;
        youngest = youngest.max(message.sent(zone).instant);
        if sieve.passes(&message, |message| wanted.wants(message, zone)) {
            messages.copy(&message, into)?;
        }
    }
    let keys: HashSet<_> = sieve.into_seen().into_iter().filter(|key| !wanted.knows(*key)).collect();
    Ok(Known { keys, look: None, youngest })
}

/// Whether everybody who was writing into a mailbox is done. Programs that deliver mail lock it meanwhile.
fn waits_for_writers(file: &File, interrupt: &Interrupt) -> Result<bool, CopyError> {
    for attempt in 0..TRIES {
        interrupt.check()?;
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        match fcntl_lock(file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {
                fcntl_lock(file, FlockOperation::Unlock).map_err(io::Error::from)?;
                return Ok(true);
            }
            Err(Errno::AGAIN | Errno::ACCESS) => {}
            // Some file systems have no locks.
            Err(_) => return Ok(true),
        }
    }
    Ok(false)
}

/// Whether what looked compressed is not.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
