//! One run at a time in a working directory.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// The name of the lock file in a working directory.
pub const LOCK_NAME: &str = ".redcedar.lock";

/// Why a lock was not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("another run is using {}{}; wait for it or end it", .directory.display(), describe(.holder))]
    Busy {
        /// The directory.
        directory: PathBuf,
        /// What the other run wrote into the lock: its process id.
        holder: String,
    },
    /// The lock file cannot be opened.
    #[error("cannot lock {}: {source}", .directory.display())]
    Io {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn describe(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" (process {text})") }
}

/// Held as long as it lives; the kernel releases it even when the process is killed.
#[derive(Debug)]
pub struct Lock {
    file: std::fs::File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would not do: a child that is just being started has a copy of the handle until it runs its program.
        let _ignored = self.file.unlock();
    }
}

impl Lock {
    /// Locks `directory`, which must exist. Does not wait.
    ///
    /// # Errors
    /// [`LockError::Busy`] when another process holds it, [`LockError::Io`] when the lock file cannot be made.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io { directory: directory.to_owned(), source };
        let path = directory.join(LOCK_NAME);
        // A link in its place would not be followed, and would keep us from locking at all.
        if fs_err::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            fs_err::remove_file(&path).map_err(io)?;
        }
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(io)?;
                return Err(LockError::Busy {
                    directory: directory.to_owned(),
                    holder: holder.trim().to_owned(),
                });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_refused_and_told_who_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let held = Lock::acquire(directory.path()).unwrap();
        let refused = Lock::acquire(directory.path()).unwrap_err();
        assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
        drop(held);
        Lock::acquire(directory.path()).unwrap();
    }

    #[test]
    fn a_planted_link_gives_way_and_its_target_is_untouched() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("target");
        fs_err::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, directory.path().join(LOCK_NAME)).unwrap();
        let _held = Lock::acquire(directory.path()).unwrap();
        assert!(fs_err::symlink_metadata(directory.path().join(LOCK_NAME)).unwrap().is_file());
        assert_eq!(fs_err::read(&target).unwrap(), b"precious");
    }
}
