use std::path::Path;

use redcedar_config::cedar::{ExtendedAction, Extensions, Hook, ProgramSettings, Purge, Store};
use redcedar_config::value::MediaType;

use super::*;
use crate::sample;

fn plan(words: &[&str], scope: Scope, config: &Config) -> Result<Plan, PlanError> {
    let actions = Actions::resolve(config.extensions.as_ref())?;
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    Plan::new(&Request { words: &words, full: false, scope }, &actions, config)
}

fn shown(plan: &Plan) -> Vec<String> {
    plan.to_string().lines().map(str::to_owned).collect()
}

fn complete_pool() -> Config {
    let store = Store {
        source_dir: Path::new("/pool/staging").to_owned().into(),
        media_type: MediaType::CdRw74,
        device_type: None,
        target_device: Path::new("/dev/cdrw").to_owned().into(),
        target_scsi_id: None,
        drive_speed: None,
        check_data: None,
        check_media: None,
        warn_midnite: None,
        no_eject: None,
        refresh_media_delay: None,
        eject_delay: None,
        blank_behavior: None,
        burner: None,
        media_size: None,
        redundancy: None,
        min_disc_age: None,
        disc_program: None,
    };
    Config { store: Some(store), purge: Some(Purge::default()), ..sample::config(Path::new("/pool")) }
}

fn pool_with_clients() -> Config {
    let mut config = sample::config(Path::new("/pool"));
    config.options.managed_actions = Some(vec!["collect".to_owned().into(), "purge".to_owned().into()]);
    let peers = config.peers.as_mut().unwrap();
    peers.remote = vec![
        sample::managed_peer("a", None),
        sample::managed_peer("b", Some(&["collect", "collect"])),
        sample::managed_peer("c", Some(&[])),
        redcedar_config::cedar::RemotePeer { managed: None, ..sample::managed_peer("d", None) },
    ];
    config
}

/// With an action `x` beside collect.
fn with_action(mut config: Config, module: &str, function: &str) -> Config {
    config.extensions = Some(Extensions {
        order_mode: None,
        actions: vec![ExtendedAction {
            name: "x".to_owned().into(),
            module: module.to_owned().into(),
            function: function.to_owned().into(),
            index: Some(100),
            run_before: None,
            run_after: None,
            has_depends: false,
            program: ProgramSettings::default(),
        }],
    });
    config
}

#[test]
fn a_function_that_is_no_action_is_refused_when_it_is_asked_for_here() {
    let config = with_action(pool_with_clients(), "CedarBackup3.extend.mysql", "backupDatabase");
    assert_eq!(
        plan(&["collect", "x"], Scope::Here, &config).unwrap_err().to_string(),
        "Action [x] wants function [backupDatabase] of module [CedarBackup3.extend.mysql], \
         which is none of the actions there."
    );
    assert_eq!(shown(&plan(&["collect"], Scope::Here, &config).unwrap()), ["collect"]);
    assert!(plan(&["x"], Scope::PeersOnly, &config).unwrap().steps.is_empty());
}

#[test]
fn modules_of_nobodys_are_programs_and_those_of_built_in_actions_are_built_in() {
    for (module, name, function) in [
        ("foo.bar", "run", Function::Program),
        ("CedarBackup3.actions.collect", "executeCollect", Function::Builtin(Builtin::Collect)),
    ] {
        let config = with_action(pool_with_clients(), module, name);
        assert_eq!(plan(&["x"], Scope::Here, &config).unwrap().steps[0].action.function, function);
    }
}

#[test]
fn actions_run_in_order_of_their_index_whatever_the_command_line_says() {
    let config = sample::config(Path::new("/pool"));
    let steps = plan(&["purge", "collect", "stage"], Scope::Here, &config).unwrap();
    assert_eq!(shown(&steps), ["collect", "stage", "purge"]);
}

#[test]
fn all_is_the_four_normal_actions() {
    let config = complete_pool();
    assert_eq!(shown(&plan(&["all"], Scope::Here, &config).unwrap()), ["collect", "stage", "store", "purge"]);
}

