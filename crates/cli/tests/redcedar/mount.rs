//! `redcedar mount`, through the kernel.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use redcedar_system::account::host_name;
use redcedar_testing::compare::Snapshot;
use redcedar_testing::program;
use redcedar_testing::rng::Rng;
use rustix::fs::{FileType, Mode, SeekFrom, makedev, mknodat, seek};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::Sandbox;

/// Whether the kernel lets us mount; says so if not.
pub(crate) fn is_possible() -> bool {
    let is_possible = program::is_root() && Path::new("/dev/fuse").exists();
    if !is_possible {
        program::cannot_test("mounting", "that needs root and /dev/fuse");
    }
    is_possible
}

/// A running `redcedar mount`. Unmounted and ended when dropped.
pub(crate) struct Mounted {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
    directory: PathBuf,
    /// What it said when it was mounted.
    pub(crate) line: String,
}

impl Mounted {
    /// Runs `redcedar mount DIRECTORY …`, and waits until it is mounted or has failed.
    pub(crate) fn new(sandbox: &Sandbox, line: &str) -> Self {
        let mut command = sandbox.command(line);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take().unwrap();
        let mut line_read = String::new();
        stdout.read_line(&mut line_read).unwrap();
        let directory = sandbox.path(line.split(' ').nth(1).unwrap());
        Self { child, stdout, stderr, directory, line: line_read }
    }

    pub(crate) fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Waits for the end: exit code, and what else was said.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        self.stderr.read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap().code(), text)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.interrupt();
            let _ended = self.child.wait();
        }
        if is_mount_point(&self.directory) {
            program::run(program::command("umount").arg("-l").arg(&self.directory));
        }
    }
}

fn is_mount_point(directory: &Path) -> bool {
    let device = |path: &Path| fs_err::metadata(path).map(|metadata| metadata.dev()).ok();
    device(directory) != device(directory.parent().unwrap())
}

/// A machine with an empty directory to mount on.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    fs_err::create_dir_all(sandbox.path("/mnt/days")).unwrap();
    sandbox
}

