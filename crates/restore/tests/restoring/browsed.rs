//! What can be looked at is what was there, day by day, read at any place.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_archive::{Compression, Kind};
use redcedar_restore::Source;
use redcedar_restore::browse::{BrowseError, Browser, Number, Seek, State, View};
use redcedar_system::Interrupt;
use redcedar_system::fake::RecordingMonitor;
use redcedar_testing::rng::Rng;
use sha2::{Digest, Sha256};

use crate::machine::{Machine, day};

fn browse(machine: &Machine) -> (Browser, Arc<RecordingMonitor>) {
    let source = Source::open(&machine.staging()).unwrap();
    let monitor = Arc::new(RecordingMonitor::default());
    (Browser::new(source, &View::default(), monitor.clone(), Interrupt::new()), monitor)
}

fn state(browser: &Browser, number: i8) -> Arc<State> {
    browser.state(OsStr::new("larch"), day(number)).unwrap()
}

/// Path, kind, size and content of everything in a directory, as lines.
fn walk(state: &State, directory: Number, found: &mut Vec<String>) {
    for (name, number) in state.children(directory) {
        assert_eq!(state.child(directory, name), Some(number));
        assert_eq!(state.find(&state.path(number)), Some(number));
        let attributes = state.attributes(number).unwrap();
        let content = match attributes.kind {
            Kind::File => {
                let file = state.open(number).unwrap();
                let length = usize::try_from(attributes.size).unwrap();
                hex(&file.read_at(0, length + 1).unwrap())
            }
            Kind::Symlink => state.link(number).unwrap().display().to_string(),
            _ => String::new(),
        };
        let first = state.path(state.identity(number).unwrap());
        let (kind, mode, links) = (attributes.kind, attributes.mode, attributes.links);
        let time = (attributes.modified.seconds, attributes.modified.nanoseconds);
        let path = state.path(number);
        found.push(format!(
            "{} {kind:?} {mode:o} {links} {time:?} {} {content}",
            path.display(),
            first.display()
        ));
        walk(state, number, found);
    }
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The same of a directory on disk.
fn on_disk(directory: &Path, firsts: &mut Vec<(u64, PathBuf)>, found: &mut Vec<String>) {
    let mut paths: Vec<_> = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let metadata = fs_err::symlink_metadata(&path).unwrap();
        let (kind, content) = if metadata.is_dir() {
            (Kind::Directory, String::new())
        } else if metadata.is_symlink() {
            (Kind::Symlink, fs_err::read_link(&path).unwrap().display().to_string())
        } else {
            (Kind::File, hex(&fs_err::read(&path).unwrap()))
        };
        let known = firsts.iter().find(|(inode, _)| *inode == metadata.ino());
        let first = known.map_or(path.clone(), |(_, first)| first.clone());
        firsts.push((metadata.ino(), path.clone()));
        let (mode, links) = (metadata.mode() & 0o7777, metadata.nlink());
        let time = (metadata.mtime(), metadata.mtime_nsec());
        found.push(format!(
            "{} {kind:?} {mode:o} {links} {time:?} {} {content}",
            path.display(),
            first.display()
        ));
        if kind == Kind::Directory {
            on_disk(&path, firsts, found);
        }
    }
}

#[test]
fn every_day_is_seen_as_it_was() {
    for compression in [Compression::Gzip, Compression::Bzip2, Compression::Zstd, Compression::None] {
        let mut machine = Machine::new(compression);
        machine.write("deep/er/one", b"one");
        machine.write("large", &noise(3 << 20));
        fs_err::hard_link(machine.tree().join("deep/er/one"), machine.tree().join("also")).unwrap();
        std::os::unix::fs::symlink("deep/er", machine.tree().join("link")).unwrap();
        machine.write("s päce", b"");
        let mut days = Vec::new();
        for number in 1..=4 {
            match number {
                2 => fs_err::remove_file(machine.tree().join("large")).unwrap(),
                3 => machine.write("deep/er/two", &noise(100_000)),
                4 => fs_err::remove_dir_all(machine.tree().join("deep")).unwrap(),
                _ => {}
            }
            machine.back_up(day(number), number == 3);
            let mut lines = Vec::new();
            on_disk(&machine.tree(), &mut Vec::new(), &mut lines);
            days.push((number, lines));
        }
        let (browser, monitor) = browse(&machine);
        assert_eq!(browser.machines()[OsStr::new("larch")], [1, 2, 3, 4].map(day));
        for (number, expected) in days.iter().chain(&days) {
            let state = state(&browser, *number);
            let tree = state.find(&machine.tree()).unwrap();
            let mut lines = Vec::new();
            walk(&state, tree, &mut lines);
            assert_eq!(lines, *expected, "{compression:?}, day {number}");
        }
        assert_eq!(monitor.messages(), []);
    }
}

