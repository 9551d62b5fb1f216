//! Staged days: what stays beyond its age.

use jiff::ToSpan;
use jiff::civil::Date;
use redcedar_archive::manifest::{Entry, Header, Line, ManifestWriter, Mode, Trailer};
use redcedar_archive::{Kind, Timestamp};
use redcedar_config::value::AnomalyMode;

use super::*;
use crate::daily_dir;

const TODAY: Date = Date::constant(2026, 11, 24);

fn day(age_days: u64) -> String {
    let date = TODAY - i64::try_from(age_days).unwrap().days();
    daily_dir::path(Path::new("staging"), date).display().to_string()
}

impl Pool {
    /// A day on which a peer was staged completely.
    fn staged(&self, age_days: u64, peer: &str) {
        let day = day(age_days);
        for file in ["cback.stage".to_owned(), format!("{peer}/cback.collect"), format!("{peer}/etc.tar.gz")]
        {
            self.file(&format!("{day}/{file}"), age_days);
        }
    }

    /// The same with a manifest of so many paths; `run` is of the form `b<a` for an increment.
    fn manifested(&self, age_days: u64, peer: &str, run: &str, files: u64) {
        self.staged(age_days, peer);
        let (run, baseline) =
            run.split_once('<').map_or((run, None), |(run, baseline)| (run, Some(baseline)));
        let header = Header {
            item: "/etc".into(),
            collect_mode: "incr".to_owned(),
            mode: if baseline.is_some() { Mode::Incremental } else { Mode::Full },
            run: run.to_owned(),
            baseline: baseline.map(str::to_owned),
            sequence: 0,
            host: peer.to_owned(),
            time: String::new(),
            program: String::new(),
            archive: Some("etc.tar.gz".into()),
        };
        let mut writer = ManifestWriter::create(Vec::new(), &header).unwrap();
        for number in 0..files {
            writer.line(&Line::Present(entry(number))).unwrap();
        }
        let manifest = writer.finish(Trailer { lines: files, ..Trailer::default() }).unwrap();
        self.content(&format!("{}/{peer}/etc.manifest.jsonl.zst", day(age_days)), &manifest, ago(age_days));
    }

    /// How many days old the days are that are left, youngest first.
    fn days_left(&self) -> Vec<u64> {
        (0..500).filter(|age| self.path(&day(*age)).exists()).collect()
    }

    fn dir(&mut self) -> &mut PurgeDir {
        &mut self.config.purge.as_mut().unwrap().dirs[0]
    }

    fn anomaly(&mut self, mode: AnomalyMode) {
        self.config.purge.as_mut().unwrap().anomaly = Some(mode);
    }
}

fn entry(number: u64) -> Entry {
    Entry {
        path: format!("/etc/{number}").into(),
        kind: Kind::File,
        size: 0,
        mode: 0o644,
        uid: 0,
        gid: 0,
        user: None,
        group: None,
        modified: Timestamp { seconds: 0, nanoseconds: 0 },
        link: None,
        hard_link: None,
        rdev: None,
        sha256: None,
        offset: None,
        flaw: None,
    }
}

#[test]
fn what_is_planned_is_what_a_purge_does() {
    let mut pool = Pool::new(&[("staging", 7), ("collect", 3), ("nosuch", 1)]);
    pool.dir().keep = Keep { monthly: Some(2), ..Keep::default() };
    for age in [50, 40, 9, 8, 7, 2, 1] {
        pool.staged(age, "me");
    }
    pool.file("collect/old", 4);
    pool.file("collect/young", 2);
    let (system, _) = fake::system(NOW);
    let plan = purge_plan(&pool.config, &system).unwrap();
    assert_eq!(pool.days_left().len(), 7, "planning deletes nothing");
    let gone: Vec<Date> =
        plan.directories[0].days.iter().filter(|fate| fate.goes()).map(|fate| fate.date).collect();
    assert_eq!(gone, [50, 9, 8, 7].map(|age: i64| TODAY - age.days()));
    // One directory of the month before goes with the last day in it: October the 5th and the 15th are of one month.
    assert_eq!((plan.directories[0].files, plan.directories[0].directories), (12, 8));
    assert_eq!((plan.directories[1].files, plan.directories[1].days.len()), (1, 0));
    assert!(plan.refused[0].contains("nosuch"), "{:?}", plan.refused);
    let (result, monitor) = pool.purge();
    assert!(result.is_err());
    assert_eq!(pool.days_left(), [1, 2, 40]);
    assert_eq!(pool.left("collect"), ["young"]);
    let staging = pool.path("staging");
    assert!(
        monitor
            .at(Level::Info)
            .contains(&format!("Purged 12 files and 8 directories in [{}].", staging.display()))
    );
    assert!(monitor.at(Level::Debug).contains(&"The day 2026-10-15 stays: monthly.".to_owned()));
}

#[test]
fn a_day_with_a_mark_stays_for_ever() {
    let pool = Pool::new(&[("staging", 7)]);
    for age in [9, 8, 1, 0] {
        pool.staged(age, "me");
    }
    pool.file(&format!("{}/redcedar.keep", day(9)), 9);
    pool.purge().0.unwrap();
    assert_eq!(pool.days_left(), [0, 1, 9]);
}

