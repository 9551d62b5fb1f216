//! Backups over several days, with real trees and archives and a clock that stands where it is put.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use redcedar_archive::manifest::{Line, ManifestReader, Mode};
use redcedar_system::Level;
use redcedar_system::fake::{RecordingMonitor, system};
use redcedar_system::fs::Lock;
use redcedar_testing::members;
use tempfile::TempDir;

use super::*;

struct Machine {
    root: TempDir,
    request: BackupRequest,
}

/// What a day holds of the item `tree`.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    mode: Mode,
    run: String,
    baseline: Option<String>,
    stored: Vec<String>,
    gone: Vec<String>,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("tree")).unwrap();
        let request = BackupRequest {
            dirs: vec![root.path().join("tree")],
            destination: root.path().join("dest"),
            exclude: Vec::new(),
            one_file_system: false,
            exclude_caches: false,
            compression: Compression::Gzip,
            host: "alder".to_owned(),
            full: false,
            threads: 1,
            dry_run: false,
        };
        let machine = Self { root, request };
        machine.write("a", "first");
        machine.write("b", "second");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs_err::write(self.path("tree").join(name), content).unwrap();
    }

    fn remove(&self, name: &str) {
        fs_err::remove_file(self.path("tree").join(name)).unwrap();
    }

    fn run_with(&self, day: u32) -> (Result<Outcome, BackupError>, Arc<RecordingMonitor>) {
        let (system, monitor) = system(&format!("2026-11-{day:02}T02:00"));
        (backup(&self.request, &system), monitor)
    }

    fn run(&self, day: u32) -> Outcome {
        let (outcome, monitor) = self.run_with(day);
        let outcome = outcome.unwrap();
        assert!(outcome.is_complete(), "{outcome:?}");
        assert_eq!(monitor.at(Level::Warning), Vec::<String>::new());
        outcome
    }

    fn day(&self, day: u32) -> PathBuf {
        self.path(&format!("dest/2026/11/{day:02}/alder"))
    }

    fn stem(&self) -> String {
        naming::normalise(&fs_err::canonicalize(self.path("tree")).unwrap(), Dialect::V3)
            .into_string()
            .unwrap()
    }

    fn held(&self, day: u32) -> Held {
        let tree = fs_err::canonicalize(self.path("tree")).unwrap();
        let below = |path: &Path| path.strip_prefix(&tree).unwrap().to_str().unwrap().to_owned();
        let manifest = self.day(day).join(format!("{}.manifest.jsonl.zst", self.stem()));
        let mut reader = ManifestReader::open(fs_err::File::open(manifest).unwrap()).unwrap();
        let mut gone = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            if let Line::Gone(path) = line {
                gone.push(below(&path));
            }
        }
        let header = reader.header().clone();
        let stored = header.archive.as_ref().map_or(Vec::new(), |archive| {
            let members = members::read(&self.day(day).join(archive)).unwrap();
            let path = |member: members::Member| {
                Path::new("/").join(OsString::from(String::from_utf8(member.name).unwrap()))
            };
            members.into_iter().map(|member| below(&path(member))).collect()
        });
        Held { mode: header.mode, run: header.run, baseline: header.baseline, stored, gone }
    }

    fn prove(&self, day: u32) {
        let output = redcedar_testing::program::command("sha256sum")
            .args(["--strict", "--quiet", "-c", "cback.sha256"])
            .current_dir(self.day(day))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", redcedar_testing::program::describe(&output));
    }
}

#[test]
fn days_are_a_full_backup_and_increments_in_the_layout_of_staging() {
    let machine = Machine::new();
    machine.run(9);
    let stem = machine.stem();
    let mut names: Vec<_> = fs_err::read_dir(machine.day(9))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "cback.collect".to_owned(),
            "cback.sha256".to_owned(),
            format!("{stem}.manifest.jsonl.zst"),
            format!("{stem}.tar.gz")
        ]
    );
    assert!(machine.path("dest/2026/11/09/cback.stage").is_file());
    machine.prove(9);
    let monday = machine.held(9);
    assert_eq!((monday.mode, &monday.stored[..]), (Mode::Full, &["", "a", "b"].map(str::to_owned)[..]));

    machine.write("b", "changed");
    let outcome = machine.run(10);
    assert_eq!((outcome.summary.changed, outcome.summary.unchanged), (1, 2));
    let tuesday = machine.held(10);
    assert_eq!(
        (tuesday.mode, tuesday.baseline.as_ref(), &tuesday.stored[..]),
        (Mode::Incremental, Some(&monday.run), &["b".to_owned()][..])
    );

    machine.remove("a");
    machine.run(12);
    let thursday = machine.held(12);
    assert_eq!((thursday.baseline.as_ref(), &thursday.gone[..]), (Some(&tuesday.run), &["a".to_owned()][..]));
    machine.prove(12);

    machine.run(15);
    assert_eq!(machine.held(15).mode, Mode::Incremental);
    machine.run(16);
    assert_eq!(machine.held(16).mode, Mode::Full, "a week has gone by");
}

