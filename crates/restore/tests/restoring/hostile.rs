//! Archives made to do harm: nothing is written outside of the target.

use std::path::Path;

use redcedar_restore::{Overwrite, Report};

use crate::machine::{over, request, run};

/// Members as (name, type, link, content).
type Members<'a> = &'a [(&'a [u8], u8, &'a [u8], &'a [u8])];

fn archive(members: Members<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, link, content) in members {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// Restores `members` into `DIR/target` and returns what is in `DIR` besides.
fn restored(dir: &Path, members: Members<'_>) -> Report {
    let source = dir.join("source");
    fs_err::create_dir_all(&source).unwrap();
    fs_err::write(source.join("x.tar"), archive(members)).unwrap();
    run(&source, &over(&request(&dir.join("target"), None), Overwrite::Always)).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs_err::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn names_that_lead_upwards_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let report = restored(
        dir.path(),
        &[(b"../up", b'0', b"", b"x"), (b"a/../../up2", b'0', b"", b"x"), (b"good", b'0', b"", b"x")],
    );
    assert_eq!(report.failures.len(), 2, "{report:#?}");
    assert_eq!(names(dir.path()), ["source", "target"]);
    assert_eq!(names(&dir.path().join("target")), ["good"]);
}

#[test]
fn absolute_names_stay_below_the_target() {
    let dir = tempfile::tempdir().unwrap();
    restored(dir.path(), &[(b"//etc/redcedar-test", b'0', b"", b"x")]);
    assert!(dir.path().join("target/etc/redcedar-test").exists());
    assert!(!Path::new("/etc/redcedar-test").exists());
}

#[test]
fn nothing_is_written_through_a_link_of_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs_err::create_dir(&outside).unwrap();
    let link = outside.as_os_str().as_encoded_bytes();
    restored(dir.path(), &[(b"l", b'2', link, b""), (b"l/x", b'0', b"", b"x"), (b"m", b'2', link, b"")]);
    assert_eq!(names(&outside), [""; 0]);
    assert_eq!(names(&dir.path().join("target/l")), ["x"]);
}

#[test]
fn nothing_is_written_through_a_link_that_is_in_the_target() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    let target = dir.path().join("target");
    fs_err::create_dir(&outside).unwrap();
    fs_err::create_dir(&target).unwrap();
    fs_err::write(outside.join("precious"), b"precious").unwrap();
    std::os::unix::fs::symlink(&outside, target.join("dir")).unwrap();
    std::os::unix::fs::symlink(outside.join("precious"), target.join("file")).unwrap();
    let report = restored(dir.path(), &[(b"dir/x", b'0', b"", b"x"), (b"file", b'0', b"", b"new")]);
    assert_eq!(names(&outside), ["precious"]);
    assert_eq!(fs_err::read(outside.join("precious")).unwrap(), b"precious");
    assert_eq!(fs_err::read(target.join("file")).unwrap(), b"new");
    assert!(report.failures[0].to_string().contains("is no directory"), "{report:#?}");
}

#[test]
fn a_further_name_of_something_outside_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    fs_err::write(&secret, b"secret").unwrap();
    let link = secret.as_os_str().as_encoded_bytes();
    let report = restored(dir.path(), &[(b"a", b'1', link, b""), (b"b", b'1', b"../secret", b"")]);
    assert_eq!(report.failures.len(), 2, "{report:#?}");
    assert_eq!(names(&dir.path().join("target")), [""; 0]);
}

#[test]
fn a_name_with_a_nul_byte_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let record = b"14 path=a\0bcd\n";
    let report = restored(
        dir.path(),
        &[(b"pax", b'x', b"", record), (b"a", b'0', b"", b"x"), (b"good", b'0', b"", b"x")],
    );
    assert_eq!(report.failures.len(), 1, "{report:#?}");
    assert_eq!(names(&dir.path().join("target")), ["good"]);
}

#[test]
fn names_that_no_file_can_have_fail_alone() {
    let dir = tempfile::tempdir().unwrap();
    let long = vec![b'n'; 300];
    let report = restored(
        dir.path(),
        &[(b"././@LongLink", b'L', b"", &long), (b"n", b'0', b"", b"x"), (b"good", b'0', b"", b"x")],
    );
    assert_eq!(report.failures.len(), 1, "{report:#?}");
    assert_eq!(names(&dir.path().join("target")), ["good"]);
}
