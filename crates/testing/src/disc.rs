//! Images of discs, written by `xorriso`.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::program;

/// The bytes of a block.
pub const BLOCK: u64 = 2048;

/// Adds a session with the files below `tree` to an image, which need not be there yet. Digests come with it.
pub fn add_session(image: &Path, label: &str, tree: &Path) {
    let mut device = std::ffi::OsString::from("stdio:");
    device.push(image);
    let mut command = program::command("xorriso");
    command.args(["-no_rc", "-for_backup", "-dev"]).arg(device).args(["-volid", label, "-map"]);
    program::succeed(command.arg(tree).args(["/", "-commit", "-end"]));
}

/// Damages so many bytes of an image.
pub fn damage(image: &Path, offset: u64, length: usize) {
    let file = OpenOptions::new().write(true).open(image).expect("an image");
    file.write_all_at(&vec![0x5a; length], offset).expect("an image that can be written");
}

/// A block device of an exact size, kept in a file. It goes away with the value.
#[derive(Debug)]
pub struct LoopDevice(PathBuf);

impl LoopDevice {
    /// Makes one of `size` bytes, kept in the file `backing`, or says aloud that this cannot be done here. It needs root; where even
    /// root may not, `REDCEDAR_NO_MOUNT` says so.
    ///
    /// # Panics
    /// When it cannot be made where everything must be there (`CI` is set).
    pub fn attach(backing: &Path, size: u64) -> Option<Self> {
        let what = "discs that are block devices";
        if program::variable("REDCEDAR_NO_MOUNT").is_some() {
            return None;
        }
        if !program::is_root() {
            program::cannot_test(what, "only root may make one");
            return None;
        }
        let file = fs_err::File::create(backing).expect("the file can be made");
        file.set_len(size).expect("it can have its size");
        let output = program::run(program::command("losetup").args(["--find", "--show"]).arg(backing));
        if output.status.success() {
            Some(Self(String::from_utf8_lossy(&output.stdout).trim().into()))
        } else {
            program::cannot_test(what, &program::describe(&output));
            None
        }
    }

    /// The device.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let output = program::run(program::command("losetup").arg("--detach").arg(&self.0));
        assert!(
            output.status.success() || std::thread::panicking(),
            "cannot detach {}: {}",
            self.0.display(),
            program::describe(&output)
        );
    }
}
