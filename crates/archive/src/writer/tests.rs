use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use redcedar_system::{Accounts, Interrupt};
use rustix::fs::{AtFlags, CWD, StatxFlags, Timespec, Timestamps, statx, utimensat};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::Timestamp;

type Hook = Box<dyn FnMut(u64) -> io::Result<()>>;

thread_local! {
    static BEFORE_READ: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Lets a test step in before each read of a file's content.
pub(super) fn before_read(offset: u64) -> io::Result<()> {
    BEFORE_READ.with_borrow_mut(|hook| hook.as_mut().map_or(Ok(()), |hook| hook(offset)))
}

/// Does something before each read at an offset of `from` or more, as long as the result lives.
fn disturb(from: u64, mut disturbance: impl FnMut() -> io::Result<()> + 'static) -> Disturbance {
    BEFORE_READ.set(Some(Box::new(move |offset| if offset >= from { disturbance() } else { Ok(()) })));
    Disturbance
}

/// The same, but only the first time.
fn disturb_once(from: u64, disturbance: impl FnOnce() -> io::Result<()> + 'static) -> Disturbance {
    let mut disturbance = Some(disturbance);
    disturb(from, move || disturbance.take().map_or(Ok(()), |disturbance| disturbance()))
}

struct Disturbance;

impl Drop for Disturbance {
    fn drop(&mut self) {
        BEFORE_READ.set(None);
    }
}

const LARGE: usize = (8 << 20) + 5000;

/// Where the last read of such a file begins.
const LAST_PIECE: u64 = 8 << 20;

/// A directory of files, and an archive being made of them.
struct Scene {
    directory: TempDir,
    output: File,
    writer: ArchiveWriter,
    interrupt: Interrupt,
}

impl Scene {
    fn new() -> Self {
        let output = tempfile::tempfile().unwrap();
        let options = Options { compression: Compression::None, threads: 1, sha1: true, name: None };
        let writer = ArchiveWriter::create(output.try_clone().unwrap(), &options).unwrap();
        Self { directory: tempfile::tempdir().unwrap(), output, writer, interrupt: Interrupt::new() }
    }

    /// Makes a file that was last changed long ago, so that every change shows.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        fs_err::write(&path, content).unwrap();
        let time = Timespec { tv_sec: 1_000_000_000, tv_nsec: 5 };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, &path, &times, AtFlags::empty()).unwrap();
        path
    }

    fn append(&mut self, path: &Path) -> Result<Appended, AppendError> {
        self.append_walked(path, &walk(path))
    }

    fn append_walked(&mut self, path: &Path, walked: &Metadata) -> Result<Appended, AppendError> {
        self.writer.append(path, walked, &Accounts::new(), &self.interrupt)
    }

    /// Adds a last file and reads everything back: names (without their directory) and contents. What had been done before
    /// has left the archive sound if the last file is there.
    fn members(mut self) -> Vec<(String, Vec<u8>)> {
        let last = self.file("last", b"the last one");
        self.append(&last).unwrap();
        self.writer.finish().unwrap();
        self.output.seek(SeekFrom::Start(0)).unwrap();
        let mut archive = ::tar::Archive::new(&self.output);
        let mut members = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            members.push((name, content));
        }
        let last = members.pop();
        assert_eq!(last, Some(("last".to_owned(), b"the last one".to_vec())));
        members
    }
}

fn walk(path: &Path) -> Metadata {
    let statx = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).unwrap();
    Metadata::from_statx(&statx).unwrap()
}

