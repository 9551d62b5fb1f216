//! Images of discs, written by `xorriso`.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

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