fn back_up(sandbox: &Sandbox) {
    let answer = sandbox.run("backup /home/anna --to /mnt/backup -q");
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

/// Where a directory of the sandbox is on a day.
fn shown(sandbox: &Sandbox, day: &str, path: &str) -> PathBuf {
    let days = sandbox.path("/mnt/days").join(day).join(host_name());
    days.join(sandbox.path(path).strip_prefix("/").unwrap())
}

#[test]
fn each_day_is_a_directory_with_everything_as_it_was() {
    if !is_possible() {
        return;
    }
    let mut sandbox = sandbox();
    let home = sandbox.path("/home/anna");
    sandbox.write("/home/anna/letters/one", "one");
    sandbox.write("/home/anna/large", Rng::new(7).bytes(3 << 20));
    fs_err::hard_link(home.join("letters/one"), home.join("again")).unwrap();
    symlink("letters/one", home.join("link")).unwrap();
    fs_err::set_permissions(home.join("large"), PermissionsExt::from_mode(0o4751)).unwrap();
    std::os::unix::fs::chown(home.join("letters"), Some(12345), Some(54321)).unwrap();
    mknodat(rustix::fs::CWD, home.join("null"), FileType::CharacterDevice, Mode::RUSR, makedev(1, 3))
        .unwrap();
    mknodat(rustix::fs::CWD, home.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    back_up(&sandbox);
    let first = Snapshot::take(&home).unwrap();
    sandbox.at("2026-11-24T02:00:00");
    sandbox.write("/home/anna/letters/two", "two");
    fs_err::remove_file(home.join("large")).unwrap();
    back_up(&sandbox);
    let second = Snapshot::take(&home).unwrap();

    let mounted = Mounted::new(&sandbox, "mount /mnt/days --from /mnt/backup");
    assert!(mounted.line.starts_with("2 days of 1 machine below "), "{}", mounted.line);
    let names = |path: &str| {
        let names = fs_err::read_dir(sandbox.path(path)).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("/mnt/days"), ["2026-11-23", "2026-11-24", "latest"]);
    assert_eq!(names("/mnt/days/2026-11-23"), [host_name().as_str()]);
    for (day, expected) in [("2026-11-23", &first), ("2026-11-24", &second), ("latest", &second)] {
        let found = Snapshot::take(&shown(&sandbox, day, "/home/anna")).unwrap();
        assert_eq!(expected.differences(&found), [""; 0], "{day}");
    }
    let latest = sandbox.path("/mnt/days/latest").join(host_name());
    assert_eq!(fs_err::read_link(latest).unwrap(), Path::new("../2026-11-24").join(host_name()));

    let directory = shown(&sandbox, "2026-11-23", "/home/anna");
    let denied = fs_err::write(directory.join("new"), "x").unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::ReadOnlyFilesystem);
    let denied = fs_err::File::open(directory.join("null")).unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    assert_eq!(fs_err::metadata(directory.join("nothing")).unwrap_err().kind(), ErrorKind::NotFound);

    mounted.interrupt();
    assert_eq!(mounted.wait(), (Some(0), String::new()));
    assert_eq!(names("/mnt/days"), [""; 0]);
}

#[test]
fn holes_are_holes_and_files_are_read_at_any_place() {
    if !is_possible() {
        return;
    }
    let sandbox = sandbox();
    let noise = Rng::new(8).bytes(2 << 20);
    sandbox.write("/home/anna/plain", &noise);
    let sparse = std::fs::File::create_new(sandbox.path("/home/anna/sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    sparse.write_all_at(&noise, 32 << 20).unwrap();
    back_up(&sandbox);
    let _mounted = Mounted::new(&sandbox, "mount /mnt/days --from /mnt/backup");
    let open = |name: &str| {
        std::fs::File::options().read(true).open(shown(&sandbox, "latest", "/home/anna").join(name)).unwrap()
    };
    let mut buffer = vec![0; 1000];
    open("plain").read_exact_at(&mut buffer, 1_234_567).unwrap();
    assert_eq!(buffer, noise[1_234_567..1_235_567]);
    let file = open("sparse");
    assert_eq!(seek(&file, SeekFrom::Data(0)), Ok(32 << 20));
    assert_eq!(seek(&file, SeekFrom::Hole(32 << 20)), Ok(34 << 20));
    assert_eq!(seek(&file, SeekFrom::Data(35 << 20)), Err(Errno::NXIO));
    let mut content = vec![0; 2 << 20];
    file.read_exact_at(&mut content, 32 << 20).unwrap();
    assert!(content == noise);
    file.read_exact_at(&mut buffer, 40 << 20).unwrap();
    assert_eq!(buffer, [0; 1000]);
}

#[test]
fn what_cannot_be_read_is_an_error_for_whoever_reads_and_exit_7() {
    if !is_possible() {
        return;
    }
    let sandbox = sandbox();
    sandbox.write("/home/anna/good", "good");
    sandbox.write("/home/anna/large", Rng::new(9).bytes(3 << 20));
    back_up(&sandbox);
    let day = sandbox.path("/mnt/backup/2026/11/23").join(host_name());
    let mut archives = fs_err::read_dir(day).unwrap().map(|entry| entry.unwrap().path());
    let archive = archives.find(|path| path.to_str().unwrap().ends_with(".tar.gz")).unwrap();
    let mut bytes = fs_err::read(&archive).unwrap();
    let end = bytes.len() - 500_000;
    bytes[end..end + 100].fill(0);
    fs_err::write(&archive, bytes).unwrap();

    let mounted = Mounted::new(&sandbox, "mount /mnt/days --from /mnt/backup");
    let directory = shown(&sandbox, "latest", "/home/anna");
    assert_eq!(fs_err::read(directory.join("good")).unwrap(), b"good");
    let mut large = std::fs::File::options().read(true).open(directory.join("large")).unwrap();
    let error = large.read_to_end(&mut Vec::new()).unwrap_err();
    drop(large);
    assert_eq!(Errno::from_io_error(&error), Some(Errno::IO));
    mounted.interrupt();
    let (code, text) = mounted.wait();
    assert_eq!(code, Some(7));
    assert!(text.contains("cannot read /") && text.contains("/home/anna/large of "), "{text}");
    assert_eq!(text.matches("/large of ").count(), 1, "{text}");
}

#[test]
fn unmounting_ends_it_and_an_interrupt_takes_it_away_from_whoever_uses_it() {
    if !is_possible() {
        return;
    }
    let sandbox = sandbox();
    sandbox.write("/home/anna/one", "one");
    back_up(&sandbox);
    let mounted = Mounted::new(&sandbox, "mount /mnt/days --from /mnt/backup");
    program::succeed(program::command("umount").arg(sandbox.path("/mnt/days")));
    assert_eq!(mounted.wait(), (Some(0), String::new()));

    let mounted = Mounted::new(&sandbox, "mount /mnt/days --from /mnt/backup");
    let _used =
        std::fs::File::options().read(true).open(shown(&sandbox, "latest", "/home/anna/one")).unwrap();
    mounted.interrupt();
    let (code, text) = mounted.wait();
    assert_eq!(code, Some(0));
    assert!(text.contains("was in use"), "{text}");
    assert!(!is_mount_point(&sandbox.path("/mnt/days")));
}

#[test]
fn what_cannot_be_mounted_on_is_refused_and_a_plan_is_only_shown() {
    let sandbox = sandbox();
    sandbox.write("/home/anna/one", "one");
    back_up(&sandbox);
    let talk = [
        sandbox.talk("mount /home/anna --from /mnt/backup"),
        sandbox.talk("mount /nowhere --from /mnt/backup"),
        sandbox.talk("mount /mnt/days --from /mnt/backup --as-of 2026-11-22"),
        sandbox.talk("mount /mnt/days --from /mnt/backup --dry-run"),
    ];
    insta::assert_snapshot!(talk.join("\n"));
}
