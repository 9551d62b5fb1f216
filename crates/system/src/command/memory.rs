//! What a program reads like a file, but is on no disk: passwords. It ends with the program and with us, however either ends.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};

/// A file in memory.
#[derive(Debug, Clone)]
pub struct MemoryFile(Arc<File>);

impl MemoryFile {
    /// A file that holds `content`.
    ///
    /// # Errors
    /// When the system has no memory for it.
    pub fn new(content: &[u8]) -> io::Result<Self> {
        let descriptor = memfd_create(c"redcedar", MemfdFlags::CLOEXEC)?;
        // Careful programs read no settings that others could have written.
        fchmod(&descriptor, Mode::from_raw_mode(0o600))?;
        let mut file = File::from(descriptor);
        file.write_all(content)?;
        Ok(Self(Arc::new(file)))
    }

    /// Its path for a program that is [run with it](super::Command::with_file).
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }

    /// What has to stay open in the child.
    pub(super) fn inherited(&self) -> Arc<File> {
        Arc::clone(&self.0)
    }
}

/// The same file.
impl PartialEq for MemoryFile {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for MemoryFile {}