fn sha256(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

fn append_to(path: &Path, more: &[u8]) -> io::Result<()> {
    let file = fs_err::OpenOptions::new().write(true).open(path)?;
    file.file().write_all_at(more, file.metadata()?.len())
}

fn truncate(path: &Path, size: u64) -> io::Result<()> {
    fs_err::OpenOptions::new().write(true).open(path)?.set_len(size)
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_again() {
    for size in [1000, LARGE] {
        let mut scene = Scene::new();
        let path = scene.file("a", &vec![b'a'; size]);
        let now = vec![b'b'; size + 100];
        let (path_, now_) = (path.clone(), now.clone());
        let from = size as u64 / 2;
        let disturbance =
            disturb_once(if size == LARGE { from } else { 0 }, move || fs_err::write(path_, now_));
        let appended = scene.append(&path).unwrap();
        drop(disturbance);
        assert_eq!(appended.entry.flaw, None, "{size}");
        assert_eq!(appended.entry.sha256, Some(sha256(&now)), "{size}");
        assert_eq!((appended.entry.size, appended.metadata), (now.len() as u64, walk(&path)), "{size}");
        assert!(scene.members() == [("a".to_owned(), now)], "{size}");
    }
}

#[test]
fn a_file_that_changes_each_time_is_stored_and_marked() {
    for size in [1000, LARGE] {
        let mut scene = Scene::new();
        let path = scene.file("a", &vec![0; size]);
        let tries = Rc::new(Cell::new(0));
        let (path_, tries_) = (path.clone(), Rc::clone(&tries));
        let disturbance = disturb(if size == LARGE { LAST_PIECE } else { 0 }, move || {
            tries_.set(tries_.get() + 1);
            let file = fs_err::OpenOptions::new().write(true).open(&path_)?;
            file.file().write_all_at(&[tries_.get()], 0)
        });
        let appended = scene.append(&path).unwrap();
        drop(disturbance);
        assert_eq!((appended.entry.flaw, tries.get()), (Some(Flaw::Changed), 4), "{size}");
        let members = scene.members();
        assert_eq!(members[0].1.len(), size);
        assert_eq!(appended.entry.sha256, Some(sha256(&members[0].1)), "{size}");
    }
}

#[test]
fn a_file_that_grows_is_stored_with_the_size_announced() {
    for size in [1000, LARGE] {
        let mut scene = Scene::new();
        let path = scene.file("a", &vec![7; size]);
        let path_ = path.clone();
        let last_piece = if size == LARGE { LAST_PIECE } else { 0 };
        let disturbance = disturb(last_piece, move || append_to(&path_, b"more"));
        let appended = scene.append(&path).unwrap();
        drop(disturbance);
        assert_eq!(appended.entry.flaw, Some(Flaw::Changed));
        let members = scene.members();
        assert_eq!(members[0].1.len() as u64, appended.entry.size);
        assert_eq!(appended.entry.sha256, Some(sha256(&members[0].1)));
    }
}

#[test]
fn a_file_that_shrinks_each_time_is_filled_up() {
    for size in [1000, LARGE + (1 << 20)] {
        let mut scene = Scene::new();
        let path = scene.file("a", &vec![7; size]);
        let left = Rc::new(Cell::new(size as u64));
        let (path_, left_) = (path.clone(), Rc::clone(&left));
        let disturbance = disturb(0, move || {
            left_.set(left_.get() - 10);
            truncate(&path_, left_.get())
        });
        let appended = scene.append(&path).unwrap();
        drop(disturbance);
        assert_eq!(appended.entry.flaw, Some(Flaw::Padded));
        let content = scene.members().remove(0).1;
        assert_eq!(content.len() as u64, appended.entry.size);
        let there = content.iter().take_while(|byte| **byte == 7).count();
        assert!(there as u64 >= left.get(), "what was there is stored");
        assert!(content[there..].iter().all(|byte| *byte == 0));
        assert_eq!(appended.entry.sha256, Some(sha256(&content)));
    }
}

#[test]
fn a_read_error_in_the_middle_is_filled_up() {
    let mut scene = Scene::new();
    let path = scene.file("a", &vec![7; LARGE]);
    let disturbance = disturb(4 << 20, || Err(io::Error::from_raw_os_error(5)));
    let appended = scene.append(&path).unwrap();
    drop(disturbance);
    assert_eq!(appended.entry.flaw, Some(Flaw::Padded));
    let content = scene.members().remove(0).1;
    assert_eq!(content, [vec![7; 4 << 20], vec![0; LARGE - (4 << 20)]].concat());
}

#[test]
fn a_file_that_cannot_be_read_at_all_leaves_nothing() {
    for size in [1000, LARGE] {
        let mut scene = Scene::new();
        let path = scene.file("a", &vec![7; size]);
        let disturbance = disturb(0, || Err(io::Error::from_raw_os_error(5)));
        let error = scene.append(&path).unwrap_err();
        drop(disturbance);
        assert!(matches!(error, AppendError::Unreadable(_)), "{error:?}");
        assert_eq!(error.to_string(), "it cannot be read: Input/output error (os error 5)");
        assert!(scene.members().is_empty());
    }
}

#[test]
fn a_file_that_vanishes_before_it_is_opened_is_reported() {
    let mut scene = Scene::new();
    let path = scene.file("a", b"x");
    let walked = walk(&path);
    fs_err::remove_file(&path).unwrap();
    assert!(matches!(scene.append_walked(&path, &walked), Err(AppendError::Vanished)));
    assert!(scene.members().is_empty());
}

#[test]
fn a_file_that_vanishes_while_it_is_read_is_stored() {
    let mut scene = Scene::new();
    let path = scene.file("a", &vec![7; LARGE]);
    let path_ = path.clone();
    let disturbance = disturb_once(4 << 20, move || fs_err::remove_file(path_));
    let appended = scene.append(&path).unwrap();
    drop(disturbance);
    assert_eq!(appended.entry.flaw, None);
    assert_eq!(scene.members(), [("a".to_owned(), vec![7; LARGE])]);
}

#[test]
fn what_has_become_something_else_is_reported() {
    let make: [fn(&Path); 4] = [
        |path| symlink("/etc/passwd", path).unwrap(),
        |path| rustix::fs::mknodat(CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap(),
        |path| fs_err::create_dir(path).unwrap(),
        |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
    ];
    for make in make {
        let mut scene = Scene::new();
        let path = scene.file("a", b"x");
        let walked = walk(&path);
        fs_err::remove_file(&path).unwrap();
        make(&path);
        let now = walk(&path).kind;
        assert!(matches!(scene.append_walked(&path, &walked), Err(AppendError::Vanished)), "{now:?}");
        assert!(scene.members().is_empty(), "{now:?}");
    }
    let mut scene = Scene::new();
    let path = scene.file("a", b"x");
    for kind in [Kind::Symlink, Kind::Directory, Kind::Fifo, Kind::Character] {
        let walked = Metadata { kind, ..walk(&path) };
        assert!(matches!(scene.append_walked(&path, &walked), Err(AppendError::Vanished)), "{kind:?}");
    }
    assert!(scene.members().is_empty());
}

#[test]
fn a_file_that_another_has_replaced_is_stored_as_it_is_now() {
    let mut scene = Scene::new();
    let path = scene.file("a", b"old");
    let walked = walk(&path);
    fs_err::rename(scene.file("new", b"new content"), &path).unwrap();
    let appended = scene.append_walked(&path, &walked).unwrap();
    assert_eq!((appended.entry.size, appended.metadata), (11, walk(&path)));
    assert_eq!(scene.members(), [("a".to_owned(), b"new content".to_vec())]);
}

#[test]
fn a_directory_that_becomes_a_link_does_not_lead_elsewhere() {
    let mut scene = Scene::new();
    let (inside, elsewhere) =
        (scene.directory.path().join("inside"), scene.directory.path().join("elsewhere"));
    fs_err::create_dir(&inside).unwrap();
    fs_err::create_dir(&elsewhere).unwrap();
    let path = scene.file("inside/a", b"mine");
    scene.file("elsewhere/a", b"secret");
    // What belongs to somebody else must not be read. Root's files are never read so; others by their owner only.
    for uid in [0, u32::MAX - 1] {
        let walked = Metadata { uid, ..walk(&path) };
        fs_err::rename(&inside, scene.directory.path().join("away")).unwrap();
        symlink(&elsewhere, &inside).unwrap();
        assert!(matches!(scene.append_walked(&path, &walked), Err(AppendError::Vanished)), "{uid}");
        fs_err::remove_file(&inside).unwrap();
        fs_err::rename(scene.directory.path().join("away"), &inside).unwrap();
    }
    assert!(scene.members().is_empty());
}

#[test]
fn a_file_reached_through_a_link_is_stored() {
    let mut scene = Scene::new();
    fs_err::create_dir(scene.directory.path().join("real")).unwrap();
    symlink("real", scene.directory.path().join("link")).unwrap();
    let path = scene.file("link/a", b"x");
    scene.append(&path).unwrap();
    assert_eq!(scene.members(), [("a".to_owned(), b"x".to_vec())]);
}

#[test]
fn a_tree_whose_root_is_a_link_begins_with_a_directory() {
    let mut scene = Scene::new();
    fs_err::create_dir(scene.directory.path().join("real")).unwrap();
    let link = scene.directory.path().join("link");
    symlink("real", &link).unwrap();
    let walked = walk(&scene.directory.path().join("real"));
    assert_eq!(scene.append_walked(&link, &walked).unwrap().entry.kind, Kind::Directory);
    let other = Metadata { inode: walked.inode + 1, ..walked };
    assert!(matches!(scene.append_walked(&link, &other), Err(AppendError::Vanished)));
    assert_eq!(scene.members(), [("link".to_owned(), Vec::new())]);
}

#[test]
fn a_further_name_of_a_file_is_a_link_once_the_content_is_there() {
    let mut scene = Scene::new();
    let first = scene.file("first", b"content");
    let [second, third] = ["second", "third"].map(|name| scene.directory.path().join(name));
    fs_err::hard_link(&first, &second).unwrap();
    fs_err::hard_link(&first, &third).unwrap();
    let disturbance = disturb(0, || Err(io::Error::from_raw_os_error(5)));
    assert!(scene.append(&first).is_err());
    drop(disturbance);
    let stored = scene.append(&second).unwrap();
    let linked = scene.append(&third).unwrap();
    assert_eq!((stored.entry.hard_link, linked.entry.hard_link), (None, Some(second)));
    assert_eq!((stored.entry.sha256, stored.sha1), (linked.entry.sha256, linked.sha1));
    assert_eq!(
        scene.members(),
        [("second".to_owned(), b"content".to_vec()), ("third".to_owned(), Vec::new())]
    );
}

#[test]
fn an_inode_with_other_content_is_no_further_name() {
    let mut scene = Scene::new();
    let first = scene.file("first", b"content");
    let second = scene.directory.path().join("second");
    fs_err::hard_link(&first, &second).unwrap();
    scene.append(&first).unwrap();
    fs_err::write(&second, b"another").unwrap();
    assert_eq!(scene.append(&second).unwrap().entry.hard_link, None);
    assert_eq!(scene.members()[1], ("second".to_owned(), b"another".to_vec()));
}

#[test]
fn the_archive_is_not_stored_in_itself() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.tar");
    let file = fs_err::File::create(&path).unwrap().into_parts().0;
    let options = Options { compression: Compression::None, threads: 1, sha1: false, name: None };
    let mut writer = ArchiveWriter::create(file, &options).unwrap();
    let result = writer.append(&path, &walk(&path), &Accounts::new(), &Interrupt::new());
    assert!(matches!(result, Err(AppendError::Itself)));
    assert_eq!(writer.finish().unwrap().members, 0);
}

#[test]
fn an_interrupt_in_the_middle_leaves_nothing() {
    let mut scene = Scene::new();
    let path = scene.file("a", &vec![7; LARGE]);
    let interrupt = scene.interrupt.clone();
    let disturbance = disturb(4 << 20, move || {
        interrupt.raise();
        Ok(())
    });
    assert!(matches!(scene.append(&path), Err(AppendError::Interrupted(_))));
    drop(disturbance);
    scene.interrupt = Interrupt::new();
    assert!(scene.members().is_empty());
}

#[test]
fn the_digest_of_a_file_with_holes_is_that_of_all_its_bytes() {
    let mut scene = Scene::new();
    let path = scene.file("a", b"begin");
    truncate(&path, 1_000_003).unwrap();
    append_to(&path, b"end").unwrap();
    truncate(&path, 2_000_001).unwrap();
    let content = fs_err::read(&path).unwrap();
    let appended = scene.append(&path).unwrap();
    assert_eq!(appended.entry.sha256, Some(sha256(&content)));
    assert!(scene.writer.blocks.position() < 50_000, "the holes are not stored");
    assert!(scene.members() == [("a".to_owned(), content)]);
}

#[test]
fn a_socket_is_refused() {
    let mut scene = Scene::new();
    let path = scene.directory.path().join("s");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(scene.append(&path), Err(AppendError::Unsupported(Kind::Socket))));
    assert!(scene.members().is_empty());
}

#[test]
fn the_entry_says_what_is_stored_and_where() {
    let mut scene = Scene::new();
    let path = scene.file("a", b"hello");
    let link = scene.directory.path().join("l");
    symlink("to/where", &link).unwrap();
    let linked = scene.append(&link).unwrap().entry;
    let stored = scene.append(&path).unwrap();
    assert_eq!((linked.kind, linked.offset, linked.size), (Kind::Symlink, Some(0), 0));
    assert_eq!(linked.link, Some("to/where".into()));
    assert_eq!((stored.entry.kind, stored.entry.offset, stored.entry.size), (Kind::File, Some(512), 5));
    assert_eq!(stored.entry.modified, Timestamp { seconds: 1_000_000_000, nanoseconds: 5 });
    assert_eq!(crate::digest::to_hex(&stored.sha1.unwrap()), "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
    let finished = scene.writer.finish().unwrap();
    assert_eq!((finished.members, finished.size, finished.uncompressed_size), (2, 10_240, 10_240));
}
