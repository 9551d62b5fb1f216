use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use redcedar_config::cedar::Loaded;
use redcedar_config::{Config, Severity, Source};
use redcedar_engine::extension::{Call, Extension as _, ExtensionError};
use redcedar_engine::{Outcome, Ownership};
use redcedar_system::fake::{self, RecordingMonitor};
use redcedar_system::{Level, System};

use super::Mbox;
use super::copy::{Copied, Mailbox, Remark, Wanted};

/// 22 November 2026 is a Sunday, on which the weeks of these tests begin.
const SUNDAY: &str = "2026-11-22T02:00:00Z[UTC]";
const MONDAY: &str = "2026-11-23T02:00:00Z[UTC]";
const TUESDAY: &str = "2026-11-24T02:00:00Z[UTC]";

/// A machine with mail.
struct World {
    root: tempfile::TempDir,
    section: String,
    /// User and group.
    owner: (&'static str, &'static str),
    full: bool,
    is_picked_up: bool,
}

/// What a run did.
struct Done {
    outcome: Outcome,
    monitor: Arc<RecordingMonitor>,
}

impl World {
    /// With the entries `section`, in which `/` stands for the world.
    fn new(mode: &str, section: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["collect", "working", "mail"] {
            fs_err::create_dir(root.path().join(name)).unwrap();
        }
        let section = format!(
            "<mbox><collect_mode>{mode}</collect_mode><compress_mode>none</compress_mode>{section}</mbox>"
        );
        Self { root, section, owner: ("root", "root"), full: false, is_picked_up: true }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs_err::write(self.path(name), content).unwrap();
    }

    fn append(&self, name: &str, content: &str) {
        let mut file = fs_err::OpenOptions::new().append(true).open(self.path(name)).unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }

    fn load(&self) -> Loaded {
        let (root, (user, group)) = (self.root.path().display(), self.owner);
        let section = self.section.replace("<abs_path>", &format!("<abs_path>{root}"));
        let text = format!(
            "<cb_config><options><starting_day>sunday</starting_day><working_dir>{root}/working</working_dir>
            <backup_user>{user}</backup_user><backup_group>{group}</backup_group><rcp_command>/usr/bin/scp</rcp_command></options>
            <collect><collect_dir>{root}/collect</collect_dir></collect>{section}</cb_config>"
        );
        Config::parse(Source::new("/etc/cback3.conf", &text)).unwrap()
    }

    fn try_run(&self, system: &System) -> Result<Outcome, ExtensionError> {
        let loaded = self.load();
        let findings = Mbox.check(&loaded.document, &loaded.config);
        assert!(findings.iter().all(|finding| finding.severity != Severity::Error), "{findings:?}");
        Mbox.run(&Call {
            config: &loaded.config,
            document: &loaded.document,
            full: self.full,
            threads: 2,
            is_picked_up: self.is_picked_up,
            ownership: &Ownership::configured(&loaded.config.options),
            system,
        })
    }

    fn run(&self, now: &str) -> Done {
        let (system, monitor) = fake::system(now);
        let outcome = self.try_run(&system).unwrap();
        assert_eq!(outcome.failures, monitor.at(Level::Error), "{now}");
        Done { outcome, monitor }
    }

    /// Runs without anything to complain about.
    fn run_well(&self, now: &str) {
        let Done { outcome, monitor } = self.run(now);
        assert!(outcome.is_complete(), "{now}: {outcome:?}");
        assert_eq!(monitor.at(Level::Warning), Vec::<String>::new(), "{now}");
    }

    /// Copies a mailbox; `change` comes between opening and reading it.
    fn copy(&self, name: &str, began: i64, change: &dyn Fn()) -> (Copied, String) {
        let interrupt = redcedar_system::Interrupt::new();
        let mailbox = Mailbox::open(&self.path(name), &interrupt).unwrap();
        change();
        let mut into = Vec::new();
        let copied = mailbox.copy(Wanted::Everything, began, &TimeZone::UTC, &interrupt, &mut into).unwrap();
        (copied, String::from_utf8(into).unwrap())
    }

    /// The name of the output of a day; of `what` the root of the world is left out.
    fn output(&self, day: &str, what: &str) -> PathBuf {
        let root = self.root.path().to_str().unwrap()[1..].replace('/', "-");
        self.path("collect").join(format!("mbox-{day}-{root}-{what}"))
    }

    fn stored(&self, day: &str, what: &str) -> String {
        fs_err::read_to_string(self.output(day, what)).unwrap()
    }

