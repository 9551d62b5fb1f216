//! Collecting over several days, with real trees and archives and a clock that stands where it is put.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use redcedar_archive::manifest::{Header, Line, ManifestReader, Mode};
use redcedar_config::value::ArchiveMode;
use redcedar_system::fake::{RecordingMonitor, system};
use redcedar_system::{Level, fs::write_atomically};
use redcedar_testing::members;
use tempfile::TempDir;

use super::*;
use crate::outcome::{OmissionKind, Summary};
use crate::sample;

/// 23 November 2026 is a Monday, the starting day of the sample configuration.
const MONDAY: &str = "2026-11-23T02:00";
const TUESDAY: &str = "2026-11-24T02:00";
const WEDNESDAY: &str = "2026-11-25T02:00";
const THURSDAY: &str = "2026-11-26T02:00";

/// A machine with a tree to collect.
struct Machine {
    root: TempDir,
    config: Config,
}

/// What a run came to.
struct Ran {
    result: Result<Outcome, CollectError>,
    monitor: Arc<RecordingMonitor>,
}

impl Ran {
    fn outcome(self) -> Outcome {
        self.result.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Machine {
    fn new(mode: CollectMode) -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["source", "collect", "work"] {
            fs_err::create_dir(root.path().join(name)).unwrap();
        }
        let mut config = sample::config(root.path());
        config.collect.as_mut().unwrap().collect_mode = Some(mode);
        let machine = Self { root, config };
        machine.write("source/a", "first");
        machine.write("source/b", "second");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn section(&mut self) -> &mut Collect {
        self.config.collect.as_mut().unwrap()
    }

    fn write(&self, name: &str, content: &str) {
        fs_err::write(self.path(name), content).unwrap();
    }

    fn run_with(&self, now: &str, full: bool) -> Ran {
        let (system, monitor) = system(now);
        let ownership = Ownership::configured(&self.config.options);
        let request = CollectRequest::new(&self.config, full, Dialect::V3, 1, &ownership);
        Ran { result: collect(&request, &system), monitor }
    }

    fn run(&self, now: &str) -> Outcome {
        self.run_with(now, false).outcome()
    }

    /// What stage does when it has copied everything.
    fn pick_up(&self) {
        let indicator = fs_err::read(self.path("collect/cback.collect")).unwrap();
        write_atomically(&self.path("collect/cback.stage"), &indicator, 0o640, None).unwrap();
    }

    fn outputs(&self) -> Vec<String> {
        let names = fs_err::read_dir(self.path("collect")).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The name by which the outputs of a path begin.
    fn stem(&self, name: &str) -> String {
        naming::normalise(&self.path(name), Dialect::V3).into_string().unwrap()
    }

    /// Members of the archive of `source`, by their path below it, with the size of their content.
    fn stored(&self) -> BTreeMap<String, u64> {
        let archive = self.path(&format!("collect/{}.tar.gz", self.stem("source")));
        let root = self.path("source").to_str().unwrap().trim_start_matches('/').to_owned();
        let members = members::read(&archive).unwrap_or_else(|error| panic!("{error}"));
        members
            .into_iter()
            .map(|member| {
                let name = String::from_utf8(member.name).unwrap();
                (name.strip_prefix(&root).unwrap().trim_start_matches('/').to_owned(), member.content.0)
            })
            .collect()
    }

    fn stored_names(&self) -> Vec<String> {
        self.stored().into_keys().collect()
    }

    fn has_archive(&self) -> bool {
        self.outputs().iter().any(|name| name.ends_with(".tar.gz"))
    }

    /// Header, and names of the paths that are said to be gone.
    fn manifest(&self) -> (Header, Vec<String>) {
        let path = self.path(&format!("collect/{}.manifest.jsonl.zst", self.stem("source")));
        let mut reader = ManifestReader::open(fs_err::File::open(path).unwrap()).unwrap();
        let mut gone = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            if let Line::Gone(path) = line {
                gone.push(path.strip_prefix(self.path("source")).unwrap().to_str().unwrap().to_owned());
            }
        }
        let header = reader.header().clone();
        reader.trailer().unwrap();
        (header, gone)
    }

    fn digest_state(&self) -> Vec<u8> {
        fs_err::read(self.path(&format!("work/{}.sha", self.stem("source")))).unwrap()
    }
}

#[test]
fn a_week_of_picked_up_increments_is_a_chain_of_what_changed() {
    let machine = Machine::new(CollectMode::Incremental);
    let outcome = machine.run(MONDAY);
    assert!(outcome.is_complete());
    assert_eq!(outcome.summary.new, 3);
    assert_eq!(machine.stored_names(), ["", "a", "b"]);
    let (monday, _) = machine.manifest();
    assert_eq!((monday.mode, monday.baseline.clone(), monday.sequence), (Mode::Full, None, 0));
    machine.pick_up();

    machine.write("source/b", "changed");
    let outcome = machine.run(TUESDAY);
    assert_eq!(
        Summary { bytes_in: 0, bytes_out: 0, ..outcome.summary },
        Summary { changed: 1, unchanged: 2, ..Summary::default() }
    );
    assert_eq!(machine.stored_names(), ["b"]);
    let (tuesday, _) = machine.manifest();
    assert_eq!(
        (tuesday.mode, tuesday.baseline.clone(), tuesday.sequence),
        (Mode::Incremental, Some(monday.run), 1)
    );
    machine.pick_up();

    fs_err::remove_file(machine.path("source/a")).unwrap();
    let outcome = machine.run(WEDNESDAY);
    assert_eq!(
        (outcome.summary.changed, outcome.summary.removed),
        (1, 1),
        "the directory changed, a file is gone"
    );
    assert_eq!(machine.stored_names(), [""]);
    let (wednesday, gone) = machine.manifest();
    assert_eq!((wednesday.baseline, wednesday.sequence), (Some(tuesday.run), 2));
    assert_eq!(gone, ["a"]);
}

#[test]
fn when_nothing_changed_there_is_a_manifest_and_no_archive_and_no_rewritten_digest_state() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    machine.pick_up();
    let state = machine.path(&format!("work/{}.sha", machine.stem("source")));
    let before =
        (machine.digest_state(), std::os::unix::fs::MetadataExt::ino(&fs_err::metadata(&state).unwrap()));
    let outcome = machine.run(TUESDAY);
    assert_eq!((outcome.summary.unchanged, outcome.summary.bytes_in), (3, 0));
    assert_eq!(
        machine.outputs(),
        ["cback.collect".to_owned(), format!("{}.manifest.jsonl.zst", machine.stem("source"))]
    );
    let after =
        (machine.digest_state(), std::os::unix::fs::MetadataExt::ino(&fs_err::metadata(&state).unwrap()));
    assert_eq!(before, after);
}

#[test]
fn what_nobody_picked_up_is_stored_again() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    machine.pick_up();
    let (monday, _) = machine.manifest();

