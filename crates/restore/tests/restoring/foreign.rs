//! Archives of other producers: no manifests, no directories, no blocks.

use std::path::{Path, PathBuf};

use redcedar_restore::{Report, RestoreRequest};
use redcedar_testing::program::{command, succeed};

use crate::machine::{day, request, run, run_clean};

/// A staging directory that Python fills.
struct Pool {
    dir: tempfile::TempDir,
}

impl Pool {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Stores `members`, Python that calls `add(name, data, **fields)`, on a day.
    fn store(&self, number: i8, members: &str) -> PathBuf {
        let folder = self.dir.path().join(day(number).strftime("staging/%Y/%m/%d/larch").to_string());
        fs_err::create_dir_all(&folder).unwrap();
        let path = folder.join("data.tar.gz");
        let script = format!(
            "
import io, sys, tarfile
from tarfile import SYMTYPE, LNKTYPE
with tarfile.open(sys.argv[1], 'w:gz', format=tarfile.GNU_FORMAT) as tar:
    def add(name, data=b'', **fields):
        member = tarfile.TarInfo(name)
        member.size = len(data)
        for key, value in fields.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(data))
    {}
",
            members.lines().map(str::trim).collect::<Vec<_>>().join("\n    ")
        );
        succeed(command("python3").arg("-c").arg(script).arg(&path));
        path
    }

    fn request(&self, number: i8) -> RestoreRequest {
        let target = self.dir.path().join(format!("target-{number}"));
        request(&target, Some(day(number)))
    }

    fn restore(&self, number: i8) -> (PathBuf, Report) {
        let request = self.request(number);
        let report = run_clean(&self.dir.path().join("staging"), &request);
        (request.target, report)
    }
}

fn read(path: &Path) -> String {
    fs_err::read_to_string(path).unwrap()
}

#[test]
fn the_newest_version_wins_and_what_is_not_known_is_said() {
    let pool = Pool::new();
    pool.store(1, "add('data/a', b'a1', mode=0o640, mtime=1700000000)\nadd('data/b', b'b1')");
    pool.store(2, "add('data/a', b'a2')\nadd('data/a', b'a2 again')");
    let (target, report) = pool.restore(2);
    assert_eq!(read(&target.join("data/a")), "a2 again");
    assert_eq!(read(&target.join("data/b")), "b1");
    let caveats: Vec<_> = report.items[0].caveats.iter().map(ToString::to_string).collect();
    assert!(caveats.iter().any(|caveat| caveat.contains("deleted files may reappear")), "{caveats:?}");
    let (target, _) = pool.restore(1);
    assert_eq!(read(&target.join("data/a")), "a1");
    let metadata = fs_err::metadata(target.join("data/a")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mtime(&metadata), 1_700_000_000);
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&metadata) & 0o7777, 0o640);
}

#[test]
fn a_path_that_changed_its_kind_is_what_it_was_last() {
    let pool = Pool::new();
    pool.store(1, "add('data/x', b'file')\nadd('data/y/below', b'below')\nadd('data/y/deep/er', b'deeper')");
    pool.store(2, "add('data/x/below', b'x below')\nadd('data/y', type=SYMTYPE, linkname='t')");
    let (target, _) = pool.restore(2);
    assert_eq!(read(&target.join("data/x/below")), "x below");
    assert_eq!(fs_err::read_link(target.join("data/y")).unwrap().as_os_str(), "t");
}

#[test]
fn files_stored_through_a_linked_root_come_back_in_a_directory() {
    let pool = Pool::new();
    pool.store(1, "add('data', type=SYMTYPE, linkname='/srv/data')\nadd('data/file', b'content')");
    let (target, report) = pool.restore(1);
    assert_eq!(read(&target.join("data/file")), "content");
    assert!(!target.join("data").is_symlink());
    assert!(report.warnings.iter().any(|warning| warning.contains("/srv/data")), "{report:#?}");
}

#[test]
fn further_names_are_resolved_in_their_own_archive() {
    let pool = Pool::new();
    pool.store(1, "add('data/a', b'old')\nadd('data/b', type=LNKTYPE, linkname='data/a')");
    pool.store(2, "add('data/a', b'new')");
    let (target, _) = pool.restore(2);
    assert_eq!((read(&target.join("data/a")), read(&target.join("data/b"))), ("new".into(), "old".into()));
    let (target, _) = pool.restore(1);
    let inode = |name| std::os::unix::fs::MetadataExt::ino(&fs_err::metadata(target.join(name)).unwrap());
    assert_eq!(inode("data/a"), inode("data/b"));
}

#[test]
fn what_a_shrunken_file_swallowed_is_salvaged() {
    let pool = Pool::new();
    let path = pool.store(
        1,
        "add('data/before', b'1')
         add('data/log', b'x' * 100000)
         add('data/swallowed', b'y' * 3000)
         add('data/after', b'z' * 200000)
         add('data/last', b'2')",
    );
    // As the original leaves it: the log was 16,384 bytes long when it was read.
    let plain = succeed(command("gzip").arg("-dc").arg(&path));
    let log = 1024 + 512;
    let damaged = [&plain[..log + 16_384], &plain[log + 100_000_usize.next_multiple_of(512)..]].concat();
    let tar = path.with_extension("");
    fs_err::write(&tar, damaged).unwrap();
    fs_err::remove_file(&path).unwrap();
    let request = pool.request(1);
    let report = run(&pool.dir.path().join("staging"), &request).unwrap();
    let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures, ["/data/log: only 16384 of its 100000 bytes are stored"]);
    assert_eq!(read(&request.target.join("data/log")), "x".repeat(16_384));
    for (name, content) in [("before", "1"), ("swallowed", &"y".repeat(3_000)), ("last", "2")] {
        assert_eq!(read(&request.target.join("data").join(name)), content);
    }
    assert_eq!(read(&request.target.join("data/after")), "z".repeat(200_000));
}