    /// Names and contents of the members of a day's archive of `mail`.
    fn members(&self, day: &str) -> Vec<(String, String)> {
        let file = File::from(fs_err::File::open(self.output(day, "mail.tar")).unwrap());
        let mut members = redcedar_archive::reader::Members::new(file);
        let mut all = Vec::new();
        while let Some(event) = members.next_member().unwrap() {
            let redcedar_archive::reader::Event::Member(member) = event else { panic!("damage") };
            let mut content = String::new();
            members.content().read_to_string(&mut content).unwrap();
            all.push((String::from_utf8(member.path).unwrap(), content));
        }
        all
    }

    /// The bytes of the originals' state of `inbox`.
    fn time_file(&self) -> PathBuf {
        let root = self.root.path().to_str().unwrap()[1..].replace('/', "-");
        self.path("working").join(format!("{root}-inbox.mboxlast"))
    }
}

const FILE: &str = "<file><abs_path>/inbox</abs_path></file>";
const DIR: &str = "<dir><abs_path>/mail</abs_path></dir>";

/// A message that was sent at `date`; none means that it does not say.
fn dated(id: &str, date: &str) -> String {
    format!(
        "From a@b Mon Nov  2 10:00:00 1998\nFrom: a\nMessage-Id: <{id}>\nDate: {date}\n\nbody of {id}\n\n"
    )
}

fn message(id: &str) -> String {
    dated(id, "Mon, 2 Nov 1998 10:00:00 +0000")
}

fn messages(ids: &[&str]) -> String {
    ids.iter().map(|id| message(id)).collect()
}

#[test]
fn an_increment_holds_what_is_not_in_the_backup_whatever_its_date() {
    let world = World::new("incr", FILE);
    world.write("inbox", messages(&["1", "2"]));
    world.run_well(SUNDAY);
    assert_eq!(world.stored("20261122", "inbox"), messages(&["1", "2"]));
    let undated = dated("4", "once upon a time");
    // Moved in from elsewhere, before what was there.
    world.write("inbox", messages(&["moved", "1", "2"]) + &undated);
    world.run_well(MONDAY);
    assert_eq!(world.stored("20261123", "inbox"), message("moved") + &undated);
    world.run_well(TUESDAY);
    assert_eq!(world.stored("20261124", "inbox"), "");
}

#[test]
fn what_the_original_chooses_by_date_is_chosen_too() {
    let world = World::new("incr", FILE);
    let future = dated("future", "Tue, 1 Dec 2026 00:00:00 +0000");
    let at_the_second = dated("second", "Sun, 22 Nov 2026 03:00:00 +0100");
    world.write("inbox", messages(&["1"]) + &future + &at_the_second);
    world.run_well(SUNDAY);
    for (now, day) in [(MONDAY, "20261123"), (TUESDAY, "20261124")] {
        world.run_well(now);
        assert_eq!(world.stored(day, "inbox"), future);
    }
}

#[test]
fn what_nobody_picked_up_is_stored_again() {
    let mut world = World::new("incr", FILE);
    world.write("inbox", messages(&["1"]));
    world.run_well(SUNDAY);
    world.append("inbox", &message("2"));
    world.run_well(MONDAY);
    world.append("inbox", &message("3"));
    world.is_picked_up = false;
    world.run_well(TUESDAY);
    assert_eq!(world.stored("20261124", "inbox"), messages(&["2", "3"]));
    world.is_picked_up = true;
    world.run_well("2026-11-25T02:00:00Z[UTC]");
    assert_eq!(world.stored("20261125", "inbox"), "");
}

#[test]
fn a_full_copy_that_nobody_picked_up_is_made_again() {
    let mut world = World::new("incr", FILE);
    world.write("inbox", messages(&["1"]));
    world.run_well(SUNDAY);
    world.append("inbox", &message("2"));
    world.is_picked_up = false;
    world.run_well(MONDAY);
    assert_eq!(world.stored("20261123", "inbox"), messages(&["1", "2"]));
}

#[test]
fn a_second_run_of_a_day_never_replaces_more_by_less() {
    let mut world = World::new("incr", FILE);
    world.write("inbox", messages(&["1"]));
    world.run_well(SUNDAY);
    world.append("inbox", &message("2"));
    world.run_well(MONDAY);
    // What was collected on the same day counts as not picked up.
    world.is_picked_up = false;
    world.append("inbox", &message("3"));
    world.run_well("2026-11-23T20:00:00Z[UTC]");
    assert_eq!(world.stored("20261123", "inbox"), messages(&["2", "3"]));
    // Even if somebody says otherwise.
    world.is_picked_up = true;
    world.run_well("2026-11-23T21:00:00Z[UTC]");
    assert_eq!(world.stored("20261123", "inbox"), messages(&["1", "2", "3"]));
}