    machine.write("source/b", "changed");
    fs_err::remove_file(machine.path("source/a")).unwrap();
    machine.run(TUESDAY);
    // Nobody comes. On Wednesday something else changes.
    machine.write("source/c", "third");
    machine.run(WEDNESDAY);
    assert_eq!(machine.stored_names(), ["", "b", "c"]);
    let (wednesday, gone) = machine.manifest();
    assert_eq!((wednesday.baseline, wednesday.sequence), (Some(monday.run.clone()), 1));
    assert_eq!(gone, ["a"]);
    // Still nobody. Nothing changes on Thursday.
    machine.run(THURSDAY);
    assert_eq!(machine.stored_names(), ["", "b", "c"]);
    let (thursday, gone) = machine.manifest();
    assert_eq!(thursday.baseline, Some(monday.run));
    assert_eq!(gone, ["a"]);
    machine.pick_up();
    // Picked up at last.
    machine.run("2026-11-27T02:00");
    assert!(!machine.has_archive());
    let (friday, gone) = machine.manifest();
    assert_eq!((friday.baseline, friday.sequence), (Some(thursday.run), 2));
    assert_eq!(gone, Vec::<String>::new());
}

#[test]
fn what_came_and_went_without_being_picked_up_is_said_to_be_gone() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    machine.pick_up();
    machine.write("source/short", "lived");
    machine.run(TUESDAY);
    fs_err::remove_file(machine.path("source/short")).unwrap();
    machine.run(WEDNESDAY);
    assert_eq!(machine.manifest().1, ["short"]);
    machine.write("source/short", "again");
    machine.run(THURSDAY);
    assert_eq!(machine.manifest().1, Vec::<String>::new());
    assert_eq!(machine.stored_names(), ["", "short"]);
}

