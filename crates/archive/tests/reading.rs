//! Archives of other producers, and damaged ones, as the reader sees them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use redcedar_archive::Compression;
use redcedar_archive::reader::{
    ArchiveReader, BlockIndex, Damage, Event, Member, MemberKind, Members, Suspicion, at, find_swallowed,
    read_member, sequential, suspect,
};
use redcedar_testing::members;
use redcedar_testing::program::{command, succeed};
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{Growth, grow};
use sha2::{Digest, Sha256};

fn open(path: &Path) -> std::fs::File {
    fs_err::File::open(path).unwrap().into_parts().0
}

fn read(path: &Path) -> ArchiveReader {
    let (_, compression) = Compression::of_archive(path.file_name().unwrap()).unwrap();
    sequential(open(path), compression, None, 2).unwrap()
}

/// All members with their content, holes filled in; fails on damage.
fn intact(reader: impl Read) -> Vec<(Member, Vec<u8>)> {
    let mut members = Members::new(reader);
    let mut found = Vec::new();
    while let Some(event) = members.next_member().unwrap() {
        let Event::Member(member) = event else { panic!("{event:?}") };
        let mut stored = Vec::new();
        members.content().read_to_end(&mut stored).unwrap();
        let content = match &member.extents {
            None => stored,
            Some(extents) => {
                let mut whole = vec![0; usize::try_from(member.size).unwrap()];
                let mut rest = stored.as_slice();
                for (offset, length) in extents {
                    let (offset, length) =
                        (usize::try_from(*offset).unwrap(), usize::try_from(*length).unwrap());
                    whole[offset..offset + length].copy_from_slice(&rest[..length]);
                    rest = &rest[length..];
                }
                whole
            }
        };
        found.push((*member, content));
    }
    members.drain().unwrap();
    found
}

fn random_tree(dir: &Path, seed: u64) -> PathBuf {
    let root = dir.join("tree");
    grow(&root, &mut Rng::new(seed), &Growth::everything()).unwrap();
    root
}

fn tar(root: &Path, archive: &Path, options: &[&str]) {
    let output = redcedar_testing::program::run(
        command("tar").args(options).arg("-cf").arg(archive).arg("-C").arg(root).arg("."),
    );
    // A socket is skipped with a warning and without failure.
    assert!(output.status.success(), "{}", redcedar_testing::program::describe(&output));
}

#[test]
fn gnu_tar_in_both_dialects_reads_the_same_as_the_tar_crate_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = random_tree(dir.path(), 11);
    for format in ["--format=gnu", "--format=posix"] {
        for suffix in ["tar", "tar.gz", "tar.bz2", "tar.zst"] {
            let path = dir.path().join(format!("a.{suffix}"));
            tar(&root, &path, &[format, "--auto-compress"]);
            let ours = intact(read(&path));
            let theirs = members::read(&path).unwrap();
            assert_eq!(ours.len(), theirs.len());
            for ((member, content), theirs) in ours.iter().zip(theirs) {
                let name = member.path.strip_suffix(b"/").unwrap_or(&member.path);
                // The crate takes a newline in a name for the end of a pax record.
                if format == "--format=posix" && name.contains(&b'\n') {
                    continue;
                }
                assert_eq!(name, theirs.name);
                assert_eq!((member.mode, member.uid, member.gid), (theirs.mode, theirs.uid, theirs.gid));
                assert_eq!((content.len() as u64, Sha256::digest(content).into()), theirs.content);
                if format == "--format=gnu" && member.modified.seconds >= 0 {
                    assert_eq!(member.modified.seconds, theirs.mtime);
                }
                assert_eq!(Some(&member.link).filter(|link| !link.is_empty()), theirs.link.as_ref());
            }
        }
    }
}

#[test]
fn times_and_attributes_of_pax_headers_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs_err::create_dir(&root).unwrap();
    fs_err::write(root.join("f"), b"x").unwrap();
    xattr::set(root.join("f"), "user.colour", b"\xffred\n").unwrap();
    succeed(command("touch").args(["-d", "1969-12-31T23:59:58.25Z"]).arg(root.join("f")));
    let path = dir.path().join("a.tar");
    tar(&root, &path, &["--format=posix", "--xattrs"]);
    let found = intact(read(&path));
    let (member, _) = found.iter().find(|(member, _)| member.path.ends_with(b"f")).unwrap();
    assert_eq!((member.modified.seconds, member.modified.nanoseconds), (-2, 250_000_000));
    assert_eq!(member.xattrs, [(b"user.colour".to_vec(), b"\xffred\n".to_vec())]);
}

