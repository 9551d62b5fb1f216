//! The same command lines and configurations through the original and through us.
//!
//! What the original said is recorded in `tests/oracle/`, so that the comparison is made where it is not installed. Where it
//! is, the recordings are checked; `REDCEDAR_RECORD=1` writes them anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;

use super::conversation::{Conversation, without_reasons};
use super::sandbox::Sandbox;

/// What has to be equal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    /// Exit code, screen, log.
    Everything,
    /// All that, but for the words behind `Error …: `.
    ButReasons,
    /// The exit code only: what is said differs, see `COMPATIBILITY.md`.
    Code,
    /// We end with another code on purpose, see `COMPATIBILITY.md`.
    OursEndsWith(i32),
}
use Compare::{ButReasons, Code, Everything, OursEndsWith};

pub(super) type Edit = fn(&str) -> String;

/// A command line and what is done to the configuration.
pub(super) struct Case {
    args: &'static [&'static str],
    edit: Edit,
    compare: Compare,
}

const fn case(args: &'static [&'static str], compare: Compare) -> Case {
    Case { args, edit: str::to_owned, compare }
}

pub(super) const fn edited(args: &'static [&'static str], edit: Edit, compare: Compare) -> Case {
    Case { args, edit, compare }
}

/// `-c config.xml -l log` and more.
macro_rules! with_config {
    ($($word:expr),+) => { &["-c", "config.xml", "-l", "log", $($word),+] };
}
pub(super) use with_config;

#[test]
fn command_lines_are_understood_as_the_original_understands_them() {
    compare(
        "switches",
        &[
            case(&[], Everything),
            case(&["-h"], Everything),
            case(&["--help"], Everything),
            case(&["-h", "nosuch"], Everything),
            case(&["-V", "-h"], Everything),
            case(&["-V"], Code),
            case(&["--vers"], Code),
            case(&["-D"], Everything),
            case(&["-D", "collect"], Everything),
            case(&["-D", "-V"], Code),
            case(&["-x"], Everything),
            case(&["-bx"], Everything),
            case(&["--foo"], Everything),
            case(&["--manag", "collect"], Everything),
            case(&["--m", "640", "collect"], Everything),
            case(&["--=", "collect"], Everything),
            case(&["-c"], Everything),
            case(&["--config"], Everything),
            case(&["--conf"], Everything),
            case(&["--help=x"], Everything),
            case(&["--"], Everything),
            case(&["-b"], Everything),
            case(&["-M", "-N", "collect"], Everything),
            case(&["-M", "-N", "-h"], Everything),
            case(&["-MN", "-V"], Everything),
            case(&["-m", "999", "collect"], Everything),
            case(&["--mode=", "collect"], Everything),
            case(&["--mode", "-1", "collect"], Everything),
            case(&["--mode", "rw", "collect"], Everything),
            case(&["-o", "root", "collect"], Everything),
            case(&["-o", ":x", "collect"], Everything),
            case(&["-o", "x:", "collect"], Everything),
            case(&["-c", "", "collect"], Everything),
            case(&["-l", "", "collect"], Everything),
            case(&["-l", "nosuch/log", "collect"], Everything),
            case(&["-l", ".", "collect"], Everything),
            case(&["-l", "log", "--mode", "777777777777777", "collect"], Everything),
            case(&["-s", "-l", ".", "collect"], OursEndsWith(3)),
            case(&["-l", "log", "-c", "nosuch.xml", "collect"], ButReasons),
            case(&["-l", "log", "-c", ".", "collect"], ButReasons),
            case(&["-sl", "log", "-c", "nosuch.xml", "collect"], ButReasons),
            case(with_config!["-c", "nosuch.xml", "collect"], ButReasons),
            case(&["--config", "config.xml", "-c", "nosuch.xml", "-llog", "validate"], Everything),
            case(&["-dlog", "-cconfig.xml", "validate"], Everything),
            case(with_config!["-qb", "validate"], Everything),
            case(with_config!["-qd", "validate"], Everything),
            case(with_config!["-b", "validate"], Everything),
            case(with_config!["-bd", "validate"], Everything),
            case(with_config!["--debug", "--verb", "validate"], Everything),
            case(with_config!["-O", "-o", "root:root", "-m", "0o600", "validate"], Everything),
            case(with_config!["-o", "a:b:c", "-m", "4_755", "validate"], Everything),
            case(with_config!["--full", "--managed", "validate"], Everything),
        ],
    );
}

