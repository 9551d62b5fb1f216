use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redcedar_config::Source;
use redcedar_config::cedar::{Hook, HookKind, PeerList, Purge};
use redcedar_system::Level;
use redcedar_system::fake::{self, RecordingMonitor, ScriptedRunner};
use tempfile::TempDir;

use super::*;
use crate::plan::{Actions, Request, Scope};
use crate::sample;

/// A pool of one whose peer has collected.
struct Pool {
    root: TempDir,
    config: Config,
    runner: Arc<ScriptedRunner>,
}

impl Pool {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut config = sample::config(root.path());
        config.purge = Some(Purge::default());
        for name in ["work", "collect", "source"] {
            fs_err::create_dir(root.path().join(name)).unwrap();
        }
        fs_err::write(root.path().join("collect/cback.collect"), "").unwrap();
        Self { root, config, runner: Arc::default() }
    }

    fn hook(mut self, kind: HookKind, action: &str, command: Option<&str>) -> Self {
        self.config.options.hooks.push(Hook {
            kind,
            action: Some(action.to_owned().into()),
            command: command.map(|command| command.to_owned().into()),
        });
        self
    }

    /// A client whose remote shell is none of OpenSSH's.
    fn client(mut self, name: &str, actions: Option<&[&str]>) -> Self {
        let mut peer = sample::managed_peer(name, actions);
        peer.rsh_command = Some("rsh".to_owned().into());
        self.config.peers.as_mut().unwrap().remote.push(peer);
        self
    }

    fn answer(mut self, status: i32, tail: &[&str]) -> Self {
        self.runner = Arc::new(ScriptedRunner::new([ended(status, tail)]));
        self
    }

    fn run(&self, words: &[&str], scope: Scope) -> (RunReport, Arc<RecordingMonitor>) {
        let (mut system, monitor) = fake::system("2026-11-24T02:30:00[UTC]");
        system.runner = self.runner.clone();
        (self.run_with(words, scope, &system), monitor)
    }

    fn run_with(&self, words: &[&str], scope: Scope, system: &System) -> RunReport {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let actions = Actions::resolve(self.config.extensions.as_ref()).unwrap();
        let plan = Plan::new(&Request { words: &words, full: false, scope }, &actions, &self.config).unwrap();
        let document = Document::parse(Source::new("cback3.conf", "<cb_config/>")).unwrap();
        let request = RunRequest {
            plan: &plan,
            config: &self.config,
            document: &document,
            extensions: &[],
            dialect: Dialect::V3,
            threads: 1,
            stage: StageSettings::default(),
            quiet: false,
        };
        run(&request, system)
    }

    fn commands(&self) -> Vec<String> {
        self.runner.commands().iter().map(ToString::to_string).collect()
    }

    fn is_staged(&self) -> bool {
        self.root.path().join("staging/2026/11/24/me/cback.collect").exists()
    }
}

#[test]
fn hooks_run_around_their_action() {
    let pool = Pool::new()
        .hook(HookKind::Pre, "stage", Some("echo before"))
        .hook(HookKind::Pre, "collect", Some("echo never"))
        .hook(HookKind::Post, "stage", Some("echo \"after all\""));
    let (report, monitor) = pool.run(&["stage"], Scope::Here);
    report.result.unwrap();
    assert_eq!(pool.commands(), ["['echo', 'before']", "['echo', 'after all']"]);
    let debug = monitor.at(Level::Debug);
    let expected = [
        "Executing local actions.",
        "Executing [stage] action.",
        "Executing pre-action hook for action stage: ['echo', 'before']",
        "Executing command ['echo'] with args ['before'].",
        "Calling action function [redcedar.stage], execution index [200]",
        "Executing the 'stage' action.",
    ];
    assert_eq!(debug[..6], expected);
}

#[test]
fn a_failing_pre_hook_keeps_its_action_and_all_later_ones_from_running() {
    let pool = Pool::new()
        .hook(HookKind::Pre, "stage", Some("false x"))
        .hook(HookKind::Post, "stage", Some("echo after"))
        .answer(3, &["one", "two\x07"]);
    let (report, monitor) = pool.run(&["stage", "purge"], Scope::Here);
    assert_eq!(
        report.result.unwrap_err().to_string(),
        "Error (3) executing pre-action hook for action stage: ['false', 'x']"
    );
    assert_eq!(monitor.at(Level::Error), ["Hook failed, tail is: \n   one\n   two\\u{7}"]);
    assert_eq!(pool.commands().len(), 1);
    assert!(!pool.is_staged());
}

#[test]
fn a_failing_post_hook_leaves_its_action_done_and_ends_the_run() {
    let pool = Pool::new().hook(HookKind::Post, "stage", Some("false")).answer(-9, &[]);
    let (report, monitor) = pool.run(&["stage", "purge"], Scope::Here);
    assert_eq!(
        report.result.unwrap_err().to_string(),
        "Error (-9) executing post-action hook for action stage: ['false']"
    );
    assert_eq!(monitor.at(Level::Error), ["Hook failed, tail is: <empty>"]);
    assert!(pool.is_staged());
    assert!(!monitor.at(Level::Info).iter().any(|line| line.contains("purge")));
}