#[test]
fn after_a_run_of_an_original_its_time_counts_with_an_hour_to_spare() {
    let world = World::new("incr", FILE);
    let late = dated("late", "Mon, 23 Nov 2026 01:30:00 +0000");
    let early = dated("early", "Mon, 23 Nov 2026 00:30:00 +0000");
    let undated = dated("undated", "perhaps");
    world.write("inbox", [&message("1"), &early, &late, &undated].map(String::as_str).concat());
    let time = jiff::civil::date(2026, 11, 23).at(2, 0, 0, 5000);
    fs_err::write(world.time_file(), super::timestamp::write(time)).unwrap();
    world.run_well(TUESDAY);
    assert_eq!(world.stored("20261124", "inbox"), late + &undated);
    world.run_well("2026-11-25T02:00:00Z[UTC]");
    assert_eq!(world.stored("20261125", "inbox"), "");
}

#[test]
fn what_came_between_two_runs_of_ours_is_stored_though_an_original_ran_there() {
    let world = World::new("incr", FILE);
    world.write("inbox", messages(&["1"]));
    world.run_well(SUNDAY);
    world.append("inbox", &message("moved"));
    let time = jiff::civil::date(2026, 11, 23).at(2, 0, 0, 0);
    fs_err::write(world.time_file(), super::timestamp::write(time)).unwrap();
    world.run_well(TUESDAY);
    assert_eq!(world.stored("20261124", "inbox"), message("moved"));
}

#[test]
fn a_full_copy_of_an_original_made_earlier_today_is_not_replaced_by_less() {
    let world = World::new("incr", FILE);
    world.write("inbox", messages(&["1", "2"]));
    let time = jiff::civil::date(2026, 11, 23).at(2, 0, 0, 0);
    fs_err::write(world.time_file(), super::timestamp::write(time)).unwrap();
    fs_err::write(world.output("20261123", "inbox.gz"), "whatever").unwrap();
    world.run_well("2026-11-23T20:00:00Z[UTC]");
    assert_eq!(world.stored("20261123", "inbox"), messages(&["1", "2"]));
}

#[test]
fn damaged_state_is_told_and_everything_is_copied() {
    let world = World::new("incr", FILE);
    world.write("inbox", messages(&["1"]));
    world.run_well(SUNDAY);
    fs_err::write(world.time_file(), "cposix\nsystem\n(S'reboot'\ntR.").unwrap();
    let (system, monitor) = fake::system(MONDAY);
    assert!(world.try_run(&system).unwrap().is_complete());
    assert!(monitor.at(Level::Error)[0].contains("mboxlast"), "{:?}", monitor.at(Level::Error));
    assert_eq!(world.stored("20261123", "inbox"), messages(&["1"]));
    world.write("inbox", messages(&["1", "2"]));
    let own = world.time_file().with_extension("mboxlast.json");
    fs_err::write(own, "{").unwrap();
    let Done { outcome, monitor } = world.run(TUESDAY);
    assert!(outcome.is_complete() && monitor.at(Level::Warning).len() == 1);
}

#[test]
fn weeks_begin_with_everything_and_a_missed_beginning_is_made_up_for() {
    let mut world = World::new("weekly", FILE);
    world.write("inbox", messages(&["1"]));
    world.run_well(MONDAY);
    assert!(!world.output("20261123", "inbox").exists());
    world.run_well("2026-11-30T02:00:00Z[UTC]");
    assert!(world.output("20261130", "inbox").exists());
    world.run_well("2026-12-01T02:00:00Z[UTC]");
    assert!(!world.output("20261201", "inbox").exists());
    world.full = true;
    world.run_well("2026-12-02T02:00:00Z[UTC]");
    assert!(world.output("20261202", "inbox").exists());
    assert!(!world.time_file().exists());
}

