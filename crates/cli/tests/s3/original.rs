//! The same by the original, which runs the AWS CLI, and by us: what is in the bucket then.

use std::path::{Path, PathBuf};

use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;
use redcedar_testing::s3::{self, Request};

use super::machine::Machine;

#[test]
fn the_bucket_is_the_same_whoever_filled_it() {
    let (Some(machine), Some(oracle)) = (Machine::new(), Oracle::required()) else { return };
    let Some(aws) = s3::aws() else {
        program::cannot_test("against the original", "the AWS CLI is not installed; ./check installs it");
        return;
    };
    let tool = oracle.cback3().with_file_name("cback3-amazons3-sync");
    for (name, content) in [
        ("a.txt", "text"),
        ("b/c.tar.gz", "archive"),
        ("b/d.jpg", "photo"),
        ("b/e.gz", "compressed"),
        ("empty", ""),
        ("no ending", "x"),
        ("a b+c%d&e", "odd"),
        ("sub/gr\u{fc}\u{df}e", "umlauts"),
    ] {
        machine.write(&format!("src/{name}"), content);
    }
    fs_err::create_dir(machine.path("src/directory")).unwrap();
    std::os::unix::fs::symlink("b", machine.path("src/link")).unwrap();
    for prefix in ["theirs", "ours"] {
        machine.server.store(&format!("{prefix}/stale"), b"x");
        machine.server.store(&format!("{prefix}2/other"), b"x");
        machine.server.store(&format!("{prefix}/folder/"), b"");
    }
    let theirs = machine.original(&tool, &bin(&aws), &["-l", "log1", "src", "s3://bucket/theirs"]);
    assert_eq!(theirs.code, 0, "{theirs:?}\n{}", machine.read("log1"));
    let ours = machine.persona("cback3-amazons3-sync", &["-l", "log2", "src", "s3://bucket/ours"]);
    assert_eq!(ours.code, 0, "{ours:?}");
    let names = machine.names("theirs/");
    assert_eq!(machine.names("ours/"), names);
    assert!(names.contains(&"link/d.jpg".to_owned()) && names.contains(&"folder/".to_owned()), "{names:?}");
    for name in &names {
        let describe = |prefix: &str| describe(&machine, &format!("{prefix}/{name}"));
        assert_eq!(describe("ours"), describe("theirs"), "{name}");
    }
    // Each finds that the other has left nothing to do.
    let verified =
        machine.persona("cback3-amazons3-sync", &["-v", "-l", "log2", "src", "s3://bucket/theirs"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let verified = machine.original(&tool, &bin(&aws), &["-v", "-l", "log1", "src", "s3://bucket/ours"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

fn bin(aws: &Path) -> PathBuf {
    aws.parent().unwrap().to_owned()
}

/// Content and type of an object.
fn describe(machine: &Machine, key: &str) -> (Vec<u8>, Option<String>) {
    let path = format!("/{}/{}", s3::BUCKET, s3::encode(key));
    let answer = machine.server.ask(&Request::new("GET", &path, b"")).unwrap();
    let kind = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    // What nothing is said of is bytes, whichever way that is put.
    let kind = kind.map(|(_, kind)| kind.clone()).filter(|kind| !kind.ends_with("/octet-stream"));
    (answer.body, kind)
}