#[test]
fn a_full_backup_that_nobody_picked_up_is_made_again() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    let ran = machine.run_with(TUESDAY, false);
    assert!(ran.monitor.at(Level::Info).iter().any(|line| line.contains("was not picked up")));
    ran.outcome();
    assert_eq!(machine.stored_names(), ["", "a", "b"]);
    assert_eq!(machine.manifest().0.mode, Mode::Full);
}

#[test]
fn a_second_run_of_a_day_covers_the_first_even_if_that_was_picked_up() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    let (monday, _) = machine.manifest();
    machine.pick_up();
    machine.write("source/a", "first change");
    machine.run(TUESDAY);
    machine.pick_up();
    machine.write("source/b", "second change");
    machine.run(TUESDAY);
    assert_eq!(machine.stored_names(), ["a", "b"]);
    assert_eq!(machine.manifest().0.baseline, Some(monday.run));
}

#[test]
fn a_pick_up_of_an_earlier_run_that_ends_late_proves_nothing() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    let early = fs_err::read(machine.path("collect/cback.collect")).unwrap();
    machine.run(TUESDAY);
    fs_err::write(machine.path("collect/cback.stage"), early).unwrap();
    machine.run(WEDNESDAY);
    assert_eq!(machine.manifest().0.mode, Mode::Full);
}

#[test]
fn changed_mode_time_and_link_target_are_stored_again_and_untouched_links_are_not() {
    let machine = Machine::new(CollectMode::Incremental);
    symlink("a", machine.path("source/link")).unwrap();
    symlink("nowhere", machine.path("source/dangling")).unwrap();
    machine.run(MONDAY);
    assert_eq!(machine.stored_names(), ["", "a", "b", "dangling", "link"]);
    machine.pick_up();
    fs_err::set_permissions(machine.path("source/a"), std::fs::Permissions::from_mode(0o600)).unwrap();
    machine.run(TUESDAY);
    assert_eq!(machine.stored_names(), ["a"]);
    machine.pick_up();
    fs_err::remove_file(machine.path("source/link")).unwrap();
    symlink("b", machine.path("source/link")).unwrap();
    machine.run(WEDNESDAY);
    assert_eq!(machine.stored_names(), ["", "link"]);
}

#[test]
fn a_file_replaced_by_one_of_equal_size_and_time_is_noticed() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    machine.pick_up();
    let path = machine.path("source/a");
    let modified = fs_err::metadata(&path).unwrap().modified().unwrap();
    fs_err::write(&path, "FIRST").unwrap();
    fs_err::OpenOptions::new().write(true).open(&path).unwrap().file().set_modified(modified).unwrap();
    machine.run(TUESDAY);
    assert_eq!(machine.stored_names(), ["a"]);
}

#[test]
fn a_changed_attribute_is_stored_again_and_a_further_name_of_the_file_is_no_change() {
    let machine = Machine::new(CollectMode::Incremental);
    let (file, directory) = (machine.path("source/a"), machine.path("source"));
    let set = |path: &Path, value: &[u8]| {
        rustix::fs::setxattr(path, "user.note", value, rustix::fs::XattrFlags::empty())
    };
    if set(&file, b"one") == Err(rustix::io::Errno::OPNOTSUPP) {
        redcedar_testing::program::cannot_test("changed attributes", "the file system has none");
        return;
    }
    machine.run(MONDAY);
    machine.pick_up();
    set(&file, b"two").unwrap();
    machine.run(TUESDAY);
    assert_eq!(machine.stored_names(), ["a"]);
    machine.pick_up();
    set(&directory, b"three").unwrap();
    fs_err::hard_link(&file, machine.path("second-name")).unwrap();
    machine.run(WEDNESDAY);
    assert_eq!(machine.stored_names(), [""]);
}

