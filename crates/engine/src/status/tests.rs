use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use jiff::civil::Date;
use redcedar_archive::manifest::{Header, ManifestWriter, Mode, Trailer};
use redcedar_config::Config;

use super::*;
use crate::sample;

const TODAY: Date = Date::constant(2026, 11, 24);

/// A day so many days ago with items `name:bytes`, followed by `f` (full), `i` (increment), `w` (full, weekly) or nothing.
fn day(ago: i64, items: &str) -> GoodDay {
    let items = items.split_whitespace().map(|item| {
        let (name, size) = item.split_once(':').unwrap();
        let bytes = size.trim_end_matches(char::is_alphabetic).parse::<u64>().unwrap() * 1024;
        let mode = match size.chars().last() {
            Some('f' | 'w') => Some(Mode::Full),
            Some('i') => Some(Mode::Incremental),
            _ => None,
        };
        (OsString::from(name), Item { bytes, mode, weekly: size.ends_with('w') })
    });
    let date = TODAY.checked_sub(jiff::Span::new().days(ago)).unwrap();
    GoodDay { date, marks: Marks::default(), items: items.collect() }
}

fn facts(peer: PeerFacts) -> Facts {
    Facts {
        staging_dir: "/staging".into(),
        space: None,
        peers: BTreeMap::from([("p".into(), peer)]),
        problems: Vec::new(),
    }
}

fn expected(max_age: Option<u64>, good: Vec<GoodDay>) -> Facts {
    facts(PeerFacts { expected: Some(Expected { max_age }), good, attempt: None })
}

/// Configured, asked for, ages of the good days, what that comes to.
type Row<'a> = (Option<u64>, Option<u64>, &'a [i64], State, u64);

#[test]
fn a_peer_is_overdue_when_its_last_good_day_is_too_old_or_never_was() {
    use State::{Good, Overdue};
    let rows: [Row<'_>; 9] = [
        (None, None, &[0, 1], Good, 2),
        (None, None, &[2], Good, 2),
        (None, None, &[3, 4], Overdue, 2),
        (None, None, &[], Overdue, 2),
        (Some(8), None, &[8], Good, 8),
        (Some(8), None, &[9], Overdue, 8),
        (Some(8), Some(1), &[2], Overdue, 1),
        (Some(1), Some(30), &[30], Good, 30),
        (None, None, &[-1], Good, 2),
    ];
    for (configured, asked, ages, state, max_age) in rows {
        let facts = expected(configured, ages.iter().map(|ago| day(*ago, "etc:1f")).collect());
        let report = judge(&facts, TODAY, &Rules { max_age: asked });
        assert_eq!(report.peers[0].state, state, "{configured:?} {asked:?} {ages:?}");
        assert_eq!(report.peers[0].max_age, Some(max_age));
        assert_eq!(report.is_overdue(), state == Overdue);
        let age = report.peers[0].last.as_ref().map(|last| last.age);
        assert_eq!(age, ages.first().map(|age| u64::try_from(*age).unwrap_or(0)));
    }
    let stray = facts(PeerFacts { good: vec![day(400, "etc:1")], ..PeerFacts::default() });
    let report = judge(&stray, TODAY, &Rules { max_age: Some(1) });
    assert_eq!(report.peers[0].state, State::Stray);
    assert!(!report.is_overdue());
}

#[test]
fn the_size_is_compared_with_the_median_of_days_of_the_same_kind() {
    use Suspicion::{Large, Small};
    // Contents of the days, newest first; the usual size in KiB; what is suspicious.
    let rows: [(&[&str], Option<u64>, Option<Suspicion>); 13] = [
        (&["a:100f"], None, None),
        (&["a:1f", "a:100f", "a:100f"], Some(100), None),
        (&["a:24f", "a:100f", "a:90f", "a:120f"], Some(100), Some(Small)),
        (&["a:26f", "a:100f", "a:90f", "a:120f"], Some(100), None),
        (&["a:401f", "a:100f", "a:90f", "a:120f"], Some(100), Some(Large)),
        (&["a:100f", "a:2i", "a:2i", "a:2i", "a:110f"], Some(110), None),
        (&["a:0i", "a:100f", "a:50i", "a:60i", "a:40i", "a:70i"], Some(55), None),
        (&["a:900i", "a:100f", "a:50i", "a:60i", "a:40i"], Some(50), Some(Large)),
        (&["a:900i", "a:0i", "a:50i", "a:0i", "a:40i", "a:0i"], Some(45), None),
        (&["a:900i", "a:0i", "a:50i", "a:0i", "a:40i", "a:60i"], Some(50), Some(Large)),
        (&["a:10f", "a:1f", "a:1f", "a:1f"], Some(1), None),
        (&["a:10", "a:100f", "a:100", "a:100i"], Some(100), Some(Small)),
        (&["a:100f w:9w", "a:100f", "a:100f", "a:100f", "a:200f w:9w"], Some(209), None),
    ];
    for (days, usual, suspicion) in rows {
        let facts = expected(None, (0..).zip(days).map(|(ago, items)| day(ago, items)).collect());
        let report = judge(&facts, TODAY, &Rules::default());
        let last = report.peers[0].last.as_ref().unwrap();
        assert_eq!(last.usual, usual.map(|usual| usual * 1024), "{days:?}");
        assert_eq!(last.suspicion, suspicion, "{days:?}");
    }
}

