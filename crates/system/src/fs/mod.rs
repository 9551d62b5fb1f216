//! Files, carefully: nothing carries its final name before it is complete and on disk, and no planted link is followed.

mod directory;
mod lock;
mod pending;
mod scratch;

pub use directory::Directory;
pub use lock::{LOCK_NAME, Lock, LockError};
pub use pending::{
    PendingFile, TEMPORARY_PREFIX, is_left_over, is_temporary, sync_directory, write_atomically,
};
pub use scratch::Scratch;