#[test]
fn all_leaves_out_what_this_machine_has_no_section_for_and_says_so() {
    let mut config = pool_with_clients();
    let steps = plan(&["all"], Scope::HereAndPeers, &config).unwrap();
    assert_eq!(
        shown(&steps),
        ["collect", "collect on peer a", "collect on peer b", "stage", "purge on peer a"]
    );
    assert_eq!(
        steps.warnings,
        [
            "Action [store] is left out of [all]: it is not configured.",
            "Action [purge] is left out of [all]: it is not configured."
        ]
    );
    config.purge = Some(Purge::default());
    assert_eq!(shown(&plan(&["all"], Scope::Here, &config).unwrap()), ["collect", "stage", "purge"]);
    assert_eq!(shown(&plan(&["store"], Scope::Here, &config).unwrap()), ["store"]);
}

#[test]
fn a_repeated_action_runs_once_and_is_remembered() {
    let config = sample::config(Path::new("/pool"));
    let steps = plan(&["collect", "collect", "purge", "collect"], Scope::Here, &config).unwrap();
    assert_eq!(shown(&steps), ["collect", "purge"]);
    assert_eq!(steps.warnings.len(), 2);
    assert_eq!(steps.warnings[0], "Action [collect] was asked for more than once; it runs once.");
}

#[test]
fn some_actions_stand_alone_and_unknown_ones_are_reported_first() {
    let config = sample::config(Path::new("/pool"));
    let rows: [(&[&str], &str); 10] = [
        (&["collect", "validate"], "Action [validate] may not be combined with other actions."),
        (&["all", "all"], "Action [all] may not be combined with other actions."),
        (&["all", "foo"], "Action [foo] is not a valid action or extended action."),
        (&["all", "collect"], "Action [all] may not be combined with other actions."),
        (&["initialize", "rebuild"], "Action [rebuild] may not be combined with other actions."),
        (&["validate", "validate"], "Action [validate] may not be combined with other actions."),
        (&["validate", "all"], "Action [validate] may not be combined with other actions."),
        (&["foo", "bar"], "Action [foo] is not a valid action or extended action."),
        (&[""], "Action [] is not a valid action or extended action."),
        (
            &["collect", "-f"],
            "Action [-f] is not a valid action or extended action. Switches must come before the first action.",
        ),
    ];
    for (words, message) in rows {
        let error = plan(words, Scope::Here, &config).unwrap_err();
        assert_eq!(error.to_string(), message, "{words:?}");
    }
}

#[test]
fn peers_follow_each_action_in_file_order() {
    let config = pool_with_clients();
    let steps = plan(&["purge", "stage", "collect"], Scope::HereAndPeers, &config).unwrap();
    assert_eq!(
        shown(&steps),
        ["collect", "collect on peer a", "collect on peer b", "stage", "purge", "purge on peer a"]
    );
    let steps = plan(&["all"], Scope::PeersOnly, &config).unwrap();
    assert_eq!(shown(&steps), ["collect on peer a", "collect on peer b", "purge on peer a"]);
    assert!(plan(&["stage"], Scope::PeersOnly, &config).unwrap().steps.is_empty());
}

#[test]
fn of_two_actions_with_one_index_all_local_steps_come_before_all_peers() {
    let config = with_action(pool_with_clients(), "CedarBackup3.extend.mysql", "executeAction");
    let steps = plan(&["x", "collect"], Scope::HereAndPeers, &config).unwrap();
    assert_eq!(shown(&steps), ["x", "collect", "collect on peer a", "collect on peer b"]);
}

#[test]
fn hooks_surround_their_own_action_here_and_nowhere_else() {
    let mut config = pool_with_clients();
    let hook = |kind, action: &str, command: &str| Hook {
        kind,
        action: Some(action.to_owned().into()),
        command: Some(command.to_owned().into()),
    };
    config.options.hooks = vec![
        hook(HookKind::Pre, "collect", "echo one"),
        hook(HookKind::Pre, "collect", r#"echo "two words""#),
        hook(HookKind::Pre, "all", "echo never"),
        Hook { kind: HookKind::Pre, action: None, command: None },
        hook(HookKind::Post, "collect", "echo after"),
    ];
    assert_eq!(
        shown(&plan(&["collect"], Scope::HereAndPeers, &config).unwrap()),
        [
            "run pre-action hook for action collect: ['echo', 'one']",
            "run pre-action hook for action collect: ['echo', 'two words']",
            "collect",
            "run post-action hook for action collect: ['echo', 'after']",
            "collect on peer a",
            "collect on peer b",
        ]
    );
}
