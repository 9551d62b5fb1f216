use std::sync::{Arc, Mutex};

use redcedar_system::command::{Command, Finished};
use redcedar_system::fake::PrintingRunner;

use super::Subversion;
use crate::sample::{Machine, ended};

const SECTION: &str = "<subversion><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>
    <repository><abs_path>/svn/a</abs_path></repository><repository><abs_path>/svn/b</abs_path></repository></subversion>";

const DUMP: &str = "SVN-fs-dump-format-version: 2\n\nRevision-number: 0\nContent-length: 10\n\nPROPS-END\n\n\
    Revision-number: 1\nContent-length: 10\n\nPROPS-END\n\n";

/// Runs it over two repositories with one revision, and returns what was run, what failed, and what is in the collect directory.
/// `dump` is what `svnadmin` prints of `/svn/a`, and `end` how it ends then.
fn run(machine: &Machine, dump: &'static str, end: Finished) -> (Vec<String>, Vec<String>, Vec<String>) {
    let commands = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&commands);
    let programs = PrintingRunner(move |command: &Command| {
        assert_eq!(command.timeout, Some(crate::section::LONGEST), "{command} may hang for ever");
        seen.lock().unwrap().push(command.to_string());
        let is_first = command.arguments.last().is_some_and(|path| path == "/svn/a");
        let (text, end) = match command.arguments[0].to_str() {
            Some("youngest") => ("1\n", ended(0, &[])),
            Some("uuid") => ("u\n", ended(0, &[])),
            _ if is_first => (dump, end.clone()),
            _ => (DUMP, ended(0, &[])),
        };
        (text.as_bytes().to_vec(), end)
    });
    let (outcome, _) = machine.run(&Subversion, Arc::new(programs));
    let commands = commands.lock().unwrap().clone();
    (commands, outcome.unwrap().failures, machine.collected())
}

fn machine(options: &str) -> Machine {
    let machine = Machine::new(options, SECTION);
    fs_err::create_dir(machine.path("work")).unwrap();
    assert_eq!(machine.check(&Subversion), Vec::<String>::new());
    machine
}

#[test]
fn the_originals_commands_are_run_by_the_programs_of_the_configuration() {
    let options = "<override><command>svnadmin</command><abs_path>/opt/svnadmin</abs_path></override>";
    let (commands, failures, collected) = run(&machine(options), DUMP, ended(0, &[]));
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(
        commands[..3],
        [
            "['svnlook', 'youngest', '/svn/a']",
            "['svnlook', 'uuid', '/svn/a']",
            "['/opt/svnadmin', 'dump', '--quiet', '-r0:1', '--incremental', '/svn/a']"
        ]
    );
    assert_eq!(collected, ["svndump-0:1-svn-a.txt", "svndump-0:1-svn-b.txt"]);
}

#[test]
fn a_dump_that_is_not_what_it_should_be_leaves_nothing_and_the_others_are_dumped() {
    let (cut, short) = (&DUMP[..DUMP.len() - 8], &DUMP[..DUMP.find("Revision-number: 1").unwrap()]);
    for (dump, end, expected) in [
        ("", ended(0, &[]), "svnadmin has not dumped it: it is no Subversion dump"),
        (cut, ended(0, &[]), "svnadmin has not dumped it: it ends in the middle of a record"),
        (short, ended(0, &[]), "it holds revisions 0 to 0 instead of revisions 0 to 1"),
        (
            cut,
            ended(1, &["svnadmin: E160004: Corrupt"]),
            "svnadmin ended with status 1: svnadmin: E160004: Corrupt",
        ),
        (cut, ended(-9, &[]), "svnadmin was ended by signal 9"),
    ] {
        let machine = machine("");
        let (_, failures, collected) = run(&machine, dump, end);
        let [failure] = &failures[..] else { panic!("{failures:?}") };
        assert!(
            failure.starts_with("Error backing up [/svn/a]: ") && failure.contains(expected),
            "{failure}"
        );
        assert_eq!(collected, ["svndump-0:1-svn-b.txt"]);
        assert!(!machine.path("work/svn-a.svnlast").exists());
    }
}

#[test]
fn without_a_working_directory_everything_is_dumped_and_the_run_says_so() {
    let machine = Machine::new("", SECTION);
    let (_, failures, collected) = run(&machine, DUMP, ended(0, &[]));
    assert_eq!(collected, ["svndump-0:1-svn-a.txt", "svndump-0:1-svn-b.txt"]);
    assert_eq!(failures.len(), 2);
    assert!(failures[0].contains("cannot open directory"), "{failures:?}");
}

#[test]
fn a_collision_of_names_is_told_before_and_costs_nobody_a_dump() {
    let section = SECTION.replace("/svn/b", "/svn-a");
    let machine = Machine::new("", &section);
    fs_err::create_dir(machine.path("work")).unwrap();
    assert_eq!(
        machine.check(&Subversion),
        ["warning: the backup of `/svn-a` gets the same name as that of `/svn/a`"]
    );
    let (commands, failures, collected) = run(&machine, DUMP, ended(0, &[]));
    assert_eq!(failures, ["Error backing up [/svn-a]: its backup would replace that of [/svn/a]"]);
    assert_eq!((commands.len(), collected), (3, vec!["svndump-0:1-svn-a.txt".to_owned()]));
}

#[test]
fn a_repository_that_is_there_twice_is_dumped_once() {
    let section = SECTION.replace("/svn/b", "/svn/a");
    let machine = Machine::new("", &section);
    fs_err::create_dir(machine.path("work")).unwrap();
    assert_eq!(machine.check(&Subversion), ["warning: `/svn/a` is there twice"]);
    let (commands, failures, collected) = run(&machine, DUMP, ended(0, &[]));
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!((commands.len(), collected), (3, vec!["svndump-0:1-svn-a.txt".to_owned()]));
}
