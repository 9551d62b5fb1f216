use super::*;
use crate::program::{command, describe, run, succeed};
use std::process::Command;
use std::time::{Duration, Instant};

/// The words of one of the network's commands as a command.
fn words(line: &str) -> Command {
    let mut words = line.split(' ');
    let mut command = command(words.next().unwrap());
    command.args(words);
    command
}

#[test]
fn files_come_over_both_protocols_and_the_shell_answers() {
    let Some(network) = Network::required(None) else { return };
    let host = network.host("peer1", &Access::Free);
    let other = network.host("peer2", &Access::Recorded);
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("file"), "content").unwrap();
    let login = network.login();
    for (number, scp) in [network.scp(), network.scp_legacy()].iter().enumerate() {
        for name in ["peer1", "peer2"] {
            let target = dir.path().join(format!("{name}-{number}"));
            let source = format!("{login}@{name}:{}/f*", dir.path().display());
            let output = run(words(scp).arg(source).arg(&target));
            assert!(output.status.success(), "{}\n{}{}", describe(&output), host.log(), other.log());
            assert_eq!(fs_err::read_to_string(target).unwrap(), "content");
        }
    }
    let answer = succeed(words(&network.ssh()).args([&format!("{login}@peer2"), "echo 'a  b'"]));
    assert_eq!(answer, b"a  b\n");
    let fetch = format!("scp -f {}/f*", dir.path().display());
    assert_eq!(other.asked(), [SFTP_SERVER, &fetch, "echo 'a  b'"]);
    assert_eq!((host.connections(), other.connections()), (2, 3));
}

#[test]
fn a_listed_key_does_what_is_in_its_list_and_no_more() {
    let Some(network) = Network::required(None) else { return };
    let host = network.host("peer", &Access::Listed(vec!["echo 'it'".to_owned(), "true".to_owned()]));
    let ask = |what: &str| run(words(&network.ssh()).args([&format!("{}@peer", network.login()), what]));
    assert_eq!(ask("echo 'it'").stdout, b"it\n", "{}", host.log());
    let refused = ask("echo it");
    assert_eq!(refused.status.code(), Some(1), "{}", describe(&refused));
    assert!(describe(&refused).contains("refused: echo it"), "{}", describe(&refused));
    assert_eq!(host.asked(), ["echo 'it'", "echo it"]);
}

#[test]
fn a_host_with_another_key_is_not_trusted_and_a_cut_session_ends() {
    let Some(network) = Network::required(None) else { return };
    let host = network.host("peer", &Access::Free);
    let address = format!("{}@peer", network.login());
    let mut sleeping = words(&network.ssh()).args([&address, "sleep 60"]).spawn().unwrap();
    let started = Instant::now();
    while !host.log().contains("Starting session: command") {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", host.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(host.is_busy());
    host.cut();
    assert_eq!(sleeping.wait().unwrap().code(), Some(255));
    assert!(host.becomes_idle());
    assert!(run(words(&network.ssh()).args([&address, "true"])).status.success());

    network.distrust("peer");
    let output = run(words(&network.ssh()).args([&address, "true"]));
    assert_eq!(output.status.code(), Some(255));
    assert!(describe(&output).contains("Host key verification failed"), "{}", describe(&output));
}

#[test]
fn the_key_serves_a_user_who_has_no_login_shell() {
    let Some(network) = Network::required(Some("backup")) else { return };
    let host = network.host("peer", &Access::Free);
    let mut ssh = command("setpriv");
    ssh.args(["--reuid=backup", "--regid=backup", "--clear-groups"]).args(network.ssh().split(' '));
    let output = run(ssh.args([&format!("{}@peer", network.login()), "echo there"]));
    assert_eq!(output.stdout, b"there\n", "{}\n{}", describe(&output), host.log());
    let unknown = run(words(&network.ssh()).args(["stranger", "true"]));
    assert!(describe(&unknown).contains("Connection refused"), "{}", describe(&unknown));
}
