//! What goes wrong, how it is said, and the exit code.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::Sandbox;

#[test]
fn a_missing_configuration_is_exit_4() {
    insta::assert_snapshot!(Sandbox::new().talk("run collect"));
}

#[test]
fn a_wrong_configuration_is_shown_with_its_lines_and_is_exit_4() {
    let sandbox = configured();
    let text =
        sandbox.read("/etc/redcedar.conf").replace(">incr<", ">sometimes<").replace(">targz<", ">zip<");
    sandbox.write("/etc/redcedar.conf", text);
    insta::assert_snapshot!([sandbox.talk("validate"), sandbox.talk("run collect")].join("\n"));
    let json: serde_json::Value = serde_json::from_str(&sandbox.run("validate --json").stdout).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["findings"][0]["column"], 21);
}

#[test]
fn an_action_that_does_not_exist_is_exit_4() {
    insta::assert_snapshot!(configured().talk("run colect"));
}

#[test]
fn a_plan_is_shown_and_nothing_is_done() {
    let sandbox = configured();
    insta::assert_snapshot!(sandbox.talk("run purge stage collect --full --dry-run"));
    assert!(!sandbox.path("/backup").exists());
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.run("run stage collect -n --json").stdout).unwrap();
    assert_eq!(json["steps"][0]["action"], "collect");
    assert_eq!(json["full"], false);
}

#[test]
fn a_log_file_that_cannot_be_opened_is_exit_3() {
    insta::assert_snapshot!(Sandbox::new().talk("diagnostics --log-file /nowhere/log"));
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let sandbox = Sandbox::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = sandbox.command("completions bash").stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn what_cannot_be_read_is_listed_even_when_quiet_and_is_exit_7() {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/open", "open");
    sandbox.write("/home/anna/closed", "closed");
    fs_err::set_permissions(sandbox.path("/home/anna/closed"), Permissions::from_mode(0o000)).unwrap();
    fs_err::create_dir(sandbox.path("/mnt")).unwrap();
    fs_err::set_permissions(sandbox.path("/mnt"), Permissions::from_mode(0o777)).unwrap();
    for switches in ["", " -q", " -v"] {
        let line = format!("backup /home/anna --to /mnt/backup --full{switches}");
        let output = sandbox.unprivileged(&line).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(7), "{text}");
        assert!(text.contains("/home/anna/closed") && text.contains("Permission denied"), "{line}: {text}");
    }
}

/// A machine with a configuration of its own, and none of the directories that it names.
fn configured() -> Sandbox {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("/etc")).unwrap();
    assert_eq!(sandbox.run("init /etc --base /backup").code, 0);
    sandbox
}
