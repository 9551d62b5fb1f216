//! `redcedar restore --interactive`, as a conversation.

use std::io::Write;
use std::process::Stdio;

use assert_cmd::cargo::cargo_bin;
use redcedar_system::quote;
use redcedar_testing::program;

use super::Sandbox;

/// What is said when somebody types `lines`.
fn converse(sandbox: &Sandbox, line: &str, lines: &[&str]) -> String {
    let mut command = sandbox.command(line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let input = lines.join("\n") + "\n";
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = format!(
        "{}--- stderr\n{}--- exit {}\n",
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap()
    );
    // Files are as old as the test.
    let text =
        regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d").unwrap().replace_all(&text, "DAY        TIME ");
    let host = format!("/{}/", redcedar_system::account::host_name());
    sandbox.redact(&text).replace(&host, "/HOST/")
}

/// Two days of a home directory.
fn two_days() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    sandbox.write("/home/anna/notes.txt", "buy milk");
    sandbox.write("/home/anna/old letters/one", "dear");
    std::os::unix::fs::symlink("report.odt", sandbox.path("/home/anna/newest")).unwrap();
    fs_err::create_dir(sandbox.path("/mnt")).unwrap();
    assert_eq!(sandbox.run("backup /home/anna --to /mnt/backup").code, 0);
    sandbox.at("2026-11-24T02:00:00");
    sandbox.write("/home/anna/report.odt", "final version");
    fs_err::remove_file(sandbox.path("/home/anna/notes.txt")).unwrap();
    fs_err::remove_dir_all(sandbox.path("/home/anna/old letters")).unwrap();
    assert_eq!(sandbox.run("backup /home/anna --to /mnt/backup").code, 0);
    sandbox
}

#[test]
fn somebody_looks_around_marks_and_restores_as_of_two_days() {
    let sandbox = two_days();
    let home = sandbox.path("/home/anna").display().to_string();
    let go = format!("cd {home}");
    let talk = converse(
        &sandbox,
        "restore --interactive --from /mnt/backup",
        &[
            "help",
            "machines",
            "days",
            &go,
            "ls",
            "mark report.odt",
            "day yesterday",
            "mark 'old letters' *.txt",
            "ls",
            "marks",
            "unmark notes.txt",
            "cd 'old letters'",
            "ls",
            "day today",
            "restore restored",
            "marks",
            "quit",
            "not reached",
        ],
    );
    let restored = |day: &str, file: &str| {
        let below = format!("/restored/{}/{day}{home}/{file}", redcedar_system::account::host_name());
        fs_err::read_to_string(sandbox.path(&below)).ok()
    };
    assert_eq!(restored("2026-11-24", "report.odt").as_deref(), Some("final version"));
    assert_eq!(restored("2026-11-23", "old letters/one").as_deref(), Some("dear"));
    assert_eq!(restored("2026-11-23", "notes.txt"), None);
    assert_eq!(restored("2026-11-23", "report.odt"), None);
    insta::assert_snapshot!(talk);
}

#[test]
fn what_is_of_one_day_is_restored_into_the_directory_itself() {
    let sandbox = two_days();
    let home = sandbox.path("/home/anna").display().to_string();
    let mark = format!("mark {home}/notes.txt");
    let talk = converse(
        &sandbox,
        "restore --interactive --from /mnt/backup --as-of 2026-11-23",
        &["days", &mark, "restore restored", "quit"],
    );
    assert!(talk.ends_with("--- exit 0\n"), "{talk}");
    assert_eq!(sandbox.read(&format!("/restored{home}/notes.txt")), "buy milk");
}

#[test]
fn what_is_said_wrong_is_explained_and_nothing_is_lost() {
    let sandbox = two_days();
    let home = sandbox.path("/home/anna").display().to_string();
    let (go, mark) = (format!("cd {home}"), format!("mark {home}/report.odt"));
    let talk = converse(
        &sandbox,
        "restore --interactive --from /mnt/backup",
        &[
            "dance",
            "ls /nowhere",
            "restore restored",
            &go,
            "cd newest",
            "mark *.jpg",
            "unmark report.odt",
            "machine db1",
            "day tomorrow",
            "day 2026-11-22",
            "day 2027-01-01",
            "mark 'x",
            &mark,
            "restore home",
            "marks",
        ],
    );
    insta::assert_snapshot!(talk);
}

#[test]
fn on_a_terminal_it_begins_by_itself() {
    if program::find("script").is_none() {
        return program::cannot_test("a terminal", "there is no `script`");
    }
    let sandbox = two_days();
    let words = [cargo_bin!("redcedar").as_os_str(), "restore".as_ref(), "--from".as_ref()];
    let line = words.map(quote::word).join(" ") + " mnt/backup";
    let mut command = program::command("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(sandbox.root());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"machines\nquit\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", program::describe(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("(2 days)"), "{}", program::describe(&output));
}

#[test]
fn without_a_terminal_it_has_to_be_said_where_to() {
    let sandbox = two_days();
    let talk = [
        sandbox.talk("restore --from /mnt/backup"),
        sandbox.talk("restore /etc --interactive --from /mnt/backup"),
        sandbox.talk("restore --mailbox /var/mail/anna --from /mnt/backup"),
    ];
    insta::assert_snapshot!(talk.join("\n"));
}