#[test]
fn a_directory_is_one_archive_of_its_mailboxes() {
    let world = World::new(
        "incr",
        "<dir><abs_path>/mail</abs_path><exclude><rel_path>spam</rel_path><pattern>.*[.]lock</pattern></exclude></dir>",
    );
    world.write("mail/inbox", messages(&["1", "1", "2"]));
    world.write("mail/spam", messages(&["3"]));
    world.write("mail/x.lock", "");
    world.write("mail/.hidden", "");
    world.write("elsewhere", messages(&["4"]));
    fs_err::create_dir(world.path("mail/sub")).unwrap();
    symlink(world.path("elsewhere"), world.path("mail/link")).unwrap();
    symlink("nowhere", world.path("mail/dangling")).unwrap();
    world.run_well(SUNDAY);
    let named = |members: &[(&str, &str)]| -> Vec<(String, String)> {
        members.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    };
    let all = [(".hidden", ""), ("inbox", &messages(&["1", "2"])), ("link", &message("4"))];
    assert_eq!(world.members("20261122"), named(&all));
    let stored = redcedar_testing::members::read(&world.output("20261122", "mail.tar")).unwrap();
    let [inbox, link] = ["mail/inbox", "elsewhere"].map(|name| fs_err::metadata(world.path(name)).unwrap());
    for (member, file) in [(&stored[1], inbox), (&stored[2], link)] {
        assert_eq!(
            (member.mode, member.uid, member.mtime),
            (file.mode() & 0o777, file.uid().into(), file.mtime())
        );
    }
    // From one mailbox to the other: new to that one.
    world.append("elsewhere", &message("2"));
    world.run_well(MONDAY);
    assert_eq!(world.members("20261123"), named(&[(".hidden", ""), ("inbox", ""), ("link", &message("2"))]));
}

#[test]
fn compressed_mailboxes_are_copied_plain() {
    let world = World::new("daily", DIR);
    let content = messages(&["1", "2"]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(content.as_bytes()).unwrap();
    world.write("mail/old.gz", gzip.finish().unwrap());
    world.write(
        "mail/old.bz2",
        redcedar_testing::program::succeed(
            redcedar_testing::program::command("sh").arg("-c").arg("printf %s \"$0\" | bzip2").arg(&content),
        ),
    );
    world.run_well(SUNDAY);
    let expected = ["old.bz2", "old.gz"].map(|name| (name.to_owned(), content.clone()));
    assert_eq!(world.members("20261122"), expected);
}

#[test]
fn what_is_no_mailbox_is_stored_as_it_is_and_told() {
    let world = World::new("incr", DIR);
    world.write("mail/notes", "no mail\n");
    world.write("mail/looks.gz", b"\x1f\x8bnot really");
    let Done { outcome, monitor } = world.run(SUNDAY);
    assert!(outcome.is_complete());
    let warnings = monitor.at(Level::Warning);
    assert!(warnings.len() == 2 && warnings[1].contains("notes] is not a mailbox"), "{warnings:?}");
    assert_eq!(fs_err::read(world.output("20261122", "mail.tar")).unwrap()[512..524], *b"\x1f\x8bnot really");
}

#[test]
fn a_broken_entry_is_told_and_the_others_are_backed_up() {
    let world = World::new("incr", &format!("<file><abs_path>/missing</abs_path></file>{FILE}{DIR}"));
    world.write("inbox", messages(&["1"]));
    fs_err::create_dir(world.path("mail/sub")).unwrap();
    let Done { outcome, .. } = world.run(SUNDAY);
    let [missing, empty] = outcome.failures.as_slice() else { panic!("{outcome:?}") };
    assert!(missing.contains("/missing]") && missing.contains("No such file"), "{missing}");
    assert!(empty.contains("/mail]") && empty.contains("there is no mailbox in it"), "{empty}");
    assert_eq!(world.stored("20261122", "inbox"), messages(&["1"]));
    assert_eq!(fs_err::read_dir(world.path("collect")).unwrap().count(), 1);
}

#[test]
fn a_mailbox_that_cannot_be_read_keeps_the_week_from_beginning() {
    let world = World::new("incr", DIR);
    world.write("mail/good", messages(&["1"]));
    let damaged = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), {
        // A stream that begins well and breaks off.
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::none());
        deflate.write_all(message("x").repeat(2000).as_bytes()).unwrap();
        deflate.finish().unwrap()[..150_000].to_vec()
    }];
    world.write("mail/bad", damaged.concat());
    let Done { outcome, .. } = world.run(SUNDAY);
    assert!(outcome.failures[0].contains("/mail/bad]"), "{outcome:?}");
    assert_eq!(world.members("20261122"), [("good".to_owned(), message("1"))]);
    world.write("mail/bad", messages(&["2"]));
    world.run_well(MONDAY);
    assert_eq!(world.members("20261123").len(), 2);
    assert_eq!(world.members("20261123")[1].1, message("1"));
}