#[test]
fn the_last_run_stands_for_the_day_and_covers_all_since_the_day_before() {
    let machine = Machine::new();
    machine.run(9);
    machine.write("c", "third");
    machine.write("short", "lived");
    machine.run(10);
    machine.remove("short");
    machine.write("d", "fourth");
    machine.run(10);
    let held = machine.held(10);
    assert_eq!(held.baseline, Some(machine.held(9).run));
    assert_eq!(held.stored, ["", "c", "d"]);
    assert_eq!(held.gone, ["short"]);
    machine.run(10);
    assert_eq!(
        machine.held(10).stored,
        ["", "c", "d"],
        "nothing changed since, and still everything is there"
    );
    machine.prove(10);
    machine.run(11);
    let next = machine.held(11);
    assert_eq!((next.baseline, next.stored), (Some(machine.held(10).run), Vec::new()));
}

#[test]
fn a_full_backup_repeated_on_its_day_stays_a_full_one() {
    let machine = Machine::new();
    machine.run(9);
    machine.write("c", "third");
    machine.run(9);
    let held = machine.held(9);
    assert_eq!((held.mode, held.stored), (Mode::Full, ["", "a", "b", "c"].map(str::to_owned).to_vec()));
}

#[test]
fn a_run_for_another_directory_leaves_what_the_day_holds() {
    let mut machine = Machine::new();
    machine.run(9);
    let first = machine.held(9);
    fs_err::create_dir(machine.path("other")).unwrap();
    machine.request.dirs = vec![machine.path("other")];
    machine.run(9);
    assert_eq!(machine.held(9), first);
    machine.prove(9);
    assert_eq!(fs_err::read_to_string(machine.day(9).join("cback.sha256")).unwrap().lines().count(), 4);
    let archive = machine.day(9).join(format!("{}.tar.gz", machine.stem()));
    assert_eq!(fs_err::metadata(archive).unwrap().nlink(), 1, "the replaced directory is gone");
}

#[test]
fn when_a_day_of_the_chain_is_lost_everything_is_backed_up_again() {
    let machine = Machine::new();
    machine.run(9);
    machine.run(10);
    machine.run(11);
    fs_err::remove_dir_all(machine.day(9)).unwrap();
    let (outcome, monitor) = machine.run_with(12);
    outcome.unwrap();
    assert_eq!(machine.held(12).mode, Mode::Full);
    let warnings = monitor.at(Level::Warning);
    assert!(warnings.len() == 1 && warnings[0].contains("2026/11/09"), "{warnings:?}");
}

#[test]
fn when_the_last_day_is_lost_its_changes_are_stored_again() {
    let machine = Machine::new();
    machine.run(9);
    machine.write("b", "changed");
    machine.run(10);
    fs_err::remove_dir_all(machine.path("dest/2026/11/10")).unwrap();
    machine.write("c", "third");
    let (outcome, monitor) = machine.run_with(11);
    outcome.unwrap();
    assert_eq!(monitor.at(Level::Warning).len(), 1);
    let held = machine.held(11);
    assert_eq!(
        (held.baseline, held.stored),
        (Some(machine.held(9).run), ["", "b", "c"].map(str::to_owned).to_vec())
    );
}

#[test]
fn an_archive_of_another_size_than_was_made_counts_as_lost() {
    let machine = Machine::new();
    machine.run(9);
    let archive = machine.day(9).join(format!("{}.tar.gz", machine.stem()));
    fs_err::write(archive, "cut off").unwrap();
    let (outcome, _) = machine.run_with(10);
    outcome.unwrap();
    assert_eq!(machine.held(10).mode, Mode::Full);
}

#[test]
fn state_without_its_day_and_a_day_without_its_state_lose_nothing() {
    let machine = Machine::new();
    machine.run(9);
    let state = machine.path(&format!("dest/.redcedar/alder/{}.redcedar", machine.stem()));
    let before = fs_err::read(&state).unwrap();
    machine.write("b", "changed");
    machine.run(10);
    // As if the run had been killed when the day was in place and the state was not.
    fs_err::write(&state, before).unwrap();
    machine.write("c", "third");
    machine.run(11);
    let held = machine.held(11);
    assert_eq!(
        (held.baseline, held.stored),
        (Some(machine.held(9).run), ["", "b", "c"].map(str::to_owned).to_vec())
    );
}

