//! The tasks of a plan, many at a time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redcedar_system::Interrupt;
use tokio::task::{JoinError, JoinSet};

use super::budget::{Budget, Pace};
use super::buffers::Buffers;
use super::content_type;
use super::fingerprints::Fingerprints;
use super::large;
use super::local::Links;
use super::plan::{Known, Task};
use super::read::{self, ReadError};
use super::stamp::Stamp;
use super::unfinished::Unfinished;
use super::{Change, SyncError};
use crate::address::Address;
use crate::client::{Attributes, Client, Proof, Replace};
use crate::digest::parts_of_etag;
use crate::error::{Error, Kind};

/// How long it may take until somebody notices that the run is to stop.
const GLANCE: Duration = Duration::from_millis(100);
/// How many tasks may be done before one that began earlier.
const MOST_AHEAD: u64 = 20_000;

/// What all tasks have in common.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) source: PathBuf,
    pub(super) place: Address,
    pub(super) links: Links,
    pub(super) attributes: Attributes,
    /// Whether something may be changed in the bucket.
    pub(super) acts: bool,
    pub(super) budget: Budget,
    pub(super) buffers: Buffers,
    pub(super) fingerprints: Fingerprints,
    pub(super) pace: Pace,
    pub(super) unfinished: Unfinished,
    /// Bytes read or sent so far.
    pub(super) bytes: AtomicU64,
}

/// How a task ended.
pub(super) struct Done {
    pub(super) task: Task,
    pub(super) end: Result<End, Failure>,
}

pub(super) enum End {
    /// The object has the content of the file.
    Same { etag: String, stamp: Stamp },
    /// It was uploaded.
    Sent(Change, Sent),
    /// It would be uploaded.
    Differs(Change),
}

/// An object that was made of a file that looked like this.
pub(super) struct Sent {
    pub(super) etag: String,
    pub(super) proof: Proof,
    pub(super) stamp: Stamp,
}

/// Why a file is not in the bucket as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Bucket(#[from] Error),
    #[error("cannot write down what was begun: {0}")]
    State(std::io::Error),
    #[error("the work on it ended early: {0}")]
    Lost(#[from] JoinError),
}

impl Shared {
    pub(super) fn attributes(&self, name: &str) -> Attributes {
        let mut attributes = self.attributes.clone();
        if attributes.content_type.is_none() {
            attributes.content_type = content_type::guess(name).map(str::to_owned);
        }
        attributes
    }

    pub(super) fn count_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn path(&self, task: &Task) -> PathBuf {
        self.source.join(&task.name)
    }

    /// Does a task to its end.
    pub(super) async fn end(self: Arc<Self>, task: Task) -> Done {
        let end = self.perform(&task).await;
        Done { task, end }
    }

    async fn perform(self: Arc<Self>, task: &Task) -> Result<End, Failure> {
        let change = if task.remote.is_some() { Change::Changed } else { Change::New };
        if let Some(known) = task.alike()
            && let Some((etag, stamp)) = self.compare(task, known).await?
        {
            return Ok(End::Same { etag, stamp });
        }
        if !self.acts {
            return Ok(End::Differs(change));
        }
        let sent = if task.stamp.size < self.client.settings().threshold {
            self.send_small(task).await?
        } else {
            large::send(Arc::clone(&self), task, self.path(task)).await?
        };
        Ok(End::Sent(change, sent))
    }

    /// Whether a file has the content of the object by its name, by everything that the server says of it.
    async fn compare(&self, task: &Task, known: &Known) -> Result<Option<(String, Stamp)>, Failure> {
        let key = self.place.key(&task.name);
        let etag = match self.client.etag(&key, &known.etag).await {
            // Whoever may only write is not told.
            Err(error) if error.kind() == Kind::Forbidden => String::new(),
            etag => etag?,
        };
        let part_size = self.client.settings().part_size_of(known.size);
        let part_size = parts_of_etag(&etag).map(|_| part_size);
        let (print, stamp) = self.fingerprints.of(self.path(task), self.links, part_size).await?;
        if !self.acts {
            self.count_bytes(known.size);
        }
        if stamp.size == known.size && print.has_etag(&etag) {
            return Ok(Some((etag, stamp)));
        }
        // The ETag may be anything: some encryptions and some servers make it so.
        let head = match self.client.head(&key).await {
            Ok(head) => head,
            Err(error) if error.kind() == Kind::Forbidden => None,
            Err(error) => return Err(error.into()),
        };
        let is_same = |crc: &String| *crc == print.crc.base64();
        Ok(head
            .filter(|head| head.size == stamp.size && head.crc.as_ref().is_some_and(is_same))
            .map(|head| (head.etag, stamp)))
    }

    async fn send_small(&self, task: &Task) -> Result<Sent, Failure> {
        let _room = self.budget.take(task.stamp.size).await;
        let (path, links) = (self.path(task), self.links);
        let largest = self.client.settings().threshold.max(task.stamp.size);
        let (body, stamp) = blocking(move || read::whole(&path, links, largest)).await??;
        self.pace.wait(stamp.size).await;
        let key = self.place.key(&task.name);
        let stored = self.client.put(&key, &body, &self.attributes(&task.name), Replace::Anything).await?;
        self.count_bytes(stamp.size);
        Ok(Sent { etag: stored.etag, proof: stored.proof, stamp })
    }
}

/// Does what would hold up everything else in a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}

/// Does the tasks, `most` at a time. `heard` is told of them in their order, and of progress whenever one is done. An
/// interruption ends everything that goes on.
pub(super) async fn all<T, D, F>(
    tasks: impl Iterator<Item = std::io::Result<T>>,
    perform: impl Fn(T) -> F,
    most: usize,
    interrupt: &Interrupt,
    heard: &mut dyn FnMut(Heard<D>) -> Result<(), SyncError>,
) -> Result<(), SyncError>
where
    F: Future<Output = D> + Send + 'static,
    D: Send + 'static,
{
    let mut tasks = tasks.zip(0_u64..).peekable();
    let mut working: JoinSet<(u64, D)> = JoinSet::new();
    // What is done, but not yet in its turn.
    let mut done = BTreeMap::new();
    let mut next = 0;
    loop {
        while working.len() < most
            && let Some((task, number)) = tasks.next_if(|(_, number)| *number < next + MOST_AHEAD)
        {
            let end = perform(task.map_err(SyncError::Scratch)?);
            working.spawn(async move { (number, end.await) });
        }
        if interrupt.is_raised() {
            working.shutdown().await;
            return Err(SyncError::Interrupted);
        }
        let joined = match tokio::time::timeout(GLANCE, working.join_next()).await {
            Ok(Some(joined)) => joined,
            Ok(None) => return Ok(()),
            Err(_) => {
                heard(Heard::Progress)?;
                continue;
            }
        };
        let (number, one) = joined.map_err(SyncError::Lost)?;
        done.insert(number, one);
        while let Some(one) = done.remove(&next) {
            next += 1;
            heard(Heard::Done(one))?;
        }
        heard(Heard::Progress)?;
    }
}

/// What is to be heard while tasks are done.
pub(super) enum Heard<D> {
    /// A task is done. They come in their order.
    Done(D),
    /// Somewhat more is done than before.
    Progress,
}
