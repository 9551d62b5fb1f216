use std::sync::{Arc, Mutex};

use redcedar_engine::Outcome;
use redcedar_engine::extension::ExtensionError;
use redcedar_system::command::{Command, Finished};
use redcedar_system::fake::PrintingRunner;

use super::Amazons3;
use crate::sample::{Machine, ended};

const AWS: &str = "<override><command>aws</command><abs_path>/opt/aws</abs_path></override>";
const STAGE: &str = "<peers><peer><name>h</name><type>local</type><collect_dir>DIR/collect</collect_dir></peer></peers>\
    <stage><staging_dir>DIR/stage</staging_dir></stage>";
/// `abc` twice, what stands for a directory, and what is not wanted.
const LISTED: &str = r#"[{"Key": "b/2026/11/24/h/a.tar", "Size": 3, "ETag": "\"900150983cd24fb0d6963f7d28e17f72\""},
    {"Key": "b/2026/11/24/cback.example.com/x", "Size": 3, "ETag": "\"900150983cd24fb0d6963f7d28e17f72\""},
    {"Key": "b/2026/11/24/folder/", "Size": 0, "ETag": "\"d41d8cd98f00b204e9800998ecf8427e\""},
    {"Key": "b/2026/11/24/h/old;touch x", "Size": 3, "ETag": "\"other\""}]"#;

/// A machine with a day that has two files.
fn machine(options: &str, content: &str) -> Machine {
    let section = format!("{STAGE}<amazons3><s3_bucket>bucket/b</s3_bucket>{content}</amazons3>");
    let machine = Machine::new(options, &section);
    fs_err::create_dir(machine.path("work")).unwrap();
    stage(&machine, "2026/11/24", &[("h/a.tar", "abc"), ("cback.example.com/x", "abc")]);
    machine
}

fn stage(machine: &Machine, day: &str, files: &[(&str, &str)]) {
    let day = machine.path("stage").join(day);
    for (name, content) in files.iter().chain(&[("cback.stage", "")]) {
        fs_err::create_dir_all(day.join(name).parent().unwrap()).unwrap();
        fs_err::write(day.join(name), content).unwrap();
    }
}

/// Runs the action. `answer` says what a program prints, and how it ends. Returns the commands, too.
fn run(
    machine: &Machine,
    answer: impl Fn(&str) -> (String, Finished) + Send + Sync + 'static,
) -> (Result<Outcome, ExtensionError>, Vec<String>) {
    let commands: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&commands);
    let runner = PrintingRunner(move |command: &Command| {
        let line = command.to_string();
        let (printed, finished) = answer(&line);
        seen.lock().unwrap().push(line);
        (printed.into_bytes(), finished)
    });
    let (outcome, _) = machine.run(&Amazons3, Arc::new(runner));
    let root = machine.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let commands = commands.lock().unwrap().iter().map(|line| line.replace(&root, "DIR")).collect();
    (outcome, commands)
}

/// What the AWS CLI prints when everything arrived.
fn arrived(line: &str) -> (String, Finished) {
    (if line.contains("list-objects") { LISTED.to_owned() } else { String::new() }, ended(0, &[]))
}

#[test]
fn the_cli_gets_the_commands_of_the_original_and_what_is_there_goes_last() {
    let machine = machine(AWS, "");
    let (outcome, commands) = run(&machine, arrived);
    assert!(outcome.unwrap().is_complete());
    assert_eq!(
        commands,
        [
            "['/opt/aws', 's3', 'cp', '--recursive', '--exclude', '*cback.*', 'DIR/stage/2026/11/24/', \
             's3://bucket/b/2026/11/24/']",
            "['/opt/aws', 's3', 'cp', 'DIR/stage/2026/11/24/cback.example.com/x', \
             's3://bucket/b/2026/11/24/cback.example.com/x']",
            "['/opt/aws', 's3api', 'list-objects', '--bucket', 'bucket', '--prefix', 'b/2026/11/24/', '--output', \
             'json', '--query', 'Contents[].{Key: Key, Size: Size, ETag: ETag}']",
            "['/opt/aws', 's3', 'rm', 's3://bucket/b/2026/11/24/h/old;touch x']",
        ]
    );
    assert!(machine.path("stage/2026/11/24/cback.amazons3").exists());
    // There is nothing left to do, which is no failure.
    let (outcome, commands) = run(&machine, arrived);
    assert!(outcome.unwrap().is_complete() && commands.is_empty());
}