#[test]
fn the_destination_inside_the_directory_is_left_out_with_a_note() {
    let mut machine = Machine::new();
    machine.request.destination = machine.path("tree/dest");
    let (outcome, monitor) = machine.run_with(9);
    let outcome = outcome.unwrap();
    assert!(outcome.is_complete());
    assert_eq!(outcome.summary.new, 4);
    assert_eq!(monitor.at(Level::Warning), Vec::<String>::new());
    assert!(monitor.at(Level::Info).iter().any(|line| line.contains("tree/dest")));
}

#[test]
fn a_directory_inside_the_destination_or_missing_fails_and_the_others_are_backed_up() {
    let mut machine = Machine::new();
    machine.request.dirs.push(machine.path("missing"));
    machine.request.dirs.push(machine.path("dest"));
    fs_err::create_dir(machine.path("dest")).unwrap();
    let (outcome, _) = machine.run_with(9);
    assert_eq!(outcome.unwrap().failures.len(), 2);
    assert_eq!(machine.held(9).stored, ["", "a", "b"]);
}

#[test]
fn when_everything_fails_there_is_no_day() {
    let mut machine = Machine::new();
    machine.request.dirs = vec![machine.path("missing")];
    let (outcome, _) = machine.run_with(9);
    assert_eq!(outcome.unwrap().failures.len(), 1);
    assert!(!machine.path("dest/2026").exists());
}

#[test]
fn a_dry_run_tells_and_writes_nothing() {
    let mut machine = Machine::new();
    machine.request.dry_run = true;
    let outcome = machine.run(9);
    assert_eq!((outcome.summary.new, outcome.summary.bytes_in, outcome.summary.bytes_out), (3, 11, 0));
    assert!(!machine.path("dest").exists());
    machine.request.dry_run = false;
    machine.run(9);
    machine.write("b", "changed");
    machine.request.dry_run = true;
    assert_eq!(machine.run(10).summary.changed, 1);
    assert!(!machine.path("dest/2026/11/10").exists());
}

#[test]
fn files_globs_and_links_are_understood() {
    let mut machine = Machine::new();
    std::os::unix::fs::symlink("tree", machine.path("link")).unwrap();
    machine.request.dirs = vec![machine.path("link")];
    machine.request.exclude = vec!["*.o".to_owned()];
    machine.write("x.o", "");
    machine.run(9);
    assert_eq!(machine.held(9).stored, ["", "a", "b"]);
    machine.request.dirs = vec![machine.path("tree/a")];
    assert_eq!(machine.run(9).summary.new, 1);
}

#[test]
fn only_the_owner_and_the_group_may_look() {
    let machine = Machine::new();
    machine.run(9);
    let mode = |path: PathBuf| fs_err::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(machine.path("dest/.redcedar/alder")), 0o700);
    assert_eq!(mode(machine.day(9)), 0o750);
    for entry in fs_err::read_dir(machine.day(9)).unwrap() {
        assert_eq!(mode(entry.unwrap().path()), 0o640);
    }
}

#[test]
fn a_second_run_at_the_same_time_is_refused() {
    let machine = Machine::new();
    machine.run(9);
    let held = Lock::acquire(&machine.path("dest/.redcedar/alder")).unwrap();
    assert!(matches!(machine.run_with(9).0, Err(BackupError::Lock(LockError::Busy { .. }))));
    drop(held);
}

#[test]
fn an_interrupted_run_leaves_the_day_as_it_was() {
    let machine = Machine::new();
    machine.run(9);
    let before = machine.held(9);
    machine.write("c", "third");
    let (system, _) = system("2026-11-09T03:00");
    system.interrupt.raise();
    assert!(matches!(backup(&machine.request, &system), Err(BackupError::Interrupted(_))));
    assert_eq!(machine.held(9), before);
    let state: Vec<_> = fs_err::read_dir(machine.path("dest/.redcedar/alder"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(state.len(), 2, "lock and side file: {state:?}");
}

#[test]
fn names_that_cannot_be_a_directory_are_refused() {
    let mut machine = Machine::new();
    for host in ["", "..", ".hidden", "a/b"] {
        machine.request.host = host.to_owned();
        assert!(matches!(machine.run_with(9).0, Err(BackupError::HostName(_))), "{host}");
    }
}