#[test]
fn actions_are_accepted_and_refused_as_by_the_original() {
    compare(
        "actions",
        &[
            case(with_config!["foo"], Everything),
            case(with_config![""], Everything),
            case(with_config!["-"], ButReasons),
            case(with_config!["collect", "-f"], ButReasons),
            case(with_config!["--", "-f"], ButReasons),
            case(with_config!["Collect"], Everything),
            case(with_config!["all", "all"], Everything),
            case(with_config!["all", "collect"], Everything),
            case(with_config!["all", "foo"], Everything),
            case(with_config!["validate", "validate"], Everything),
            case(with_config!["validate", "all"], Everything),
            case(with_config!["collect", "validate"], Everything),
            case(with_config!["initialize", "rebuild"], Everything),
            case(with_config!["rebuild"], Everything),
            case(with_config!["initialize"], Everything),
            case(with_config!["store"], Everything),
            case(with_config!["validate"], Everything),
            case(with_config!["-b", "collect"], Everything),
            case(with_config!["-d", "collect"], Everything),
            case(with_config!["-f", "purge"], Everything),
            case(with_config!["-d", "purge", "stage", "collect"], Everything),
            case(with_config!["-d", "-N", "all"], Everything),
            case(with_config!["-M", "collect"], Everything),
            case(with_config!["collect", "collect"], Code),
            case(with_config!["stage"], OursEndsWith(6)),
            case(with_config!["all"], OursEndsWith(0)),
        ],
    );
}

