//! `redcedar peer check`.

use redcedar_testing::sshd::{Access, Network, silence};
use serde_json::Value;

use super::*;

/// Status and detail of each step, and the command that mends it.
fn steps(answer: &str) -> Vec<(String, String, String, String)> {
    let document: Value = serde_json::from_str(answer).unwrap();
    assert_eq!(document["command"], "peer check");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = document["peers"][0]["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| (text(&step["step"]), text(&step["status"]), text(&step["detail"]), text(&step["mend"])))
        .collect()
}

impl Master {
    /// Checks a peer, with the exit code, and returns the steps that are not `ok`.
    #[track_caller]
    fn check(&self, name: &str, code: i32) -> Vec<(String, String, String, String)> {
        let answer = self.sandbox.run(&format!("peer check {name} --json"));
        assert_eq!(answer.code, code, "{}{}", answer.stdout, answer.stderr);
        let steps = steps(&answer.stdout);
        let names: Vec<_> = steps.iter().map(|(step, ..)| step.as_str()).collect();
        assert_eq!(names, STEPS);
        steps.into_iter().filter(|(_, status, ..)| status != "ok").collect()
    }

    /// The one step that fails; none of the steps before it may be anything but `ok`.
    #[track_caller]
    fn failure(&self, name: &str) -> (String, String, String) {
        let bad = self.check(name, 7);
        let failed: Vec<_> = bad.iter().filter(|(_, status, ..)| status == "failed").collect();
        let [(step, _, detail, mend)] = failed[..] else { panic!("{bad:#?}") };
        (step.clone(), detail.clone(), mend.clone())
    }
}

const STEPS: [&str; 12] = [
    "backup user",
    "host name",
    "port",
    "host key",
    "login",
    "copy program",
    "collect directory",
    "indicator",
    "space there",
    "space here",
    "program there",
    "clock",
];

#[test]
fn a_peer_that_can_be_staged_is_ok_at_every_step() {
    let Some(master) = Master::new() else { return };
    let _host = master.network.host("web1", &Access::Free);
    let peer = Master::peer("web1", &master.collect_dir(), "");
    for rcp in [master.network.scp(), master.network.scp_legacy()] {
        master.configure(&rcp, &peer);
        master.sandbox.write("/collect/cback.collect", "");
        assert_eq!(master.check("web1", 0), []);
    }
    let text = master.sandbox.run("peer check").stdout;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], format!("web1 ({}@web1)", master.network.login()));
    assert_eq!(lines.len(), 1 + STEPS.len(), "{text}");
    assert!(text.contains("  ok       indicator          cback.collect is "), "{text}");
    assert!(text.contains("  ok       program there      redcedar "), "{text}");
}

#[test]
fn the_backup_user_needs_no_login_shell_here_and_a_substitute_for_su_is_used_if_there_is_one() {
    let Some(network) = Network::required(Some("backup")) else { return };
    let master = Master::in_network(network);
    let host = master.network.host("web1", &Access::Free);
    master.sandbox.write("/my collect/cback.collect", "");
    let log = master.sandbox.path("/su.log").display().to_string();
    master.script(
        "/su",
        &format!("echo \"$1 $2\" >>{log}; exec setpriv --reuid=$1 --regid=$1 --init-groups sh \"$2\" \"$3\""),
    );
    let login = format!("<backup_user>{}</backup_user>", master.network.login());
    let peer = Master::peer("web1", &master.sandbox.path("/my collect"), &login);
    let su = master.sandbox.path("/su").display().to_string();
    let overridden = format!("<override><command>su</command><abs_path>{su}</abs_path></override>");
    for (overrides, asks_su) in [("", false), (overridden.as_str(), true)] {
        master.configure(&master.network.scp_legacy(), &peer);
        let user = format!("<backup_user>{}</backup_user>", master.network.login());
        let config = master.sandbox.read("/etc/redcedar.conf");
        let config = config.replacen(&user, "<backup_user>backup</backup_user>", 1);
        master
            .sandbox
            .write("/etc/redcedar.conf", config.replace("</options>", &format!("{overrides}</options>")));
        let answer = master.sandbox.run("peer check web1");
        assert_eq!(answer.code, 0, "{}{}\n{}", answer.stdout, answer.stderr, host.log());
        assert_eq!(answer.stdout.matches("  ok  ").count(), STEPS.len(), "{}", answer.stdout);
        assert!(answer.stdout.contains("backup user        backup, key "), "{}", answer.stdout);
        assert_eq!(master.sandbox.path("/su.log").exists(), asks_su);
    }
}

