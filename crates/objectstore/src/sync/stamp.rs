//! What the file system says of a file without reading it.

use rustix::fs::Stat;

/// What changes when a file is changed, by whatever means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    /// Seconds and nanoseconds.
    pub(crate) modified: (i64, u32),
    /// The same of the last change of anything about it.
    pub(crate) changed: (i64, u32),
    pub(crate) inode: u64,
}

impl Stamp {
    /// Whether whatever happened to the file happened before the second that ends at `began`: a change within the tick of the
    /// clock could not be seen.
    pub(crate) fn is_settled(&self, began: i64) -> bool {
        self.changed.0 + 1 < began && self.modified.0 + 1 < began
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "the types differ between machines; nanoseconds and sizes are small and not negative"
)]
impl From<&Stat> for Stamp {
    fn from(stat: &Stat) -> Self {
        Self {
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            inode: stat.st_ino as u64,
        }
    }
}