#[test]
fn files_that_cannot_be_given_to_the_backup_user_fail_the_run_after_everything_is_done() {
    let mut pool = Pool::new();
    fs_err::remove_file(pool.root.path().join("collect/cback.collect")).unwrap();
    fs_err::write(pool.root.path().join("source/file"), "content").unwrap();
    pool.config.options.backup_user = "nobody-has-this-name".to_owned().into();
    let (report, monitor) = pool.run(&["collect", "purge"], Scope::Here);
    assert!(pool.root.path().join("collect/cback.collect").exists());
    assert!(monitor.at(Level::Info).iter().any(|line| line.contains("'purge' action successfully")));
    if redcedar_testing::program::is_root() {
        assert_eq!(
            report.result.unwrap_err().to_string(),
            "3 of the files could not be given to the backup user [nobody-has-this-name]"
        );
    } else {
        report.result.unwrap();
    }
}

/// Words, scope, what is done to the configuration, what the run ends with.
type Row<'a> = (&'a [&'a str], Scope, fn(&mut Config), &'a str);

#[test]
fn nothing_begins_when_a_later_step_cannot_run() {
    let rows: [Row<'_>; 8] = [
        (
            &["stage", "purge"],
            Scope::Here,
            |c| c.purge = None,
            "Purge configuration is not properly filled in.",
        ),
        (
            &["collect", "stage"],
            Scope::Here,
            |c| c.collect = None,
            "Collect configuration is not properly filled in.",
        ),
        (&["store", "stage"], Scope::Here, |_| {}, "Store configuration is not properly filled in."),
        (&["initialize"], Scope::Here, |_| {}, "Store configuration is not properly filled in."),
        (&["rebuild"], Scope::Here, |_| {}, "Rebuild configuration is not properly filled in."),
        (
            &["collect", "stage"],
            Scope::Here,
            |c| c.collect.as_mut().unwrap().dirs.clear(),
            "There must be at least one collect file or collect directory.",
        ),
        (
            &["stage", "purge"],
            Scope::Here,
            |c| {
                c.options.hooks.push(Hook {
                    kind: HookKind::Post,
                    action: Some("purge".to_owned().into()),
                    command: Some(" \"\" ".to_owned().into()),
                });
            },
            "The post-action hook for action purge has no command.",
        ),
        (
            &["purge", "stage"],
            Scope::HereAndPeers,
            |c| {
                c.options.managed_actions = Some(vec!["purge".to_owned().into()]);
                c.purge = None;
            },
            "Purge configuration is not properly filled in.",
        ),
    ];
    for (words, scope, change, message) in rows {
        let mut pool = Pool::new().client("far", None);
        change(&mut pool.config);
        let (report, _) = pool.run(words, scope);
        assert_eq!(report.result.unwrap_err().to_string(), message);
        assert!(!pool.is_staged(), "{message}");
    }
}

#[test]
fn a_second_run_in_the_same_working_directory_is_refused_and_validate_is_not() {
    let pool = Pool::new();
    let _held = Lock::acquire(&pool.root.path().join("work")).unwrap();
    assert!(matches!(pool.run(&["stage"], Scope::Here).0.result, Err(RunError::Busy(_))));
    assert!(!pool.is_staged());
    assert!(!matches!(pool.run(&["validate"], Scope::Here).0.result, Err(RunError::Busy(_))));
}

#[test]
fn a_working_directory_that_cannot_be_locked_is_a_warning() {
    let mut pool = Pool::new();
    pool.config.options.working_dir = Path::new("/nonexistent").to_owned().into();
    let (report, monitor) = pool.run(&["stage"], Scope::Here);
    report.result.unwrap();
    assert!(monitor.at(Level::Warning)[0].contains("cannot lock /nonexistent"));
}

#[test]
fn an_interrupt_ends_the_run_as_such() {
    let pool = Pool::new();
    let (system, _) = fake::system("2026-11-24T02:30:00[UTC]");
    system.interrupt.raise();
    let report = pool.run_with(&["stage"], Scope::Here, &system);
    assert!(matches!(report.result, Err(RunError::Interrupted(_))));
    assert!(!pool.is_staged());
}

fn ended(status: i32, tail: &[&str]) -> Finished {
    Finished { status, tail: tail.iter().map(|line| (*line).to_owned()).collect() }
}