#[test]
fn the_indicator_is_withdrawn_first_and_written_last() {
    let mut machine = Machine::new(CollectMode::Daily);
    machine.run(MONDAY);
    assert!(machine.outputs().contains(&"cback.collect".to_owned()));
    let missing = machine.path("missing");
    machine.section().dirs[0].abs_path = missing.into();
    let other = sample::config(machine.root.path()).collect.unwrap().dirs.remove(0);
    machine.section().dirs.push(other);
    machine.pick_up();
    let ran = machine.run_with(TUESDAY, false);
    assert_eq!(ran.monitor.at(Level::Error).len(), 2);
    let outcome = ran.outcome();
    assert_eq!(outcome.failures.len(), 1);
    assert_eq!(outcome.summary.new, 3, "the other item was collected");
    assert!(!machine.outputs().iter().any(|name| name.starts_with("cback.")), "{:?}", machine.outputs());
}

#[test]
fn weekly_items_wait_for_their_day_and_are_made_up_for_when_it_was_missed() {
    let machine = Machine::new(CollectMode::Weekly);
    machine.run(TUESDAY);
    assert_eq!(machine.outputs(), ["cback.collect"]);
    machine.run("2026-11-30T02:00");
    assert!(machine.has_archive(), "Monday");
    // Nobody picked it up: it stays.
    machine.run("2026-12-01T02:00");
    assert!(machine.has_archive());
    machine.pick_up();
    machine.run("2026-12-02T02:00");
    assert!(!machine.has_archive(), "picked up, and not today's");
    machine.run("2026-12-06T02:00");
    assert!(!machine.has_archive());
    machine.run("2026-12-08T02:00");
    assert!(machine.has_archive(), "Monday was missed");
}

#[test]
fn a_weekly_item_first_seen_in_mid_week_does_not_wait_longer_than_a_week() {
    let machine = Machine::new(CollectMode::Weekly);
    machine.run(TUESDAY);
    machine.run("2026-11-29T02:00");
    assert!(!machine.has_archive());
    machine.run("2026-12-01T02:00");
    assert!(machine.has_archive());
}

#[test]
fn an_increment_follows_a_full_backup_by_less_than_a_week() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run_with(WEDNESDAY, true).outcome();
    machine.pick_up();
    machine.run("2026-12-01T02:00");
    assert_eq!(machine.manifest().0.mode, Mode::Incremental, "the starting day was missed, six days ago");
    machine.pick_up();
    machine.run("2026-12-02T02:00");
    assert_eq!(machine.manifest().0.mode, Mode::Full);
}

#[test]
fn items_whose_archives_would_have_one_name_do_not_replace_each_other() {
    let mut machine = Machine::new(CollectMode::Daily);
    fs_err::create_dir_all(machine.path("x/y")).unwrap();
    fs_err::create_dir_all(machine.path("x-y")).unwrap();
    machine.write("x/y/in-x-slash-y", "");
    let mut second = machine.section().dirs[0].clone();
    let (slash, dash) = (machine.path("x/y"), machine.path("x-y"));
    machine.section().dirs[0].abs_path = slash.into();
    second.abs_path = dash.into();
    machine.section().dirs.push(second);
    let ran = machine.run_with(TUESDAY, false);
    let outcome = ran.outcome();
    assert_eq!(outcome.failures.len(), 1);
    assert!(outcome.failures[0].contains("x-y"), "{:?}", outcome.failures);
    let archive = machine.path(&format!("collect/{}.tar.gz", machine.stem("x/y")));
    assert_eq!(members::read(&archive).unwrap().len(), 2);
}

