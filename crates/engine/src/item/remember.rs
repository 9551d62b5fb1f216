//! Writing down what the next run has to know: the digest state of the originals, then the side file.

use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use redcedar_archive::Kind;
use redcedar_archive::digest::to_hex;
use redcedar_archive::select::{Fileset, Selected};
use redcedar_system::fs::PendingFile;
use redcedar_system::{checkpoint, escape};
use sha2::{Digest, Sha256};

use super::memory::{Memory, StateFiles};
use super::plan::{Decision, Extent, Hidden, Met, Plan, meet};
use super::store::{Fate, Hashing};
use super::{Item, ItemError, Run};
use crate::state::pickle::DigestWriter;
use crate::state::side_file::{FileIdentity, Header, Known, Link, Present, Record, SideFileWriter, Stat};
use crate::state::{Sha1, open_no_follow_with};

/// State files being written. Beginning one takes the time of the file system: what changes later is not sure to be in the
/// backup.
#[derive(Debug)]
pub(crate) struct Draft {
    side_file: PendingFile,
    began: (i64, u32),
}

impl Draft {
    /// Begins the state of an item, before anything of it is looked at.
    pub(crate) fn begin(files: &StateFiles) -> io::Result<Self> {
        let mut side_file = PendingFile::create(&files.side_file)?;
        let metadata = side_file.file_mut().metadata()?;
        let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
        Ok(Self { side_file, began: (metadata.ctime(), nanoseconds) })
    }
}

/// What a run did with an item, as far as memory is concerned.
pub(crate) struct Deeds<'a> {
    pub(crate) item: &'a Item<'a>,
    pub(crate) output_dir: &'a Path,
    pub(crate) fileset: &'a Fileset,
    pub(crate) memory: &'a Memory,
    pub(crate) extent: &'a Extent,
    pub(crate) plan: &'a Plan,
    pub(crate) fates: Vec<Fate>,
    pub(crate) archive_size: Option<u64>,
}

/// The state of an item, complete under temporary names.
pub(crate) struct PendingState {
    side_file: SideFileWriter,
    header: Header,
    digests: Digests,
}

enum Digests {
    /// None are kept.
    None,
    /// Those that are there are right.
    Unchanged { path: PathBuf, sha256: String },
    /// These replace them.
    New { path: PathBuf, content: Hashing },
}

impl PendingState {
    /// Writes what is remembered of every path.
    pub(crate) fn write(
        draft: Draft,
        files: &StateFiles,
        deeds: Deeds<'_>,
        run: &Run<'_>,
    ) -> Result<Self, ItemError> {
        let failed = |source| ItemError::output(&files.side_file, source);
        let header = Header {
            item: escape::display(deeds.item.path).to_string(),
            host: run.host.clone(),
            output_dir: escape::display(deeds.output_dir).to_string(),
            chain: deeds.extent.chain().to_vec(),
            last: Some(Link {
                run: run.id.clone(),
                sequence: deeds.extent.sequence(),
                date: run.today.date,
                archive_size: deeds.archive_size,
            }),
            waiting_since: None,
            began: draft.began,
            digests: None,
        };
        let mut digests =
            match (&files.digests, deeds.memory.header().and_then(|header| header.digests.as_ref())) {
                (None, _) => DigestFile::None,
                (Some(path), Some(known)) if deeds.plan.is_idle() && !deeds.extent.is_full() => {
                    DigestFile::Unchanged { path: path.clone(), sha256: known.sha256.clone() }
                }
                (Some(path), _) => DigestFile::create(path.clone())?,
            };
        let side_file = SideFileWriter::create(draft.side_file).map_err(failed)?;
        let mut writing = Writing { side_file, digests: &mut digests, failed: &failed };
        // Of a weekly item, everything is stored each time: there is nothing to remember but the day.
        if deeds.item.keeps_digests() {
            writing.write_all(deeds)?;
        }
        let side_file = writing.side_file;
        Ok(Self { side_file, header, digests: digests.finish()? })
    }

    /// Gives the files their names: first the digests, then the side file that says to which digests it belongs.
    pub(crate) fn publish(self, run: &Run<'_>) -> io::Result<()> {
        checkpoint::reach("collect-before-state");
        let Self { side_file, mut header, digests } = self;
        header.digests = match digests {
            Digests::None => None,
            Digests::Unchanged { path, sha256 } => Some(touch(&path, sha256)?),
            Digests::New { path, content } => {
                let sha256 = to_hex(&content.hash.finalize());
                run.publish_io(content.file)?;
                Some(touch(&path, sha256)?)
            }
        };
        run.publish_io(side_file.finish(&header)?)
    }
}

/// Writes down that an item waits for its day since today.
pub(crate) fn remember_waiting(
    item: &Item<'_>,
    output_dir: &Path,
    draft: Draft,
    run: &Run<'_>,
) -> io::Result<()> {
    let header = Header {
        item: escape::display(item.path).to_string(),
        host: run.host.clone(),
        output_dir: escape::display(output_dir).to_string(),
        chain: Vec::new(),
        last: None,
        waiting_since: Some(run.today.date),
        began: draft.began,
        digests: None,
    };
    run.publish_io(SideFileWriter::create(draft.side_file)?.finish(&header)?)
}

