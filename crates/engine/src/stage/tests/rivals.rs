//! Many peers at once: each for itself, results in order.

use std::time::Instant;

use super::network::Network;
use super::*;
use PeerStatus::{Failed, Ignored, NotReady, Staged};

#[test]
fn a_hung_and_a_dead_peer_cost_the_others_nothing() {
    let mut network = Network::new(&["hung", "dead", "a", "b", "c"]);
    network.rules = |rules| Rules {
        jobs: 2,
        time_limit: Duration::from_millis(1500),
        policy: queue::Policy { retries: 1, first_pause: Duration::from_millis(10), ..rules.policy },
    };
    for peer in ["hung", "a", "b", "c"] {
        network.collect(peer, &[("x.txt", b"x")]);
    }
    network.hook("hung", "sleep 600");
    network.hook("dead", "echo ssh: connect to host dead port 22: No route to host; exit 255");
    let begun = Instant::now();
    let (report, monitor) = network.stage();
    assert!(begun.elapsed() < Duration::from_secs(20));
    report.result.unwrap();
    let results: Vec<_> = report.outcome.peers.iter().map(|peer| (&*peer.peer, peer.status)).collect();
    assert_eq!(results, [("hung", Failed), ("dead", NotReady), ("a", Staged), ("b", Staged), ("c", Staged)]);
    assert!(report.outcome.peers[0].error.as_ref().unwrap().contains("takes longer"));
    // The others did not wait for it.
    let told = monitor.messages();
    let place = |text: &str| told.iter().position(|(_, message)| message.contains(text)).unwrap();
    assert!(place("Staged 2 files for peer [c]") < place("Error staging [hung]"), "{told:?}");
    assert!(
        told.iter()
            .any(|(level, text)| *level == Level::Warning && text.contains("Peer [dead] is tried again"))
    );
    assert_eq!(network.log("dead"), ["indicator", "indicator"]);
}

#[test]
fn trouble_that_passes_is_no_failure() {
    let mut network = Network::new(&["far"]);
    network.rules = |rules| Rules {
        policy: queue::Policy { first_pause: Duration::from_millis(10), ..rules.policy },
        ..rules
    };
    network.collect("far", &[("a.txt", b"a")]);
    // The connection cannot be made, then it breaks.
    network.hook(
        "far",
        "count=$(wc -l <$base/far/log); if [ $count = 1 ] || [ $count = 3 ]; then echo lost connection; exit 255; fi",
    );
    assert_eq!(network.stage_well().files, 2);
    assert_eq!(
        network.log("far"),
        ["indicator", "indicator", "files", "indicator", "files", "indicator", "told"]
    );
}

#[test]
fn what_will_not_pass_is_not_tried_again() {
    let mut network = Network::new(&["far"]);
    network.rules = |rules| rules;
    let begun = Instant::now();
    assert_eq!(network.stage_badly().0, NotReady);
    network.hook("far", "echo Host key verification failed.; exit 255");
    assert_eq!(network.stage_badly().0, NotReady);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(network.log("far"), ["indicator"; 2]);
}

#[test]
fn peers_that_are_not_ready_are_waited_for() {
    let mut network = Network::new(&["late", "never"]);
    network.rules = |rules| Rules {
        jobs: 1,
        policy: queue::Policy {
            ask_every: Duration::from_millis(50),
            wait: Some(Duration::from_millis(600)),
            ..rules.policy
        },
        ..rules
    };
    network.collect("late", &[("a.txt", b"a")]);
    fs_err::remove_file(network.far("late").join(indicator::COLLECT)).unwrap();
    network.hook("late", "if [ $(wc -l <$base/late/log) = 3 ]; then touch $base/late/c/cback.collect; fi");
    let (report, monitor) = network.stage();
    report.result.unwrap();
    let results: Vec<_> = report.outcome.peers.iter().map(|peer| (&*peer.peer, peer.status)).collect();
    assert_eq!(results, [("late", Staged), ("never", NotReady)]);
    assert_eq!(monitor.at(Level::Error), ["Peer [never] was not ready to be staged."]);
    let asked = network.log("never").len();
    assert!((3..=13).contains(&asked), "{asked}");
}

#[test]
fn every_peer_is_written_down_before_the_day_is_marked() {
    let mut network = Network::new(&["far", "ignored", "near"]);
    let peers = network.pool.config.peers.as_mut().unwrap();
    peers.remote[1].ignore_failures = Some(IgnoreFailures::All);
    network.collect("far", &[("a.txt", b"abc")]);
    network.collect("near", &[("bad.tar", b"abc")]);
    let (report, _) = network.stage();
    report.result.unwrap();
    let statuses: Vec<_> = report.outcome.peers.iter().map(|peer| peer.status).collect();
    assert_eq!(statuses, [Staged, Ignored, Failed]);
    let day = network.staged("far").join("..");
    let text = fs_err::read_to_string(day.join(RESULT)).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let brief = |line: &serde_json::Value| format!("{} {} {}", line["peer"], line["status"], line["files"]);
    assert_eq!(
        lines.iter().map(brief).collect::<Vec<_>>(),
        ["\"far\" \"staged\" 2", "\"ignored\" \"ignored\" 0", "\"near\" \"failed\" 0"]
    );
    assert_eq!(lines[0]["bytes"], 3);
    assert!(lines[2]["error"].as_str().unwrap().contains("bad.tar"));
    assert!(day.join(indicator::STAGE).exists());
}
