//! Things that go wrong on purpose.

use crate::program;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A small file system of its own, which fills up soon. It goes away with the value.
#[derive(Debug)]
pub struct SmallFileSystem {
    mount_point: PathBuf,
    /// Holds nothing but the mount point, so that a test may do what it likes to the parent, too.
    #[expect(dead_code, reason = "it is there to be dropped")]
    parent: TempDir,
}

impl SmallFileSystem {
    /// Mounts a file system of `kibibytes`, or says aloud that this cannot be done here. Mounting needs root; where even
    /// root may not, `REDCEDAR_NO_MOUNT` says so.
    ///
    /// # Panics
    /// When it cannot be mounted where everything must be there (`CI` is set).
    pub fn mount(kibibytes: u64) -> Option<Self> {
        let what = "what happens on a full file system";
        if program::variable("REDCEDAR_NO_MOUNT").is_some() {
            return None;
        }
        if !program::is_root() {
            program::cannot_test(what, "only root may mount a small one");
            return None;
        }
        let parent = TempDir::new().expect("a temporary directory can be made");
        let mount_point = parent.path().join("small");
        fs_err::create_dir(&mount_point).expect("the mount point can be made");
        let output = program::run(
            program::command("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k,mode=0755"), "redcedar-test"])
                .arg(&mount_point),
        );
        if output.status.success() {
            Some(Self { mount_point, parent })
        } else {
            program::cannot_test(what, &program::describe(&output));
            None
        }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mount_point
    }

    /// Fills it with a file `name` until `left` bytes are free, more or less.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn fill(&self, name: &str, left: u64) {
        let free = rustix::fs::statvfs(self.path()).expect("the file system can be asked");
        let free = free.f_bavail * free.f_frsize;
        let len = usize::try_from(free.saturating_sub(left)).expect("a small file system fits into memory");
        fs_err::write(self.path().join(name), vec![0_u8; len]).expect("the filler can be written");
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        let output = program::run(program::command("umount").arg(&self.mount_point));
        assert!(
            output.status.success() || std::thread::panicking(),
            "cannot unmount {}: {}",
            self.mount_point.display(),
            program::describe(&output)
        );
    }
}
