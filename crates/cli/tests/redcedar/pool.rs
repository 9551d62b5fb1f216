//! A pool with machines that are not there.

use serde_json::Value;

use super::Sandbox;

/// A master that has collected, and two other machines: one has, too, the other cannot be reached.
fn pool() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    for directory in ["/etc", "/base/collect", "/base/stage", "/base/work"] {
        fs_err::create_dir_all(sandbox.path(directory)).unwrap();
    }
    assert_eq!(sandbox.run("init /home/anna --base /base").code, 0);
    assert_eq!(sandbox.run("run collect").code, 0);
    sandbox.write("/near/c/dump.txt", "data");
    sandbox.write("/near/c/cback.collect", "");
    let script = "case \"$1 $2\" in *@far:*) echo ssh: connect to host far port 22: No route to host >&2; exit 255;; esac
        cd $(dirname $0); place() { case $1 in *@near:*) echo near${1#*:};; *) echo $1;; esac; }
        exec cp $(place \"$1\") $(place \"$2\")\n";
    sandbox.write("/rcp", script);
    let config = sandbox.read("/etc/redcedar.conf");
    let peer = |name: &str| {
        format!(
            "<peer><name>{name}</name><type>remote</type><collect_dir>/c</collect_dir>
            <rcp_command>/bin/sh {}</rcp_command></peer>",
            sandbox.path("/rcp").display()
        )
    };
    let config = config.replace("</peers>", &format!("{}{}</peers>", peer("near"), peer("far")));
    sandbox
        .write("/etc/redcedar.conf", config.replace("</staging_dir>", "</staging_dir><retries>0</retries>"));
    sandbox
}

#[test]
fn a_missing_peer_is_named_and_the_others_are_staged() {
    let sandbox = pool();
    let host = redcedar_system::account::host_name();
    let answer = sandbox.run("run stage");
    assert_eq!(answer.code, 7, "{}", answer.stderr);
    assert!(answer.stdout.contains("staged 2 of 3 peers: "), "{}", answer.stdout);
    assert!(answer.stdout.ends_with("; not ready: far\n"), "{}", answer.stdout);
    assert!(
        answer.stderr.contains("Peer [far] was not ready to be staged. Reason: it cannot be reached"),
        "{}",
        answer.stderr
    );
    assert!(answer.stderr.contains("No route to host"), "{}", answer.stderr);
    assert_eq!(sandbox.read("/base/stage/2026/11/23/near/dump.txt"), "data");

    let document: Value = serde_json::from_str(&sandbox.run("run stage --jobs 1 --json").stdout).unwrap();
    assert_eq!(document["result"], "incomplete");
    assert_eq!(document["failures"], Value::Array(Vec::new()));
    let brief = |peer: &Value| {
        let text = |key: &str| peer[key].as_str().unwrap_or_default().to_owned();
        (text("peer"), text("status"), peer["error"].is_null())
    };
    let expected = [(&*host, "staged", true), ("near", "staged", true), ("far", "not_ready", false)];
    let found: Vec<_> = document["peers"].as_array().unwrap().iter().map(brief).collect();
    assert_eq!(found, expected.map(|(peer, status, fine)| (peer.to_owned(), status.to_owned(), fine)));

    let written = sandbox.read("/base/stage/2026/11/23/cback.result");
    let lines = written.lines().map(|line| brief(&serde_json::from_str(line).unwrap()));
    assert_eq!(lines.collect::<Vec<_>>(), found);
}

#[test]
fn a_day_without_any_peer_failed() {
    let mut sandbox = pool();
    assert_eq!(sandbox.run("run stage").code, 7);
    fs_err::remove_file(sandbox.path("/near/c/cback.collect")).unwrap();
    sandbox.at("2026-11-24T02:00:00");
    let answer = sandbox.run("run stage --json");
    assert_eq!(answer.code, 6, "{}", answer.stderr);
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(document["result"], "failed");
    let statuses: Vec<_> =
        document["peers"].as_array().unwrap().iter().map(|peer| peer["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["already_staged", "not_ready", "not_ready"]);
    assert!(!sandbox.path("/base/stage/2026/11/24/cback.stage").exists());
    assert!(sandbox.path("/base/stage/2026/11/24/cback.result").exists());
}

#[test]
fn numbers_of_peers_and_times_are_checked() {
    let sandbox = Sandbox::new();
    for line in ["run stage --jobs 0", "run stage --wait-until 25:00"] {
        assert_eq!(sandbox.run(line).code, 2, "{line}");
    }
}
