//! The list of files without file systems that are no disk of this machine: `ls` prints what it always does, directory by
//! directory.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use redcedar_engine::extension::{Call, program};
use redcedar_system::Interrupted;
use redcedar_system::command::Command;

use super::original::{FILE_LIST, check_ls};
use super::{Report, ReportError, print};
use crate::output::Output;

/// Where the kernel says what is mounted.
const MOUNTS: &str = "/proc/self/mounts";
/// How many bytes of paths `ls` gets at once.
const BATCH: usize = 64 << 10;

/// Kernel interfaces, memory, and other machines. So is whatever a program serves (`fuse.*`).
const FOREIGN: &[&str] = &[
    "9p",
    "afs",
    "autofs",
    "beegfs",
    "binfmt_misc",
    "bpf",
    "ceph",
    "cgroup",
    "cgroup2",
    "cifs",
    "coda",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fuse",
    "fusectl",
    "gfs2",
    "glusterfs",
    "hugetlbfs",
    "lustre",
    "mqueue",
    "ncpfs",
    "nfs",
    "nfs4",
    "nfsd",
    "nsfs",
    "ocfs2",
    "orangefs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smb3",
    "smbfs",
    "sysfs",
    "tmpfs",
    "tracefs",
    "virtiofs",
    "xenfs",
];

pub(super) fn list_files(report: &mut Report<'_>) -> Result<(), Interrupted> {
    let limit = report.limit;
    report.file(FILE_LIST, |output, call| {
        let left_out = foreign_mounts(&fs_err::read(MOUNTS)?);
        let mut list = List { output, call, limit, batch: Vec::new(), size: 0, has_begun: false };
        list.walk(Path::new("/"), &left_out)?;
        list.flush()
    })
}

/// The mount points below `/` of what is not listed.
fn foreign_mounts(mounts: &[u8]) -> HashSet<PathBuf> {
    let lines = mounts.split(|byte| *byte == b'\n');
    let fields = lines.filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        Some((fields.nth(1)?, fields.next()?))
    });
    let is_foreign =
        |kind: &[u8]| kind.starts_with(b"fuse.") || FOREIGN.iter().any(|foreign| foreign.as_bytes() == kind);
    let foreign = fields.filter(|(place, kind)| is_foreign(kind) && *place != b"/");
    foreign.map(|(place, _)| PathBuf::from(OsString::from_vec(unescaped(place)))).collect()
}

/// Blanks and the like are three octal digits behind a backslash.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits =
            after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

struct List<'a, 'o> {
    output: &'a mut Output<'o>,
    call: &'a Call<'a>,
    limit: Option<Duration>,
    batch: Vec<PathBuf>,
    /// Bytes of the paths in the batch.
    size: usize,
    has_begun: bool,
}

impl List<'_, '_> {
    /// Lists a directory and what is below. One that cannot be read is for `ls` to complain about.
    fn walk(&mut self, directory: &Path, left_out: &HashSet<PathBuf>) -> Result<(), ReportError> {
        self.add(directory)?;
        let Ok(entries) = fs_err::read_dir(directory) else { return Ok(()) };
        let mut below: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .filter(|path| !left_out.contains(path))
            .collect();
        below.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
        below.iter().try_for_each(|path| self.walk(path, left_out))
    }

    fn add(&mut self, directory: &Path) -> Result<(), ReportError> {
        self.size += directory.as_os_str().len();
        self.batch.push(directory.to_owned());
        if self.size >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ReportError> {
        let batch = std::mem::take(&mut self.batch);
        self.size = 0;
        let Some(first) = batch.first() else { return Ok(()) };
        self.call.system.interrupt.check()?;
        if std::mem::replace(&mut self.has_begun, true) {
            self.output.write_all(b"\n")?;
        }
        if batch.len() == 1 {
            // `ls` gives a single directory no heading.
            let heading: [&OsStr; 2] = [first.as_os_str(), OsStr::new(":\n")];
            heading.iter().try_for_each(|part| self.output.write_all(part.as_bytes()))?;
        }
        let ls = program("ls", &self.call.config.options);
        let command = Command::new(&ls).args(["-la", "--"]).args(batch).time_limit(self.limit);
        let finished = print(&command, self.output, self.call)?;
        check_ls(&finished, &ls, self.call)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use redcedar_archive::Compression;
    use redcedar_system::command::OsRunner;
    use redcedar_system::{Environment, Interrupt, System, fake};
    use redcedar_testing::program;

    use super::*;
    use crate::output::CollectDir;
    use crate::sample::Machine;

    /// What is listed of `directory`.
    fn listed(directory: &Path, left_out: &HashSet<PathBuf>) -> String {
        let machine = Machine::new("", "");
        let (system, monitor) = fake::system("2026-11-24T02:00");
        let environment = Environment::from_pairs([("PATH", "/usr/bin:/bin"), ("TZ", "UTC")]);
        let runner = Arc::new(OsRunner::new(&environment, monitor, Interrupt::new()));
        let system = System { runner, ..system };
        let call = machine.call(&system);
        let collect_dir = CollectDir::open(&call).unwrap();
        let mut output = collect_dir.create(OsStr::new("list"), Compression::None).unwrap();
        let mut list = List {
            output: &mut output,
            call: &call,
            limit: None,
            batch: Vec::new(),
            size: 0,
            has_begun: false,
        };
        list.walk(directory, left_out).unwrap();
        list.flush().unwrap();
        output.publish().unwrap();
        fs_err::read_to_string(machine.path("collect/list")).unwrap()
    }

    fn ls(arguments: &[&Path]) -> String {
        let mut command = program::command("ls");
        command.env("LANG", "C").args(arguments);
        String::from_utf8(program::succeed(&mut command)).unwrap()
    }

    #[test]
    fn the_list_is_what_ls_prints_without_what_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let root = &directory.path().join("root");
        fs_err::create_dir_all(root.join("a/below")).unwrap();
        fs_err::create_dir_all(root.join("net/work")).unwrap();
        fs_err::write(root.join("a/-file"), "x").unwrap();
        fs_err::os::unix::fs::symlink("a", root.join("link")).unwrap();
        let everything = listed(root, &HashSet::new());
        assert_eq!(everything, ls(&[Path::new("-laR"), root]));
        let part = listed(root, &HashSet::from([root.join("net")]));
        assert_eq!(part, ls(&[Path::new("-la"), root, &root.join("a"), &root.join("a/below")]));
        let empty = root.join("net/work");
        assert_eq!(listed(&empty, &HashSet::new()), ls(&[Path::new("-laR"), &empty]));
    }

    #[test]
    fn what_is_no_disk_of_this_machine_is_left_out() {
        let mounts = b"/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\nnas:/a /mnt/my\\040nas nfs4 rw 0 0\n\
            /dev/sdb1 /home xfs rw 0 0\nsshfs#x /home/x fuse.sshfs rw 0 0\n/dev/sdc1 /usb fuseblk rw 0 0\nx\n";
        let expected = ["/proc", "/mnt/my nas", "/home/x"].map(PathBuf::from);
        assert_eq!(foreign_mounts(mounts), HashSet::from(expected));
        assert_eq!(foreign_mounts(b"overlay / overlay rw 0 0\ntmpfs / tmpfs rw 0 0\n"), HashSet::new());
    }

    #[test]
    fn only_octal_digits_are_an_escape() {
        assert_eq!(unescaped(br"a\040b\x\134\08"), br"a b\x\\08");
        assert_eq!(unescaped(br"\400\"), br"\400\");
    }
}
