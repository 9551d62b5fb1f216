use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_archive::manifest::{Header, ManifestWriter, Mode, Trailer};
use redcedar_system::fake::{self, RecordingMonitor};
use redcedar_testing::program;
use tempfile::TempDir;

use super::*;
use crate::indicator::Indicator;
use crate::{checksums, sample};

mod dates;
mod network;
mod remote;
mod rivals;

/// A pool of one on a Tuesday; the week begins on Monday.
struct Pool {
    root: TempDir,
    config: Config,
    full: bool,
}

impl Pool {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let config = sample::config(root.path());
        let pool = Self { root, config, full: false };
        fs_err::create_dir(pool.collect_dir()).unwrap();
        pool
    }

    fn collect_dir(&self) -> PathBuf {
        self.root.path().join("collect")
    }

    fn peer_dir(&self) -> PathBuf {
        self.day().join("me")
    }

    fn day(&self) -> PathBuf {
        self.root.path().join("staging/2026/11/24")
    }

    fn collect(&self, files: &[(&str, &[u8])]) {
        for (name, content) in files {
            fs_err::write(self.collect_dir().join(name), content).unwrap();
        }
        fs_err::write(self.collect_dir().join(indicator::COLLECT), "run 1\n").unwrap();
    }

    fn manifest(&self, run: &str, baseline: Option<&str>, archive: Option<(&str, &[u8])>) {
        write_manifest(&self.collect_dir(), run, baseline, archive);
        fs_err::write(self.collect_dir().join(indicator::COLLECT), format!("{run}\n")).unwrap();
    }

    fn stage(&self) -> (Result<Outcome, StageError>, Arc<RecordingMonitor>) {
        let (system, monitor) = fake::system("2026-11-24T02:30:00[UTC]");
        (flat(stage(&self.request(), &system)), monitor)
    }

    fn request(&self) -> StageRequest<'_> {
        StageRequest { config: &self.config, full: self.full, settings: StageSettings::default() }
    }

    fn staged(&self) -> Vec<String> {
        names(&self.peer_dir())
    }
}

/// Writes an archive of `/etc` and its manifest.
fn write_manifest(directory: &Path, run: &str, baseline: Option<&str>, archive: Option<(&str, &[u8])>) {
    let header = Header {
        item: "/etc".into(),
        collect_mode: "incr".to_owned(),
        mode: if baseline.is_some() { Mode::Incremental } else { Mode::Full },
        run: run.to_owned(),
        baseline: baseline.map(str::to_owned),
        sequence: u64::from(baseline.is_some()),
        host: "me".to_owned(),
        time: "2026-11-24T00:30:00Z".to_owned(),
        program: "Redcedar".to_owned(),
        archive: archive.map(|(name, _)| name.into()),
    };
    let mut trailer = Trailer::default();
    if let Some((name, content)) = archive {
        fs_err::write(directory.join(name), content).unwrap();
        trailer.archive_size = Some(content.len() as u64);
        trailer.archive_sha256 = Some(sha2::Digest::finalize(sha256(content)).into());
    }
    let file = fs_err::File::create(directory.join("etc.manifest.jsonl.zst")).unwrap();
    ManifestWriter::create(file, &header).unwrap().finish(trailer).unwrap();
}

/// An indicator of ours.
fn said(run: &str, time: &str) -> Vec<u8> {
    Indicator { run: run.to_owned(), time: time.to_owned(), program: "x 1".to_owned() }.to_line()
}

/// The outcome, if the day is marked.
fn flat(report: StageReport) -> Result<Outcome, StageError> {
    report.result.map(|()| report.outcome)
}

