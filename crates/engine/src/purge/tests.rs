use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use redcedar_config::cedar::{Keep, Purge, PurgeDir};
use redcedar_system::Level;
use redcedar_system::fake::{self, RecordingMonitor};
use redcedar_system::fs::Directory;
use tempfile::TempDir;

use super::deletion::Deletion;
use super::plan::{Limits, Removal};
use super::walk::Walk;
use super::*;
use crate::sample;

mod staged;

/// A pool at 2026-11-24 02:30; files are made with an age in days.
struct Pool {
    root: TempDir,
    config: Config,
}

const NOW: &str = "2026-11-24T02:30:00[UTC]";

impl Pool {
    fn new(dirs: &[(&str, u64)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut config = sample::config(root.path());
        let dirs = dirs.iter().map(|(name, retain_days)| PurgeDir {
            abs_path: root.path().join(name).into(),
            retain_days: *retain_days,
            keep: Keep::default(),
        });
        config.purge = Some(Purge { anomaly: None, dirs: dirs.collect() });
        for name in ["work", "collect", "staging"] {
            fs_err::create_dir(root.path().join(name)).unwrap();
        }
        Self { root, config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn file(&self, name: &str, age_days: u64) {
        self.content(name, b"", ago(age_days));
    }

    fn content(&self, name: &str, content: &[u8], then: SystemTime) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, content).unwrap();
        let file = fs_err::File::options().write(true).open(&path).unwrap().into_parts().0;
        file.set_times(std::fs::FileTimes::new().set_accessed(then).set_modified(then)).unwrap();
    }

    /// An old indicator that names its run.
    fn indicator(&self, name: &str, run: &str) {
        self.file(name, 9);
        let (time, program) = ("2026-11-15T02:00:00Z".to_owned(), "x".to_owned());
        let line = crate::indicator::Indicator { run: run.to_owned(), time, program }.to_line();
        fs_err::write(self.path(name), line).unwrap();
        let file = fs_err::File::options().write(true).open(self.path(name)).unwrap().into_parts().0;
        file.set_times(std::fs::FileTimes::new().set_accessed(ago(9)).set_modified(ago(9))).unwrap();
    }

    fn purge(&self) -> (Result<Outcome, PurgeError>, Arc<RecordingMonitor>) {
        self.purge_at(NOW)
    }

    /// Every purge of these tests goes through here: a test that names a directory of somebody else must fail, not purge it.
    fn purge_at(&self, now: &str) -> (Result<Outcome, PurgeError>, Arc<RecordingMonitor>) {
        let (system, monitor) = fake::system(now);
        (self.purge_with(&system), monitor)
    }

    fn purge_with(&self, system: &System) -> Result<Outcome, PurgeError> {
        for dir in &self.config.purge.as_ref().unwrap().dirs {
            let below =
                dir.abs_path.strip_prefix(self.root.path()).expect("tests purge their own directories");
            assert!(below.components().next().is_some(), "tests purge below their own directory");
        }
        purge(&self.config, system)
    }

    fn left(&self, name: &str) -> Vec<String> {
        let mut left = Vec::new();
        list(&self.path(name), "", &mut left);
        left
    }
}

fn ago(days: u64) -> SystemTime {
    let now = fake::system(NOW).0.clock.now().timestamp().as_second();
    SystemTime::UNIX_EPOCH + Duration::from_secs(now.unsigned_abs() - days * 86_400)
}

fn list(directory: &Path, prefix: &str, left: &mut Vec<String>) {
    let mut entries: Vec<_> = fs_err::read_dir(directory).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let path = format!("{prefix}{}", entry.file_name().display());
        if entry.file_type().unwrap().is_dir() {
            left.push(format!("{path}/"));
            list(&entry.path(), &format!("{path}/"), left);
        } else {
            left.push(path);
        }
    }
}