#[test]
fn what_did_not_arrive_as_it_is_fails_the_day_before_anything_goes() {
    for (from, to, message) in [
        ("h/a.tar", "h/b.tar", "h/a.tar did not arrive"),
        ("\"Size\": 3", "\"Size\": 4", "has 3 bytes, and 4 arrived"),
        (
            "tar\", \"Size\": 3, \"ETag\": \"\\\"900150983cd24",
            "tar\", \"Size\": 3, \"ETag\": \"\\\"900150983cd25",
            "h/a.tar arrived damaged",
        ),
        ("[", "warning: [", "cannot be understood"),
    ] {
        let listed = LISTED.replacen(from, to, 1);
        assert_ne!(listed, LISTED);
        let machine = machine(AWS, "");
        let answer = move |line: &str| {
            (if line.contains("list-objects") { listed.clone() } else { String::new() }, ended(0, &[]))
        };
        let (outcome, commands) = run(&machine, answer);
        let failures = outcome.unwrap().failures;
        assert!(failures.len() == 1 && failures[0].contains(message), "{failures:?}");
        assert!(!commands.iter().any(|command| command.contains("'rm'")), "{commands:?}");
        assert!(!machine.path("stage/2026/11/24/cback.amazons3").exists());
    }
}

#[test]
fn an_empty_listing_is_an_answer_and_a_failed_copy_ends_the_day() {
    let machine = machine(AWS, "");
    let answer = |line: &str| {
        (if line.contains("list-objects") { "null\n".to_owned() } else { String::new() }, ended(0, &[]))
    };
    assert!(run(&machine, answer).0.unwrap().failures[0].contains("did not arrive"));
    let (outcome, commands) = run(&machine, |_| (String::new(), ended(1, &["upload failed"])));
    assert!(outcome.unwrap().failures[0].contains("/opt/aws ended with status 1: upload failed"));
    assert_eq!(commands.len(), 1);
}

#[test]
fn a_day_that_was_begun_is_sent_however_old_it_is_by_then_and_others_only_where_asked_for() {
    let machine = machine("", "");
    stage(&machine, "2026/11/10", &[("h/a.tar", "abc")]);
    stage(&machine, "2026/11/11", &[("h/a.tar", "abc")]);
    fs_err::create_dir_all(machine.path("work/redcedar.amazons3/2026-11-11")).unwrap();
    let (_, commands) = run(&machine, |_| (String::new(), ended(1, &["no network"])));
    let targets = |commands: &[String]| -> Vec<String> {
        let target = |line: &String| line.split("s3://bucket/b/").nth(1).unwrap()[..10].to_owned();
        commands.iter().map(target).collect()
    };
    assert_eq!(targets(&commands), ["2026/11/11", "2026/11/24"]);
    let (outcome, commands) = run(&machine, |_| (report(2, ""), ended(0, &[])));
    assert_eq!(targets(&commands), ["2026/11/11", "2026/11/24"]);
    assert!(outcome.unwrap().failures[0].contains("2026-11-11"), "there is one file, not two");
    assert!(!machine.path("work/redcedar.amazons3/2026-11-24").exists());
    assert!(machine.path("work/redcedar.amazons3/2026-11-11").exists());
}

/// What `redcedar sync` prints.
fn report(files: u64, rest: &str) -> String {
    let none = r#"{"files": 0, "bytes": 0}"#;
    format!(
        r#"{{"format": 1, "command": "sync", "new": {{"files": {files}, "bytes": 3}}, "changed": {none},
        "unchanged": {none}, "compared": {none}, "deleted": {none}, "unproved": 0,
        "refusal": null, "problems": [{rest}]}}"#
    )
}

#[test]
fn we_send_it_ourselves_as_the_backup_user_and_leave_indicators_out_by_their_names() {
    let machine = machine("", "");
    let (outcome, commands) = run(&machine, |_| (report(2, ""), ended(0, &[])));
    assert!(outcome.unwrap().is_complete());
    let line = &commands[0];
    let begin = "'sync', 'DIR/stage/2026/11/24', 's3://bucket/b/2026/11/24', '--delete', '--max-delete', '100%', \
        '--skip-links', '--checksum', '--json', '--exclude', 'cback.collect', '--exclude', 'cback.stage',";
    assert!(line.contains(begin), "{line}");
    assert!(line.ends_with("'--exclude', '.redcedar-*']") && !line.contains("sha256"), "{line}");
}

