//! The way back: a directory is made equal to a place in a bucket.
//!
//! The same comparison as on the way there ([`super::plan`]), with the sides changed: objects without files are fetched, files
//! without objects go if that is asked for.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::iter::Peekable;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use redcedar_system::fs::{Directory, PendingFile, is_left_over, is_temporary};
use redcedar_system::monitor::Progress;
use redcedar_system::{System, escape};

use super::budget::{Budget, Pace};
use super::filter::Filter;
use super::fingerprints::Fingerprints;
use super::guard::{self, Facts, Limit, Refusal};
use super::local::Links;
use super::plan::{Extra, Known, Plan, Task};
use super::read::ReadError;
use super::run::{MEMORY, Sides, tally};
use super::work::{self, Failure, Heard, blocking};
use super::{Change, Outcome, Problem, SyncError};
use crate::address::Address;
use crate::bucket::Bucket;
use crate::client::Client;
use crate::digest::{Digester, Fingerprint, Md5Sum, parts_of_etag};
use crate::error::{Error, Kind};

/// How much is asked for at a time.
const PIECE: u64 = 8 << 20;
/// The modes of what is made: a bucket does not say who may read it.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// What is to be made equal to what, and how.
#[derive(Debug, Clone)]
pub struct Fetch<'a> {
    /// The place in the bucket.
    pub source: &'a Address,
    /// The directory, which must be there.
    pub target: &'a Path,
    /// Whether anything is done, or only looked at.
    pub acts: bool,
    /// Whether files without objects are deleted.
    pub delete: bool,
    /// How many files may be deleted, where that is said; see [`Limit`].
    pub limit: Option<Limit>,
    /// Which names are meant.
    pub filter: &'a Filter,
}

/// Makes a directory equal to a place in a bucket, or looks how far it is. No link in the directory is followed. `heard` is told of every
/// name that is fetched or deleted.
///
/// # Errors
/// When the run cannot be begun, or ends early. What is wrong with single objects is in the outcome.
pub fn fetch(
    bucket: &Bucket,
    request: &Fetch<'_>,
    system: &System,
    heard: &mut dyn FnMut(Change, &str, u64),
) -> Result<Outcome, SyncError> {
    let root = Directory::open(request.target).map_err(SyncError::Source)?;
    let sides = Sides {
        bucket,
        local: request.target,
        place: request.source,
        filter: request.filter,
        links: Links::Skip,
        reread: true,
        memory: None,
    };
    let Plan { tasks, work, extra, facts, problems, .. } = sides.compare(system)?;
    for problem in &problems {
        system.monitor.warning(problem.to_string());
    }
    let mut outcome = Outcome { problems, ..Outcome::default() };
    let (mut doomed, mut left_overs) = (Vec::new(), Vec::new());
    let tasks = tasks.items().map_err(SyncError::Scratch)?;
    let wanted = extra.items().map_err(SyncError::Scratch)?;
    let both = Both { tasks: tasks.peekable(), wanted: wanted.peekable() };
    let shared = Arc::new(Shared {
        client: bucket.client().clone(),
        place: request.source.clone(),
        target: request.target.to_owned(),
        root,
        acts: request.acts,
        budget: Budget::new(MEMORY),
        pace: Pace::new(bucket.settings().bandwidth),
        fingerprints: Fingerprints::default(),
        bytes: AtomicU64::new(0),
    });
    system.monitor.task(&format!("Fetching {}", request.source));
    let mut files = 0;
    let mut hear = |what: Heard<(Item, Result<End, Failure>)>| -> Result<(), SyncError> {
        let Heard::Done((item, end)) = what else {
            let bytes = shared.bytes.load(Ordering::Relaxed);
            let progress =
                Progress { files, bytes, total_files: Some(work.files + facts.doomed), total_bytes: None };
            system.monitor.progress(&progress, None);
            return Ok(());
        };
        files += 1;
        let size = item.object.as_ref().map_or(item.size, |object| object.size);
        match end {
            Ok(End::Same) => outcome.compared.add(size),
            Ok(End::Without) if is_temporary(os(split(&item.name).1)) => {
                // Else another run is writing it.
                if is_left_over(os(split(&item.name).1)) {
                    left_overs.push(item.name);
                }
            }
            Ok(End::Without) => doomed.push((item.name, size)),
            Ok(End::Fetched { change, is_proved }) => {
                outcome.unproved += u64::from(!is_proved);
                tally(&mut outcome, change).add(size);
                heard(change, &item.name, size);
            }
            Err(Failure::Bucket(error)) if error.is_about_all() => return Err(error.into()),
            Err(failure) => {
                let problem = Problem::failed(item.name.as_bytes(), failure.to_string());
                system.monitor.error(problem.to_string());
                outcome.problems.push(problem);
            }
        }
        Ok(())
    };
    let perform = |item| Arc::clone(&shared).end(item);
    let most = bucket.settings().requests;
    bucket.run(work::all(both, perform, most, &system.interrupt, &mut hear))?;
    if request.acts {
        for name in left_overs {
            shared.remove_file(&name).map_err(SyncError::Source)?;
            let shown = escape::display(Path::new(&name));
            system.monitor.debug(format!("Removed {shown}, left over from an earlier run."));
        }
    }
    remove(&shared, request, facts, doomed, &mut outcome, heard)?;
    Ok(outcome)
}

