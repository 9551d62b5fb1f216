//! The original and we report the same machine.

use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;

use super::Machine;

const ACTION: &str = "<action><name>sysinfo</name><module>CedarBackup3.extend.sysinfo</module>\
    <function>executeAction</function><index>95</index></action>";

/// In the place of `ls`, which would list the whole machine.
const OVERRIDE: &str = "<override><command>ls</command><abs_path>DIR/ls</abs_path></override>";

fn reported(run: impl Fn(&Machine)) -> Vec<(String, String)> {
    let machine = Machine::new(ACTION, OVERRIDE, "<sysinfo><rebuild>N</rebuild></sysinfo>");
    machine.script("ls", "echo \"$@\"; echo problem >&2; exit 1");
    run(&machine);
    let names = machine.names("collect").into_iter();
    let content = |name: &str| {
        let path = machine.path("collect").join(name);
        String::from_utf8(program::succeed(program::command("bzcat").arg(path))).unwrap()
    };
    names.map(|name| (name.clone(), content(&name))).collect()
}

#[test]
fn the_files_of_the_original_are_the_same() {
    let Some(oracle) = Oracle::required() else { return };
    let theirs = reported(|machine| assert_eq!(machine.original(&oracle, &["sysinfo"]).code, 0));
    let ours = reported(|machine| {
        let answer = machine.cback3(&["sysinfo"]);
        assert_eq!((answer.code, answer.text.as_str()), (0, ""));
        assert!(machine.log().contains("ls ended with status 1: problem"), "{}", machine.log());
    });
    assert!(theirs.contains(&("ls-laR.txt.bz2".to_owned(), "-laR /\n".to_owned())), "{theirs:?}");
    assert_eq!(ours, theirs);
}

#[test]
fn what_is_reported_is_listed_and_proven_with_the_rest() {
    let machine = Machine::new(ACTION, OVERRIDE, "<sysinfo><file_list>none</file_list></sysinfo>");
    let answer = machine.redcedar(&["run", "sysinfo", "collect", "stage", "--quiet"]);
    assert_eq!(answer.code, 0, "{}", answer.text);
    let names = machine.names("staging/2026/11/24/me");
    assert!(names.contains(&"sysinfo-kernel.txt.bz2".to_owned()), "{names:?}");
    let staging = machine.path("staging");
    let answer = machine.redcedar(&["verify", "--from", staging.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.text);
    let answer = machine.redcedar(&["list", "--from", staging.to_str().unwrap()]);
    assert!(answer.text.contains("system-information"), "{}", answer.text);
}