#[test]
fn a_sparse_file_with_many_extents_is_whole_again() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs_err::create_dir(&root).unwrap();
    let mut file = fs_err::File::create(root.join("sparse")).unwrap();
    let mut expected = vec![0; 40 * 256 * 1024 + 5];
    for piece in 0..40 {
        let offset = piece * 256 * 1024 + 4096;
        let data = vec![u8::try_from(piece).unwrap() + 1; 4096];
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(offset as u64)).unwrap();
        file.write_all(&data).unwrap();
        expected[offset..offset + 4096].copy_from_slice(&data);
    }
    file.set_len(expected.len() as u64).unwrap();
    let path = dir.path().join("a.tar");
    tar(&root, &path, &["--format=gnu", "--sparse"]);
    let found = intact(read(&path));
    let (member, content) = found.iter().find(|(member, _)| member.path.ends_with(b"sparse")).unwrap();
    assert!(member.extents.as_ref().unwrap().len() > 21);
    assert_eq!(content, &expected);
}

#[test]
fn python_archives_and_old_device_fields_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tar");
    let script = "
import io, sys, tarfile
with tarfile.open(sys.argv[1], 'w', format=tarfile.GNU_FORMAT) as tar:
    def add(name, data=b'', **fields):
        member = tarfile.TarInfo(name)
        member.size = len(data)
        for key, value in fields.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(data))
    add('n' * 100, b'exact')
    add('long/' * 50 + 'name', b'long')
    add('big', uid=3000000, mtime=-5)
    add('link', type=tarfile.SYMTYPE, linkname='t' * 300)
";
    succeed(command("python3").arg("-c").arg(script).arg(&path));
    // What older interpreters write into the device fields of every member.
    let mut bytes = fs_err::read(&path).unwrap();
    bytes[329..345].copy_from_slice(b"0000000\x000000000\0");
    let sum: u32 =
        bytes[..148].iter().chain(b"        ").chain(&bytes[156..512]).map(|b| u32::from(*b)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let found = intact(bytes.as_slice());
    assert_eq!(found[0].0.path, "n".repeat(100).as_bytes());
    assert_eq!(found[1].0.path, ("long/".repeat(50) + "name").as_bytes());
    assert_eq!(found[1].1, b"long");
    assert_eq!((found[2].0.uid, found[2].0.modified.seconds), (3_000_000, -5));
    assert_eq!(found[3].0.kind, MemberKind::Symlink);
    assert_eq!(found[3].0.link, "t".repeat(300).as_bytes());
    for (member, _) in found {
        let mut rest = &bytes[usize::try_from(member.offset).unwrap()..];
        assert_eq!(read_member(&mut rest, member.offset).unwrap(), member);
    }
}

#[test]
fn a_cut_file_is_told_from_one_that_ends() {
    let dir = tempfile::tempdir().unwrap();
    let root = random_tree(dir.path(), 5);
    for suffix in ["gz", "bz2", "zst"] {
        let path = dir.path().join(format!("a.tar.{suffix}"));
        tar(&root, &path, &["--auto-compress"]);
        let bytes = fs_err::read(&path).unwrap();
        fs_err::write(&path, &bytes[..bytes.len() - 30]).unwrap();
        let error = std::io::copy(&mut read(&path), &mut std::io::sink()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{suffix}: {error}");
        assert!(error.to_string().contains(&(bytes.len() - 30).to_string()), "{suffix}: {error}");
    }
}

#[test]
fn archives_without_an_end_marker_or_cut_in_a_member_say_so() {
    let archive = archive(&[("a", &[1; 1000]), ("b", &[2; 1000])]);
    let without_marker = &archive[..2 * 1536];
    assert_eq!(damages(without_marker), [Damage::NoEndMarker { at: 3072 }]);
    assert_eq!(damages(&archive[..2000]), [Damage::Truncated { at: 2000 }]);
    assert_eq!(damages(&archive[..3000]), [Damage::Truncated { at: 3000 }]);
    assert_eq!(damages(&archive), []);
}

/// A compressed file of three blocks and what it holds.
fn blocks(compression: Compression, path: &Path) -> (BlockIndex, Vec<u8>) {
    let plain: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let mut file = Vec::new();
    let mut starts = Vec::new();
    for (number, block) in plain.chunks(500_000).enumerate() {
        starts.push((file.len() as u64, number as u64 * 500_000));
        let part_path = path.with_extension("part");
        fs_err::write(&part_path, block).unwrap();
        let program = match compression {
            Compression::None => "cat",
            Compression::Gzip => "gzip",
            Compression::Bzip2 => "bzip2",
            Compression::Zstd => "zstd",
        };
        let mut compress = command(program);
        if compression != Compression::None {
            compress.arg("-c");
        }
        file.extend(succeed(compress.arg(&part_path)));
    }
    fs_err::write(path, &file).unwrap();
    (BlockIndex::new(&starts, file.len() as u64, plain.len() as u64).unwrap(), plain)
}

#[test]
fn by_its_blocks_a_file_reads_as_from_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    for compression in Compression::ALL {
        let path = dir.path().join("x");
        let (index, plain) = blocks(compression, &path);
        for index in [None, Some(&index)] {
            let mut found = Vec::new();
            sequential(open(&path), compression, index, 2).unwrap().read_to_end(&mut found).unwrap();
            assert!(found == plain, "{compression:?}");
        }
        for offset in [0, 1, 499_999, 500_000, 1_100_000] {
            let mut found = Vec::new();
            at(open(&path), compression, &index, offset).unwrap().read_to_end(&mut found).unwrap();
            assert!(found == plain[usize::try_from(offset).unwrap()..], "{compression:?} {offset}");
        }
    }
}

