//! `redcedar prune`: what stays in a bucket, and why.

use super::machine::{Answer, Machine, answer};

fn run(machine: &Machine, now: &str, words: &[&str]) -> Answer {
    answer(machine.command(words).env("REDCEDAR_NOW", format!("2026-{now}T03:00:00")))
}

fn backup(machine: &Machine, now: &str, full: bool) {
    machine.write("home/file", now);
    let home = machine.path("home");
    let mut words = vec!["backup", home.to_str().unwrap(), "--to", "s3://bucket/b"];
    words.extend(full.then_some("--full"));
    let answer = run(machine, now, &words);
    assert_eq!(answer.code, 0, "{answer:?}");
}

/// The days that are in the bucket.
fn days(machine: &Machine) -> Vec<String> {
    let names = machine.names("b/2026/");
    let mut days: Vec<String> = names.iter().map(|name| name[..5].replace('/', "-")).collect();
    days.dedup();
    days
}

#[test]
fn what_no_rule_wants_goes_and_nothing_on_which_something_builds_that_stays() {
    let Some(machine) = Machine::new() else { return };
    for (now, full) in [
        ("11-10", true),
        ("11-11", false),
        ("11-12", false),
        ("11-20", true),
        ("11-21", false),
        ("11-22", false),
    ] {
        backup(&machine, now, full);
    }
    machine.server.store("b/2026/notes.txt", b"mine");
    let all = days(&machine);
    assert_eq!(all.len(), 7);
    let words = ["prune", "s3://bucket/b", "--keep-last", "1", "--keep-weekly", "2"];
    let looked = run(&machine, "11-22", &[&words[..], &["--dry-run"]].concat());
    assert_eq!(looked.code, 0, "{looked:?}");
    let line = |day: &str| looked.stdout.lines().find(|line| line.starts_with(day)).unwrap().to_owned();
    assert!(line("2026-11-22").contains("one of the last, weekly, the newest of"), "{looked:?}");
    assert!(line("2026-11-20").contains("kept") && line("2026-11-20").contains("2026-11-22 builds on it"));
    assert!(line("2026-11-12").ends_with("weekly"), "{looked:?}");
    assert_eq!(days(&machine), all, "a dry run removes nothing");
    let pruned = run(&machine, "11-22", &words);
    assert_eq!(pruned.code, 0, "{pruned:?}");
    let left = days(&machine);
    assert!(left.contains(&"11-10".to_owned()) && left.contains(&"11-20".to_owned()), "{left:?}");
    for day in ["11-12", "11-22"] {
        let as_of = format!("2026-{day}");
        let restored = run(
            &machine,
            "11-22",
            &[
                "restore",
                "--from",
                "s3://bucket/b",
                "--as-of",
                &as_of,
                "--to",
                "out",
                "--overwrite",
                "always",
            ],
        );
        assert_eq!(restored.code, 0, "{restored:?}");
        let file = machine.path("out").join(machine.path("home/file").strip_prefix("/").unwrap());
        assert_eq!(fs_err::read_to_string(file).unwrap(), day);
    }
    // The next increment builds on what is left.
    backup(&machine, "11-23", false);
    assert_eq!(machine.server.object("b/2026/notes.txt").unwrap(), b"mine");
    let only = run(&machine, "11-23", &["prune", "s3://bucket/b", "--keep-last", "1", "--json"]);
    assert_eq!(only.code, 0, "{only:?}");
    let document: serde_json::Value = serde_json::from_str(&only.stdout).unwrap();
    assert_eq!(
        (&document["days"][0]["date"], &document["days"][0]["kept"]),
        (&"2026-11-10".into(), &false.into())
    );
    let left = days(&machine);
    assert!(left.first().unwrap() == "11-20" && left.contains(&"11-23".to_owned()), "{left:?}");
    assert_eq!(run(&machine, "11-23", &["verify", "--from", "s3://bucket/b"]).code, 0);
}

#[test]
fn backups_that_do_not_say_what_they_build_on_keep_everything_back_to_the_first_day_of_the_week() {
    let Some(machine) = Machine::new() else { return };
    // The 16th and the 23rd are Mondays.
    for day in ["11/15", "11/16", "11/17", "11/23", "11/24"] {
        machine.server.store(&format!("b/2026/{day}/me/etc.tar.gz"), b"made by the original");
    }
    let words = ["prune", "s3://bucket/b", "--keep-last", "1"];
    assert_eq!(run(&machine, "11-24", &words).code, 0);
    assert_eq!(days(&machine).len(), 5);
    let monday = run(&machine, "11-24", &[&words[..], &["--starting-day", "monday"]].concat());
    assert_eq!(monday.code, 0, "{monday:?}");
    assert_eq!(days(&machine), ["11-23", "11-24"]);
}

#[test]
fn a_clock_that_is_wrong_and_a_place_without_days_are_left_alone() {
    let Some(machine) = Machine::new() else { return };
    for day in ["11/20", "11/21", "11/24"] {
        machine.server.store(&format!("b/2026/{day}/me/etc.tar.gz"), b"x");
    }
    let words = ["prune", "s3://bucket/b", "--keep-last", "1", "--starting-day", "monday"];
    let early = run(&machine, "11-22", &words);
    assert_eq!(early.code, 6, "{early:?}");
    assert!(early.stderr.contains("one of the clocks is wrong"), "{early:?}");
    assert_eq!(days(&machine).len(), 3);
    machine.server.store("flat/etc.tar.gz", b"x");
    let flat = run(&machine, "11-24", &["prune", "s3://bucket/flat", "--keep-last", "1"]);
    assert_eq!(flat.code, 6, "{flat:?}");
    assert!(flat.stderr.contains("not in directories of days"), "{flat:?}");
    assert_eq!(run(&machine, "11-24", &["prune", "s3://bucket/b"]).code, 2, "a rule is needed");
    assert_eq!(run(&machine, "11-24", &["prune", "/tmp", "--keep-last", "1"]).code, 2);
}