#[test]
fn planted_links_are_replaced_and_lead_nowhere() {
    let machine = Machine::new(CollectMode::Incremental);
    let precious = machine.path("precious");
    fs_err::write(&precious, "precious").unwrap();
    let stem = machine.stem("source");
    for name in ["collect/cback.collect", "collect/cback.stage"] {
        symlink(&precious, machine.path(name)).unwrap();
    }
    for name in
        [format!("collect/{stem}.tar.gz"), format!("work/{stem}.sha"), format!("work/{stem}.redcedar")]
    {
        symlink(&precious, machine.path(&name)).unwrap();
    }
    machine.run_with(TUESDAY, false).outcome();
    assert_eq!(fs_err::read_to_string(&precious).unwrap(), "precious");
    for entry in fs_err::read_dir(machine.path("collect"))
        .unwrap()
        .chain(fs_err::read_dir(machine.path("work")).unwrap())
    {
        let metadata = entry.unwrap().metadata().unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o640);
    }
    assert_eq!(machine.stored_names(), ["", "a", "b"]);
}

#[test]
fn left_overs_of_a_killed_run_go_and_other_files_stay() {
    let machine = Machine::new(CollectMode::Daily);
    machine.write("collect/.redcedar-1-x.tar.gz", "half");
    machine.write("work/.redcedar-1-x.sha", "half");
    machine.write("collect/mysqldump.txt.gz", "somebody else's");
    machine.write("collect/other.tar.gz", "somebody else's");
    machine.run(TUESDAY);
    assert_eq!(machine.outputs().len(), 5);
    assert!(!machine.path("work/.redcedar-1-x.sha").exists());
    assert!(
        machine.path("collect/mysqldump.txt.gz").exists() && machine.path("collect/other.tar.gz").exists()
    );
}

#[test]
fn outputs_of_items_that_are_gone_go_once_they_are_picked_up() {
    let mut machine = Machine::new(CollectMode::Daily);
    for name in ["u1", "u2"] {
        fs_err::create_dir(machine.path("source").join(name)).unwrap();
        machine.write(&format!("source/{name}/file"), "x");
    }
    machine.section().dirs[0].recursion_level = Some(1);
    machine.run(MONDAY);
    let archive = machine.path(&format!("collect/{}.tar.gz", machine.stem("source/u1")));
    assert!(archive.exists());
    fs_err::remove_dir_all(machine.path("source/u1")).unwrap();
    machine.run(TUESDAY);
    assert!(archive.exists(), "nobody has it yet");
    machine.pick_up();
    machine.run(WEDNESDAY);
    assert!(!archive.exists());
    assert_eq!(machine.stored_names(), ["", "a", "b"]);
}

#[test]
fn a_changed_archive_mode_leaves_one_archive() {
    let mut machine = Machine::new(CollectMode::Daily);
    machine.run(MONDAY);
    machine.section().archive_mode = Some(ArchiveMode::TarZstd);
    machine.run(TUESDAY);
    let stem = machine.stem("source");
    assert_eq!(
        machine.outputs(),
        ["cback.collect".to_owned(), format!("{stem}.manifest.jsonl.zst"), format!("{stem}.tar.zst")]
    );
}

#[test]
fn a_damaged_side_file_is_reported_and_the_digest_state_takes_its_place() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    machine.pick_up();
    let side_file = machine.path(&format!("work/{}.redcedar", machine.stem("source")));
    let mut content = fs_err::read(&side_file).unwrap();
    let in_records = 50;
    content[in_records] ^= 1;
    fs_err::write(&side_file, content).unwrap();
    let ran = machine.run_with(TUESDAY, false);
    assert_eq!(ran.monitor.at(Level::Warning).len(), 1, "{:?}", ran.monitor.messages());
    ran.outcome();
    assert_eq!(machine.stored_names(), [""], "files are known by their digests");
    assert_eq!(machine.manifest().0.baseline, None);
    machine.pick_up();
    machine.run(WEDNESDAY);
    assert!(!machine.has_archive());
}