#[test]
fn how_objects_are_stored_is_what_sync_and_prune_are_asked_for() {
    let content = "<storage_class>STANDARD_IA</storage_class><lock_mode>governance</lock_mode><lock_days>30</lock_days>\
         <sse_c_key_file>/etc/s3.key</sse_c_key_file><tags>a=b</tags><keep_last>3</keep_last>";
    let answer = |line: &str| {
        let pruned = r#"{"days": []}"#.to_owned();
        (if line.contains("'prune'") { pruned } else { report(2, "") }, ended(0, &[]))
    };
    let (outcome, commands) = run(&machine("", content), answer);
    assert!(outcome.unwrap().is_complete());
    let words = "'--storage-class', 'STANDARD_IA', '--sse-c-key-file', '/etc/s3.key', '--lock-mode', 'governance', \
        '--lock-days', '30', '--tags', 'a=b', '--exclude'";
    assert!(commands[0].contains(words), "{commands:?}");
    assert!(commands[1].contains("'prune'") && commands[1].contains("'--sse-c-key-file', '/etc/s3.key'"));
    assert!(!commands[1].contains("STANDARD_IA"), "{commands:?}");
}

#[test]
fn a_problem_with_a_file_fails_the_day_and_one_with_a_link_is_told() {
    let machine = machine("", "");
    let problem = r#"{"path": "h/a.tar", "message": "the server answers 500", "failed": true}"#;
    let (outcome, _) = run(&machine, move |_| (report(1, problem), ended(6, &[])));
    assert!(outcome.unwrap().failures[0].contains("the server answers 500"));
    let (outcome, _) = run(&machine, |_| (String::new(), ended(6, &["error: there is no bucket"])));
    assert!(outcome.unwrap().failures[0].contains("there is no bucket"));
    std::os::unix::fs::symlink("a.tar", machine.path("stage/2026/11/24/h/link")).unwrap();
    let problem = r#"{"path": "h/link", "message": "it is a symbolic link", "failed": false}"#;
    let (outcome, _) = run(&machine, move |_| (report(2, problem), ended(7, &[])));
    let outcome = outcome.unwrap();
    assert!(outcome.failures.is_empty() && outcome.omissions[0].path.ends_with("h/link"), "{outcome:?}");
    assert!(machine.path("stage/2026/11/24/cback.amazons3").exists());
}

#[test]
fn a_day_that_is_too_large_is_not_sent_at_all() {
    // The 24th is no Monday, the 23rd is one.
    for (content, is_sent) in [
        ("<incr_size_limit>6</incr_size_limit><full_size_limit>1</full_size_limit>", true),
        ("<incr_size_limit>5</incr_size_limit>", false),
    ] {
        let machine = machine("", content);
        let (outcome, commands) = run(&machine, |_| (report(2, ""), ended(0, &[])));
        let outcome = outcome.unwrap();
        assert_eq!((outcome.failures.is_empty(), !commands.is_empty()), (is_sent, is_sent), "{outcome:?}");
    }
    let machine = machine("", "<full_size_limit>1</full_size_limit>");
    fs_err::rename(machine.path("stage/2026/11/24"), machine.path("stage/2026/11/23")).unwrap();
    let (outcome, _) = run(&machine, |_| (report(2, ""), ended(0, &[])));
    assert!(outcome.unwrap().failures[0].contains("more than the 1 of full_size_limit"));
}

