//! Whether a peer has collected since it was staged.

use super::network::Network;
use super::*;
use PeerStatus::{AlreadyStaged, Ignored, Staged};

const MONDAY: &str = "2026-11-23T00:30:00Z";

#[test]
fn what_was_staged_on_an_earlier_day_is_not_staged_again() {
    let mut network = Network::new(&["far"]);
    network.collect("far", &[("a.txt", b"a")]);
    fs_err::write(network.far("far").join(indicator::COLLECT), said("monday", MONDAY)).unwrap();
    network.now = "2026-11-23T02:30:00[UTC]";
    // The master cannot tell it on Monday, and does so on Tuesday.
    network.hook("far", "if [ $what = told ]; then exit 1; fi");
    network.stage();
    assert!(!network.far("far").join(indicator::STAGE).exists());
    network.hook("far", "");
    network.now = "2026-11-24T02:30:00[UTC]";
    let (status, error) = network.stage_badly();
    assert_eq!(status, AlreadyStaged);
    assert_eq!(error, "it has not collected since 2026-11-23 00:30, and that was staged on 2026-11-23");
    assert_eq!(fs_err::read(network.far("far").join(indicator::STAGE)).unwrap(), said("monday", MONDAY));
    assert!(names(&network.staged("far")).is_empty());

    fs_err::write(network.far("far").join(indicator::COLLECT), said("tuesday", "2026-11-24T00:30:00Z"))
        .unwrap();
    assert_eq!(network.stage_well().status, Staged);
    // On the same day it is staged as often as anybody likes.
    assert_eq!(network.stage_well().status, Staged);
}

#[test]
fn a_local_peer_that_has_not_collected_since_is_told_again_and_may_be_ignored() {
    let mut pool = Pool::new();
    pool.collect(&[("a.txt", b"a")]);
    fs_err::write(pool.collect_dir().join(indicator::COLLECT), said("monday", MONDAY)).unwrap();
    let (system, _) = fake::system("2026-11-23T02:30:00[UTC]");
    stage(&pool.request(), &system).result.unwrap();
    for old in [None, Some(said("sunday", MONDAY)), Some(Vec::new())] {
        let told = pool.collect_dir().join(indicator::STAGE);
        match old {
            Some(old) => fs_err::write(&told, old).unwrap(),
            None => fs_err::remove_file(&told).unwrap(),
        }
        let (outcome, monitor) = pool.stage();
        assert!(matches!(outcome, Err(StageError::NothingStaged(_))));
        assert_eq!(
            monitor.at(Level::Error),
            [
                "Peer [me] was not ready to be staged. Reason: it has not collected since 2026-11-23 00:30, and that was \
              staged on 2026-11-23."
            ]
        );
        assert_eq!(fs_err::read(&told).unwrap(), said("monday", MONDAY));
    }
    pool.config.peers.as_mut().unwrap().local[0].ignore_failures = Some(IgnoreFailures::Daily);
    let (outcome, monitor) = pool.stage();
    assert_eq!(outcome.unwrap().peers[0].status, Ignored);
    assert_eq!(monitor.at(Level::Error), [""; 0]);
}

#[test]
fn a_day_that_was_not_completed_does_not_count() {
    let pool = Pool::new();
    pool.collect(&[("a.txt", b"a")]);
    fs_err::write(pool.collect_dir().join(indicator::COLLECT), said("monday", MONDAY)).unwrap();
    let monday = pool.root.path().join("staging/2026/11/23/me");
    fs_err::create_dir_all(&monday).unwrap();
    fs_err::write(monday.join("a.txt"), "a").unwrap();
    let (outcome, monitor) = pool.stage();
    assert_eq!(outcome.unwrap().peers[0].status, Staged);
    assert_eq!(monitor.at(Level::Warning), ["Peer [me] collected 26 hours ago and not since."]);
}

#[test]
fn a_clock_that_is_ahead_is_worth_a_warning() {
    for (time, warns) in [("2026-11-24T02:41:00Z", true), ("2026-11-24T02:39:00Z", false)] {
        let pool = Pool::new();
        pool.collect(&[("a.txt", b"a")]);
        fs_err::write(pool.collect_dir().join(indicator::COLLECT), said("run", time)).unwrap();
        let (outcome, monitor) = pool.stage();
        assert!(outcome.unwrap().is_complete());
        let warnings = monitor.at(Level::Warning);
        assert_eq!(
            warnings.iter().any(|warning| warning.contains("one of the clocks is wrong")),
            warns,
            "{time}"
        );
    }
}

#[test]
fn a_peer_of_the_original_whose_files_are_all_the_same_is_worth_a_warning() {
    let mut network = Network::new(&["far"]);
    network.collect("far", &[("a.txt", b"a"), ("b.txt", b"b")]);
    let warnings = |network: &Network| {
        let (report, monitor) = network.stage();
        assert!(report.outcome.is_complete());
        let warnings = monitor.at(Level::Warning);
        warnings.iter().filter(|warning| warning.contains("everything is the same as on 2026-11-23")).count()
    };
    network.now = "2026-11-23T02:30:00[UTC]";
    assert_eq!(warnings(&network), 0);
    network.now = "2026-11-25T02:30:00[UTC]";
    assert_eq!(warnings(&network), 1);
    network.collect("far", &[("b.txt", b"changed")]);
    assert_eq!(warnings(&network), 0);
}
