use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use redcedar_system::command::{Command, Runner};
use redcedar_system::fake::PrintingRunner;

use super::Mysql;
use crate::sample::{Machine, ended};

fn machine(section: &str) -> Machine {
    Machine::new("", &format!("<mysql><compress_mode>gzip</compress_mode>{section}</mysql>"))
}

/// The programs that are run, without the question that comes first.
fn commands(section: &str) -> Vec<String> {
    let machine = machine(section);
    assert_eq!(machine.check(&Mysql), Vec::<String>::new());
    machine.commands(&Mysql, []).iter().skip(1).map(ToString::to_string).collect()
}

#[test]
fn the_originals_arguments_are_used_in_their_order() {
    assert_eq!(
        commands("<all>Y</all>"),
        ["['mysqldump', '--all-databases', '-all', '--flush-logs', '--opt']"]
    );
    assert_eq!(
        commands("<database>one</database><database>a b</database>"),
        [
            "['mysqldump', '--databases', '-all', '--flush-logs', '--opt', 'one']",
            "['mysqldump', '--databases', '-all', '--flush-logs', '--opt', 'a b']",
        ]
    );
}

#[test]
fn what_the_originals_do_not_have_comes_after_it_and_a_name_is_never_an_option() {
    let own = "<snapshot>Y</snapshot><hex_blob>Y</hex_blob><events>N</events>";
    assert_eq!(
        commands(&format!("{own}<database>--result-file=x</database>")),
        [
            "['mysqldump', '--databases', '-all', '--flush-logs', '--opt', '--single-transaction', '--hex-blob', '--', '--result-file=x']"
        ]
    );
    let section = "<routines>Y</routines><events>Y</events><database>x</database>";
    let commands = machine(section).commands(&Mysql, []);
    assert_eq!(
        commands.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["['mysqldump', '--databases', '-all', '--flush-logs', '--opt', '--routines', '--events', 'x']"],
        "there is nothing to be asked"
    );
}

#[test]
fn the_name_of_mariadb_is_tried_unless_the_configuration_has_one() {
    let section = "<routines>Y</routines><events>Y</events><database>x</database>";
    let programs = |options: &str| -> Vec<_> {
        let section = format!("<mysql><compress_mode>gzip</compress_mode>{section}</mysql>");
        let commands = Machine::new(options, &section).commands(&Mysql, [ended(256, &[])]);
        commands.into_iter().map(|command| command.program.into_string().unwrap()).collect()
    };
    assert_eq!(programs(""), ["mysqldump", "mariadb-dump"]);
    let overrides = "<override><command>mysqldump</command><abs_path>/opt/dump</abs_path></override>";
    assert_eq!(programs(overrides), ["/opt/dump"]);
}

/// Arguments, and content and mode of the option file that they name.
type Seen = Arc<Mutex<Vec<(Vec<String>, String, u32)>>>;

/// Looks at the option file while it is there; answers the question of routines and events with `answer`.
fn looking(answer: &'static [u8]) -> (Arc<dyn Runner>, Seen) {
    let seen = Seen::default();
    let looked = Arc::clone(&seen);
    let runner = PrintingRunner(move |command: &Command| {
        let arguments: Vec<_> =
            command.arguments.iter().map(|argument| argument.clone().into_string().unwrap()).collect();
        if let Some(file) = arguments[0].strip_prefix("--defaults-extra-file=") {
            let mode = fs_err::metadata(file).unwrap().permissions().mode() & 0o7777;
            assert_eq!(command.variables, [("HOME".into(), "/dev/null".into())]);
            assert_eq!(command.file.as_ref().unwrap().path(), Path::new(file));
            let where_it_is = fs_err::read_link(file).unwrap();
            assert_eq!(where_it_is, Path::new("/memfd:redcedar (deleted)"), "it is on no disk");
            looked.lock().unwrap().push((arguments.clone(), fs_err::read_to_string(file).unwrap(), mode));
        }
        let text = if command.program == "mysql" { answer } else { b"-- Dump completed on 2026-11-24\n" };
        (text.to_vec(), ended(0, &[]))
    });
    (Arc::new(runner), seen)
}

#[test]
fn user_and_password_are_in_a_file_that_only_the_client_can_read_and_that_is_on_no_disk() {
    let (runner, seen) = looking(b"");
    let machine = machine("<user>bk</user><password>s3 cret</password><database>x</database>");
    let (outcome, monitor) = machine.run(&Mysql, runner);
    assert!(outcome.unwrap().is_complete());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2, "the question and the dump");
    for (arguments, file, mode) in seen.iter() {
        assert!(file.contains("[client]\nuser=\"bk\"\npassword=\"s3 cret\"\n"), "{file}");
        assert_eq!(*mode, 0o600);
        assert!(!arguments.iter().any(|argument| argument.contains("cret")));
    }
    assert_eq!(seen[1].0[1..], ["--databases", "-all", "--flush-logs", "--opt", "x"]);
    let said = format!("{:?}{:?}", monitor.messages(), monitor.output_lines());
    assert!(!said.contains("cret"), "{said}");
}

#[test]
fn routines_and_events_that_are_in_no_dump_are_told() {
    use redcedar_system::Level;
    // The names are `app`, `sys` and `other`, in hexadecimal digits.
    let answer = b"routines\t617070\t2\nroutines\t737973\t48\nevents\t617070\t1\nevents\t6F74686572\t3\n";
    let warnings = |section: &str, answer| {
        let (outcome, monitor) = machine(section).run(&Mysql, looking(answer).0);
        assert!(outcome.unwrap().is_complete());
        monitor.at(Level::Warning)
    };
    let routines = "The routines of [app] (2) are not dumped; <routines>Y</routines> in the section `mysql` would include them.";
    let events = "The events of [app] (1) are not dumped; <events>Y</events> in the section `mysql` would include them.";
    assert_eq!(warnings("<database>app</database>", answer), [routines, events]);
    assert_eq!(warnings("<database>app</database><routines>Y</routines>", answer), [events]);
    assert_eq!(warnings("<database>third</database>", answer), Vec::<String>::new());
    let all = warnings("<all>Y</all>", answer);
    assert_eq!(all[0], routines);
    assert!(all[1].starts_with("The events of [app] (1), [other] (3) are not dumped"), "{all:?}");
    let mariadb = b"routines\t617070\t2\nevents\t617070\t1\ntables\t70726F63\t1\ntables\t6576656E74\t1\n";
    assert_eq!(warnings("<all>Y</all>", mariadb), Vec::<String>::new(), "its tables hold them");
}