#[test]
fn entries_whose_outputs_would_have_one_name_do_not_replace_each_other() {
    let world = World::new(
        "daily",
        "<file><abs_path>/mail/a</abs_path></file><file><abs_path>/mail-a</abs_path></file>",
    );
    world.write("mail/a", messages(&["1"]));
    world.write("mail-a", messages(&["2"]));
    let Done { outcome, .. } = world.run(SUNDAY);
    assert!(outcome.failures[0].contains("would replace that of"), "{outcome:?}");
    assert_eq!(world.stored("20261122", "mail-a"), messages(&["1"]));

    let world = World::new(
        "daily",
        "<safe_names>Y</safe_names><file><abs_path>/mail/a</abs_path></file><file><abs_path>/mail-a</abs_path></file>",
    );
    world.write("mail/a", messages(&["1"]));
    world.write("mail-a", messages(&["2"]));
    assert!(world.run(SUNDAY).outcome.is_complete());
    let entries = fs_err::read_dir(world.path("collect")).unwrap();
    let mut collected: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    collected.sort();
    assert_eq!(collected.len(), 2);
    assert!(collected[0].ends_with("mail%2Da") && collected[1].ends_with("mail-a"), "{collected:?}");
}

#[test]
fn an_unchanged_mailbox_is_recognised_without_being_read() {
    let world = World::new("incr", FILE);
    world.write("inbox", messages(&["1"]));
    let sent = 910_000_800;
    let (copied, _) = world.copy("inbox", i64::MAX, &|| ());
    let interrupt = redcedar_system::Interrupt::new();
    let is_unchanged = |since| {
        let mailbox = Mailbox::open(&world.path("inbox"), &interrupt).unwrap();
        mailbox.is_unchanged(since, &copied.known)
    };
    assert_eq!((is_unchanged(sent), is_unchanged(sent - 1)), (true, false));
    world.append("inbox", "\n");
    assert!(!is_unchanged(sent));
    // What was changed a moment ago may be changing still.
    let (copied, _) = world.copy("inbox", 0, &|| ());
    assert_eq!(copied.known.look, None);
}

#[test]
fn copies_and_state_belong_to_the_backup_user() {
    let mut world = World::new("incr", FILE);
    world.owner = ("nobody", "nogroup");
    world.write("inbox", messages(&["1"]));
    world.run_well(SUNDAY);
    let nobody = redcedar_system::account::owner("nobody", "nogroup").unwrap();
    let own = world.time_file().with_extension("mboxlast.json");
    for path in [world.output("20261122", "inbox"), world.time_file(), own] {
        let file = fs_err::metadata(path).unwrap();
        assert_eq!(file.mode() & 0o7777, 0o640);
        if redcedar_testing::program::is_root() {
            assert_eq!((file.uid(), file.gid()), (nobody.uid, nobody.gid));
        }
    }
}

#[test]
fn a_program_that_is_delivering_mail_is_waited_for() {
    let world = World::new("incr", FILE);
    world.write("inbox", messages(&["1"]));
    let mut delivers = redcedar_testing::program::command("python3");
    delivers.arg("-c").arg(
        "import fcntl, sys, time
file = open(sys.argv[1], 'a')
fcntl.lockf(file, fcntl.LOCK_EX)
print('locked', flush=True)
time.sleep(0.5)
file.write(sys.argv[2])",
    );
    let delivers = delivers.arg(world.path("inbox")).arg(message("2")).stdout(std::process::Stdio::piped());
    let mut delivers = delivers.spawn().unwrap();
    let mut said = [0; 6];
    delivers.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    let (copied, stored) = world.copy("inbox", i64::MAX, &|| ());
    delivers.wait().unwrap();
    assert_eq!((copied.remarks, stored), (vec![], messages(&["1", "2"])));
}

#[test]
fn a_pipe_does_not_hang_the_run() {
    let world = World::new("daily", FILE);
    make_pipe(&world.path("inbox"));
    let Done { outcome, .. } = world.run(SUNDAY);
    assert!(outcome.failures[0].contains("not a regular file"), "{outcome:?}");
}

fn make_pipe(path: &std::path::Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn a_mailbox_that_changes_while_it_is_read_is_told_and_stored_again() {
    let world = World::new("incr", FILE);
    world.write("inbox", messages(&["1", "2"]));
    let (copied, stored) = world.copy("inbox", i64::MAX, &|| world.append("inbox", &message("3")));
    assert_eq!((copied.known.keys.len(), copied.known.look, copied.remarks), (2, None, vec![]));
    assert_eq!(stored, messages(&["1", "2"]));
    let (copied, _) = world.copy("inbox", i64::MAX, &|| world.write("inbox", message("3")));
    assert_eq!((copied.known.keys.len(), copied.remarks), (0, vec![Remark::Rewritten]));
}