#[test]
fn configurations_have_the_effects_that_they_have_with_the_original() {
    compare(
        "configurations",
        &[
            edited(with_config!["collect"], |_| "garbage".to_owned(), ButReasons),
            edited(with_config!["validate"], |c| c.replace("monday", "Monday"), ButReasons),
            edited(with_config!["collect"], |c| cut(c, "collect"), Everything),
            edited(with_config!["stage"], |c| cut(c, "stage"), Everything),
            edited(with_config!["purge"], |c| cut(c, "purge"), Everything),
            edited(with_config!["collect", "purge"], |c| cut(c, "purge"), Code),
            edited(with_config!["collect"], |c| cut(c, "dir"), Everything),
            edited(with_config!["collect"], |c| c.replace("DIR/source", "DIR/nosuch"), Code),
            edited(with_config!["purge"], |c| c.replace("DIR/staging</abs", "DIR/nosuch</abs"), Code),
            edited(
                with_config!["-d", "collect"],
                |c| hook(c, "pre", "collect", r#"echo one "two words""#),
                Everything,
            ),
            edited(with_config!["-O", "collect"], |c| hook(c, "post", "collect", "echo after"), Everything),
            edited(
                with_config!["collect"],
                |c| hook(c, "pre", "collect", r#"sh -c "echo a; exit 3""#),
                Everything,
            ),
            edited(
                with_config!["-d", "collect"],
                |c| hook(c, "post", "collect", r#"sh -c "kill -9 $$""#),
                Everything,
            ),
            edited(with_config!["collect"], |c| hook(c, "pre", "collect", "false"), Everything),
            edited(with_config!["collect"], |c| hook(c, "pre", "collect", "/nosuch/program"), Code),
            edited(with_config!["collect"], |c| hook(c, "pre", "collect", r#" "" "#), ButReasons),
            edited(with_config!["collect"], |c| hook(c, "pre", "stage", "false"), Everything),
            edited(with_config!["collect"], |c| hook(c, "pre", "all", "false"), Everything),
            edited(
                with_config!["-bd", "validate"],
                |c| extensions(c, "", &[("x", "<index>250</index>")]),
                Code,
            ),
            edited(
                with_config!["-b", "validate"],
                |c| extensions(c, "index", &[("zz", "<index>100</index>"), ("aa", "<index>100</index>")]),
                Code,
            ),
            edited(with_config!["foo"], |c| extensions(c, "", &[("collect", "<index>250</index>")]), Code),
            edited(
                with_config!["-d", "foo"],
                |c| {
                    extensions(
                        c,
                        "dependency",
                        &[(
                            "x",
                            "<depends><run_after>store</run_after><run_before>purge</run_before></depends>",
                        )],
                    )
                },
                Everything,
            ),
            edited(
                with_config!["-d", "foo"],
                |c| extensions(c, "dependency", &[("x", "<depends/>"), ("y", "<depends/>")]),
                Everything,
            ),
            edited(
                with_config!["foo"],
                |c| {
                    extensions(
                        c,
                        "dependency",
                        &[("x", "<depends><run_before>nosuch</run_before></depends>")],
                    )
                },
                Everything,
            ),
            edited(
                with_config!["foo"],
                |c| extensions(c, "dependency", &[("x", "<depends><run_before>x</run_before></depends>")]),
                Everything,
            ),
            edited(with_config!["foo"], |c| extensions(c, "dependency", &[("stage", "<depends/>")]), Code),
            edited(
                with_config!["validate"],
                |c| extensions(c, "", &[("x", "<index>1</index>")]).replace("executeAction", "nosuch"),
                Code,
            ),
            edited(
                with_config!["validate"],
                |c| {
                    extensions(c, "", &[("x", "<index>1</index>")])
                        .replace("CedarBackup3.extend.sysinfo", "no.such")
                },
                // Nobody asked for it.
                OursEndsWith(0),
            ),
            edited(with_config!["validate"], |c| cut(c, "reference"), OursEndsWith(4)),
            edited(with_config!["validate"], broken_machine, OursEndsWith(4)),
            edited(with_config!["-q", "validate"], broken_machine, OursEndsWith(4)),
            edited(with_config!["-N", "collect"], |c| c.replace("</peers>", CLIENT), Everything),
            edited(
                with_config!["stage"],
                |c| {
                    c.replace(
                        "</collect_dir></peer>",
                        "</collect_dir><ignore_failures>all</ignore_failures></peer>",
                    )
                },
                Everything,
            ),
            edited(
                with_config!["-f", "stage"],
                |c| {
                    c.replace(
                        "</collect_dir></peer>",
                        "</collect_dir><ignore_failures>weekly</ignore_failures></peer>",
                    )
                },
                Everything,
            ),
        ],
    );
}

const CLIENT: &str = "<peer><name>far</name><type>remote</type><collect_dir>/c</collect_dir><managed>Y</managed>\
    <rsh_command>/bin/false</rsh_command><cback_command>/usr/bin/cback3</cback_command>\
    <managed_actions>collect</managed_actions></peer></peers>";

/// Removes the first element `name`.
fn cut(config: &str, name: &str) -> String {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let from = config.find(&start).unwrap();
    let to = from + config[from..].find(&end).unwrap() + end.len();
    format!("{}{}", &config[..from], &config[to..])
}

pub(super) fn hook(config: &str, kind: &str, action: &str, command: &str) -> String {
    let hook = format!(
        "<{kind}_action_hook><action>{action}</action><command>{command}</command></{kind}_action_hook></options>"
    );
    config.replace("</options>", &hook)
}

pub(super) fn extensions(config: &str, mode: &str, actions: &[(&str, &str)]) -> String {
    let mode = if mode.is_empty() { String::new() } else { format!("<order_mode>{mode}</order_mode>") };
    let actions = actions.iter().map(|(name, place)| {
        format!(
            "<action><name>{name}</name><module>CedarBackup3.extend.sysinfo</module>\
             <function>executeAction</function>{place}</action>"
        )
    });
    let actions = actions.collect::<Vec<_>>().concat();
    config.replace("<options>", &format!("<extensions>{mode}{actions}</extensions><options>"))
}

fn broken_machine(config: &str) -> String {
    cut(config, "reference")
        .replace("DIR/work", "DIR/nowork")
        .replace("<backup_user>root", "<backup_user>nosuchuser")
        .replace("DIR/source", "DIR/config.xml")
        .replace("DIR/staging", "DIR/nostaging")
}

/// Runs all cases, and fails with all differences at once.
pub(super) fn compare(group: &str, cases: &[Case]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/oracle/{group}.json"));
    let mut recordings: BTreeMap<String, Conversation> = match fs_err::read(&path) {
        Ok(text) => serde_json::from_slice(&text).unwrap(),
        Err(_) => BTreeMap::new(),
    };
    let record = program::variable("REDCEDAR_RECORD").is_some();
    let oracle = Oracle::required();
    let mut differences = Vec::new();
    let mut names = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let name = format!("{number:02} {}", case.args.join(" "));
        if let Some(oracle) = &oracle {
            let sandbox = Sandbox::new(case.edit);
            let theirs = Conversation::hold(Sandbox::theirs(oracle, case.args), &sandbox);
            if record {
                recordings.insert(name.clone(), theirs);
            } else if recordings.get(&name) != Some(&theirs) {
                differences
                    .push(format!("{name}: the original no longer says what is recorded: {theirs:#?}"));
            }
        }
        let Some(theirs) = recordings.get(&name) else {
            differences.push(format!("{name}: no recording"));
            continue;
        };
        let sandbox = Sandbox::new(case.edit);
        let ours = Conversation::hold(sandbox.ours("cback3", case.args), &sandbox);
        if let Err(difference) = agree(theirs, &ours, case.compare) {
            differences.push(format!("{name}: {difference}"));
        }
        names.push(name);
    }
    if record {
        recordings.retain(|name, _| names.contains(name));
        fs_err::write(&path, serde_json::to_string_pretty(&recordings).unwrap() + "\n").unwrap();
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
}

fn agree(theirs: &Conversation, ours: &Conversation, compare: Compare) -> Result<(), String> {
    let (theirs, ours) = match compare {
        Everything => (theirs.clone(), ours.clone()),
        ButReasons => (without_reasons(theirs), without_reasons(ours)),
        Code if theirs.code == ours.code => return Ok(()),
        OursEndsWith(code) if ours.code == code && theirs.code != code => return Ok(()),
        Code | OursEndsWith(_) => {
            return Err(format!("theirs ends with {}, ours with {}: {ours:#?}", theirs.code, ours.code));
        }
    };
    if theirs == ours { Ok(()) } else { Err(format!("theirs {theirs:#?}\nours {ours:#?}")) }
}