#[test]
fn a_peer_that_has_not_collected_is_worth_a_warning() {
    let Some(master) = Master::new() else { return };
    let _host = master.network.host("web1", &Access::Free);
    for rcp in [master.network.scp(), master.network.scp_legacy()] {
        master.configure(&rcp, &Master::peer("web1", &master.collect_dir(), ""));
        let bad = master.check("web1", 0);
        assert_eq!(bad.len(), 1, "{bad:?}");
        assert_eq!((&*bad[0].0, &*bad[0].1), ("indicator", "warning"));
    }
}

#[test]
fn behind_a_restricted_key_everything_but_the_shell_is_looked_at() {
    let Some(master) = Master::new() else { return };
    let host = master.network.host("web1", &Access::Command(master.forced("").0));
    master.sandbox.write("/collect/cback.collect", "");
    master.configure(&master.network.scp_legacy(), &Master::peer("web1", &master.collect_dir(), ""));
    let bad = master.check("web1", 0);
    let skipped: Vec<_> =
        bad.iter().map(|(step, status, detail, _)| (&**step, &**status, &**detail)).collect();
    let expected =
        ["space there", "program there", "clock"].map(|step| (step, "skipped", "the key is restricted"));
    assert_eq!(skipped, expected, "{}", host.log());

    master.configure(&master.network.scp(), &Master::peer("web1", &master.collect_dir(), ""));
    let (step, detail, mend) = master.failure("web1");
    assert_eq!(step, "copy program");
    assert!(detail.contains("SFTP"), "{detail}");
    assert!(mend.starts_with("<rcp_command>/usr/bin/scp -O -B "), "{mend}");
}

#[test]
fn a_key_restricted_by_the_list_of_the_manual_is_recognised_too() {
    let Some(master) = Master::new() else { return };
    let dir = master.collect_dir();
    let list = vec![format!("scp -f {}/cback.collect", dir.display())];
    let host = master.network.host("web1", &Access::Listed(list.clone()));
    master.configure(&master.network.scp_legacy(), &Master::peer("web1", &dir, ""));
    master.sandbox.write("/collect/cback.collect", "");
    assert_eq!(master.check("web1", 0).len(), 3);
    assert_eq!(host.asked(), ["sh -s", &list[0]]);
    // A list for another directory.
    master.configure(&master.network.scp_legacy(), &Master::peer("web1", &master.sandbox.path("/other"), ""));
    let (step, _, mend) = master.failure("web1");
    assert_eq!(step, "copy program");
    assert!(mend.contains("peer add web1 --collect-dir "), "{mend}");
}

#[test]
fn each_failure_is_found_at_its_step_and_comes_with_what_mends_it() {
    let Some(master) = Master::new() else { return };
    let host = master.network.host("web1", &Access::Free);
    let silent = silence();
    master.network.alias("closed", 1);
    master.network.alias("silent", silent.local_addr().unwrap().port());
    master.network.alias("unknown", host.port());
    let _changed = master.network.host("changed", &Access::Free);
    master.network.distrust("changed");
    let dir = master.collect_dir();
    let legacy = master.network.scp_legacy();
    let rcp = |text: &str| format!("<rcp_command>{text}</rcp_command>");
    let no_name = rcp(&legacy.replace("scp ", "scp -o HostName=no-such-host.invalid "));
    let impatient = rcp(&legacy.replace("scp ", "scp -o ConnectTimeout=1 "));
    let rows = [
        ("web1", no_name.as_str(), "host name", "the name is not known", "getent hosts no-such-host.invalid"),
        ("web1", &rcp("scp -O -F /nonexistent"), "host name", "configuration", "-v "),
        ("closed", "", "port", "nothing listens there", "-v "),
        ("silent", &impatient, "port", "no answer", "-v "),
        ("unknown", "", "host key", "is not known here", " peer add unknown --collect-dir "),
        ("changed", "", "host key", "another key", "ssh-keygen -R changed -f "),
        ("web1", "<backup_user>nosuchuser</backup_user>", "login", "not accepted", " --install"),
    ];
    for (name, extra, step, detail, mend) in rows {
        master.configure(&legacy, &Master::peer(name, &dir, extra));
        let found = master.failure(name);
        assert_eq!(found.0, step, "{found:?}");
        assert!(found.1.contains(detail) && found.2.contains(mend), "{found:?}");
    }
}

