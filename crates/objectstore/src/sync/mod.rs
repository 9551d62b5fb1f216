//! A directory, and a place in a bucket that is kept equal to it.
//!
//! Both sides are listed to their ends and compared before anything is done ([`plan`]); what nothing has changed since its
//! object was made of it is not read ([`memory`]). Uploads come first, each proved by what the server says of it; what has to
//! go goes last, and only if everything before went well ([`guard`]). Memory does not depend on how many objects there are.

mod budget;
mod buffers;
mod content_type;
mod fetch;
mod filter;
mod fingerprints;
mod guard;
mod large;
mod local;
mod memory;
mod outcome;
mod plan;
mod read;
mod remote;
mod run;
mod spool;
mod stamp;
mod unfinished;
mod work;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_system::Interrupt;
use redcedar_system::fs::LockError;
use tokio::task::JoinError;

pub use fetch::{Fetch, fetch};
pub use filter::Filter;
pub use guard::{Limit, LimitError, Refusal};
pub use local::Links;
pub use outcome::{Change, Outcome, Problem, Tally};
pub use run::sync;

use crate::address::Address;
use crate::client::Attributes;
use crate::error::Error;

/// What is to be kept equal to what, and how.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The directory.
    pub source: &'a Path,
    /// The place in the bucket.
    pub target: &'a Address,
    /// Whether anything is done, or only looked at.
    pub acts: bool,
    /// Whether objects without files are deleted.
    pub delete: bool,
    /// How many objects may be deleted, where that is said; see [`Limit`].
    pub limit: Option<Limit>,
    /// Which names are meant.
    pub filter: &'a Filter,
    /// What is done about symbolic links.
    pub links: Links,
    /// Whether files are read even if nothing about them has changed.
    pub reread: bool,
    /// What is said of each object; where the type of content is not, it is guessed from the name.
    pub attributes: Attributes,
    /// A directory of this source and this target alone, where is kept what makes the next run quick. It is made if need be.
    pub state: Option<&'a Path>,
}

/// Tells of every name in a directory that cannot be a key, because it is not UTF-8.
///
/// # Errors
/// When the directory cannot be read.
pub fn odd_names(source: &Path, interrupt: &Interrupt, heard: &mut dyn FnMut(&Path)) -> io::Result<()> {
    let filter = Filter::default();
    for local in local::Walk::new(source, Links::Follow, &filter, interrupt)? {
        if let local::Local::Unknown { name, .. } = local?
            && std::str::from_utf8(&name).is_err()
        {
            heard(&source.join(std::ffi::OsStr::from_bytes(&name)));
        }
    }
    Ok(())
}

/// Why nothing, or not everything, was done.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The source cannot be read.
    #[error(transparent)]
    Source(io::Error),
    /// The bucket cannot be listed, or objects not be deleted.
    #[error(transparent)]
    Bucket(#[from] Error),
    /// What earlier runs have kept cannot be read or written.
    #[error("cannot use what earlier runs have kept: {0}")]
    State(io::Error),
    /// Another run is at work.
    #[error(transparent)]
    Busy(#[from] LockError),
    /// There is no room for temporary files.
    #[error("cannot use a temporary file: {0}")]
    Scratch(io::Error),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A fault of ours.
    #[error("the work ended early: {0}")]
    Lost(JoinError),
}

impl SyncError {
    /// Of an error of reading the source.
    pub fn from_source(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Source(error),
        }
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error(transparent)]
    Source(io::Error),
    #[error(transparent)]
    Bucket(#[from] Error),
    #[error(transparent)]
    State(io::Error),
    #[error(transparent)]
    Scratch(io::Error),
    #[error("the server lists in an order of its own")]
    Disorder,
}
