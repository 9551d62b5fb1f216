use std::path::PathBuf;

use redcedar_config::Source;
use redcedar_retention::Policy;
use redcedar_system::Environment;

use super::*;

const SMALL: &str = "roots: [/]\ndestination: {directory: /b}\n";

fn environment() -> Environment {
    Environment::from_pairs([("USER", "root"), ("HOME", "/root"), ("HOSTNAME", "alpha")])
}

fn load(text: &str) -> (Config, Vec<String>) {
    let loaded = Config::parse(Source::new("f", text), 0o600, &environment()).unwrap();
    (loaded.config, loaded.warnings.iter().map(|finding| finding.message.clone()).collect())
}

fn errors(text: &str, mode: u32) -> Vec<String> {
    let findings = Config::parse(Source::new("f", text), mode, &environment()).unwrap_err();
    findings.iter().map(|finding| finding.message.clone()).collect()
}

fn paths(texts: &[&str]) -> Vec<PathBuf> {
    texts.iter().map(PathBuf::from).collect()
}

#[test]
fn the_example_of_the_original_is_understood() {
    let text = "roots:\n  - /home/\n  - /etc\nprune:\n  - /home/scratch/\ndestination:\n  host: backup.example.com\n  \
                user: saver\n  key: /root/.ssh/backup\n  directory: /srv/{HOSTNAME}\n  generations: \"7\"\n  port: '2222'\n";
    let (config, warnings) = load(text);
    assert_eq!(warnings, [""; 0]);
    assert_eq!((&config.roots, &config.prune), (&paths(&["/home", "/etc"]), &paths(&["/home/scratch"])));
    assert_eq!(config.keep, Policy { last: 7, ..Policy::default() });
    assert_eq!(config.destination.directory, PathBuf::from("/srv/alpha"));
    let remote = config.destination.remote.unwrap();
    assert_eq!(
        (remote.host.as_str(), remote.user.as_str(), remote.port),
        ("backup.example.com", "saver", 2222)
    );
    assert_eq!((remote.key, remote.ssh), (Some("/root/.ssh/backup".into()), vec!["ssh".to_owned()]));
}

#[test]
fn what_is_not_written_has_the_defaults_of_the_program() {
    let (config, _) = load(SMALL);
    assert!(config.prune.contains(&"/var/lock".into()) && !config.prune.contains(&"/var/spool".into()));
    assert_eq!(config.keep, Policy { last: 30, ..Policy::default() });
    assert_eq!((config.trust, config.destination.remote), (crate::select::Trust::SameVersion, None));
    assert_eq!(load("roots: [/]\nprune:\ndestination: {directory: /b}").0.prune, paths(&[]));
    let (config, _) = load("roots: [/srv]\ndestination: {directory: /b, host: h}");
    let remote = config.destination.remote.unwrap();
    assert_eq!((remote.user.as_str(), remote.port, remote.fake_super), ("root", 22, None));
}

#[test]
fn a_bare_path_is_a_list_of_one_and_a_relative_one_begins_at_the_root() {
    let (config, warnings) = load("roots: /home\nprune: home/x\ndestination: {directory: /b}");
    assert_eq!((config.roots, config.prune), (paths(&["/home"]), paths(&["/home/x"])));
    assert_eq!(warnings, ["`home/x` is taken as `/home/x`"]);
}

#[test]
fn further_keys_are_understood() {
    let text = "roots: /\ntrust: any-version\none_file_system: yes\nalways_save: ~\nprograms: [/usr/lib/x]\naccept_errors: on\n\
        keep: {daily: 7, weekly: 4, within: 3}\nhooks: {before: 'dump \"all of it\"'}\nlock_directory: /l\ncache_directory: /c\n\
        destination: {directory: d, host: h, ssh: ssh -F x, rsync: sudo rsync, fake_super: no, host_key: ssh-ed25519 AAAAx me}";
    let (config, warnings) = load(text);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(config.keep, Policy { daily: 7, weekly: 4, within_days: 3, ..Policy::default() });
    assert_eq!(config.hooks.before, [["dump", "all of it"]]);
    assert!(config.one_file_system && config.accept_errors);
    assert_eq!((config.cache_directory, config.lock_directory), ("/c".into(), "/l".into()));
    let remote = config.destination.remote.unwrap();
    assert_eq!(remote.host_keys, ["ssh-ed25519 AAAAx"]);
    assert_eq!((remote.ssh.len(), remote.fake_super), (3, Some(false)));
}

#[test]
fn all_errors_are_reported_together_with_their_places() {
    let text = "roots: [~, ~/x]\ntrust: everything\ndestination:\n  directory: /b/{NOBODY}\n  port: ssh\n  host: -oProxyCommand=x\n  \
                generations: 010\n";
    let findings = Config::parse(Source::new("/etc/backup", text), 0o600, &environment()).unwrap_err();
    insta::assert_snapshot!(findings.lines().collect::<Vec<_>>().join("\n"));
}

#[test]
fn unknown_keys_are_pointed_at_and_missing_ones_are_errors() {
    let (_, warnings) =
        load("roots: [/]\nprunes: [/x]\ndestination: {directory: /b, pasword: x, generations: 0}");
    let expected = [
        "`prunes` is no key of the configuration",
        "`pasword` is no key of `destination`",
        "at least one generation stays",
    ];
    assert_eq!(warnings, expected);
    assert_eq!(errors("prune: /x\n", 0o600).len(), 2);
    assert_eq!(errors("", 0o600).len(), 1);
    assert_eq!(errors("roots: /\ndestination: {directory: b}", 0o600).len(), 1);
}

#[test]
fn a_password_that_others_can_read_is_refused_and_otherwise_not_used() {
    let text = "roots: [/]\ndestination: {directory: /b, host: h, password: x}";
    assert_eq!(load(text).1.len(), 1);
    for mode in [0o640, 0o604] {
        let findings = Config::parse(Source::new("f", text), mode, &environment()).unwrap_err();
        assert!(!findings.to_string().is_empty());
        assert_eq!(errors(text, mode), ["others than the owner of this file can read the password"]);
    }
}
