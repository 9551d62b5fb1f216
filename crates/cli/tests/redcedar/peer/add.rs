//! `redcedar peer add`.

use redcedar_testing::program;
use redcedar_testing::sshd::Access;
use serde_json::Value;

use super::*;

/// A backup user whose key and known hosts are not there yet.
fn configure(master: &Master, host: &redcedar_testing::sshd::Host) {
    let ssh = master.sandbox.path("/ssh");
    let text = format!(
        "Host *\nHostName 127.0.0.1\nPort {}\nHostKeyAlias web2\nIdentityFile {1}/id_ed25519\nIdentitiesOnly yes\n\
        IdentityAgent none\nUserKnownHostsFile {1}/known_hosts\nGlobalKnownHostsFile none\n",
        host.port(),
        ssh.display()
    );
    master.sandbox.write("/config", text);
    let config = master.sandbox.path("/config");
    master.configure(
        &format!("/usr/bin/scp -B -F {}", config.display()),
        &Master::peer("other", Path::new("/c"), ""),
    );
}

fn add(master: &Master, words: &str, code: i32) -> Value {
    let answer = master.sandbox.run(&format!("peer add web2 --collect-dir /collect {words} --json"));
    assert_eq!(answer.code, code, "{}{}", answer.stdout, answer.stderr);
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(document["command"], "peer add");
    document
}

#[test]
fn a_peer_is_set_up_step_by_step_until_it_can_be_staged() {
    let Some(master) = Master::new() else { return };
    // What comes here by the login of the administrator, and what the key of the backup user then may do.
    let home = master.sandbox.path("/home");
    fs_err::create_dir(&home).unwrap();
    let admin = format!("cd {}; exec sh -c \"$SSH_ORIGINAL_COMMAND\"", home.display());
    let host = master.network.host("web2", &Access::Command(admin));
    configure(&master, &host);

    let would = add(&master, "--dry-run", 0);
    assert_eq!(would["key"]["state"], "missing");
    assert!(!master.sandbox.path("/ssh").exists());

    let first = add(&master, "", 7);
    assert_eq!((&first["key"]["state"], &first["host"]["known"]), (&"made".into(), &false.into()));
    let offered = first["host"]["keys"][0].clone();
    assert_eq!((&offered["kind"], &offered["state"]), (&"ED25519".into(), &"offered".into()));
    assert!(!master.sandbox.path("/ssh/known_hosts").exists());
    let line = first["authorized_keys"].as_str().unwrap();
    let collect = master.collect_dir().display().to_string();
    let command = format!("/usr/local/sbin/redcedar validate-command --collect-dir {collect}");
    assert!(line.starts_with(&format!("restrict,command=\"{command}\" ssh-ed25519 AAAA")), "{line}");
    let element = first["element"].as_str().unwrap();
    assert!(element.contains("<name>web2</name>") && element.contains("<rcp_command>/usr/bin/scp -O -B"));

    let fingerprint = offered["fingerprint"].as_str().unwrap();
    let next = first["next"][0].as_str().unwrap();
    assert!(next.ends_with(&format!("--collect-dir {collect} --accept-host-key {fingerprint}")), "{next}");
    let accepted = add(&master, &format!("--accept-host-key {fingerprint}"), 0);
    assert_eq!(accepted["host"]["keys"][0]["state"], "added");
    assert_eq!(accepted["key"]["state"], "there");
    assert_eq!(accepted["authorized_keys"], first["authorized_keys"]);
    let known_hosts = master.sandbox.read("/ssh/known_hosts");
    assert!(known_hosts.starts_with("web2 ssh-ed25519 AAAA") && known_hosts.lines().count() == 1);

    let install = format!("--install=\"{}\"", master.network.ssh());
    for state in ["added", "there"] {
        let installed = add(&master, &install, 0);
        assert_eq!((&installed["installed"], &installed["host"]["known"]), (&state.into(), &true.into()));
        assert_eq!(master.sandbox.read("/home/.ssh/authorized_keys"), format!("{line}\n"));
    }
    // The same key with other restrictions.
    let otherwise = add(&master, &format!("{install} --allow collect"), 7);
    assert_eq!(otherwise["installed"], "otherwise");
    assert_eq!(master.sandbox.read("/home/.ssh/authorized_keys"), format!("{line}\n"));
}