#[test]
fn a_damaged_block_spoils_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    for compression in [Compression::Gzip, Compression::Bzip2, Compression::Zstd] {
        let path = dir.path().join("x");
        let (index, plain) = blocks(compression, &path);
        let mut bytes = fs_err::read(&path).unwrap();
        bytes[40] ^= 0xff;
        fs_err::write(&path, bytes).unwrap();
        let mut reader = sequential(open(&path), compression, Some(&index), 2).unwrap();
        let error = reader.read(&mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{compression:?}: {error}");
        reader.skip_to(500_000).unwrap();
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == plain[500_000..], "{compression:?}");
    }
}

#[test]
fn an_index_that_cannot_be_is_refused() {
    assert_eq!(BlockIndex::new(&[], 10, 10), None);
    assert_eq!(BlockIndex::new(&[(0, 1)], 10, 10), None);
    assert_eq!(BlockIndex::new(&[(0, 0), (11, 5)], 10, 10), None);
    assert_eq!(BlockIndex::new(&[(0, 0), (5, 11)], 10, 10), None);
    assert_eq!(BlockIndex::new(&[(0, 0)], 10, u64::MAX), None);
}

fn header(name: &str, size: usize) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        bytes.extend(header(name, content.len()));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

#[test]
fn only_a_slash_at_the_end_of_the_whole_name_makes_a_directory() {
    let mut builder = tar::Builder::new(Vec::new());
    // The header of the first holds its first 100 bytes, the last of which is a slash.
    for name in [format!("{}/file", "d".repeat(99)), "old directory/".to_owned()] {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        builder.append_data(&mut header, name, &[][..]).unwrap();
    }
    let members = intact(builder.into_inner().unwrap().as_slice());
    let kinds: Vec<_> = members.iter().map(|(member, _)| member.kind).collect();
    assert_eq!(kinds, [MemberKind::File, MemberKind::Directory]);
}

/// As the original leaves it when a file shrinks: the header announces 100,000 bytes, 16,384 follow, then the rest.
fn shrunk(rest: &[u8]) -> Vec<u8> {
    let mut bytes = archive(&[("first", b"1")]);
    bytes.truncate(1024);
    bytes.extend(header("shrunk", 100_000));
    bytes.extend([7; 16_384]);
    bytes.extend_from_slice(rest);
    bytes
}

fn events(bytes: &[u8]) -> Vec<Event> {
    let mut members = Members::new(bytes);
    std::iter::from_fn(|| members.next_member().unwrap()).collect()
}

fn damages(bytes: &[u8]) -> Vec<Damage> {
    let damage = |event| match event {
        Event::Damage(damage) => Some(damage),
        Event::Member(_) => None,
    };
    events(bytes).into_iter().filter_map(damage).collect()
}

#[test]
fn what_a_shrunken_file_swallowed_is_found() {
    let rest = archive(&[("a", &[1; 5_000]), ("b", &vec![2; 120_000]), ("c", b"c")]);
    let bytes = shrunk(&rest);
    let data = 1536..101_536;
    assert!(matches!(
        &damages(&bytes)[..],
        [Damage::Skipped { from: 101_888, to: Some(_), before: Some(before) }] if *before == data
    ));
    let names: Vec<_> = events(&bytes)
        .into_iter()
        .filter_map(|event| match event {
            Event::Member(member) => Some(member.path),
            Event::Damage(_) => None,
        })
        .collect();
    assert_eq!(names, [&b"first"[..], b"shrunk", b"c"]);
    assert_eq!(find_swallowed(&bytes[1536..], data).unwrap(), Some(1536 + 16_384));
}