#[test]
fn a_day_that_is_old_throughout_goes_in_one_run_and_a_younger_one_stays_whole() {
    let pool = Pool::new(&[("staging", 7)]);
    for name in ["cback.stage", "me/cback.collect", "me/etc.tar.gz"] {
        pool.file(&format!("staging/2026/11/17/{name}"), 7);
    }
    pool.file("staging/2026/11/18/cback.stage", 8);
    pool.file("staging/2026/11/18/me/cback.collect", 8);
    pool.file("staging/2026/11/18/me/etc.tar.gz", 6);
    let (outcome, monitor) = pool.purge();
    assert!(outcome.unwrap().is_complete());
    assert_eq!(
        pool.left("staging"),
        [
            "2026/",
            "2026/11/",
            "2026/11/18/",
            "2026/11/18/cback.stage",
            "2026/11/18/me/",
            "2026/11/18/me/cback.collect",
            "2026/11/18/me/etc.tar.gz"
        ]
    );
    let staging = pool.path("staging");
    assert_eq!(
        monitor.at(Level::Info),
        [
            format!("Purged 3 files and 2 directories in [{}].", staging.display()),
            "Executed the 'purge' action successfully.".to_owned()
        ]
    );
    assert!(
        monitor
            .at(Level::Debug)
            .contains(&format!("Purged file [{}].", staging.join("2026/11/17/me/etc.tar.gz").display()))
    );
}

#[test]
fn the_later_of_access_and_change_counts_to_the_fraction_of_a_second() {
    let pool = Pool::new(&[("staging", 7)]);
    let file = |name: &str, accessed, modified| {
        let file = fs_err::File::create(pool.path("staging").join(name)).unwrap().into_parts().0;
        file.set_times(std::fs::FileTimes::new().set_accessed(accessed).set_modified(modified)).unwrap();
    };
    file("read", ago(6), ago(9));
    file("written", ago(9), ago(6));
    file("exact", ago(7), ago(7));
    file("nearly", ago(7), ago(7) + Duration::from_millis(1));
    pool.purge().0.unwrap();
    assert_eq!(pool.left("staging"), ["nearly", "read", "written"]);
}