#[test]
fn a_file_is_read_at_any_place_and_holes_are_holes() {
    for has_manifest in [true, false] {
        let mut machine = Machine::new(Compression::Zstd);
        let content = noise(5 << 20);
        machine.write("plain", &content);
        let sparse = machine.tree().join("sparse");
        let file = std::fs::File::create_new(&sparse).unwrap();
        file.set_len(8 << 20).unwrap();
        file.write_all_at(&content[..1 << 20], 2 << 20).unwrap();
        file.write_all_at(b"end", (6 << 20) + 100).unwrap();
        machine.back_up(day(1), true);
        if !has_manifest {
            fs_err::remove_file(machine.manifest(day(1))).unwrap();
        }
        let (browser, _) = browse(&machine);
        let state = state(&browser, 1);
        let open = |name: &str| state.open(state.find(&machine.tree().join(name)).unwrap()).unwrap();
        for (name, expected) in [("plain", content.clone()), ("sparse", fs_err::read(&sparse).unwrap())] {
            let file = open(name);
            assert_eq!(file.size(), expected.len() as u64);
            for (offset, length) in
                [(0, 10), (4 << 20, 3 << 20), ((1 << 20) - 5, 10), ((2 << 20) - 7, 4096), (0, 9 << 20)]
            {
                let end = (offset + length).min(expected.len());
                assert_eq!(file.read_at(offset as u64, length).unwrap(), expected[offset.min(end)..end]);
            }
            assert_eq!(file.read_at(expected.len() as u64, 10).unwrap(), b"");
            assert_eq!(file.read_at(u64::MAX, 10).unwrap(), b"");
        }
        let file = open("sparse");
        assert_eq!(file.seek(0, Seek::Hole), Some(0));
        assert_eq!(file.seek(0, Seek::Data), Some(2 << 20));
        assert_eq!(file.seek(2 << 20, Seek::Hole), Some(3 << 20));
        assert_eq!(file.seek((3 << 20) + 1, Seek::Data), Some(6 << 20));
        assert_eq!(file.seek(7 << 20, Seek::Data), None);
        assert_eq!(file.seek(7 << 20, Seek::Hole), Some(7 << 20));
        assert_eq!(file.seek(8 << 20, Seek::Hole), None);
        let file = open("plain");
        assert_eq!((file.seek(1, Seek::Data), file.seek(1, Seek::Hole)), (Some(1), Some(5 << 20)));
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_the_rest_is_there() {
    let mut machine = Machine::new(Compression::Gzip);
    machine.write("a", b"a");
    machine.write("b", &noise(2 << 20));
    machine.back_up(day(1), true);
    machine.write("c", b"c");
    machine.back_up(day(2), false);
    let mut archive = fs_err::read(machine.archive(day(1))).unwrap();
    let middle = archive.len() * 3 / 4;
    archive[middle..middle + 100].fill(0);
    fs_err::write(machine.archive(day(1)), archive).unwrap();
    fs_err::remove_file(machine.archive(day(2))).unwrap();

    let (browser, monitor) = browse(&machine);
    let state = state(&browser, 2);
    let open = |name: &str| state.open(state.find(&machine.tree().join(name)).unwrap());
    assert_eq!(open("a").unwrap().read_at(0, 9).unwrap(), b"a");
    assert_eq!(open("b").unwrap().read_at(0, 9).unwrap(), noise(9));
    let error = open("b").unwrap().read_at(0, 2 << 20).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    let error = open("c").err().unwrap();
    assert_eq!(error.to_string(), "the archive of 2026-11-02 is missing");
    let messages = monitor.messages();
    assert!(
        messages.iter().any(|(_, message)| message.contains("larch, 2026-11-02: the archive of tree")),
        "{messages:?}"
    );
    assert!(state.open(State::ROOT).is_err());
    assert!(state.attributes(Number::MAX).is_none());
    assert_eq!(state.children(Number::MAX).count(), 0);
}

#[test]
fn directories_on_the_way_are_there_and_lead_nowhere_else() {
    let mut machine = Machine::new(Compression::Zstd);
    machine.write("a", b"a");
    machine.back_up(day(1), true);
    let (browser, _) = browse(&machine);
    let state = state(&browser, 1);
    let top = machine.tree().iter().nth(1).unwrap().to_owned();
    assert_eq!(state.children(State::ROOT).map(|(name, _)| name).collect::<Vec<_>>(), [&top]);
    let directory = state.find(&Path::new("/").join(&top)).unwrap();
    let attributes = state.attributes(directory).unwrap();
    assert_eq!((attributes.kind, attributes.mode, attributes.uid), (Kind::Directory, 0o755, 0));
    assert_eq!(state.parent(directory), Some(State::ROOT));
    assert_eq!(state.find(Path::new("/../../..")), Some(State::ROOT));
    assert_eq!(state.find(Path::new("/nowhere")), None);
    assert_eq!(state.child(State::ROOT, OsStr::from_bytes(b"..")), None);
}

#[test]
fn a_tree_that_has_changed_meanwhile_is_not_taken_for_the_one_before() {
    let mut machine = Machine::new(Compression::Zstd);
    machine.write("a", b"a");
    machine.back_up(day(1), true);
    machine.back_up(day(2), true);
    let (browser, _) = browse(&machine);
    let browser = browser.keeping(1);
    for number in [1, 2, 1, 2] {
        assert!(state(&browser, number).find(&machine.tree().join("a")).is_some());
    }
    for file in [machine.archive(day(1)), machine.manifest(day(1))] {
        fs_err::remove_file(file).unwrap();
    }
    machine.write("b", b"b");
    machine.back_up(day(1), true);
    for _ in 0..2 {
        let again = browser.state(OsStr::new("larch"), day(1));
        assert!(matches!(again, Err(BrowseError::Changed { .. })));
    }
}

/// Does not shrink.
fn noise(length: usize) -> Vec<u8> {
    Rng::new(1).bytes(length)
}
