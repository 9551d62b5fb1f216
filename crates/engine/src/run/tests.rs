use std::path::Path;
use std::sync::Arc;

use redcedar_config::cedar::{Hook, HookKind, Purge};
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

    fn answer(mut self, status: i32, tail: &[&str]) -> Self {
        let tail = tail.iter().map(|line| (*line).to_owned()).collect();
        self.runner = Arc::new(ScriptedRunner::new([Finished { status, tail }]));
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
        let request = RunRequest {
            plan: &plan,
            config: &self.config,
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

/// Words, scope, what is done to the configuration, what the run ends with.
type Row<'a> = (&'a [&'a str], Scope, fn(&mut Config), &'a str);

#[test]
fn nothing_begins_when_a_later_step_cannot_run() {
    let far =
        |config: &mut Config| config.peers.as_mut().unwrap().remote.push(sample::managed_peer("far", None));
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
            &["stage", "purge"],
            Scope::HereAndPeers,
            |c| c.options.managed_actions = Some(vec!["purge".to_owned().into()]),
            "Action [purge] cannot be executed on managed client [far]: this version of Redcedar does not run actions on other machines.",
        ),
    ];
    for (words, scope, change, message) in rows {
        let mut pool = Pool::new();
        far(&mut pool.config);
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