fn sha256(bytes: &[u8]) -> sha2::Sha256 {
    sha2::Digest::new_with_prefix(bytes)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn proven(directory: &Path) -> bool {
    let mut check = program::command("sha256sum");
    program::run(check.args(["--strict", "-c", checksums::NAME]).current_dir(directory)).status.success()
}

#[test]
fn a_ready_peer_is_copied_proven_and_told_so() {
    let pool = Pool::new();
    pool.collect(&[("etc.tar.gz", b"data"), (".hidden", b"h")]);
    let (outcome, monitor) = pool.stage();
    assert!(outcome.unwrap().is_complete());
    assert_eq!(pool.staged(), [".hidden", "cback.collect", "cback.sha256", "etc.tar.gz"]);
    assert_eq!(fs_err::read(pool.peer_dir().join("etc.tar.gz")).unwrap(), b"data");
    assert!(proven(&pool.peer_dir()));
    assert_eq!(fs_err::read(pool.collect_dir().join(indicator::STAGE)).unwrap(), b"run 1\n");
    assert_eq!(names(&pool.day()), ["cback.result", "cback.stage", "me"]);
    assert_eq!(
        monitor.at(Level::Info),
        ["Staging peer [me].", "Staged 3 files for peer [me].", "Executed the 'stage' action successfully."]
    );
}

#[test]
fn nobody_else_may_read_what_is_staged() {
    let pool = Pool::new();
    pool.collect(&[("open.tar", b"a"), ("closed.tar", b"b")]);
    let mode = |path: PathBuf| fs_err::metadata(path).unwrap().permissions().mode() & 0o7777;
    let set = |name: &str, mode| {
        let path = pool.collect_dir().join(name);
        fs_err::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    set("open.tar", 0o666);
    set("closed.tar", 0o600);
    pool.stage().0.unwrap();
    assert_eq!(mode(pool.peer_dir().join("open.tar")), 0o640);
    assert_eq!(mode(pool.peer_dir().join("closed.tar")), 0o600);
    assert_eq!(mode(pool.peer_dir().join("cback.sha256")), 0o640);
    assert_eq!(mode(pool.peer_dir()) & 0o007, 0);
}

#[test]
fn staging_again_gives_the_same_day() {
    let pool = Pool::new();
    pool.collect(&[("etc.tar.gz", b"data")]);
    pool.stage().0.unwrap();
    let first = redcedar_testing::compare::Snapshot::take(&pool.peer_dir()).unwrap();
    let (outcome, monitor) = pool.stage();
    assert!(outcome.unwrap().is_complete());
    let second = redcedar_testing::compare::Snapshot::take(&pool.peer_dir()).unwrap();
    let forget = |object: &mut redcedar_testing::compare::Object| object.mtime = (0, 0);
    first.simplified(forget).assert_same(&second.simplified(forget), String::new);
    let day = escape::display(&pool.day()).to_string();
    assert_eq!(
        monitor.at(Level::Warning),
        [
            format!("Staging directory [{day}] already existed."),
            format!("Peer staging directory [{day}/me] already existed.")
        ]
    );
}

#[test]
fn a_peer_that_has_not_collected_is_an_error_and_the_day_is_not_marked() {
    let pool = Pool::new();
    fs_err::write(pool.collect_dir().join("half.tar.gz"), "x").unwrap();
    let (outcome, monitor) = pool.stage();
    assert!(matches!(outcome.unwrap_err(), StageError::NothingStaged(_)));
    assert_eq!(monitor.at(Level::Error), ["Peer [me] was not ready to be staged."]);
    assert!(pool.staged().is_empty());
    assert_eq!(names(&pool.day()), ["cback.result", "me"]);
    assert!(!pool.collect_dir().join(indicator::STAGE).exists());
}

#[test]
fn failures_are_ignored_on_the_days_that_the_configuration_names() {
    use IgnoreFailures::{All, Daily, None as Never, Weekly};
    let rows = [
        (None, false, false),
        (None, true, false),
        (Some(Never), true, false),
        (Some(All), false, true),
        (Some(All), true, true),
        (Some(Weekly), false, false),
        (Some(Weekly), true, true),
        (Some(Daily), false, true),
        (Some(Daily), true, false),
    ];
    for (mode, full, ignored) in rows {
        let mut pool = Pool::new();
        pool.full = full;
        pool.config.peers.as_mut().unwrap().local[0].ignore_failures = mode;
        let (outcome, monitor) = pool.stage();
        let level = if ignored { Level::Info } else { Level::Error };
        let message = "Peer [me] was not ready to be staged.".to_owned();
        assert!(monitor.messages().contains(&(level, message)), "{mode:?} {full}");
        assert_eq!(outcome.is_ok(), ignored, "{mode:?} {full}");
        assert_eq!(pool.day().join(indicator::STAGE).exists(), ignored, "{mode:?} {full}");
    }
}

#[test]
fn one_bad_peer_does_not_keep_the_others_from_being_staged() {
    use PeerStatus::{Failed, NotReady, Staged};
    let mut pool = Pool::new();
    pool.collect(&[("etc.tar.gz", b"data")]);
    let peers = pool.config.peers.as_mut().unwrap();
    peers.local.insert(0, sample::local_peer("../me", &pool.root.path().join("collect")));
    peers.local.insert(0, sample::local_peer("absent", Path::new("/nonexistent")));
    peers.remote.push(sample::managed_peer("far", None));
    let (outcome, monitor) = pool.stage();
    let outcome = outcome.unwrap();
    let mut errors = monitor.at(Level::Error);
    errors.sort();
    assert_eq!(
        errors,
        [
            "Error staging [../me]: its name cannot be the name of a directory",
            "Peer [absent] was not ready to be staged.",
            "Peer [far] was not ready to be staged. Reason: it cannot be asked: the copy command ended well and copied nothing.",
        ]
    );
    let results: Vec<_> = outcome.peers.iter().map(|peer| (&*peer.peer, peer.status)).collect();
    assert_eq!(results, [("absent", NotReady), ("../me", Failed), ("me", Staged), ("far", NotReady)]);
    assert!(pool.peer_dir().join("etc.tar.gz").exists());
    assert_eq!(names(&pool.day()), ["absent", "cback.result", "cback.stage", "far", "me"]);
    assert!(!pool.root.path().join("staging/2026/11/me").exists());
}

#[test]
fn directories_links_and_temporary_files_are_left_out_and_only_the_latter_silently() {
    let pool = Pool::new();
    pool.collect(&[("etc.tar.gz", b"data"), (".redcedar-1-x", b"half")]);
    fs_err::create_dir(pool.collect_dir().join("sub")).unwrap();
    std::os::unix::fs::symlink("/etc/shadow", pool.collect_dir().join("link")).unwrap();
    let (outcome, monitor) = pool.stage();
    let outcome = outcome.unwrap();
    assert_eq!(outcome.omissions.len(), 2);
    assert_eq!(monitor.at(Level::Error).len(), 2);
    assert_eq!(pool.staged(), ["cback.collect", "cback.sha256", "etc.tar.gz"]);
    assert!(pool.collect_dir().join(indicator::STAGE).exists());
}

#[test]
fn an_archive_that_is_not_what_its_manifest_says_is_refused_and_not_acknowledged() {
    let pool = Pool::new();
    pool.manifest("20261124T003000Z-1", None, Some(("etc.tar.gz", b"good")));
    pool.collect(&[("other.tar.gz", b"fine")]);
    let archive = pool.collect_dir().join("etc.tar.gz");
    let modified = fs_err::metadata(&archive).unwrap().modified().unwrap();
    fs_err::write(&archive, "baad").unwrap();
    fs_err::File::options()
        .write(true)
        .open(&archive)
        .unwrap()
        .into_parts()
        .0
        .set_modified(modified)
        .unwrap();
    let (outcome, monitor) = pool.stage();
    assert!(matches!(outcome.unwrap_err(), StageError::NothingStaged(_)));
    assert!(
        monitor.at(Level::Error)[0].contains("is not what its manifest says"),
        "{:?}",
        monitor.messages()
    );
    assert_eq!(pool.staged(), ["cback.sha256", "other.tar.gz"]);
    assert!(!pool.collect_dir().join(indicator::STAGE).exists());
}

#[test]
fn a_manifest_older_than_the_archive_of_another_program_is_left_behind() {
    let pool = Pool::new();
    pool.manifest("20261124T003000Z-1", None, Some(("etc.tar.gz", b"ours")));
    let manifest = pool.collect_dir().join("etc.manifest.jsonl.zst");
    let older = fs_err::metadata(&manifest).unwrap().modified().unwrap() - std::time::Duration::from_mins(1);
    fs_err::File::options().write(true).open(&manifest).unwrap().into_parts().0.set_modified(older).unwrap();
    pool.collect(&[("etc.tar.gz", b"theirs")]);
    let (outcome, monitor) = pool.stage();
    assert!(outcome.unwrap().is_complete());
    assert!(monitor.at(Level::Warning)[0].contains("newer archive without a manifest"));
    assert_eq!(pool.staged(), ["cback.collect", "cback.sha256", "etc.tar.gz"]);
}

#[test]
fn clear_text_never_comes_back_beside_its_encrypted_or_split_form() {
    for form in ["etc.tar.gz.gpg", "etc.tar.gz_00000"] {
        let pool = Pool::new();
        pool.collect(&[("etc.tar.gz", b"data")]);
        pool.stage().0.unwrap();
        fs_err::rename(pool.peer_dir().join("etc.tar.gz"), pool.peer_dir().join(form)).unwrap();
        let (outcome, _) = pool.stage();
        assert!(outcome.unwrap().is_complete(), "{form}");
        assert!(!pool.peer_dir().join("etc.tar.gz").exists(), "{form}");

        pool.collect(&[("etc.tar.gz", b"new data")]);
        fs_err::remove_file(pool.collect_dir().join(indicator::STAGE)).unwrap();
        let (outcome, monitor) = pool.stage();
        assert!(outcome.is_err(), "{form}");
        assert!(monitor.at(Level::Error)[0].contains("encrypted or split form"), "{form}");
        assert!(!pool.peer_dir().join("etc.tar.gz").exists(), "{form}");
        assert!(!pool.collect_dir().join(indicator::STAGE).exists(), "{form}");
    }
}

#[test]
fn a_later_run_of_the_day_replaces_an_earlier_one_only_if_it_covers_it() {
    let pool = Pool::new();
    pool.manifest("20261124T003000Z-1", Some("20261123T003000Z-0"), Some(("etc.tar.gz", b"first")));
    pool.stage().0.unwrap();

    pool.manifest("20261124T013000Z-2", Some("20261124T003000Z-1"), Some(("etc.tar.gz", b"second")));
    fs_err::remove_file(pool.collect_dir().join(indicator::STAGE)).unwrap();
    let (outcome, monitor) = pool.stage();
    assert!(outcome.is_err());
    assert!(monitor.at(Level::Error)[0].contains("would replace it"), "{:?}", monitor.messages());
    assert_eq!(fs_err::read(pool.peer_dir().join("etc.tar.gz")).unwrap(), b"first");
    assert!(!pool.collect_dir().join(indicator::STAGE).exists());

    fs_err::remove_file(pool.collect_dir().join("etc.tar.gz")).unwrap();
    pool.manifest("20261124T020000Z-3", Some("20261123T003000Z-0"), Some(("etc.tar.bz2", b"both")));
    pool.stage().0.unwrap();
    assert_eq!(
        pool.staged(),
        ["cback.collect", "cback.sha256", "etc.manifest.jsonl.zst", "etc.tar.bz2"],
        "the archive that the new one covers goes"
    );
    assert!(proven(&pool.peer_dir()));
}

#[test]
fn what_a_killed_run_left_is_removed_and_what_was_staged_earlier_today_stays() {
    let pool = Pool::new();
    pool.collect(&[("a.tar", b"a")]);
    pool.stage().0.unwrap();
    fs_err::write(pool.peer_dir().join(".redcedar-99-b.tar"), "half").unwrap();
    fs_err::remove_file(pool.collect_dir().join("a.tar")).unwrap();
    pool.collect(&[("b.tar", b"b")]);
    pool.stage().0.unwrap();
    assert_eq!(pool.staged(), ["a.tar", "b.tar", "cback.collect", "cback.sha256"]);
    assert!(proven(&pool.peer_dir()));
}

#[test]
fn links_planted_in_the_staging_directory_lead_nowhere() {
    let pool = Pool::new();
    let precious = pool.root.path().join("precious");
    fs_err::create_dir(&precious).unwrap();
    fs_err::write(precious.join("file"), "precious").unwrap();
    pool.collect(&[("etc.tar.gz", b"data")]);
    fs_err::create_dir_all(pool.peer_dir()).unwrap();
    for name in ["etc.tar.gz", "etc.manifest.jsonl.zst", "cback.sha256", "cback.collect"] {
        std::os::unix::fs::symlink(precious.join("file"), pool.peer_dir().join(name)).unwrap();
    }
    pool.stage().0.unwrap();
    assert_eq!(pool.staged(), ["cback.collect", "cback.sha256", "etc.tar.gz"]);
    assert_eq!(fs_err::read(precious.join("file")).unwrap(), b"precious");
    assert_eq!(fs_err::read(pool.peer_dir().join("etc.tar.gz")).unwrap(), b"data");

    fs_err::rename(pool.peer_dir(), pool.day().join("moved")).unwrap();
    std::os::unix::fs::symlink(&precious, pool.peer_dir()).unwrap();
    assert!(pool.stage().0.is_err());
    assert_eq!(names(&precious), ["file"]);
}

#[test]
fn an_interrupted_run_marks_nothing() {
    let pool = Pool::new();
    pool.collect(&[("etc.tar.gz", b"data")]);
    let (system, _) = fake::system("2026-11-24T02:30:00[UTC]");
    system.interrupt.raise();
    assert!(matches!(stage(&pool.request(), &system).result.unwrap_err(), StageError::Interrupted(_)));
    assert!(pool.staged().is_empty());
    assert!(!pool.day().join(indicator::STAGE).exists());
}

/// Begins to collect again while the files are copied.
struct OvertakingMonitor {
    collect_dir: PathBuf,
    heard: RecordingMonitor,
}

impl redcedar_system::Monitor for OvertakingMonitor {
    fn log(&self, level: Level, message: &str) {
        self.heard.log(level, message);
    }

    fn progress(&self, _progress: &Progress, _path: Option<&Path>) {
        let indicator = self.collect_dir.join(indicator::COLLECT);
        if indicator.exists() {
            fs_err::remove_file(indicator).unwrap();
        }
    }
}

#[test]
fn a_peer_that_collects_again_meanwhile_is_not_told_that_it_was_picked_up() {
    let pool = Pool::new();
    pool.collect(&[("etc.tar.gz", b"data")]);
    let monitor =
        Arc::new(OvertakingMonitor { collect_dir: pool.collect_dir(), heard: RecordingMonitor::default() });
    let (mut system, _) = fake::system("2026-11-24T02:30:00[UTC]");
    system.monitor = monitor.clone();
    assert!(stage(&pool.request(), &system).result.is_err());
    assert_eq!(
        monitor.heard.at(Level::Error),
        ["Error staging [me]: it began to collect again while it was being staged"]
    );
    assert!(!pool.collect_dir().join(indicator::STAGE).exists());
    assert!(!pool.peer_dir().join(indicator::COLLECT).exists());
}

#[test]
fn an_old_indicator_is_worth_a_warning() {
    let pool = Pool::new();
    pool.collect(&[("etc.tar.gz", b"data")]);
    let indicator = pool.collect_dir().join(indicator::COLLECT);
    let then = jiff::Timestamp::from_second(1_795_487_400 - 25 * 3600).unwrap();
    let file = fs_err::File::options().write(true).open(indicator).unwrap().into_parts().0;
    file.set_modified(then.into()).unwrap();
    let (outcome, monitor) = pool.stage();
    assert!(outcome.unwrap().is_complete());
    assert_eq!(monitor.at(Level::Warning), ["Peer [me] collected 25 hours ago and not since."]);
}