#[test]
fn only_the_last_fourteen_days_say_what_is_usual() {
    let mut days: Vec<GoodDay> = (0..=14).map(|ago| day(ago, "a:100f")).collect();
    days.extend((15..40).map(|ago| day(ago, "a:9000f")));
    let facts = expected(None, days);
    assert_eq!(judge(&facts, TODAY, &Rules::default()).peers[0].last.as_ref().unwrap().usual, Some(102_400));
}

#[test]
fn an_item_is_missing_when_it_had_to_leave_something() {
    // How long ago and what was there, newest first; what is missing since when.
    let rows: [(&[(i64, &str)], &str); 12] = [
        (&[(0, "a:1f"), (1, "a:1f b:1f")], "b 1"),
        (&[(0, "a:1i"), (1, "a:1i b:0i")], "b 1"),
        (&[(0, "a:1i b:0i"), (1, "a:1i b:3i")], ""),
        (&[(0, "a:1i"), (1, "a:1f b:1f"), (2, "a:1i")], ""),
        (&[(0, "a:1f"), (1, "a:1i b:1i"), (2, "a:1f b:1f")], "b 2"),
        // Without manifests only what is always there must be there.
        (&[(0, "a:1"), (1, "a:1 b:1")], ""),
        (&[(0, "a:1"), (1, "a:1 b:1"), (2, "a:1 b:1"), (3, "b:1")], "b 1"),
        (&[(0, "a:1"), (1, "a:1 b:1"), (2, "a:1 b:1"), (3, "a:1")], ""),
        // Weekly items.
        (&[(0, "a:1i"), (1, "a:1i"), (7, "a:1f w:1w")], ""),
        (&[(0, "a:1i"), (1, "a:1i"), (8, "a:1f w:1w")], "w 8"),
        (&[(0, "a:1i"), (1, "a:1i"), (15, "a:1f w:1w")], ""),
        (&[(0, "a:1f v:1w"), (1, "a:1i"), (7, "a:1f v:1w w:1w")], "w 7"),
    ];
    for (days, expectation) in rows {
        let facts = expected(None, days.iter().map(|(ago, items)| day(*ago, items)).collect());
        let report = judge(&facts, TODAY, &Rules::default());
        let missing = &report.peers[0].last.as_ref().unwrap().missing;
        let missing: Vec<_> = missing
            .iter()
            .map(|Missing { item, last }| format!("{} {}", item.display(), (TODAY - *last).get_days()))
            .collect();
        assert_eq!(missing.join(", "), expectation, "{days:?}");
    }
}

#[test]
fn an_attempt_counts_until_a_later_day_is_good() {
    for (ago, is_news) in [(0, true), (1, true), (2, false)] {
        let attempt = Attempt { date: day(ago, "").date, status: "failed".to_owned(), error: None };
        let good = vec![day(1, "a:1f")];
        let facts =
            facts(PeerFacts { expected: Some(Expected { max_age: None }), good, attempt: Some(attempt) });
        assert_eq!(judge(&facts, TODAY, &Rules::default()).peers[0].attempt.is_some(), is_news, "{ago}");
    }
}

/// A pool whose peers are `me` and `far`.
fn pool(root: &Path) -> Config {
    let mut config = sample::config(root);
    let peers = config.peers.as_mut().unwrap();
    peers.local[0].max_age = Some(5);
    peers.remote.push(sample::managed_peer("far", None));
    config
}

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join("staging").join(path);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, content).unwrap();
}

fn manifest(mode: Mode, collect_mode: &str) -> Vec<u8> {
    let header = Header {
        item: "/etc".into(),
        collect_mode: collect_mode.to_owned(),
        mode,
        run: "r".to_owned(),
        baseline: None,
        sequence: 0,
        host: "h".to_owned(),
        time: String::new(),
        program: "p".to_owned(),
        archive: None,
    };
    ManifestWriter::create(Vec::new(), &header).unwrap().finish(Trailer::default()).unwrap()
}

