//! `redcedar mount` of whatever a pool has its days on.

use redcedar_testing::program;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Whether the kernel lets us mount.
pub(super) fn is_possible() -> bool {
    program::is_root() && Path::new("/dev/fuse").exists()
}

/// A running `redcedar mount`. Unmounted and ended when dropped.
pub(super) struct Mounted {
    child: Child,
    directory: tempfile::TempDir,
}

impl Mounted {
    /// Mounts by a command that lacks nothing but where to.
    #[track_caller]
    pub(super) fn new(command: &mut Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = command.arg(directory.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mounted = Self { child, directory };
        assert!(line.contains(" below "), "{line}");
        mounted
    }

    /// Where a path of a machine is on a day, if there is anything.
    pub(super) fn path(&self, date: &str, machine: &str, path: &Path) -> Option<PathBuf> {
        let shown = self.directory.path().join(date).join(machine).join(path.strip_prefix("/").unwrap());
        shown.exists().then_some(shown)
    }

    /// Unmounts; everything must have been readable.
    #[track_caller]
    pub(super) fn end(mut self) {
        self.interrupt();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.interrupt();
            let _ended = self.child.wait();
        }
    }
}
