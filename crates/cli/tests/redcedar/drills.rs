//! `drill`: what it says, and how it ends.

use std::os::unix::fs::PermissionsExt;

use redcedar_testing::program;

use super::Sandbox;

fn backed_up() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    sandbox.write("/etc/fstab", "proc");
    fs_err::create_dir_all(sandbox.path("/scratch")).unwrap();
    let answer = sandbox.run("backup /etc /home/anna --to /mnt/backup");
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    sandbox.at("2026-11-26T02:00:00");
    sandbox
}

#[test]
fn a_drill_says_what_came_back_how_long_it_took_and_how_old_it_is() {
    let sandbox = backed_up();
    let talk = [
        "drill --from /mnt/backup --all --dry-run",
        "drill --from /mnt/backup --all --scratch /scratch",
        "drill /etc/fstab /nowhere --from /mnt/backup --scratch /scratch",
        "drill --from /mnt/backup --scratch /missing",
    ];
    insta::assert_snapshot!(talk.map(|line| sandbox.talk(line)).join("\n"));
    let too_large = sandbox.run("drill --from /mnt/backup --size 10");
    assert_eq!(too_large.code, 6);
    assert!(too_large.stderr.contains("bytes, the limit is 10\n"), "{}", too_large.stderr);
    assert_eq!(fs_err::read_dir(sandbox.path("/scratch")).unwrap().count(), 0);
}

#[test]
fn what_differs_is_exit_7_and_named() {
    let sandbox = backed_up();
    let day = sandbox.path("/mnt/backup/2026/11/23").join(redcedar_system::account::host_name());
    let archive = fs_err::read_dir(day)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().ends_with("home-anna.tar.gz"))
        .unwrap();
    let mut content = fs_err::read(&archive).unwrap();
    let middle = content.len() / 2;
    content[middle..middle + 20].fill(0);
    fs_err::write(&archive, content).unwrap();
    let answer = sandbox.run("drill --from /mnt/backup --all --json");
    assert_eq!(answer.code, 7, "{}", answer.stderr);
    let report: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let verdicts: Vec<_> = report["drilled"].as_array().unwrap().iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["good", "different"]);
    assert_eq!((&report["result"], &report["rpo"]), (&"incomplete".into(), &serde_json::Value::Null));
    let answer = sandbox.run("drill --from /mnt/backup --all -q");
    assert!(answer.stdout.is_empty() && answer.stderr.contains("report.odt: "), "{}", answer.stderr);
}

#[test]
fn nothing_is_left_of_directories_that_forbid_to_remove_what_is_in_them() {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/deep/report.odt", "draft");
    for (path, mode) in
        [("/mnt", 0o777), ("/scratch", 0o777), ("/home/anna/deep", 0o555), ("/home/anna", 0o555)]
    {
        fs_err::create_dir_all(sandbox.path(path)).unwrap();
        fs_err::set_permissions(sandbox.path(path), PermissionsExt::from_mode(mode)).unwrap();
    }
    for line in ["backup /home/anna --to /mnt/backup", "drill --from /mnt/backup --all --scratch /scratch"] {
        let output = program::run(&mut sandbox.unprivileged(line));
        assert!(output.status.success(), "{line}: {}", program::describe(&output));
    }
    assert_eq!(fs_err::read_dir(sandbox.path("/scratch")).unwrap().count(), 0);
    for path in ["/home/anna", "/home/anna/deep"] {
        fs_err::set_permissions(sandbox.path(path), PermissionsExt::from_mode(0o755)).unwrap();
    }
}