/// Makes a file young, so that purging by age spares it, and says by what it is recognised from now on.
fn touch(path: &Path, sha256: String) -> io::Result<FileIdentity> {
    let file = open_no_follow_with(path, fs_err::OpenOptions::new().read(true))?;
    let now = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        last_modification: rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
    };
    rustix::fs::futimens(&file, &now)?;
    let metadata = file.metadata()?;
    Ok(FileIdentity {
        size: metadata.len(),
        inode: metadata.ino(),
        seconds: metadata.mtime(),
        nanoseconds: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
        sha256,
    })
}

/// The digest state while records are written.
enum DigestFile {
    None,
    Unchanged { path: PathBuf, sha256: String },
    New { path: PathBuf, writer: Box<DigestWriter<BufWriter<Hashing>>> },
}

impl DigestFile {
    fn create(path: PathBuf) -> Result<Self, ItemError> {
        let create = || -> io::Result<_> {
            let hashing = Hashing { file: PendingFile::create(&path)?, hash: Sha256::new(), size: 0 };
            DigestWriter::create(BufWriter::with_capacity(1 << 17, hashing))
        };
        match create() {
            Ok(writer) => Ok(Self::New { path, writer: Box::new(writer) }),
            Err(source) => Err(ItemError::output(&path, source)),
        }
    }

    fn pair(&mut self, path: &[u8], digest: &Sha1) -> Result<(), ItemError> {
        match self {
            Self::None | Self::Unchanged { .. } => Ok(()),
            Self::New { path: file, writer } => {
                writer.pair(path, digest).map_err(|source| ItemError::output(file, source))
            }
        }
    }

    fn finish(self) -> Result<Digests, ItemError> {
        Ok(match self {
            Self::None => Digests::None,
            Self::Unchanged { path, sha256 } => Digests::Unchanged { path, sha256 },
            Self::New { path, writer } => {
                let finish = || -> io::Result<Hashing> {
                    let mut buffered = writer.finish()?;
                    buffered.flush()?;
                    buffered.into_inner().map_err(io::IntoInnerError::into_error)
                };
                match finish() {
                    Ok(content) => Digests::New { path, content },
                    Err(source) => return Err(ItemError::output(&path, source)),
                }
            }
        })
    }
}

/// Both files while records are written.
struct Writing<'a> {
    side_file: SideFileWriter,
    digests: &'a mut DigestFile,
    failed: &'a dyn Fn(io::Error) -> ItemError,
}

impl Writing<'_> {
    fn write_all(&mut self, deeds: Deeds<'_>) -> Result<(), ItemError> {
        let Deeds { fileset, memory, extent, plan, fates, .. } = deeds;
        let hidden = Hidden::of(fileset);
        let mut fates = fates.into_iter();
        let mut fate_of = |index: usize| match plan.decisions[index] {
            Decision::Keep => None,
            Decision::New | Decision::Changed | Decision::Again => fates.next(),
        };
        meet(fileset, &mut memory.records()?, |met| match met {
            Met::Known(index, selected, record) => match fate_of(index) {
                None => self.keep(&selected, record),
                Some(Fate::Vanished) if !extent.is_full() => self.gone(&record.path),
                Some(fate) => self.stored(&selected, fate),
            },
            Met::New(index, selected) => match fate_of(index) {
                None => Ok(()),
                Some(fate) => self.stored(&selected, fate),
            },
            Met::Missing(_) if extent.is_full() => Ok(()),
            Met::Missing(record) if hidden.hides(&record.path) => self.carry(record),
            Met::Missing(record) if record.present.is_some() || extent.repeats_recent() => {
                self.gone(&record.path)
            }
            Met::Missing(_) => Ok(()),
        })
    }

    /// A path that is as it was. Its stat data may be new all the same.
    fn keep(&mut self, selected: &Selected<'_>, record: &Record) -> Result<(), ItemError> {
        let (digest, attributes) = match record.present {
            Some(Present { digest, attributes, .. }) => (digest, attributes),
            None => (None, None),
        };
        self.present(&record.path, false, Known { stat: Stat::from(selected.metadata), digest, attributes })
    }

    fn stored(&mut self, selected: &Selected<'_>, fate: Fate) -> Result<(), ItemError> {
        let path = selected.path.as_os_str().as_encoded_bytes();
        match fate {
            Fate::Stored { digest, attributes, metadata } => {
                let stat = Stat::from(metadata.as_deref().unwrap_or(selected.metadata));
                self.present(path, true, Known { stat, digest, attributes })
            }
            Fate::Flawed => {
                let stat = Stat::from(selected.metadata);
                self.present(path, true, Known { stat, digest: None, attributes: None })
            }
            Fate::Vanished => Ok(()),
        }
    }

    /// A path that could not be looked at: what is known of it stays known.
    fn carry(&mut self, record: &Record) -> Result<(), ItemError> {
        match record.present {
            Some(Present { stat: Some(stat), digest, attributes }) => {
                self.present(&record.path, record.is_recent, Known { stat, digest, attributes })
            }
            Some(Present { stat: None, .. }) | None => Ok(()),
        }
    }

    fn present(&mut self, path: &[u8], is_recent: bool, known: Known) -> Result<(), ItemError> {
        self.side_file.present(path, is_recent, known).map_err(self.failed)?;
        match known.digest {
            Some(digest) if known.stat.kind == Kind::File => self.digests.pair(path, &digest),
            _ => Ok(()),
        }
    }

    fn gone(&mut self, path: &[u8]) -> Result<(), ItemError> {
        self.side_file.gone(path).map_err(self.failed)
    }
}
