//! Where backups are read from.

use super::Sandbox;

#[test]
fn a_source_that_is_none_is_exit_6() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("/empty")).unwrap();
    let talk = ["list --from /empty", "verify --from /nowhere", "restore --from /empty --to /x"]
        .map(|line| sandbox.talk(line));
    insta::assert_snapshot!(talk.join("\n"));
    assert!(!sandbox.path("/x").exists());
}
