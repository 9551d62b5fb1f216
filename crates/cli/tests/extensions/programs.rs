//! Programs of others.

use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;

use super::Machine;
use super::machine::sample;

const ACTION: &str = "<action><name>firewall</name><module>firewall</module><function>save</function>\
    <index>90</index><command>DIR/program</command></action>";

#[test]
fn the_sample_puts_its_file_beside_what_is_collected() {
    let machine = Machine::new(ACTION, "", "<firewall><program>DIR/nft</program></firewall>");
    machine.write("program", &sample("firewall"), 0o755);
    machine.script("nft", "echo \"table inet filter # $*\"; echo 'a remark' >&2");
    let answer = machine.cback3(&["firewall", "collect", "stage"]);
    assert_eq!((answer.code, answer.text.as_str()), (0, ""), "{}", machine.log());
    assert_eq!(
        fs_err::read_to_string(machine.path("staging/2026/11/24/me/firewall.nft")).unwrap(),
        "table inet filter # list ruleset\n"
    );
    let log = machine.log();
    assert!(log.contains("[INFO   ] [firewall] The rules of the firewall are saved."), "{log}");
    assert!(log.contains("[WARNING] [firewall] a remark"), "{log}");
    assert!(log.contains("[INFO   ] Action [firewall], DIR/program: "), "{log}");
}

#[test]
fn a_program_that_fails_ends_the_run_with_its_last_error() {
    let machine = Machine::new(ACTION, "", "<firewall><program>DIR/nft</program></firewall>");
    machine.write("program", &sample("firewall"), 0o755);
    machine.script("nft", "exit 3");
    let answer = machine.cback3(&["firewall", "collect"]);
    assert_eq!(answer.code, 6);
    assert!(
        answer.text.contains(
            "Error executing backup: Action [firewall], DIR/program: it ended with status 1: cannot save the rules:"
        ),
        "{}",
        answer.text
    );
    assert_eq!(machine.names("collect"), [""; 0], "neither a part of it nor anything else");
}

#[test]
fn what_cannot_be_run_matters_only_to_whoever_asks_for_it() {
    let machine = Machine::new(ACTION, "", "");
    let answer = machine.redcedar(&["run", "collect", "firewall"]);
    assert_eq!(answer.code, 4, "{}", answer.text);
    assert!(answer.text.contains("action `firewall` has no program that can be run"), "{}", answer.text);
    assert!(answer.text.contains("DIR/program"), "{}", answer.text);
    assert!(!machine.names("collect").contains(&"cback.collect".to_owned()), "nothing began");
    let answer = machine.cback3(&["collect", "firewall"]);
    assert_eq!(answer.code, 4, "{}", answer.text);
    assert_eq!(machine.cback3(&["collect"]).code, 0);
    machine.write("program", "#!/bin/sh\n", 0o775);
    let answer = machine.redcedar(&["run", "firewall"]);
    assert_eq!(answer.code, 4);
    assert!(answer.text.contains("can be written by others than its owner"), "{}", answer.text);
}

#[test]
fn an_extension_of_the_original_runs_through_the_adapter() {
    let Some(oracle) = Oracle::required() else { return };
    let action = "<action><name>hello</name><module>sub.hello</module><function>executeAction</function>\
        <index>90</index><command>DIR/program</command></action>";
    let machine = Machine::new(action, "", "");
    let python = oracle.cback3().with_file_name("python3");
    let adapter = sample("python-adapter")
        .replace("/usr/bin/python3", python.to_str().unwrap())
        .replace("/usr/local/lib/cedar-backup3", machine.path("lib").to_str().unwrap());
    machine.write("program", &adapter, 0o755);
    fs_err::create_dir_all(machine.path("lib/sub")).unwrap();
    machine.write(
        "lib/sub/hello.py",
        "import logging, os
logger = logging.getLogger('CedarBackup3.log.extend.hello')
def executeAction(configPath, options, config):
    if options.full:
        raise ValueError('full is not supported')
    logger.info('Hello to %s.', config.options.backupUser)
    with open(os.path.join(config.collect.targetDir, 'hello.txt'), 'w') as output:
        output.write(' '.join(options.actions))
",
        0o644,
    );
    let answer = machine.cback3(&["hello", "collect"]);
    assert_eq!((answer.code, answer.text.as_str()), (0, ""), "{}", machine.log());
    assert!(machine.log().contains("[INFO   ] [hello] Hello to root."), "{}", machine.log());
    assert_eq!(fs_err::read_to_string(machine.path("collect/hello.txt")).unwrap(), "hello collect");
    let answer = machine.cback3(&["--full", "hello"]);
    assert_eq!(answer.code, 6);
    assert!(
        answer.text.contains("it ended with status 1: ValueError: full is not supported"),
        "{}",
        answer.text
    );
    let theirs = program::run(oracle.command("2026-11-24 02:00:00").arg("--version"));
    assert!(theirs.status.success());
}