#[test]
fn a_damaged_digest_state_is_an_error_and_everything_is_backed_up() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    machine.pick_up();
    machine.write(&format!("work/{}.sha", machine.stem("source")), "cos\nsystem\n(S'false'\ntR.");
    let ran = machine.run_with(TUESDAY, false);
    let errors = ran.monitor.at(Level::Error);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("Failed loading digest ["), "{errors:?}");
    ran.outcome();
    assert_eq!(machine.stored_names(), ["", "a", "b"]);
}

#[test]
fn deleting_the_digest_state_makes_the_next_backup_a_full_one() {
    let machine = Machine::new(CollectMode::Incremental);
    machine.run(MONDAY);
    machine.pick_up();
    fs_err::remove_file(machine.path(&format!("work/{}.sha", machine.stem("source")))).unwrap();
    machine.run(TUESDAY);
    assert_eq!(machine.manifest().0.mode, Mode::Full);
}

#[test]
fn without_a_working_directory_everything_is_backed_up_and_the_run_says_so() {
    let machine = Machine::new(CollectMode::Incremental);
    fs_err::remove_dir(machine.path("work")).unwrap();
    let ran = machine.run_with(TUESDAY, false);
    assert!(ran.monitor.at(Level::Error).iter().any(|line| line.starts_with("Failed to write digest [")));
    let outcome = ran.outcome();
    assert_eq!(outcome.failures.len(), 1);
    assert_eq!(machine.stored_names(), ["", "a", "b"]);
    assert!(machine.path("collect/cback.collect").exists(), "the backup itself is complete");
}

#[test]
fn our_own_directories_are_not_collected_by_accident() {
    let mut machine = Machine::new(CollectMode::Daily);
    let root = machine.root.path().to_owned();
    machine.section().dirs[0].abs_path = root.into();
    let ran = machine.run_with(TUESDAY, false);
    assert_eq!(ran.monitor.at(Level::Warning).len(), 2, "{:?}", ran.monitor.messages());
    let outcome = ran.outcome();
    assert!(outcome.omissions.iter().all(|omission| omission.kind == OmissionKind::Skipped));
    assert_eq!(outcome.summary.new, 6, "root, source, its two files, and two directories of ours");
}

#[test]
fn without_items_or_section_nothing_runs() {
    let mut machine = Machine::new(CollectMode::Daily);
    machine.section().dirs.clear();
    assert!(matches!(machine.run_with(TUESDAY, false).result, Err(CollectError::NothingToCollect)));
    machine.config.collect = None;
    assert!(matches!(machine.run_with(TUESDAY, false).result, Err(CollectError::NotConfigured)));
}

#[test]
fn an_interrupted_run_leaves_no_archive_and_no_indicator() {
    let machine = Machine::new(CollectMode::Daily);
    let (system, _) = system(TUESDAY);
    system.interrupt.raise();
    let ownership = Ownership::ours();
    let request = CollectRequest::new(&machine.config, false, Dialect::V3, 1, &ownership);
    assert!(matches!(collect(&request, &system), Err(CollectError::Interrupted(_))));
    assert_eq!(machine.outputs(), Vec::<String>::new());
}

#[test]
fn the_log_speaks_as_the_original_does() {
    let mut machine = Machine::new(CollectMode::Daily);
    let file = machine.path("source/a");
    machine.section().files.push(CollectFile {
        abs_path: file.into(),
        collect_mode: None,
        archive_mode: None,
    });
    let ran = machine.run_with(TUESDAY, false);
    let root = machine.root.path().display();
    assert_eq!(
        ran.monitor.at(Level::Info),
        [
            format!("Backing up file [{root}/source/a] (5 bytes)."),
            format!("Completed collecting file [{root}/source/a]"),
            format!("Collecting directory [{root}/source]"),
            format!("Backing up 2 files in [{root}/source] (11 bytes)."),
            format!("Completed collecting directory [{root}/source]"),
            "Executed the 'collect' action successfully.".to_owned(),
        ]
    );
}