#[test]
fn members_swallowed_by_a_file_that_seems_to_end_at_a_header_are_suspected() {
    // Of both that shrank nothing is stored. By their announced lengths each ends where a later header is.
    let names = [("shrunk", 1536), ("a", 0), ("b", 0), ("shrunk too", 1024), ("c", 0), ("d", 0), ("e", 0)];
    let bytes: Vec<u8> = names.iter().flat_map(|(name, size)| header(name, *size)).collect();
    let suspicion = |data: std::ops::Range<u64>| {
        let content = &bytes[usize::try_from(data.start).unwrap()..usize::try_from(data.end).unwrap()];
        suspect(content, data).unwrap()
    };
    assert_eq!(suspicion(512..2048), Some(Suspicion { first: 512, then: vec![3072, 2048] }));
    assert_eq!(suspicion(2048..3072), Some(Suspicion { first: 2048, then: vec![3072] }));

    let whole = archive(&[("x", b"content"), ("y", b"")]);
    assert_eq!(suspect(&whole[..], 512..512 + whole.len() as u64).unwrap(), None);
    assert_eq!(suspect(&vec![7; 40_000][..], 512..40_512).unwrap(), None);
}

#[test]
fn an_archive_stored_as_a_file_is_not_taken_for_swallowed_members() {
    let inner = archive(&[("x", &[1; 5_000]), ("y", b"y")]);
    let mut bytes = archive(&[("inner", &inner), ("next", b"n")]);
    let next = 512 + inner.len();
    bytes[next] ^= 0xff;
    assert!(matches!(damages(&bytes)[..], [Damage::Skipped { to: None, .. }]));
    assert_eq!(find_swallowed(&bytes[512..], 512..next as u64).unwrap(), None);
}

#[test]
fn headers_are_found_at_any_byte_behind_damage() {
    let mut bytes = archive(&[("a", b"a")]);
    bytes.truncate(1024);
    bytes.extend(vec![b'u'; 200_003]);
    bytes.extend(archive(&[("b", b"b")]));
    assert_eq!(
        damages(&bytes),
        [Damage::Skipped { from: 1024, to: Some(1024 + 200_003), before: Some(512..513) }]
    );
    assert!(matches!(&events(&bytes)[2], Event::Member(member) if member.path == b"b"));
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    fn survives(bytes: &[u8]) {
        let mut members = Members::new(bytes);
        let mut position = 0;
        while let Ok(Some(event)) = members.next_member() {
            if let Event::Member(member) = &event {
                assert!(member.data.start <= member.data.end);
            }
            assert!(members.position() > position || matches!(event, Event::Damage(_)));
            position = members.position();
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_go_in_circles(
            changes in proptest::collection::vec((0..20_000_usize, any::<u8>()), 0..30)
        ) {
            let mut bytes = archive(&[("a", &[1; 3_000]), ("b", b""), ("c", &[2; 9_000])]);
            for (place, byte) in changes {
                if let Some(place) = bytes.get_mut(place) {
                    *place = byte;
                }
            }
            survives(&bytes);
        }

        #[test]
        fn no_header_with_a_right_checksum_does_either(
            fields in proptest::collection::vec(any::<u8>(), 512), kind in any::<u8>()
        ) {
            let mut block: [u8; 512] = fields.try_into().unwrap();
            block[156] = kind;
            block[257..265].copy_from_slice(b"ustar  \0");
            for field in [100..107, 108..115, 116..123, 136..147, 329..336, 337..344] {
                block[field].fill(b'1');
            }
            let sum: u32 =
                block[..148].iter().chain(b"        ").chain(&block[156..]).map(|b| u32::from(*b)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            survives(&[&block[..], &archive(&[("z", &[3; 700])])].concat());
        }
    }

    #[test]
    fn sizes_beyond_all_measure_are_damage() {
        let mut block = header("huge", 0);
        block[124..136].copy_from_slice(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
        let sum: u32 =
            block[..148].iter().chain(b"        ").chain(&block[156..]).map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block.extend(archive(&[("next", b"n")]));
        assert_eq!(damages(&block), [Damage::Skipped { from: 0, to: Some(512), before: None }]);
    }
}
