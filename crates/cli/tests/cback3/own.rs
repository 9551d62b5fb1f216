//! What we do otherwise than the original, on purpose. `COMPATIBILITY.md` names these tests.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use redcedar_testing::program;

use super::sandbox::Sandbox;

struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

fn say(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = program::run(command);
    Said {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

fn cback3(sandbox: &Sandbox, args: &[&str]) -> Said {
    let args = [&["-c", "config.xml", "-l", "log"], args].concat();
    say(&mut sandbox.ours("cback3", &args))
}

fn log(sandbox: &Sandbox) -> String {
    fs_err::read_to_string(sandbox.root().join("log")).unwrap()
}

fn pool() -> Sandbox {
    Sandbox::new(str::to_owned)
}

#[test]
fn a_switch_behind_the_first_action_is_explained() {
    let said = cback3(&pool(), &["collect", "--full"]);
    assert_eq!(said.code, 4);
    assert!(said.stdout.contains("Action [--full] is not a valid action"), "{}", said.stdout);
    assert!(said.stdout.contains("Switches must come before the first action."), "{}", said.stdout);
}

#[test]
fn all_on_a_pool_without_a_disc_collects_stages_and_purges() {
    let sandbox = pool();
    let said = cback3(&sandbox, &["all"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "a good run prints nothing");
    let log = log(&sandbox);
    for line in [
        "[WARNING] Action [store] is left out of [all]: it is not configured.",
        "[INFO   ] Executed the 'collect' action successfully.",
        "[INFO   ] Executed the 'stage' action successfully.",
        "[INFO   ] Executed the 'purge' action successfully.",
        "[INFO   ] Cedar Backup run completed with status 0.",
    ] {
        assert!(log.contains(line), "{line} is not in\n{log}");
    }
    assert!(sandbox.root().join("staging/2026/11/24/cback.stage").exists());
    assert!(sandbox.root().join("staging/2026/11/24/me/cback.sha256").exists());
}

#[test]
fn a_repeated_action_runs_once() {
    let sandbox = pool();
    assert_eq!(cback3(&sandbox, &["collect", "collect"]).code, 0);
    assert_eq!(log(&sandbox).matches("Executed the 'collect' action").count(), 1);
    assert!(log(&sandbox).contains("was asked for more than once"));
}

#[test]
fn nothing_begins_when_a_later_action_cannot_run() {
    let sandbox =
        Sandbox::new(|config| config.replace("<purge>", "<spurge>").replace("</purge>", "</spurge>"));
    let said = cback3(&sandbox, &["collect", "purge"]);
    assert_eq!(said.code, 6);
    assert_eq!(said.stdout, "Error executing backup: Purge configuration is not properly filled in.\n");
    assert!(!sandbox.root().join("collect/cback.collect").exists());
}

#[test]
fn an_invalid_configuration_is_not_valid_to_scripts_either() {
    let sandbox = Sandbox::new(|config| config.replace("DIR/work", "DIR/nosuch"));
    let said = cback3(&sandbox, &["validate"]);
    assert_eq!(said.code, 4);
    assert!(
        said.stdout.ends_with("nosuch] does not exist.\nConfiguration is not valid.\n"),
        "{}",
        said.stdout
    );
    assert!(log(&sandbox).ends_with("Cedar Backup run completed with status 4.\n"));
}

#[test]
fn a_wrong_configuration_is_shown_with_the_lines_that_are_wrong() {
    let sandbox = Sandbox::new(|config| {
        config.replace("<starting_day>monday", "<starting_day>Monday").replace(">7<", ">x<")
    });
    let said = cback3(&sandbox, &["collect"]);
    assert_eq!(said.code, 4);
    assert!(said.stdout.starts_with("Error reading or handling configuration: "), "{}", said.stdout);
    for part in ["<starting_day>Monday", "<retain_days>x", "^"] {
        assert!(said.stdout.contains(part), "{part} is not in\n{}", said.stdout);
    }
}

#[test]
fn a_day_on_which_no_peer_was_staged_is_not_marked_and_the_run_failed() {
    let sandbox = pool();
    let said = cback3(&sandbox, &["stage"]);
    assert_eq!(said.code, 6);
    assert!(said.stdout.contains("Peer [me] was not ready to be staged."), "{}", said.stdout);
    assert!(!sandbox.root().join("staging/2026/11/24/cback.stage").exists());
}

#[test]
fn a_drive_that_is_not_there_is_said_and_fails() {
    let store = "<store><source_dir>DIR/staging</source_dir><media_type>cdrw-74</media_type>\
        <target_device>/dev/nosuch-cdrw</target_device></store></cb_config>";
    let sandbox = Sandbox::new(|config| config.replace("</cb_config>", store));
    let day = sandbox.root().join("staging/2026/11/24");
    fs_err::create_dir_all(&day).unwrap();
    fs_err::write(day.join("cback.stage"), "").unwrap();
    for action in ["store", "rebuild", "initialize"] {
        let said = cback3(&sandbox, &[action]);
        assert_eq!(said.code, 6, "{action}");
        let expected = "[/dev/nosuch-cdrw] cannot be used to write discs: No such file or directory";
        assert!(said.stdout.contains(expected), "{}", said.stdout);
    }
}

#[test]
fn the_stack_keeps_the_exit_code_and_shows_the_causes() {
    let sandbox = Sandbox::new(|config| {
        config.replace(
            "DIR/collect</collect_dir>\n    <collect_mode",
            "DIR/no</collect_dir>\n    <collect_mode",
        )
    });
    let said = say(&mut sandbox.ours("cback3", &["-s", "-c", "config.xml", "-l", "log", "collect"]));
    assert_eq!(said.code, 6);
    assert!(said.stderr.contains("caused by: "), "{}", said.stderr);
}

#[test]
fn a_second_run_is_refused_while_one_is_at_work() {
    let sandbox = pool();
    let _lock = redcedar_system::fs::Lock::acquire(&sandbox.root().join("work")).unwrap();
    let said = cback3(&sandbox, &["collect"]);
    assert_eq!(said.code, 6);
    assert!(said.stdout.contains("another run is using"), "{}", said.stdout);
}

#[test]
fn signals_end_the_run_in_order_and_its_children_with_it() {
    for signal in ["INT", "TERM", "HUP"] {
        let hook = "<pre_action_hook><action>stage</action><command>sh -c \"touch DIR/started; sleep 600\"</command>\
            </pre_action_hook></options>";
        let sandbox = Sandbox::new(|config| config.replace("</options>", hook));
        let mut child = sandbox
            .ours("cback3", &["-c", "config.xml", "-l", "log", "collect", "stage"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let patience = Instant::now();
        while !sandbox.root().join("started").exists() {
            assert!(patience.elapsed() < Duration::from_secs(20), "the hook does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        program::succeed(program::command("kill").args([format!("-{signal}"), child.id().to_string()]));
        assert_eq!(child.wait().unwrap().code(), Some(5), "{signal}");
        let log = log(&sandbox);
        assert!(log.contains("[ERROR  ] Backup interrupted."), "{signal}: {log}");
        assert!(log.ends_with("Cedar Backup run completed with status 5.\n"), "{signal}: {log}");
        assert!(!sandbox.root().join("staging/2026").exists(), "{signal}");
    }
}

#[test]
fn a_new_log_has_its_mode_and_a_planted_link_is_not_followed() {
    let sandbox = pool();
    let said = say(&mut sandbox
        .ours("cback3", &["-c", "config.xml", "-l", "log", "-m", "600", "-o", "root:root", "validate"]));
    assert_eq!(said.code, 0);
    let mode = fs_err::metadata(sandbox.root().join("log")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    symlink("target", sandbox.root().join("link")).unwrap();
    let said = say(&mut sandbox.ours("cback3", &["-c", "config.xml", "-l", "link", "validate"]));
    assert_eq!(said.code, 3);
    assert!(said.stderr.starts_with("Error setting up logging: cannot open link: "), "{}", said.stderr);
    assert!(!sandbox.root().join("target").exists());
}

#[test]
fn a_closed_screen_does_not_end_the_run() {
    let sandbox = pool();
    let mut child = sandbox
        .ours("cback3", &["-bc", "config.xml", "-l", "log", "collect"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(sandbox.root().join("collect/cback.collect").exists());
}

#[test]
fn cback_has_its_own_defaults_and_names_and_ignores_unsupported() {
    let sandbox = pool();
    let said = say(&mut sandbox.ours("cback", &["-h"]));
    assert!(said.stderr.contains(" Usage: cback [switches] action(s)"), "{}", said.stderr);
    assert!(said.stderr.contains("/etc/cback.conf"), "{}", said.stderr);
    for switch in ["-u", "--unsupported", "--uns"] {
        let args = [switch, "-c", "config.xml", "-l", "log", "collect"];
        let said = say(&mut sandbox.ours("cback", &args));
        assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{switch}: no banner");
    }
    assert!(log(&sandbox).contains(r#"Options were [--config "config.xml" --logfile "log" "collect" ]"#));
    assert_eq!(say(&mut sandbox.ours("cback3", &["-u", "collect"])).code, 2);
}