#[test]
fn what_is_encrypted_is_limited_as_it_is_sent_and_a_file_without_its_form_fails_the_day() {
    let machine =
        machine("", "<encrypt>enc ${input} ${output}</encrypt><incr_size_limit>8</incr_size_limit>");
    fs_err::write(machine.path("stage/2026/11/24/h/empty"), "").unwrap();
    let write = |size: usize| {
        move |line: &str| {
            if line.contains("'sync'") {
                return (report(3, ""), ended(0, &[]));
            }
            let output = line.trim_end_matches("']").rsplit('\'').next().unwrap();
            fs_err::write(output, vec![0; size]).unwrap();
            (String::new(), ended(0, &[]))
        }
    };
    let (outcome, commands) = run(&machine, write(5));
    assert!(outcome.unwrap().failures[0].contains("10 bytes when encrypted"), "{commands:?}");
    assert_eq!(
        commands[0],
        "['enc', 'DIR/stage/2026/11/24/cback.example.com/x', \
         'DIR/work/redcedar.amazons3/2026-11-24/tree/cback.example.com/x']"
    );
    assert!(!machine.path("work/redcedar.amazons3/2026-11-24/tree").exists());
    let (outcome, _) = run(&machine, write(0));
    assert!(outcome.unwrap().failures[0].contains("was encrypted into nothing"));
    let (outcome, _) = run(&machine, |_| (String::new(), ended(0, &[])));
    assert!(outcome.unwrap().failures[0].contains("was not encrypted, though the command ended well"));
    let (outcome, commands) = run(&machine, write(4));
    assert!(outcome.unwrap().is_complete());
    assert!(commands[2].contains("'sync', 'DIR/work/redcedar.amazons3/2026-11-24/tree'"), "{commands:?}");
}

#[test]
fn clear_text_does_not_go_where_encryption_is_configured() {
    let section = format!("{STAGE}<encrypt/><amazons3><s3_bucket>b</s3_bucket></amazons3>");
    let machine = Machine::new("", &section);
    fs_err::create_dir(machine.path("work")).unwrap();
    stage(&machine, "2026/11/24", &[("h/a.tar", "abc")]);
    let (outcome, commands) = run(&machine, |_| (report(1, ""), ended(0, &[])));
    assert!(outcome.unwrap().failures[0].contains("clear text") && commands.is_empty());
}

#[test]
fn what_is_wrong_in_the_section_is_said() {
    let check = |content: &str| machine("", content).check(&Amazons3);
    assert!(check("").is_empty());
    assert!(check("<encrypt>gpg -o '${output} ${input}</encrypt>")[0].contains("never closed"));
    assert!(check("<full_size_limit>many</full_size_limit>")[0].starts_with("error"));
    let unknown = check("<bucket>x</bucket>");
    assert!(unknown[0].starts_with("warning") && unknown[0].contains("no element `bucket`"), "{unknown:?}");
    let wrong = Machine::new("", "<amazons3><s3_bucket>s3://b</s3_bucket></amazons3>").check(&Amazons3);
    assert!(wrong[0].contains("without `s3://`"), "{wrong:?}");
}

#[test]
fn days_go_from_the_bucket_only_where_that_is_configured_and_after_everything_was_sent() {
    let keep = "<keep_last>3</keep_last><keep_monthly>12</keep_monthly>";
    let machine_of = |content| machine("", content);
    let pruned = r#"{"days": [{"date": "2026-01-01", "kept": false, "reasons": []}]}"#;
    let answer = move |line: &str| {
        (if line.contains("'prune'") { pruned.to_owned() } else { report(2, "") }, ended(0, &[]))
    };
    let (outcome, commands) = run(&machine_of(keep), answer);
    assert!(outcome.unwrap().is_complete());
    let expected = "'prune', 's3://bucket/b', '--keep-last', '3', '--keep-monthly', '12', '--starting-day', 'monday', \
        '--json']";
    assert!(commands.len() == 2 && commands[1].ends_with(expected), "{commands:?}");
    let (outcome, commands) = run(&machine_of(keep), |_| (report(1, ""), ended(0, &[])));
    assert_eq!((outcome.unwrap().failures.len(), commands.len()), (1, 1), "a day is missing: nothing goes");
    let refused = |line: &str| {
        let is_prune = line.contains("'prune'");
        let words: &[&str] = if is_prune { &["error: one of the clocks is wrong"] } else { &[] };
        (if is_prune { String::new() } else { report(2, "") }, ended(6 * i32::from(is_prune), words))
    };
    let (outcome, _) = run(&machine_of(keep), refused);
    assert!(outcome.unwrap().failures[0].contains("one of the clocks is wrong"));
    assert!(machine_of("<keep_last>0</keep_last>").check(&Amazons3)[0].contains("must be a number"));
    assert!(machine(AWS, keep).check(&Amazons3)[0].contains("override"));
}
