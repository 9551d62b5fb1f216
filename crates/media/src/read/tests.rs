use super::*;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use redcedar_system::command::{Finished, OsRunner};
use redcedar_system::fake::{PrintingRunner, RecordingMonitor};
use redcedar_system::{Environment, Interrupt};
use redcedar_testing::{disc, program};

const NOW: DateTime = DateTime::constant(2100, 1, 1, 0, 0, 0, 0);

fn runner() -> OsRunner {
    let path = program::variable("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let environment = Environment::from_pairs([("PATH", path)]);
    OsRunner::new(&environment, Arc::new(RecordingMonitor::default()), Interrupt::new())
}

fn open(image: &Path) -> Image {
    Image::open(image, None, NOW, &runner()).unwrap()
}

fn content(image: &Image, path: impl AsRef<Path>) -> std::io::Result<Vec<u8>> {
    let file = image.file(path.as_ref())?;
    let (mut all, mut buffer) = (Vec::new(), [0; 777]);
    loop {
        match file.read_at(&mut buffer, all.len() as u64)? {
            0 => return Ok(all),
            read => all.extend_from_slice(&buffer[..read]),
        }
    }
}

fn write(root: &Path, path: impl AsRef<Path>, content: &[u8]) {
    let path = root.join(path);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, content).unwrap();
}

/// Bytes that do not repeat in blocks.
fn noise(length: u32) -> Vec<u8> {
    (0..length).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn image(&self) -> PathBuf {
        self.root.path().join("disc.iso")
    }

    /// Adds a session that holds these files in addition.
    fn session(&self, label: &str, files: &[(&str, &[u8])]) {
        let tree = self.root.path().join(label);
        for (path, content) in files {
            write(&tree, path, content);
        }
        disc::add_session(&self.image(), label, &tree);
    }
}

#[test]
fn files_of_all_sessions_are_read_where_they_are() {
    let world = World::new();
    let large = noise(300_000);
    world.session(
        "CEDAR BACKUP 23-NOV-2026",
        &[("2026/11/23/web/etc.tar", b"old"), ("2026/11/23/web/empty", b"")],
    );
    world.session(
        "CEDAR BACKUP 24-NOV-2026",
        &[("2026/11/24/web/large", &large), ("2026/11/23/web/etc.tar", b"newer")],
    );
    let image = open(&world.image());
    assert_eq!(content(&image, "/2026/11/24/web/large").unwrap(), large);
    assert_eq!(content(&image, "/2026/11/23/web/empty").unwrap(), b"");
    assert_eq!(content(&image, "/2026/11/23/web/etc.tar").unwrap(), b"newer");
    let entries: Vec<_> =
        image.entries(Path::new("/2026/11")).map(|(name, node)| (name.to_owned(), node.kind)).collect();
    assert_eq!(entries, [("23".into(), Kind::Directory), ("24".into(), Kind::Directory)]);
    assert!(image.file(Path::new("/2026")).is_err());
    assert!(image.file(Path::new("/2026/11/23/web/none")).is_err());
    let labels: Vec<_> = image.sessions().iter().map(ToString::to_string).collect();
    assert_eq!(labels, ["1: CEDAR BACKUP 23-NOV-2026", "2: CEDAR BACKUP 24-NOV-2026"]);
    let first = Image::open(&world.image(), Some(1), NOW, &runner()).unwrap();
    assert_eq!(first.session().unwrap().number, 1);
    assert_eq!(content(&first, "/2026/11/23/web/etc.tar").unwrap(), b"old");
    assert!(first.file(Path::new("/2026/11/24/web/large")).is_err());
    let error = Image::open(&world.image(), Some(3), NOW, &runner()).unwrap_err().to_string();
    assert!(error.contains("no session 3; it has 1: CEDAR BACKUP 23-NOV-2026, 2: "), "{error}");
}

#[test]
fn another_disc_in_its_place_is_noticed() {
    let (first, second) = (World::new(), World::new());
    first.session("CEDAR BACKUP 1/2", &[("a", b"one")]);
    second.session("CEDAR BACKUP 2/2", &[("a", b"two")]);
    let mut image = open(&first.image());
    let kept = first.root.path().join("kept");
    assert!(!image.is_in_drive().unwrap() && image.look_again().unwrap());
    fs_err::rename(first.image(), &kept).unwrap();
    assert!(image.look_again().is_err());
    fs_err::copy(second.image(), first.image()).unwrap();
    assert!(!image.look_again().unwrap());
    fs_err::copy(kept, first.image()).unwrap();
    assert!(image.look_again().unwrap());
    assert_eq!(content(&image, "/a").unwrap(), b"one");
}