#[test]
fn links_and_special_files_go_by_their_own_age_and_their_targets_stay() {
    let pool = Pool::new(&[("staging", 0)]);
    pool.file("precious", 99);
    std::os::unix::fs::symlink(pool.path("precious"), pool.path("staging/link")).unwrap();
    std::os::unix::fs::symlink("/nonexistent", pool.path("staging/dangling")).unwrap();
    std::os::unix::fs::symlink(pool.path("work"), pool.path("staging/directory")).unwrap();
    pool.file("work/state.sha", 99);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        pool.path("staging/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    pool.file("staging/back\\slash", 1);
    // Links and FIFOs are made now; they are old only to a clock that is far ahead.
    assert!(pool.purge_at("1990-01-01T00:00:00[UTC]").0.unwrap().is_complete());
    assert_eq!(pool.left("staging"), [""; 0], "a retention of 0 days takes what is not a full day old");
    assert!(pool.path("precious").exists());
    assert!(pool.path("work/state.sha").exists());
}

#[test]
fn a_young_link_stays() {
    let pool = Pool::new(&[("staging", 1)]);
    std::os::unix::fs::symlink("/nonexistent", pool.path("staging/link")).unwrap();
    pool.purge_at("1990-01-01T00:00:00[UTC]").0.unwrap();
    assert_eq!(pool.left("staging"), ["link"]);
    pool.purge_at("2100-01-01T00:00:00[UTC]").0.unwrap();
    assert_eq!(pool.left("staging"), [""; 0]);
}

#[test]
fn the_root_of_all_file_systems_is_refused() {
    let pool = Pool::new(&[]);
    let (system, _) = fake::system(NOW);
    // Only the preparation is called: nothing could be deleted here even if it were not refused.
    assert!(Walk::new(&pool.config, &Directory::open(Path::new("/")).unwrap(), &system).is_err());
}

#[test]
fn another_file_system_is_not_entered() {
    let pool = Pool::new(&[("staging", 0)]);
    pool.file("staging/mounted/file", 9);
    let (system, monitor) = fake::system(NOW);
    let root = Directory::open(&pool.path("staging")).unwrap();
    let walk = Walk::new(&pool.config, &root, &system).unwrap().on_device(u64::MAX);
    let contents = walk.contents(&root, Path::new(""), &mut Outcome::default()).unwrap();
    assert_eq!(plan::removals(&contents, &Limits::default()), []);
    assert!(monitor.at(Level::Warning)[0].contains("another file system"));
}

#[test]
fn what_was_collected_and_not_staged_stays() {
    let pool = Pool::new(&[("collect", 3), ("spool", 3)]);
    fs_err::create_dir(pool.path("spool")).unwrap();
    for directory in ["collect", "spool/far"] {
        pool.file(&format!("{directory}/etc.tar.gz"), 9);
        pool.indicator(&format!("{directory}/cback.collect"), "second");
        pool.indicator(&format!("{directory}/cback.stage"), "first");
        let (outcome, monitor) = pool.purge();
        assert!(outcome.unwrap().is_complete());
        assert_eq!(pool.left(directory), ["cback.collect", "cback.stage", "etc.tar.gz"]);
        assert!(monitor.at(Level::Warning)[0].contains("has not been staged yet"));
        pool.indicator(&format!("{directory}/cback.stage"), "second");
        pool.purge().0.unwrap();
    }
    assert!(pool.left("collect").is_empty());
    assert!(pool.left("spool").is_empty());
}

#[test]
fn empty_indicators_of_the_original_and_those_of_staged_days_keep_nothing() {
    let mut pool = Pool::new(&[("collect", 3), ("staging", 3)]);
    pool.file("collect/cback.collect", 9);
    pool.file("collect/etc.tar.gz", 9);
    pool.file("staging/2026/11/22/me/cback.collect", 2);
    for has_staging_dir in [true, false] {
        if !has_staging_dir {
            pool.config.stage = None;
        }
        pool.indicator("staging/2026/11/15/me/cback.collect", "run");
        let (outcome, monitor) = pool.purge();
        assert!(outcome.unwrap().is_complete());
        assert!(pool.left("collect").is_empty());
        assert_eq!(pool.left("staging/2026/11"), ["22/", "22/me/", "22/me/cback.collect"]);
        assert_eq!(monitor.at(Level::Warning), [""; 0]);
    }
}

#[test]
fn a_missing_directory_is_an_error_after_the_others_were_purged() {
    let pool = Pool::new(&[("nosuch", 1), ("staging", 1)]);
    pool.file("staging/old", 9);
    let (outcome, monitor) = pool.purge();
    assert!(outcome.unwrap_err().to_string().contains("nosuch"));
    assert!(monitor.at(Level::Error)[0].contains("nosuch"));
    assert!(pool.left("staging").is_empty());
}

#[test]
fn the_lock_of_the_running_program_stays() {
    let pool = Pool::new(&[("work", 0)]);
    pool.file("work/.redcedar.lock", 9);
    pool.file("work/old.sha", 9);
    pool.purge().0.unwrap();
    assert_eq!(pool.left("work"), [".redcedar.lock"]);
}

#[test]
fn what_cannot_be_deleted_is_told() {
    let pool = Pool::new(&[]);
    pool.file("staging/file", 9);
    let (system, monitor) = fake::system(NOW);
    let mut outcome = Outcome::default();
    let mut deletion = Deletion { system: &system, outcome: &mut outcome, files: 0, directories: 0 };
    let root = Directory::open(&pool.path("staging")).unwrap();
    let not_a_directory = Removal::Directory { name: "file".into(), below: Vec::new(), itself: true };
    deletion.all(&root, &[not_a_directory]).unwrap();
    assert_eq!(deletion.directories, 0);
    assert_eq!(outcome.failures, monitor.at(Level::Error));
    assert!(outcome.failures[0].contains("staging/file"), "{:?}", outcome.failures);
    assert_eq!(pool.left("staging"), ["file"]);
}

#[test]
fn what_has_changed_since_it_was_looked_at_stays() {
    let pool = Pool::new(&[]);
    pool.file("staging/file", 9);
    let (system, _) = fake::system(NOW);
    let mut outcome = Outcome::default();
    let mut deletion = Deletion { system: &system, outcome: &mut outcome, files: 0, directories: 0 };
    let root = Directory::open(&pool.path("staging")).unwrap();
    deletion.all(&root, &[Removal::File("file".into(), (0, 0, 0))]).unwrap();
    assert_eq!((deletion.files, pool.left("staging")), (0, vec!["file".to_owned()]));
}

#[test]
fn an_interrupted_purge_deletes_nothing_more() {
    let pool = Pool::new(&[("staging", 0)]);
    pool.file("staging/old", 9);
    let (system, _) = fake::system(NOW);
    system.interrupt.raise();
    assert!(matches!(pool.purge_with(&system).unwrap_err(), PurgeError::Interrupted(_)));
    assert_eq!(pool.left("staging"), ["old"]);
}