#[test]
fn two_configurations_that_share_a_working_directory_do_not_acknowledge_each_other() {
    let machine = Machine::new(CollectMode::Incremental);
    let mut other = Machine::new(CollectMode::Incremental);
    other.config.options.working_dir = machine.config.options.working_dir.clone();
    machine.run(MONDAY);
    other.run(MONDAY);
    other.pick_up();
    other.run(TUESDAY);
    assert_eq!(other.manifest().0.mode, Mode::Incremental);
    machine.run(TUESDAY);
    assert_eq!(machine.manifest().0.mode, Mode::Full, "nobody picked that up");
}

#[test]
fn a_full_working_directory_costs_memory_and_not_the_backup() {
    let mut machine = Machine::new(CollectMode::Incremental);
    let Some(small) = redcedar_testing::faults::SmallFileSystem::mount(256) else { return };
    small.fill("ballast", 16 * 1024);
    machine.config.options.working_dir = small.path().to_owned().into();
    for number in 0..2000 {
        machine.write(&format!("source/{number:060}"), "");
    }
    let ran = machine.run_with(MONDAY, false);
    assert!(ran.monitor.at(Level::Error)[0].starts_with("Failed to write digest ["));
    let outcome = ran.outcome();
    assert_eq!(outcome.failures.len(), 1);
    assert_eq!(machine.stored_names().len(), 2003);
    assert!(machine.path("collect/cback.collect").exists());
    assert_eq!(fs_err::read_dir(small.path()).unwrap().count(), 1, "nothing half-written stays");
}

#[test]
fn a_full_collect_directory_fails_the_item_and_leaves_what_was_there() {
    let mut machine = Machine::new(CollectMode::Daily);
    let Some(small) = redcedar_testing::faults::SmallFileSystem::mount(256) else { return };
    let collect_dir = small.path().to_owned();
    machine.section().collect_dir = collect_dir.clone().into();
    machine.run(MONDAY);
    let archive = collect_dir.join(format!("{}.tar.gz", machine.stem("source")));
    let before = fs_err::read(&archive).unwrap();
    let noise: Vec<u8> =
        (0..1_u32 << 18).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    fs_err::write(machine.path("source/big"), noise).unwrap();
    let outcome = machine.run(TUESDAY);
    assert_eq!(outcome.failures.len(), 1, "{outcome:?}");
    assert_eq!(fs_err::read(&archive).unwrap(), before);
    assert!(!collect_dir.join("cback.collect").exists());
    fs_err::remove_file(machine.path("source/big")).unwrap();
    assert!(machine.run(WEDNESDAY).is_complete());
}

#[test]
fn an_unknown_backup_user_keeps_nothing_from_being_collected() {
    let mut machine = Machine::new(CollectMode::Daily);
    machine.config.options.backup_user = "nobody-has-this-name".to_owned().into();
    let ran = machine.run_with(TUESDAY, false);
    let errors = ran.monitor.at(Level::Error);
    let expected = if redcedar_testing::program::is_root() { 3 } else { 0 };
    assert_eq!(errors.len(), expected, "archive, manifest and indicator: {errors:?}");
    assert!(errors.iter().all(|line| line.starts_with("Error changing ownership of [")));
    assert!(ran.outcome().is_complete());
    assert_eq!(machine.stored_names(), ["", "a", "b"]);
}

#[test]
fn with_recursion_our_own_directories_get_no_archive() {
    let mut machine = Machine::new(CollectMode::Daily);
    let root = machine.root.path().to_owned();
    machine.section().dirs[0].abs_path = root.into();
    machine.section().dirs[0].recursion_level = Some(-1);
    let outcome = machine.run(TUESDAY);
    assert_eq!(outcome.failures, Vec::<String>::new());
    let archives = machine.outputs().into_iter().filter(|name| name.ends_with(".tar.gz")).count();
    assert_eq!(archives, 2, "of the root and of source: {:?}", machine.outputs());
}