#[test]
fn a_staging_directory_that_is_not_there_has_no_days_and_an_empty_one_neither() {
    let root = tempfile::tempdir().unwrap();
    let config = pool(root.path());
    let facts = look(&config).unwrap();
    assert_eq!(facts.space, None);
    fs_err::create_dir(root.path().join("staging")).unwrap();
    let empty = look(&config).unwrap();
    assert!(empty.space.is_some_and(|space| space.total > 0 && space.free <= space.total));
    assert_eq!(empty.peers, facts.peers);
    let names: Vec<_> = facts.peers.keys().collect();
    assert_eq!(names, ["far", "me"]);
    assert_eq!(facts.peers[OsStr::new("me")].expected, Some(Expected { max_age: Some(5) }));
    assert!(judge(&facts, TODAY, &Rules::default()).peers.iter().all(|peer| peer.last.is_none()));
    let config = Config { stage: None, ..config };
    assert!(matches!(look(&config), Err(StatusError::NotConfigured)));
}

#[test]
fn days_are_read_newest_first_with_sizes_kinds_marks_and_results() {
    let root = tempfile::tempdir().unwrap();
    let config = pool(root.path());
    let root = root.path();
    for (path, content) in [
        ("2026/11/23/me/cback.collect", Vec::new()),
        ("2026/11/23/me/etc.tar.gz", vec![0; 100]),
        ("2026/11/23/me/etc.manifest.jsonl.zst", manifest(Mode::Full, "incr")),
        ("2026/11/23/me/home.tar.gz.gpg_00000", vec![0; 7]),
        ("2026/11/23/me/home.tar.gz.gpg_00001", vec![0; 5]),
        ("2026/11/23/me/cback.sha256", vec![0; 1000]),
        ("2026/11/23/cback.stage", Vec::new()),
        ("2026/11/23/cback.store", Vec::new()),
        ("2026/11/23/cback.amazons3", Vec::new()),
        ("2026/11/23/cback.result", b"{\"peer\":\"far\",\"status\":\"failed\",\"error\":\"older\"}".to_vec()),
        ("2026/11/24/me/cback.collect", Vec::new()),
        ("2026/11/24/me/etc.manifest.jsonl.zst", manifest(Mode::Incremental, "incr")),
        ("2026/11/24/me/broken.manifest.jsonl.zst", b"no manifest".to_vec()),
        ("2026/11/24/far/etc.tar.gz", vec![0; 100]),
        (
            "2026/11/24/cback.result",
            b"{\"peer\":\"far\",\"status\":\"failed\",\"error\":\"first\"}\n\
              {\"peer\":\"far\",\"status\":\"not_ready\"}\n{\"peer\":\"x\",\"status\":\"staged\"}"
                .to_vec(),
        ),
        ("2026/11/24/.redcedar-fetch-0/files/etc.tar.gz", vec![0; 100]),
        ("2025/01/01/old/cback.collect", Vec::new()),
        ("2025/02/30/nonsense/cback.collect", Vec::new()),
    ] {
        write(root, path, content);
    }
    std::os::unix::fs::symlink("me", root.join("staging/2026/11/23/planted")).unwrap();
    let facts = look(&config).unwrap();
    let names: Vec<_> = facts.peers.keys().collect();
    assert_eq!(names, ["far", "me", "old"]);
    let me = &facts.peers[OsStr::new("me")];
    let days: Vec<_> = me.good.iter().map(|day| (day.date.day(), day.bytes(), day.kind().content)).collect();
    assert_eq!(days, [(24, 0, Content::Increment), (23, 112, Content::Full)]);
    assert_eq!(me.good[0].marks, Marks::default());
    assert_eq!(me.good[1].marks, Marks { staged: true, stored: true, uploaded: true });
    assert_eq!(me.attempt, None);
    let far = &facts.peers[OsStr::new("far")];
    assert!(far.good.is_empty(), "it was not staged completely");
    assert_eq!(far.attempt.as_ref().unwrap().status, "not_ready");
    assert_eq!(facts.peers[OsStr::new("old")].expected, None);
    assert_eq!(facts.problems.len(), 1);
    assert!(facts.problems[0].contains("broken.manifest.jsonl.zst"), "{:?}", facts.problems);
}

#[test]
fn no_more_is_read_than_is_compared() {
    let root = tempfile::tempdir().unwrap();
    let config = pool(root.path());
    for day in 1..=30 {
        write(root.path(), &format!("2026/09/{day:02}/me/cback.collect"), "");
        write(root.path(), &format!("2026/09/{day:02}/me/etc.tar"), "x");
    }
    let facts = look(&config).unwrap();
    assert_eq!(facts.peers[OsStr::new("me")].good.len(), 15);
}