#[test]
fn names_are_whatever_bytes_they_are_and_links_are_no_files() {
    let world = World::new();
    let tree = world.root.path().join("tree");
    let names: [&[u8]; 6] =
        [b"it's", b"new\nline", b"back\\slash \"q\"", b"\xff\x01\t", "é".as_bytes(), b"-> '/etc/shadow'"];
    for name in names {
        write(&tree, OsStr::from_bytes(name), name);
    }
    std::os::unix::fs::symlink("/etc/shadow", tree.join("link")).unwrap();
    disc::add_session(&world.image(), "X", &tree);
    let image = open(&world.image());
    for name in names {
        assert_eq!(content(&image, Path::new("/").join(OsStr::from_bytes(name))).unwrap(), name);
    }
    assert_eq!(image.nodes()[Path::new("/link")].kind, Kind::Other);
    assert_eq!(image.entries(Path::new("/")).count(), names.len() + 1);
    assert!(image.file(Path::new("/link")).is_err());
}

#[test]
fn an_image_of_mkisofs_is_read() {
    let world = World::new();
    let tree = world.root.path().join("tree");
    write(&tree, "2026/11/24/Web/etc-long-name.tar.gz", b"x");
    let mut command = program::command("genisoimage");
    command.args(["-quiet", "-r", "-V", "CEDAR BACKUP 24-NOV-2026", "-o"]).arg(world.image()).arg(&tree);
    program::succeed(&mut command);
    let image = open(&world.image());
    assert_eq!(content(&image, "/2026/11/24/Web/etc-long-name.tar.gz").unwrap(), b"x");
    let check = image.check(&runner()).unwrap();
    assert_eq!((check.has_digests, check.bad, check.files), (false, vec![], vec![]));
}

#[test]
fn damage_is_found_and_the_files_are_named() {
    let world = World::new();
    world.session("A", &[("a/good", &noise(50_000)), ("a/bad", &noise(50_001))]);
    world.session("B", &[("b/good", &noise(50_002))]);
    let image = open(&world.image());
    let check = image.check(&runner()).unwrap();
    assert!(check.has_digests && check.bad.is_empty() && check.blocks > 70, "{check:?}");
    let place = image.nodes()[Path::new("/a/bad")].first_byte().unwrap();
    disc::damage(&world.image(), place + 30_000, 10);
    let check = image.check(&runner()).unwrap();
    assert_eq!(check.files, [Path::new("/a/bad")]);
    assert!(check.bad.iter().all(|bad| bad.fault == Fault::Mismatch), "{check:?}");
}

#[test]
fn what_lies_behind_the_end_of_a_cut_image_is_an_error_and_the_rest_is_read() {
    let world = World::new();
    let tree = world.root.path().join("tree");
    write(&tree, "a", &noise(10_000));
    write(&tree, "b", &noise(100_000));
    let mut command = program::command("genisoimage");
    program::succeed(command.args(["-quiet", "-r", "-V", "X", "-o"]).arg(world.image()).arg(&tree));
    let length = fs_err::metadata(world.image()).unwrap().len();
    let file = fs_err::OpenOptions::new().write(true).open(world.image()).unwrap();
    // Behind the files there are 150 blocks of padding.
    file.set_len(length - 150 * disc::BLOCK - 50_000).unwrap();
    let image = open(&world.image());
    assert_eq!(content(&image, "/a").unwrap(), noise(10_000));
    assert_eq!(content(&image, "/b").unwrap_err().to_string(), "the disc ends before /b does");
}