/// A name with an object, a file, or both.
struct Item {
    name: String,
    object: Option<Known>,
    /// Whether there is a file.
    is_here: bool,
    /// Of the file.
    size: u64,
}

/// Files and objects in the order of their names.
struct Both<T: Iterator<Item = io::Result<Task>>, E: Iterator<Item = io::Result<Extra>>> {
    tasks: Peekable<T>,
    wanted: Peekable<E>,
}

impl<T: Iterator<Item = io::Result<Task>>, E: Iterator<Item = io::Result<Extra>>> Iterator for Both<T, E> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        let is_task_next = match (self.tasks.peek(), self.wanted.peek()) {
            (Some(Ok(task)), Some(Ok(wanted))) => task.name < wanted.name,
            (task, _) => task.is_some(),
        };
        if is_task_next {
            let task = self.tasks.next()?;
            return Some(task.map(|Task { name, stamp, remote }| Item {
                name,
                object: remote,
                is_here: true,
                size: stamp.size,
            }));
        }
        let wanted = self.wanted.next()?;
        Some(wanted.map(|Extra { name, object }| Item {
            name,
            object: Some(object),
            is_here: false,
            size: 0,
        }))
    }
}

enum End {
    /// The file has the content of the object.
    Same,
    /// There is no object.
    Without,
    /// It was fetched, or would be.
    Fetched { change: Change, is_proved: bool },
}

struct Shared {
    client: Client,
    place: Address,
    target: PathBuf,
    root: Directory,
    acts: bool,
    budget: Budget,
    pace: Pace,
    fingerprints: Fingerprints,
    bytes: AtomicU64,
}

impl Shared {
    async fn end(self: Arc<Self>, item: Item) -> (Item, Result<End, Failure>) {
        let end = self.perform(&item).await;
        (item, end)
    }

    async fn perform(self: Arc<Self>, item: &Item) -> Result<End, Failure> {
        let Some(listed) = &item.object else { return Ok(End::Without) };
        let etag = self.client.etag(&self.place.key(&item.name), &listed.etag).await?;
        let object = &Known { etag, ..listed.clone() };
        let part_size = self.client.settings().part_size_of(object.size);
        let part_size = parts_of_etag(&object.etag).map(|_| part_size);
        if item.is_here && item.size == object.size {
            let path = self.target.join(&item.name);
            let print = self.fingerprints.of(path, Links::Skip, part_size).await?.0;
            if print.has_etag(&object.etag) || self.crc_of(&item.name).await? == Some(print.crc.base64()) {
                return Ok(End::Same);
            }
        }
        let change = if item.is_here { Change::Changed } else { Change::New };
        if !self.acts {
            return Ok(End::Fetched { change, is_proved: true });
        }
        let is_proved = Arc::clone(&self).get(&item.name, object, part_size).await?;
        Ok(End::Fetched { change, is_proved })
    }

