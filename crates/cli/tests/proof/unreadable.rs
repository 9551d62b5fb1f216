//! What we may not read is left out, and that is said.

use super::world::{Day, restore};
use redcedar_testing::program::{self, describe};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn an_ordinary_user_is_told_what_could_not_be_read() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    // The executable may be where only we can go.
    let redcedar = dir.path().join("redcedar");
    fs_err::copy(env!("CARGO_BIN_EXE_redcedar"), &redcedar).unwrap();
    let tree = dir.path().join("tree");
    fs_err::create_dir_all(tree.join("closed directory")).unwrap();
    fs_err::write(tree.join("closed directory/inside"), "secret").unwrap();
    fs_err::write(tree.join("closed file"), "secret").unwrap();
    fs_err::write(tree.join("open file"), "open").unwrap();
    fs_err::set_permissions(tree.join("closed file"), Permissions::from_mode(0o000)).unwrap();
    fs_err::set_permissions(tree.join("closed directory"), Permissions::from_mode(0o000)).unwrap();
    let destination = dir.path().join("destination");
    fs_err::create_dir(&destination).unwrap();
    fs_err::set_permissions(&destination, Permissions::from_mode(0o777)).unwrap();

    let mut command = if program::is_root() {
        let mut command = program::command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&redcedar);
        command
    } else {
        program::command(&redcedar)
    };
    command.env("REDCEDAR_NOW", Day::FIRST.time().replace(' ', "T"));
    let output = program::run(command.arg("backup").arg(&tree).arg("--to").arg(&destination));
    assert_eq!(output.status.code(), Some(7), "{}", describe(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("closed file") && said.contains("closed directory"), "{said}");

    let target = dir.path().join("restored");
    let restored = restore(&destination, &target, None);
    assert!(matches!(restored.status.code(), Some(0 | 7)), "{}", describe(&restored));
    let restored = target.join(Path::strip_prefix(&tree, "/").unwrap());
    assert_eq!(fs_err::read(restored.join("open file")).unwrap(), b"open");
    assert!(!restored.join("closed file").exists(), "what is not stored is not made up");
    fs_err::set_permissions(tree.join("closed directory"), Permissions::from_mode(0o755)).unwrap();
}
