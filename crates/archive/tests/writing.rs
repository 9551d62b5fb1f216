//! What is written is read back, identically, by the programs that people have.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use redcedar_archive::manifest::Entry;
use redcedar_archive::reader::{self, BlockIndex};
use redcedar_archive::tar::read::{Event, Member, Members, read_member};
use redcedar_archive::writer::{AppendError, ArchiveError, ArchiveWriter, Finished, Options};
use redcedar_archive::{Compression, Kind, Metadata};
use redcedar_system::{Accounts, Interrupt};
use redcedar_testing::compare::{Kind as Sort, Object, Snapshot};
use redcedar_testing::faults::SmallFileSystem;
use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::{Pool, Program};
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{self, Growth};
use redcedar_testing::{members, program};
use rustix::fs::{AtFlags, CWD, StatxFlags, Timespec, Timestamps, statx, utimensat};
use sha2::{Digest, Sha256};

/// A tree, and everything that came of archiving it.
struct Archived {
    directory: tempfile::TempDir,
    archive: PathBuf,
    entries: Vec<Entry>,
    finished: Finished,
}

impl Archived {
    fn tree(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    /// Where the tree is after the archive has been unpacked in `into`: names in archives have no slash in front.
    fn unpacked_in(&self, into: &Path) -> PathBuf {
        into.join(self.tree().strip_prefix("/").unwrap())
    }
}

/// Grows a tree, plants what trees do not have by themselves, and archives it.
fn archived(seed: u64, compression: Compression) -> Archived {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    trees::grow(&tree, &mut Rng::new(seed), &Growth::everything()).unwrap();
    plant_extremes(&tree);
    let archive = directory.path().join(format!("tree.tar{}", compression.suffix()));
    let (entries, finished) = archive_tree(&tree, &archive, compression);
    Archived { directory, archive, entries, finished }
}

/// What is at the edges of the format.
fn plant_extremes(tree: &Path) {
    let plant = |name: &str, seconds: i64| {
        let path = tree.join(name);
        fs_err::write(&path, name).unwrap();
        set_time(&path, seconds);
        path
    };
    plant("before the epoch", -1_234_567);
    plant("after 2242", 1 << 33);
    if program::is_root() {
        std::os::unix::fs::chown(plant("large ids", 5), Some(3_000_000_000), Some(2_097_152)).unwrap();
    }
    let everywhere: Vec<u64> = (0..60).map(|n| n * 131_072 + 5).collect();
    for (name, size, data) in [
        ("hole at the end", 3_000_001, &[0, 70_000][..]),
        ("hole at the beginning", 1_000_000, &[999_995]),
        ("nothing but a hole", 500_000, &[]),
        ("many holes", 60 * 131_072, &everywhere),
    ] {
        let file = fs_err::File::create(tree.join(name)).unwrap();
        file.set_len(size).unwrap();
        for offset in data {
            file.file().write_all_at(b"data", *offset).unwrap();
        }
    }
}

fn set_time(path: &Path, seconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn options(compression: Compression, archive: &Path) -> Options {
    Options { compression, threads: 2, sha1: true, name: archive.file_name().map(Into::into) }
}

fn archive_tree(tree: &Path, archive: &Path, compression: Compression) -> (Vec<Entry>, Finished) {
    let file = fs_err::File::create_new(archive).unwrap().into_parts().0;
    let mut writer = ArchiveWriter::create(file, &options(compression, archive)).unwrap();
    let (accounts, interrupt) = (Accounts::new(), Interrupt::new());
    let mut entries = Vec::new();
    for path in trees::walk(tree).unwrap() {
        match writer.append(&path, &metadata(&path), &accounts, &interrupt) {
            Ok(appended) => {
                assert_eq!(appended.entry.flaw, None, "{}", path.display());
                entries.push(appended.entry);
            }
            Err(AppendError::Unsupported(Kind::Socket)) => {}
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
    let finished = writer.finish().unwrap();
    assert_eq!(finished.members, entries.len() as u64);
    (entries, finished)
}

fn metadata(path: &Path) -> Metadata {
    let statx = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).unwrap();
    Metadata::from_statx(&statx).unwrap()
}

/// The tree as an archive keeps it: without sockets, times in whole seconds.
fn as_archived(tree: &Path) -> Snapshot {
    let whole_seconds = |object: &mut Object| object.mtime.1 = 0;
    Snapshot::take(tree).unwrap().filtered(|_, object| object.kind != Sort::Socket).simplified(whole_seconds)
}

/// As Python unpacks it: without attributes, and links are new.
fn as_by_python(snapshot: Snapshot) -> Snapshot {
    snapshot.simplified(|object| {
        object.attributes.clear();
        if matches!(object.kind, Sort::Link(_)) {
            object.mtime = (0, 0);
        }
    })
}

#[test]
fn gnu_tar_gives_everything_back() {
    for (seed, compression) in (1..).zip(Compression::ALL) {
        let archived = archived(seed, compression);
        let into = tempfile::tempdir().unwrap();
        program::succeed(
            program::command("tar")
                .args(["--xattrs", "--xattrs-include=*", "--numeric-owner", "--same-owner", "-xpf"])
                .arg(&archived.archive)
                .arg("-C")
                .arg(into.path()),
        );
        let (wanted, found) =
            (as_archived(&archived.tree()), as_archived(&archived.unpacked_in(into.path())));
        wanted.assert_same(&found, || format!("{compression:?}"));
        let file = fs_err::read(&archived.archive).unwrap();
        assert_eq!(archived.finished.size, file.len() as u64);
        assert_eq!(archived.finished.sha256, <[u8; 32]>::from(Sha256::digest(&file)));
    }
}

#[test]
fn gnu_tar_keeps_the_holes() {
    let archived = archived(9, Compression::Gzip);
    let into = tempfile::tempdir().unwrap();
    program::succeed(program::command("tar").arg("-xpf").arg(&archived.archive).arg("-C").arg(into.path()));
    let unpacked = archived.unpacked_in(into.path());
    let many = fs_err::metadata(unpacked.join("many holes")).unwrap();
    assert!(std::os::unix::fs::MetadataExt::blocks(&many) * 512 < many.len() / 2);
    let size = archived.finished.uncompressed_size;
    assert!(size < 6 << 20, "{size} bytes: the holes are in the archive");
}

#[test]
fn python_gives_everything_back() {
    const SCRIPT: &str = "import sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    archive.extractall(sys.argv[2], numeric_owner=True, filter='fully_trusted')
";
    for (seed, compression) in (5..).zip([Compression::None, Compression::Gzip, Compression::Bzip2]) {
        let archived = archived(seed, compression);
        let into = tempfile::tempdir().unwrap();
        let mut python = program::command("python3");
        python.args(["-c", SCRIPT]).arg(&archived.archive).arg(into.path());
        program::succeed(&mut python);
        let wanted = as_by_python(as_archived(&archived.tree()));
        let found = as_by_python(as_archived(&archived.unpacked_in(into.path())));
        wanted.assert_same(&found, || format!("{compression:?}"));
    }
}

#[test]
fn entries_say_what_the_tar_crate_finds() {
    let archived = archived(12, Compression::Zstd);
    let found = members::read(&archived.archive).unwrap();
    assert_eq!(found.len(), archived.entries.len());
    for (entry, member) in archived.entries.iter().zip(&found) {
        let path = entry.path.as_os_str().as_bytes();
        let context = path.escape_ascii();
        assert_eq!(&member.name, path.strip_prefix(b"/").unwrap(), "{context}");
        assert_eq!((member.uid, member.gid), (entry.uid.into(), entry.gid.into()), "{context}");
        assert_eq!(member.mtime, entry.modified.seconds, "{context}");
        assert_eq!(member.names.0, entry.user.clone().unwrap_or_default().into_bytes(), "{context}");
        if entry.kind == Kind::File && entry.hard_link.is_none() {
            assert_eq!(Some(member.content.1), entry.sha256, "{context}");
            assert_eq!(member.content.0, entry.size, "{context}");
        }
    }
}

#[test]
fn our_reader_finds_what_the_entries_say() {
    for (seed, compression) in (30..).zip(Compression::ALL) {
        let archived = archived(seed, compression);
        let open = || fs_err::File::open(&archived.archive).unwrap().into_parts().0;
        let Finished { blocks, size, uncompressed_size, .. } = &archived.finished;
        let index = BlockIndex::new(blocks, *size, *uncompressed_size).unwrap();
        let mut members = Members::new(reader::sequential(open(), compression, Some(&index), 2).unwrap());
        let mut entries = archived.entries.iter();
        while let Some(event) = members.next_member().unwrap() {
            let Event::Member(member) = event else { panic!("{event:?}") };
            let mut data = Vec::new();
            members.content().read_to_end(&mut data).unwrap();
            let entry = entries.next().unwrap();
            let path = entry.path.as_os_str().as_bytes();
            let context = path.escape_ascii();
            assert_eq!(member.path.strip_suffix(b"/").unwrap_or(&member.path), &path[1..], "{context}");
            assert_eq!(Some(member.offset), entry.offset, "{context}");
            let mut there = reader::at(open(), compression, &index, member.offset).unwrap();
            assert_eq!(read_member(&mut there, member.offset).unwrap(), *member, "{context}");
            assert_eq!((member.mode, member.uid), (expected_mode(entry), entry.uid.into()), "{context}");
            assert_eq!(member.modified.seconds, entry.modified.seconds, "{context}");
            let attributes = Snapshot::take(&entry.path).unwrap().objects[&b""[..]].attributes.clone();
            assert_eq!(member.xattrs, attributes, "{context}");
            if entry.kind == Kind::File && entry.hard_link.is_none() {
                assert_eq!(
                    Some(<[u8; 32]>::from(Sha256::digest(with_holes(&member, data)))),
                    entry.sha256,
                    "{context}"
                );
            }
        }
        assert_eq!(entries.next(), None);
    }
}

/// The content of a member whose stored data is `data`.
fn with_holes(member: &Member, data: Vec<u8>) -> Vec<u8> {
    let Some(extents) = &member.extents else { return data };
    let mut content = vec![0; usize::try_from(member.size).unwrap()];
    let mut rest = &data[..];
    for (offset, length) in extents {
        let (now, later) = rest.split_at(usize::try_from(*length).unwrap());
        content[usize::try_from(*offset).unwrap()..][..now.len()].copy_from_slice(now);
        rest = later;
    }
    content
}

/// Links have no mode of their own; archives say 777.
fn expected_mode(entry: &Entry) -> u32 {
    if entry.kind == Kind::Symlink { 0o777 } else { entry.mode }
}

#[test]
fn attributes_with_awkward_names_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs_err::write(&path, "x").unwrap();
    for name in ["user.a=b", "user.100%", "user.%3D"] {
        rustix::fs::setxattr(&path, name, b"\0value=\n", rustix::fs::XattrFlags::empty()).unwrap();
    }
    let archive = directory.path().join("x.tar");
    archive_tree(&path, &archive, Compression::None);
    let file = fs_err::File::open(&archive).unwrap();
    let Some(Event::Member(member)) = Members::new(file).next_member().unwrap() else { panic!("no member") };
    assert_eq!(member.xattrs, Snapshot::take(&path).unwrap().objects[&b""[..]].attributes);
    assert_eq!(member.xattrs.len(), 3);
}

#[test]
fn reading_can_begin_at_the_offset_of_every_entry() {
    let archived = archived(13, Compression::None);
    let bytes = fs_err::read(&archived.archive).unwrap();
    for entry in &archived.entries {
        let rest = &bytes[usize::try_from(entry.offset.unwrap()).unwrap()..];
        let mut archive = tar::Archive::new(rest);
        let first = archive.entries().unwrap().next().unwrap().unwrap();
        let name = first.path_bytes().into_owned();
        let path = entry.path.as_os_str().as_bytes();
        assert_eq!(name.strip_suffix(b"/").unwrap_or(&name), &path[1..], "{}", path.escape_ascii());
    }
}

#[test]
fn headers_are_those_of_the_original_byte_for_byte() {
    let Some(oracle) = Oracle::required() else { return };
    let pool = Pool::new().unwrap();
    let tree = pool.path().join("tree");
    let growth = Growth { backslashes: false, loops: false, ..Growth::everything() };
    trees::grow(&tree, &mut Rng::new(21), &growth).unwrap();
    // The original rounds times before 1970 the other way.
    for path in trees::walk(&tree).unwrap() {
        set_time(&path, metadata(&path).modified.seconds);
    }
    pool.configure(&format!(
        "<collect_mode>daily</collect_mode><archive_mode>targz</archive_mode><ignore_file>.ignore</ignore_file>\
         <dir><abs_path>{}</abs_path></dir>",
        tree.display()
    ))
    .unwrap();
    let output = pool.run(Program::Original(&oracle), "2026-11-24 02:00:00", &["collect"]);
    assert!(output.status.success(), "{}", program::describe(&output));
    let theirs = fs_err::read_dir(pool.collect_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .unwrap();
    let ours = pool.path().join("ours.tar.gz");
    archive_tree(&tree, &ours, Compression::Gzip);
    let (theirs, ours) = (headers(&theirs), headers(&ours));
    let mut compared = 0;
    for (name, their) in &theirs {
        let our = ours.get(name).unwrap_or_else(|| panic!("{} is missing", name.escape_ascii()));
        // Which name of a file comes first depends on the order of the members; holes and attributes are ours alone.
        if their.flag == b'1' || our.flag == b'1' || our.flag == b'S' || our.has_attributes {
            continue;
        }
        assert_eq!(
            our.bytes.escape_ascii().to_string(),
            their.bytes.escape_ascii().to_string(),
            "{}",
            name.escape_ascii()
        );
        compared += 1;
    }
    assert!(compared > 40, "only {compared} of {} members were compared", theirs.len());
}

/// The headers of a member, extensions included.
struct Headers {
    bytes: Vec<u8>,
    flag: u8,
    has_attributes: bool,
}

/// Headers by full name.
fn headers(archive: &Path) -> BTreeMap<Vec<u8>, Headers> {
    let mut bytes = Vec::new();
    members::decompressed(archive).unwrap().read_to_end(&mut bytes).unwrap();
    let mut found = BTreeMap::new();
    let (mut begin, mut at, mut long_name, mut has_attributes) = (0, 0, None, false);
    while bytes[at] != 0 {
        let header = tar::Header::from_byte_slice(&bytes[at..at + 512]);
        let size = usize::try_from(header.entry_size().unwrap()).unwrap();
        let (content, flag) = (at + 512, header.entry_type().as_byte());
        let next = content + size.next_multiple_of(512);
        match flag {
            b'L' => long_name = Some(bytes[content..content + size - 1].to_vec()),
            b'K' => {}
            b'x' => has_attributes = true,
            _ => {
                let name = long_name.take().unwrap_or_else(|| header.path_bytes().into_owned());
                found.insert(name, Headers { bytes: bytes[begin..content].to_vec(), flag, has_attributes });
                (begin, has_attributes) = (next, false);
            }
        }
        at = next;
    }
    found
}

#[test]
fn a_full_disk_is_an_error_and_no_hang() {
    let Some(small) = SmallFileSystem::mount(3 * 1024) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("noise");
    fs_err::write(&path, Rng::new(4).bytes(2 << 20)).unwrap();
    for compression in Compression::ALL {
        let archive = small.path().join(format!("x.tar{}", compression.suffix()));
        let file = fs_err::File::create_new(&archive).unwrap().into_parts().0;
        let mut writer = ArchiveWriter::create(file, &options(compression, &archive)).unwrap();
        let (accounts, interrupt) = (Accounts::new(), Interrupt::new());
        let mut append = || writer.append(&path, &metadata(&path), &accounts, &interrupt);
        let failed = (0..40).find_map(|_| append().err());
        assert!(
            matches!(&failed, Some(AppendError::Archive(ArchiveError::Write(error)))
                if error.kind() == std::io::ErrorKind::StorageFull),
            "{compression:?}: {failed:?}"
        );
        assert!(writer.finish().is_err(), "{compression:?}");
        fs_err::remove_file(archive).unwrap();
    }
}

mod slow {
    use super::*;

    #[test]
    fn a_file_of_more_than_eight_gibibytes_is_read_by_gnu_tar_and_python() {
        const SIZE: u64 = (8 << 30) + 4099;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tree");
        let file = fs_err::File::create(&path).unwrap();
        file.set_len(SIZE).unwrap();
        file.file().write_all_at(b"the end", SIZE - 7).unwrap();
        let archive = directory.path().join("x.tar");
        let (entries, finished) = archive_tree(&path, &archive, Compression::None);
        assert_eq!((entries[0].size, finished.size), (SIZE, 10_240));
        let list = program::succeed(program::command("tar").arg("-tvf").arg(&archive));
        assert!(String::from_utf8_lossy(&list).contains(&format!(" {SIZE} ")));
        let script = "import sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    member = archive.next()
    content = archive.extractfile(member)
    content.seek(-7, 2)
    print(member.size, content.read().decode())
";
        let printed = program::succeed(program::command("python3").args(["-c", script]).arg(&archive));
        assert_eq!(String::from_utf8_lossy(&printed), format!("{SIZE} the end\n"));
    }
}