#[test]
fn what_is_no_disc_is_said_to_be_none() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs_err::write(path("random"), noise(100_000)).unwrap();
    fs_err::write(path("empty"), "").unwrap();
    for (path, expected) in [
        (path("random"), "is no disc of backups: there is no ISO 9660 file system on it"),
        (path("empty"), "is blank"),
        (path("nowhere"), "No such file"),
        (root.path().to_owned(), "is neither an image nor a drive"),
        ("/dev/null".into(), "is neither an image nor a drive"),
    ] {
        let error = Image::open(&path, None, NOW, &runner()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let absent =
        PrintingRunner(|_: &_| (Vec::new(), Finished { status: 256, tail: vec!["not found".into()] }));
    let error = Image::open(&path("random"), None, NOW, &absent).unwrap_err();
    assert_eq!(error.to_string(), "discs are read with xorriso, which cannot be started: not found");
}

#[test]
fn blocks_that_cannot_be_read_belong_to_files() {
    let root = tempfile::tempdir().unwrap();
    fs_err::write(root.path().join("image"), "x").unwrap();
    let big = 5_000_000_000_u64;
    let fake = PrintingRunner(move |command: &redcedar_system::command::Command| {
        let is_check = command.arguments.iter().any(|argument| argument == "-check_media");
        let printed = if is_check {
            "Media region :          0 ,    2100000 , + good\nMedia region :    2100000 ,         16 , - unreadable\n"
                .to_owned()
        } else {
            format!(
                "ISO session  :   1 ,         0 ,   2441500s , X
-rw-r--r--    1 0        0      {big} Nov 24 14:58 '/big'
-rw-r--r--    1 0        0               1 Nov 24 14:58 '/small'
File data lba:  0 ,      100 ,  2097151 , {big} , '/big'
File data lba:  1 ,  2097251 ,   344256 , {big} , '/big'
File data lba:  0 ,       50 ,        1 ,        1 , '/small'
"
            )
        };
        (printed.into_bytes(), Finished { status: 0, tail: Vec::new() })
    });
    let image = Image::open(&root.path().join("image"), None, NOW, &fake).unwrap();
    assert_eq!(image.nodes()[Path::new("/big")].size, big);
    let check = image.check(&fake).unwrap();
    assert_eq!(check.bad, [Bad { blocks: 2_100_000..2_100_016, fault: Fault::Unreadable }]);
    assert_eq!(check.files, [Path::new("/big")]);
}

#[test]
fn whatever_is_printed_is_read_or_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("image");
    fs_err::write(&path, noise(5000)).unwrap();
    let sane = b"Media status : is written , is appendable
ISO session  :   1 ,         0 ,   2441500s , X
drwxr-xr-x    1 0        0               0 Nov 24 14:58 '/'
-rw-r--r--    1 0        0            4000 Nov 24 14:58 '/a\\303\\251'
-rw-r--r--    1 0        0            1000 Feb 29  2024 '/b'\"'\"'c'
File data lba:  0 ,        0 ,        1 ,     4000 , '/a\\303\\251'
File data lba:  1 ,        1 ,        1 ,     4000 , '/a\\303\\251'
File data lba:  0 ,        2 ,        1 ,     1000 , '/b'\"'\"'c'
Media region :          0 ,    2100000 , + good
MD5 tag range:         32 ,       1494 , 0 md5_mismatch
MD5 MISMATCH: '/b'
";
    let mut state = 3_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut opened = 0;
    for _ in 0..3000 {
        let mut printed = sane.to_vec();
        for _ in 0..=next(8) {
            if printed.is_empty() {
                break;
            }
            let at = next(printed.len());
            match next(4) {
                0 => printed[at] = u8::try_from(next(256)).unwrap(),
                1 => drop(printed.remove(at)),
                2 => printed.insert(at, b"9',-\\\n\"0"[next(8)]),
                _ => printed.truncate(at.max(1)),
            }
        }
        let printing =
            PrintingRunner(move |_: &_| (printed.clone(), Finished { status: 0, tail: Vec::new() }));
        let Ok(image) = Image::open(&path, None, NOW, &printing) else { continue };
        opened += 1;
        for path in image.nodes().keys() {
            let _readable_or_not = content(&image, path);
        }
        image.check(&printing).unwrap();
    }
    assert!(opened > 500, "{opened}");
}

mod slow {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_file_of_more_than_4_gib_is_read_wherever_one_looks() {
        let world = World::new();
        let tree = world.root.path().join("tree");
        fs_err::create_dir(&tree).unwrap();
        let size = (4 << 30) + 5_000_000_u64;
        let places = [0, 1 << 31, (4 << 30) - 4096, (4 << 30) - 3, 4 << 30, size - 9];
        let source = fs_err::File::create(tree.join("big")).unwrap();
        source.set_len(size).unwrap();
        for place in places {
            source.file().write_all_at(&format!("{place:09}").as_bytes()[..9], place).unwrap();
        }
        disc::add_session(&world.image(), "X", &tree);
        let source = fs_err::File::open(tree.join("big")).unwrap();
        let image = open(&world.image());
        assert_eq!(image.nodes()[Path::new("/big")].size, size);
        let file = image.file(Path::new("/big")).unwrap();
        for place in places {
            let (mut there, mut here) = ([1; 9], [0; 9]);
            source.file().read_exact_at(&mut here, place).unwrap();
            assert_eq!(file.read_at(&mut there, place).unwrap().min(9), 9, "{place}");
            assert_eq!(there, here, "{place}");
        }
    }
}