#[test]
fn a_client_that_fails_is_told_and_counted_and_holds_up_nobody() {
    let mut pool = Pool::new()
        .hook(HookKind::Pre, "purge", Some("echo local"))
        .client("h1", Some(&["purge", "stage"]))
        .client("h2", Some(&["purge"]))
        .client("h3", Some(&["purge"]));
    pool.config.purge = None;
    let limit = Duration::from_hours(24);
    pool.runner = Arc::new(ScriptedRunner::with_errors([
        Ok(ended(255, &["rsh: connect to host h1: No route", "bell \x07"])),
        Ok(ended(0, &[])),
        Err(CommandError::TimedOut { program: "rsh".to_owned(), limit }),
        Ok(ended(-9, &[])),
    ]));
    let (report, monitor) = pool.run(&["purge", "stage"], Scope::PeersOnly);
    report.result.unwrap();
    let asked = |peer: &str, action: &str| format!("['rsh', 'root@{peer}', '/usr/bin/cback3 {action}']");
    let expected = [asked("h1", "stage"), asked("h1", "purge"), asked("h2", "purge"), asked("h3", "purge")];
    assert_eq!(pool.commands(), expected);
    let failures: Vec<_> =
        report.outcome.clients.iter().map(|failure| (&*failure.peer, &*failure.action)).collect();
    assert_eq!(failures, [("h1", "stage"), ("h2", "purge"), ("h3", "purge")]);
    assert!(!report.outcome.is_complete());
    let lost = "Managed client [h1]: the command ended with status 255, tail is: \n   \
        rsh: connect to host h1: No route\n   bell \\u{7}";
    let expected = [
        "Failed to execute action [stage] on managed client [h1].",
        lost,
        "Failed to execute action [purge] on managed client [h2].",
        "Managed client [h2]: rsh took longer than 86400 s and was ended",
        "Failed to execute action [purge] on managed client [h3].",
        "Managed client [h3]: signal 9 ended the command, tail is: <empty>",
    ];
    assert_eq!(monitor.at(Level::Error), expected);
    assert_eq!(monitor.at(Level::Info).iter().filter(|line| line.starts_with("Command failed [")).count(), 3);
}

#[test]
fn what_was_collected_is_staged_although_a_client_failed_to_collect() {
    let mut pool = Pool::new().client("h1", Some(&["collect"]));
    pool.config.stage.as_mut().unwrap().peers =
        pool.config.peers.clone().map(|peers| PeerList { remote: Vec::new(), ..peers });
    let pool = pool.answer(255, &[]);
    let (report, _) = pool.run(&["collect", "stage"], Scope::HereAndPeers);
    report.result.unwrap();
    assert!(pool.is_staged());
    assert_eq!(report.outcome.clients.len(), 1, "and the failure still counts");
}

#[test]
fn a_client_is_given_up_after_a_day_or_as_configured_or_never() {
    for (configured, expected) in [(None, Some(24 * 60)), (Some(5), Some(5)), (Some(0), None)] {
        let mut pool = Pool::new().client("h1", Some(&["rebuild"]));
        pool.config.options.managed_time_limit = configured;
        pool.run(&["rebuild"], Scope::PeersOnly).0.result.unwrap();
        let limit = pool.runner.commands()[0].timeout;
        assert_eq!(limit, expected.map(Duration::from_mins), "{configured:?}");
    }
}

#[test]
fn clients_are_asked_to_validate_even_if_we_are_not_valid() {
    let mut pool = Pool::new().client("h1", Some(&["validate"]));
    pool.config.options.working_dir = Path::new("/nonexistent").to_owned().into();
    let (report, _) = pool.run(&["validate"], Scope::HereAndPeers);
    assert!(matches!(report.result, Err(RunError::NotValid)));
    assert_eq!(pool.commands(), ["['rsh', 'root@h1', '/usr/bin/cback3 validate']"]);
}

#[test]
fn a_backup_user_that_does_not_exist_is_a_failure_of_the_client() {
    if !redcedar_system::account::is_root() {
        return;
    }
    let mut pool = Pool::new().client("h1", Some(&["collect"]));
    pool.config.options.backup_user = "no-such-user".to_owned().into();
    let (report, _) = pool.run(&["collect"], Scope::PeersOnly);
    report.result.unwrap();
    assert!(report.outcome.clients[0].reason.contains("no-such-user"), "{:?}", report.outcome.clients);
    assert!(pool.commands().is_empty());
}

#[test]
fn an_interrupt_while_a_client_works_ends_the_run() {
    let mut pool = Pool::new().client("h1", Some(&["purge"])).client("h2", Some(&["purge"]));
    pool.runner = Arc::new(ScriptedRunner::with_errors([Err(CommandError::Interrupted(Interrupted))]));
    let (report, _) = pool.run(&["purge"], Scope::PeersOnly);
    assert!(matches!(report.result, Err(RunError::Interrupted(_))));
    assert_eq!(pool.commands().len(), 1);
    assert!(report.outcome.clients.is_empty());
}

#[test]
fn a_run_on_clients_only_needs_no_working_directory_of_ours() {
    let pool = Pool::new().client("h1", Some(&["stage"]));
    let _held = Lock::acquire(&pool.root.path().join("work")).unwrap();
    pool.run(&["stage"], Scope::PeersOnly).0.result.unwrap();
    assert_eq!(pool.commands().len(), 1);
}
