//! Where a walk stops though nobody excluded the place: other file systems, the kernel's own, and directories of ours.

use std::ffi::CStr;
use std::path::PathBuf;

use rustix::io::Errno;

use super::directory::{self, Directory, Links};
use crate::Metadata;

/// What to do with a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go in.
    Enter,
    /// Stay out, as was asked for.
    Stop,
    /// Stay out and say why.
    Skip(String),
}

/// The rules of one walk.
#[derive(Debug)]
pub(super) struct Barriers {
    root_device: u64,
    one_file_system: bool,
    never_enter: Vec<(u64, u64)>,
    device_file_systems: Option<Vec<u64>>,
}

impl Barriers {
    /// Directories in `never_enter` that are not there need no barrier.
    pub(super) fn new(root_device: u64, one_file_system: bool, never_enter: &[PathBuf]) -> Self {
        let identity = |path: &PathBuf| {
            directory::stat(path.as_path(), Links::Follow).ok().map(|found| found.identity())
        };
        Self {
            root_device,
            one_file_system,
            never_enter: never_enter.iter().filter_map(identity).collect(),
            device_file_systems: None,
        }
    }

    /// Whether something on that device may be selected at all.
    pub(super) fn is_beyond(&self, metadata: &Metadata) -> bool {
        self.one_file_system && metadata.device != self.root_device
    }

    /// Decides about the directory `name` in `parent`, which lies on `parent_device`.
    pub(super) fn judge(
        &mut self,
        parent: &Directory,
        name: &CStr,
        links: Links,
        found: &Metadata,
        parent_device: u64,
    ) -> Result<Verdict, Errno> {
        if self.never_enter.contains(&found.identity()) {
            return Ok(Verdict::Skip("it belongs to the backup itself".to_owned()));
        }
        if found.device == parent_device {
            return Ok(Verdict::Enter);
        }
        if self.is_beyond(found) {
            return Ok(Verdict::Stop);
        }
        let place = parent.open_place(name, links)?;
        let kind = magic(&rustix::fs::fstatfs(&place)?);
        if let Some((_, name)) = PSEUDO_FILE_SYSTEMS.iter().find(|(magic, _)| *magic == kind) {
            return Ok(Verdict::Skip(format!("it is a {name} file system")));
        }
        if matches!(kind, TMPFS | RAMFS) && self.is_device_file_system(found.device) {
            return Ok(Verdict::Skip("it is a devtmpfs file system".to_owned()));
        }
        Ok(Verdict::Enter)
    }

    /// A devtmpfs calls itself a tmpfs (or ramfs), which may hold what people keep; only the table of mounts knows.
    fn is_device_file_system(&mut self, device: u64) -> bool {
        let devices = self.device_file_systems.get_or_insert_with(|| {
            let table = fs_err::read("/proc/self/mountinfo").unwrap_or_default();
            devices_of_type(&table, b"devtmpfs")
        });
        devices.contains(&device)
    }
}

/// The devices of all mounts of a type, from the text of `/proc/self/mountinfo`
/// (`36 35 98:0 /root /mnt options [tags] - type source options`).
fn devices_of_type(mountinfo: &[u8], wanted: &[u8]) -> Vec<u64> {
    let device = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b' ');
        let device = std::str::from_utf8(fields.nth(2)?).ok()?;
        let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
        let (major, minor) = device.split_once(':')?;
        (kind == wanted).then_some(major.parse::<u64>().ok()? << 32 | minor.parse::<u64>().ok()?)
    };
    mountinfo.split(|&byte| byte == b'\n').filter_map(device).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "these numbers have 32 bits; only the width of their field varies"
)]
fn magic(statfs: &rustix::fs::StatFs) -> u32 {
    statfs.f_type as u32
}

const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;

/// File systems whose files are made up by the kernel (`statfs(2)`, `linux/magic.h`).
const PSEUDO_FILE_SYSTEMS: [(u32, &str); 24] = [
    (0x0000_9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x0000_1cd1, "devpts"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0x6165_676c, "pstore"),
    (0xcafe_4a11, "bpf"),
    (0x1980_0202, "mqueue"),
    (0x9584_58f6, "hugetlbfs"),
    (0x6265_6570, "configfs"),
    (0x6573_5543, "fusectl"),
    (0xde5e_81e4, "efivarfs"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x0000_0187, "autofs"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x4341_5d53, "smackfs"),
    (0x6e73_6673, "nsfs"),
    (0x6759_6969, "rpc_pipefs"),
    (0x6e66_7364, "nfsd"),
    (0x0000_9fa2, "usbdevfs"),
    (0xabba_1974, "xenfs"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_mounts_gives_the_devices_of_a_type() {
        let table = b"22 1 0:21 / /proc rw - proc proc rw\n\
            23 1 0:6 / /dev rw,nosuid shared:2 master:1 - devtmpfs udev rw\n\
            24 1 259:1 / /a\\040b rw - ext4 /dev/devtmpfs rw\n\
            broken\n";
        assert_eq!(devices_of_type(table, b"devtmpfs"), [6]);
        assert_eq!(devices_of_type(table, b"ext4"), [259 << 32 | 1]);
    }
}
