//! Files that are not what they were when they were listed.

use super::world::{Day, World, archives, ours, restore};
use redcedar_testing::members::{self, Member};
use redcedar_testing::program::{self, describe};
use redcedar_testing::trees::Growth;
use sha2::Digest;
use std::ffi::OsStr;
use std::io::{BufRead, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The kernel says that each of these files has 4,096 bytes, and gives a few.
const SHORTER_THAN_THEY_SAY: &str = "/sys/devices/system/cpu/cpu0/topology";

#[test]
fn a_file_that_is_shorter_than_it_says_is_padded_and_costs_no_other() {
    let world = World::new(6, Growth::everything());
    world
        .pool
        .configure(&format!(
            "<collect_mode>incr</collect_mode><archive_mode>targz</archive_mode><ignore_file>.ignore</ignore_file>
            <dir><abs_path>{SHORTER_THAN_THEY_SAY}</abs_path></dir>"
        ))
        .unwrap();
    world.run(Day::FIRST, &["collect"]);

    let (name, archive) = archives(&world.pool.collect_dir()).remove(0);
    let members = members::read(&archive).unwrap();
    let expected = fs_err::read_dir(SHORTER_THAN_THEY_SAY).unwrap().count();
    let files: Vec<_> = members.iter().filter(|member| matches!(member.kind, b'0' | b'S')).collect();
    assert_eq!(files.len(), expected);
    for file in files {
        let path = Path::new("/").join(OsStr::from_bytes(&file.name));
        let padded = Member { content: padded(&path, file.content.0), ..file.clone() };
        assert_eq!(*file, padded, "what is there, then zeros");
        assert!(
            world.log().contains(path.to_str().unwrap()),
            "it is said which file is short:\n{}",
            world.log()
        );
    }
    let listed = program::succeed(program::command("tar").arg("-tzf").arg(&archive));
    assert_eq!(listed.lines().count(), members.len(), "tar sees them all");
    let state = fs_err::read(world.pool.working_dir().join(&name).with_extension("sha")).unwrap();
    assert!(!contains(&state, b"core_id"), "a file that was not stored as it is must not count as stored");
}

/// Size and digest of the content of `path` with zeros added up to `size`.
fn padded(path: &Path, size: u64) -> (u64, [u8; 32]) {
    let mut content = fs_err::read(path).unwrap();
    content.resize(usize::try_from(size).unwrap(), 0);
    (size, sha2::Sha256::digest(&content).into())
}

#[test]
fn files_that_grow_shrink_and_vanish_meanwhile_cost_no_other() {
    let mut world = World::grown(7, Growth::everything());
    let quiet = world.snapshot();
    let busy = world.tree().join("zz busy");
    fs_err::create_dir(&busy).unwrap();
    let noise = world.rng.bytes(4_000_000);
    for number in 0..6 {
        fs_err::write(busy.join(number.to_string()), &noise).unwrap();
    }
    let stop = AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| keep_busy(&busy, &noise, &stop));
        let output = world.pool.run(ours(), &Day::FIRST.time(), &["collect", "stage"]);
        stop.store(true, Ordering::Relaxed);
        output
    });
    assert!(output.status.success(), "{}\n{}", describe(&output), world.log());

    let target = world.pool.path().join("restored");
    let restored = restore(&world.pool.staging_dir(), &target, Some(Day::FIRST));
    assert!(matches!(restored.status.code(), Some(0 | 7)), "{}", describe(&restored));
    let found = super::world::below(&target, &world.tree()).filtered(|path, _| !path.starts_with(b"zz busy"));
    // The root changed when the busy directory was made.
    let without_root =
        |snapshot: &redcedar_testing::compare::Snapshot| snapshot.filtered(|path, _| !path.is_empty());
    without_root(&quiet).assert_same(&without_root(&found), || world.log());
}

/// Truncates, appends to, removes and makes the files in `directory` until told to stop.
fn keep_busy(directory: &Path, noise: &[u8], stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        fs_err::OpenOptions::new().write(true).open(directory.join("0")).unwrap().set_len(1_000).unwrap();
        fs_err::write(directory.join("1"), noise).unwrap();
        fs_err::OpenOptions::new()
            .append(true)
            .open(directory.join("2"))
            .unwrap()
            .write_all(b"more")
            .unwrap();
        fs_err::remove_file(directory.join("3")).unwrap();
        fs_err::write(directory.join("0"), noise).unwrap();
        fs_err::write(directory.join("3"), noise).unwrap();
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