    async fn crc_of(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.client.head(&self.place.key(name)).await?.and_then(|head| head.crc))
    }

    /// Fetches an object, and says whether it is proved to be what is in the bucket. It gets its name when it is complete.
    async fn get(
        self: Arc<Self>,
        name: &str,
        object: &Known,
        part_size: Option<u64>,
    ) -> Result<bool, Failure> {
        let (shared, own) = (Arc::clone(&self), name.to_owned());
        let mut file = blocking(move || shared.create(&own)).await?.map_err(ReadError::Io)?;
        let mut digester = Digester::new(part_size);
        let key = self.place.key(name);
        let etag = Some(object.etag.as_str()).filter(|etag| !etag.is_empty());
        let mut offset = 0;
        while offset < object.size {
            let length = PIECE.min(object.size - offset);
            let _room = self.budget.take(length).await;
            self.pace.wait(length).await;
            let bytes = self.client.get(&key, offset, length, etag).await?;
            if bytes.is_empty() {
                return Err(Error::new(
                    Kind::Damaged,
                    format!("read {}", self.client.show(&key)),
                    "it ends early",
                )
                .into());
            }
            offset += bytes.len() as u64;
            self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            (file, digester) = blocking(move || {
                digester.update(&bytes);
                file.write_all(&bytes).map(|()| (file, digester))
            })
            .await?
            .map_err(ReadError::Io)?;
        }
        let is_proved = self.is_proved(name, object, &digester.finish()).await?;
        let modified = object.modified;
        let published = blocking(move || {
            let seconds = Duration::from_secs(modified.unsigned_abs());
            file.file_mut().set_modified(UNIX_EPOCH + seconds)?;
            file.publish(FILE_MODE, None)
        });
        published.await?.map_err(ReadError::Io)?;
        Ok(is_proved)
    }

    /// Whether the server says that its object has this content.
    async fn is_proved(&self, name: &str, object: &Known, print: &Fingerprint) -> Result<bool, Error> {
        if print.has_etag(&object.etag) {
            return Ok(true);
        }
        let key = self.place.key(name);
        let head = self.client.head(&key).await?;
        let is_damaged = match head.as_ref().map(|head| (&head.crc, head.has_md5)) {
            Some((Some(crc), _)) if *crc == print.crc.base64() => return Ok(true),
            Some((Some(_), _)) => true,
            Some((None, has_md5)) => has_md5 && Md5Sum::from_etag(&object.etag).is_some(),
            None => false,
        };
        if is_damaged {
            let intent = format!("read {}", self.client.show(&key));
            return Err(Error::new(Kind::Damaged, intent, "it arrived damaged"));
        }
        Ok(false)
    }

    /// Begins a file, and makes the directories above it.
    fn create(&self, name: &str) -> io::Result<PendingFile> {
        let (above, own) = split(name);
        let mut parts = above.split('/').filter(|_| !above.is_empty()).chain([own]);
        if parts.any(|part| part.is_empty() || part == "." || part == ".." || part.contains('\0')) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no file can have this name"));
        }
        match self.directory_of(above, true)? {
            Some(directory) => directory.create_file(os(own)),
            None => self.root.create_file(os(own)),
        }
    }

    fn remove_file(&self, name: &str) -> io::Result<()> {
        let (above, own) = split(name);
        match self.directory_of(above, false)? {
            Some(directory) => directory.remove_file(os(own)),
            None => self.root.remove_file(os(own)),
        }
    }

    /// The directory of this name; nothing if it is the root.
    fn directory_of(&self, name: &str, make: bool) -> io::Result<Option<Directory>> {
        let mut current: Option<Directory> = None;
        for part in name.split('/').filter(|part| !part.is_empty()) {
            let above = current.as_ref().unwrap_or(&self.root);
            current = Some(if make {
                above.create_directory(os(part), DIRECTORY_MODE, None)?.0
            } else {
                above.open_directory(os(part))?
            });
        }
        Ok(current)
    }
}

/// The directory of a name, and what it is called there.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

fn os(name: &str) -> &OsStr {
    OsStr::from_bytes(name.as_bytes())
}

/// Files without objects go, or are counted.
fn remove(
    shared: &Shared,
    request: &Fetch<'_>,
    facts: Facts,
    doomed: Vec<(String, u64)>,
    outcome: &mut Outcome,
    heard: &mut dyn FnMut(Change, &str, u64),
) -> Result<(), SyncError> {
    // What is the source there is the target here.
    let facts = Facts {
        local: facts.remote,
        unreadable: facts.unreadable,
        remote: facts.local,
        doomed: doomed.len() as u64,
    };
    let mut refusal = guard::judge(facts, request.limit);
    if facts.doomed > 0 && outcome.has_failed() {
        refusal = refusal.or(Some(Refusal::Failed));
    }
    let goes = request.delete && refusal.is_none();
    if request.delete {
        outcome.refusal = refusal;
    }
    for (name, size) in doomed {
        if goes && request.acts {
            shared.remove_file(&name).map_err(SyncError::Source)?;
        }
        let change = if goes { Change::Deleted } else { Change::Extra };
        tally(outcome, change).add(size);
        heard(change, &name, size);
    }
    Ok(())
}