#[test]
fn the_line_and_the_element_it_prints_work_together() {
    let Some(master) = Master::new() else { return };
    master.script("/cback", "echo Cedar Backup version 3.12.0");
    master.sandbox.write("/collect/cback.collect", "");
    let host = master.network.host("web2", &Access::Free);
    configure(&master, &host);
    let bin = cargo_bin!("redcedar").display();
    let first = add(&master, "", 7);
    let fingerprint = first["host"]["keys"][0]["fingerprint"].as_str().unwrap();
    let cback = master.sandbox.path("/cback");
    let done = add(
        &master,
        &format!("--accept-host-key {fingerprint} --allow collect --cback-command /cback --program={bin}"),
        0,
    );
    // sshd reads it from there.
    host.authorize(done["authorized_keys"].as_str().unwrap());
    let config = master.sandbox.path("/config").display().to_string();
    let rcp = format!("/usr/bin/scp -B -F {config}");
    master.configure(&rcp, done["element"].as_str().unwrap());
    let answer = master.sandbox.run("peer check web2");
    assert_eq!(answer.code, 0, "{}{}\n{}", answer.stdout, answer.stderr, host.log());
    assert!(answer.stdout.contains("skipped  clock              the key is restricted"), "{}", answer.stdout);
    let address = format!("{}@web2", master.network.login());
    let ssh = ["-F", &config, &address, &format!("{} --full collect", cback.display())];
    let output = program::run(program::command("ssh").args(ssh));
    assert_eq!(output.stdout, b"Cedar Backup version 3.12.0\n", "{}", program::describe(&output));
}

#[test]
fn a_host_is_believed_only_with_the_fingerprint_that_was_given() {
    let Some(master) = Master::new() else { return };
    let host = master.network.host("web2", &Access::Free);
    configure(&master, &host);
    let answer = master.sandbox.run("peer add web2 --collect-dir /collect --accept-host-key SHA256:other");
    assert_eq!(answer.code, 6);
    assert!(answer.stderr.contains("no key with the fingerprint SHA256:other"), "{}", answer.stderr);
    assert!(!master.sandbox.path("/ssh/known_hosts").exists());
}

#[test]
fn a_key_that_is_there_is_never_replaced_and_one_with_a_passphrase_is_no_use() {
    let Some(master) = Master::new() else { return };
    let host = master.network.host("web2", &Access::Free);
    configure(&master, &host);
    fs_err::create_dir(master.sandbox.path("/ssh")).unwrap();
    let key = master.sandbox.path("/ssh/id_ed25519");
    let words = ["-q", "-t", "ed25519", "-N", "secret", "-f"];
    program::succeed(program::command("ssh-keygen").args(words).arg(&key));
    let before = fs_err::read(&key).unwrap();
    let answer = master.sandbox.run("peer add web2 --collect-dir /collect");
    assert_eq!(answer.code, 6);
    assert!(answer.stderr.contains("must have no passphrase"), "{}", answer.stderr);
    assert_eq!(fs_err::read(&key).unwrap(), before);
    master.sandbox.write("/ssh/known_hosts", "");
    let bad = master.sandbox.run("peer check other");
    assert!(
        bad.stdout.contains("failed   backup user") && bad.stdout.contains("ssh-keygen -p -f"),
        "{}",
        bad.stdout
    );
}

#[test]
fn what_cannot_be_reached_is_still_prepared() {
    let Some(master) = Master::new() else { return };
    let host = master.network.host("web2", &Access::Free);
    configure(&master, &host);
    drop(host);
    let report = add(&master, "--port 1", 7);
    assert!(report["host"]["reason"].is_string() && report["authorized_keys"].is_string(), "{report:#}");
    assert!(report["element"].as_str().unwrap().contains(" -P 1<"), "{report:#}");
    let answer = master.sandbox.run("peer add web2 --collect-dir relative");
    assert_eq!(answer.code, 2);
    let text = master.sandbox.run("peer add web2 --collect-dir /collect").stdout;
    assert!(text.contains("belongs into ~/.ssh/authorized_keys of") && text.contains("<peer>"), "{text}");
}