#[test]
fn a_full_backup_stays_while_increments_build_on_it() {
    let pool = Pool::new(&[("staging", 3)]);
    pool.manifested(8, "me", "z", 1);
    pool.manifested(7, "me", "a", 1);
    for (age, run) in [(6, "b<a"), (5, "c<b"), (4, "d<c"), (3, "e<b"), (2, "f<d")] {
        pool.manifested(age, "me", run, 1);
    }
    pool.purge().0.unwrap();
    assert_eq!(pool.days_left(), [2, 4, 5, 6, 7], "of 3 days before, nothing builds on it");
    // A new full one makes the chain unneeded.
    pool.manifested(1, "me", "g", 1);
    pool.purge_at("2026-11-25T02:30:00[UTC]").0.unwrap();
    assert_eq!(pool.days_left(), [1]);
}

#[test]
fn a_manifest_that_cannot_be_read_keeps_nothing_and_is_warned_about() {
    let pool = Pool::new(&[("staging", 3)]);
    pool.manifested(5, "me", "a", 1);
    pool.staged(4, "me");
    pool.manifested(2, "me", "b<a", 1);
    pool.content(&format!("{}/me/etc.manifest.jsonl.zst", day(2)), b"garbage", ago(2));
    let (outcome, monitor) = pool.purge();
    assert!(outcome.unwrap().is_complete());
    assert_eq!(pool.days_left(), [2]);
    assert!(monitor.at(Level::Warning).iter().any(|said| said.contains("etc.manifest.jsonl.zst")));
}

#[test]
fn while_the_newest_days_are_bad_the_newest_good_one_stays() {
    let pool = Pool::new(&[("staging", 3)]);
    pool.staged(7, "me");
    pool.staged(6, "me");
    for age in 0..6 {
        pool.file(&format!("{}/me/etc.tar.gz", day(age)), age);
    }
    pool.purge().0.unwrap();
    assert_eq!(pool.days_left(), [0, 1, 2, 6]);
}

#[test]
fn a_day_of_the_future_keeps_everything_in_the_directory_and_is_an_error() {
    let pool = Pool::new(&[("staging", 7), ("work", 1)]);
    pool.staged(9, "me");
    pool.staged(1, "me");
    pool.file("staging/note", 9);
    pool.file("work/old", 9);
    pool.file("staging/2026/11/26/me/cback.collect", 0);
    let (result, monitor) = pool.purge();
    assert!(matches!(result, Err(PurgeError::Directories(_))));
    assert!(monitor.at(Level::Error)[0].contains("2026-11-26"), "{:?}", monitor.at(Level::Error));
    assert!(pool.path("staging/note").exists() && pool.days_left() == [1, 9]);
    assert_eq!(pool.left("work"), [""; 0], "the others are purged");
}

#[test]
fn after_a_jump_of_the_clock_the_days_before_stay_with_a_warning() {
    let pool = Pool::new(&[("staging", 7)]);
    for age in [402, 401, 400] {
        pool.staged(age, "me");
    }
    pool.staged(0, "me");
    let (outcome, monitor) = pool.purge();
    assert!(outcome.unwrap().is_complete());
    assert_eq!(pool.days_left(), [0, 400, 401, 402]);
    assert!(
        monitor.at(Level::Warning)[0].contains("between 2025-10-20 and 2026-11-24"),
        "{:?}",
        monitor.at(Level::Warning)
    );
    pool.staged(1, "me");
    pool.staged(2, "me");
    pool.purge().0.unwrap();
    assert_eq!(pool.days_left(), [0, 1, 2]);
}

#[test]
fn a_collect_directory_with_a_file_of_the_future_is_left_alone() {
    let pool = Pool::new(&[("collect", 3)]);
    pool.file("collect/old", 9);
    let later = ago(0) + Duration::from_hours(24);
    pool.content("collect/x/new", b"", later + Duration::from_secs(1));
    let (result, monitor) = pool.purge();
    assert!(result.is_err());
    assert!(monitor.at(Level::Error)[0].contains("future"), "{:?}", monitor.at(Level::Error));
    assert!(pool.path("collect/old").exists());
    pool.content("collect/x/new", b"", later);
    pool.purge().0.unwrap();
    assert_eq!(pool.left("collect"), ["x/", "x/new"]);
}

#[test]
fn days_of_a_peer_whose_last_one_is_unusual_are_told_and_held_as_configured() {
    for (mode, left, is_told) in [
        (None, vec![0, 1, 2, 3], true),
        (Some(AnomalyMode::Warn), vec![0, 1, 2, 3], true),
        (Some(AnomalyMode::Ignore), vec![0, 1, 2, 3], false),
        (Some(AnomalyMode::Hold), vec![0, 1, 2, 3, 5], true),
    ] {
        let mut pool = Pool::new(&[("staging", 4)]);
        for age in 1..4 {
            pool.manifested(age, "me", "a", 100);
        }
        pool.manifested(0, "me", "a", 10);
        pool.manifested(5, "me", "a", 100);
        pool.staged(4, "other");
        pool.staged(3, "other");
        if let Some(mode) = mode {
            pool.anomaly(mode);
        }
        let (outcome, monitor) = pool.purge();
        assert!(outcome.unwrap().is_complete());
        assert_eq!(pool.days_left(), left, "{mode:?}");
        let warnings = monitor.at(Level::Warning);
        let said = "What peer [me] staged is unusual: etc on 2026-11-24: 10 files, usually 100";
        assert_eq!(
            warnings.iter().any(|warning| warning.starts_with(said)),
            is_told,
            "{mode:?} {warnings:?}"
        );
    }
}