#[test]
fn a_collect_directory_that_cannot_be_used_is_a_failure() {
    let Some(master) = Master::new() else { return };
    let _host = master.network.host("web1", &Access::Free);
    master.configure(&master.network.scp_legacy(), &Master::peer("web1", &master.sandbox.path("/none"), ""));
    let (step, detail, mend) = master.failure("web1");
    assert_eq!(step, "collect directory");
    assert!(detail.ends_with("/none is not there") && mend.starts_with("install -d -m 0700 -o "), "{mend}");
}

#[test]
fn a_managed_peer_needs_the_program_and_any_other_does_not() {
    let Some(master) = Master::new() else { return };
    let _host = master.network.host("web1", &Access::Free);
    master.sandbox.write("/collect/cback.collect", "");
    let missing = "<cback_command>/no/cback3</cback_command>";
    let managed = format!("{missing}<managed>Y</managed><managed_actions>collect</managed_actions>");
    for (extra, status, code) in [(missing, "warning", 0), (&managed, "failed", 7)] {
        master.configure(&master.network.scp_legacy(), &Master::peer("web1", &master.collect_dir(), extra));
        let bad = master.check("web1", code);
        assert_eq!((bad.len(), &*bad[0].0, &*bad[0].1), (1, "program there", status), "{bad:?}");
        assert!(bad[0].2.starts_with("/no/cback3 does not run ("), "{bad:?}");
    }
}

#[test]
fn a_login_without_a_shell_and_one_that_talks_are_told_from_a_restricted_key() {
    let Some(master) = Master::new() else { return };
    let _mute = master.network.host("mute", &Access::Command("exec /usr/sbin/nologin".to_owned()));
    let chatty = "echo Welcome; exec sh -c \"$SSH_ORIGINAL_COMMAND\"".to_owned();
    let _chatty = master.network.host("chatty", &Access::Command(chatty));
    let dir = master.collect_dir();
    for (name, rcp) in [("mute", master.network.scp_legacy()), ("chatty", master.network.scp())] {
        master.configure(&rcp, &Master::peer(name, &dir, ""));
        let (step, detail, _) = master.failure(name);
        assert_eq!(step, "copy program");
        assert!(detail.contains("prints a text"), "{detail}");
    }
    master.configure(&master.network.scp_legacy(), &Master::peer("mute", &dir, ""));
    let clock = master.check("mute", 7).pop().unwrap();
    assert_eq!((&*clock.0, &*clock.2), ("clock", "the login has no shell"));
}

#[test]
fn a_peer_that_is_not_configured_is_exit_4_and_without_peers_there_is_nothing_to_do() {
    let Some(master) = Master::new() else { return };
    let here = master.collect_dir();
    let peers = format!(
        "<peer><name>here</name><type>local</type><collect_dir>{}</collect_dir></peer>",
        here.display()
    );
    master.configure("scp", &peers);
    let answer = master.sandbox.run("peer check elsewhere");
    assert_eq!(answer.code, 4);
    assert!(answer.stderr.contains("hint: peers are: here"), "{}", answer.stderr);
    let answer = master.sandbox.run("peer check");
    assert_eq!((answer.code, &*answer.stdout), (0, "The configuration names no peer on another machine.\n"));

    master.sandbox.write("/collect/cback.collect", "");
    let answer = master.sandbox.run("peer check here --json");
    let statuses: Vec<_> =
        steps(&answer.stdout).into_iter().map(|(step, status, ..)| (step, status)).collect();
    let expected =
        ["collect directory", "indicator", "space here"].map(|step| (step.to_owned(), "ok".to_owned()));
    assert_eq!(statuses, expected);
    fs_err::remove_dir_all(here).unwrap();
    assert_eq!(master.sandbox.run("peer check here").code, 7);
}
