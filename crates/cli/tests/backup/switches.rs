//! The command line without a backup.

use std::os::unix::process::CommandExt;

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::program;

/// Exit code, standard output, standard error.
fn talk(args: &[&str]) -> (i32, String, String) {
    let mut command = program::command(cargo_bin!("redcedar"));
    let output = program::run(command.arg0("/usr/local/bin/backup").args(args));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_and_version_need_nothing() {
    let (code, shown, told) = talk(&["--vers"]);
    assert_eq!((code, shown.lines().next(), told.as_str()), (0, Some("backup 1.0.21"), ""));
    let (code, shown, told) = talk(&["-h"]);
    assert_eq!((code, told.as_str()), (0, ""));
    assert!(shown.starts_with("usage: backup ") && shown.contains("--log-level"), "{shown}");
}

#[test]
fn a_wrong_command_line_is_exit_2_with_the_usage() {
    for args in [&["-x"][..], &["-L", "LOUD"], &["--log", "x"], &["now"]] {
        let (code, shown, told) = talk(args);
        assert_eq!((code, shown.as_str()), (2, ""), "{args:?}");
        assert!(told.starts_with("usage: backup ") && told.contains("\nbackup: error: "), "{told}");
    }
}

#[test]
fn without_a_configuration_or_a_log_it_is_exit_1_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (config, log) = (dir.path().join("none"), dir.path().join("log"));
    let (config, log) = (config.to_str().unwrap(), log.to_str().unwrap());
    let (code, shown, _) = talk(&["-c", config, "-l", log]);
    assert_eq!(code, 1);
    assert!(shown.starts_with("ERROR: cannot read the configuration") && shown.contains(log), "{shown}");
    assert!(fs_err::read_to_string(log).unwrap().contains(" CRITICAL backup.main cannot read"));
    let (code, shown, _) = talk(&["-c", config, "-l", "/dev/null/log"]);
    assert_eq!(code, 1);
    assert!(shown.starts_with("ERROR: there is no log"), "{shown}");
}

#[test]
fn a_wrong_configuration_is_shown_with_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let (config, log) = (dir.path().join("config"), dir.path().join("log"));
    fs_err::write(&config, "roots: ~\ndestination: {directory: /b, port: x}\n").unwrap();
    let (code, shown, _) = talk(&["-c", config.to_str().unwrap(), "-l", log.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(shown.contains("`roots` is missing") && shown.contains("config:2:36: error: `port`"), "{shown}");
}
