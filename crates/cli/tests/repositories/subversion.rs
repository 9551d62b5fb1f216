//! Subversion.

use crate::machine::{Machine, required, tool};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(crate) const SECTIONS: &str =
    "<extensions><action><name>subversion</name><module>CedarBackup3.extend.subversion</module>
      <function>executeAction</function><index>98</index></action></extensions>
    <subversion><collect_mode>incr</collect_mode><compress_mode>gzip</compress_mode>
      <repository_dir><abs_path>ROOT/svn</abs_path></repository_dir></subversion>";

pub(crate) const NIGHT: [&str; 3] = ["subversion", "collect", "stage"];

/// Makes a repository.
pub(crate) fn create(repository: &Path) {
    fs_err::create_dir_all(repository.parent().unwrap()).unwrap();
    tool(Path::new("/"), &["svnadmin".as_ref(), "create".as_ref(), repository.as_os_str()]);
}

/// Commits `count` revisions.
pub(crate) fn commit(repository: &Path, count: usize) {
    commit_each(repository, &vec!["Revision-number: 77\n\n"; count]);
}

/// Commits a revision for each text, which adds it to a file.
pub(crate) fn commit_each(repository: &Path, texts: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    tool(directory.path(), &["svn", "checkout", "-q", &url(repository), "wc"]);
    let wc = directory.path().join("wc");
    for text in texts {
        let before = fs_err::read(wc.join("f")).ok();
        let is_new = before.is_none();
        let text = [before.unwrap_or_default(), text.as_bytes().to_vec()].concat();
        fs_err::write(wc.join("f"), text).unwrap();
        if is_new {
            tool(&wc, &["svn", "add", "-q", "f"]);
        }
        tool(&wc, &["svn", "commit", "-q", "-m", "more", "--username", "nobody"]);
    }
}

fn url(repository: &Path) -> String {
    let encoded = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    format!("file://{}", repository.as_os_str().as_bytes().iter().map(encoded).collect::<String>())
}

/// All of a repository as a dump, which says everything there is to compare.
pub(crate) fn everything(repository: &Path) -> Vec<u8> {
    let dump = ["svnadmin".as_ref(), "dump".as_ref(), "-q".as_ref(), repository.as_os_str()];
    program::succeed(&mut crate::machine::command(Path::new("/"), &dump))
}

fn svnlast(machine: &Machine) -> String {
    let name = format!("{}.svnlast", machine.normalised("svn/a"));
    fs_err::read_to_string(machine.pool.working_dir().join(name)).unwrap()
}

#[test]
fn what_nobody_picked_up_is_dumped_again_and_what_was_picked_up_goes() {
    if !required("svnadmin") {
        return;
    }
    let mut machine = Machine::new(SECTIONS);
    let repository = machine.path("svn/a");
    create(&repository);
    commit(&repository, 2);
    machine.run(&NIGHT);
    assert_eq!(machine.staged("svndump"), ["svndump-0:2-svn-a.txt.gz"]);
    assert_eq!(svnlast(&machine), "I2\n.");

    machine.next_day();
    commit(&repository, 1);
    machine.run(&["subversion", "collect"]);
    assert_eq!(machine.collected("svndump"), ["svndump-3:3-svn-a.txt.gz"]);

    // Nobody staged.
    machine.next_day();
    commit(&repository, 2);
    machine.run(&NIGHT);
    assert_eq!(machine.staged("svndump"), ["svndump-3:5-svn-a.txt.gz"]);
    assert_eq!(svnlast(&machine), "I5\n.");

    machine.next_day();
    machine.run(&NIGHT);
    assert_eq!(machine.staged("svndump"), [""; 0]);
    assert!(machine.log().contains("No new revisions in ["), "{}", machine.log());

    machine.next_day();
    commit(&repository, 1);
    machine.run(&["subversion", "collect"]);
    machine.next_day();
    // What waits already is not dumped again.
    machine.run(&NIGHT);
    assert_eq!(machine.staged("svndump"), ["svndump-6:6-svn-a.txt.gz"]);

    // Sunday.
    machine.next_day();
    assert_eq!(machine.date(), "2031-03-09");
    machine.run(&NIGHT);
    assert_eq!(machine.staged("svndump"), ["svndump-0:6-svn-a.txt.gz"]);
}

#[test]
fn a_full_dump_that_nobody_picked_up_is_made_again() {
    if !required("svnadmin") {
        return;
    }
    let mut machine = Machine::new(SECTIONS);
    let repository = machine.path("svn/a");
    create(&repository);
    machine.run(&["subversion", "collect"]);
    assert_eq!(machine.collected("svndump"), ["svndump-0:0-svn-a.txt.gz"]);
    machine.next_day();
    commit(&repository, 1);
    machine.run(&NIGHT);
    assert_eq!(machine.staged("svndump"), ["svndump-0:1-svn-a.txt.gz"]);
}

#[test]
fn another_repository_in_the_same_place_is_dumped_from_its_beginning_with_a_warning() {
    if !required("svnadmin") {
        return;
    }
    let mut machine = Machine::new(SECTIONS);
    let repository = machine.path("svn/a");
    create(&repository);
    commit(&repository, 2);
    machine.run(&NIGHT);

    machine.next_day();
    fs_err::remove_dir_all(&repository).unwrap();
    create(&repository);
    commit(&repository, 3);
    machine.run(&NIGHT);
    assert_eq!(machine.staged("svndump"), ["svndump-0:3-svn-a.txt.gz"]);
    assert!(
        machine.log().contains("is another repository than the one that was backed up"),
        "{}",
        machine.log()
    );

    // The same with an older copy of it.
    machine.next_day();
    let uuid = tool(Path::new("/"), &["svnlook".as_ref(), "uuid".as_ref(), repository.as_os_str()]);
    fs_err::remove_dir_all(&repository).unwrap();
    create(&repository);
    tool(
        Path::new("/"),
        &["svnadmin".as_ref(), "setuuid".as_ref(), repository.as_os_str(), uuid.trim().as_ref()],
    );
    machine.run(&NIGHT);
    assert_eq!(machine.staged("svndump"), ["svndump-0:0-svn-a.txt.gz"]);
    assert!(machine.log().contains("has fewer revisions than were backed up"), "{}", machine.log());
}

#[test]
fn a_directory_that_is_no_repository_does_not_keep_the_others_from_being_dumped() {
    if !required("svnadmin") {
        return;
    }
    let machine = Machine::new(SECTIONS);
    for name in ["a", "c@2 d"] {
        create(&machine.path("svn").join(name));
    }
    fs_err::create_dir(machine.path("svn/b")).unwrap();
    let output = machine.cback3(&NIGHT);
    assert_eq!(output.status.code(), Some(6), "{}", machine.log());
    assert_eq!(machine.collected("svndump"), ["svndump-0:0-svn-a.txt.gz", "svndump-0:0-svn-c@2_d.txt.gz"]);
    assert!(machine.log().contains("svn/b]: svnlook ended with status 1: svnlook: E"), "{}", machine.log());
    assert_eq!(machine.collected("cback"), [""; 0]);
}

#[test]
fn a_state_that_is_no_number_or_somebody_elses_is_not_believed() {
    if !required("svnadmin") {
        return;
    }
    let mut machine = Machine::new(SECTIONS);
    let repository = machine.path("svn/a");
    create(&repository);
    machine.run(&NIGHT);
    let file = machine.pool.working_dir().join(format!("{}.svnlast", machine.normalised("svn/a")));
    machine.next_day();
    commit(&repository, 1);
    fs_err::write(&file, "cos\nsystem\n(S'touch /tmp/x'\ntR.").unwrap();
    machine.run(&NIGHT);
    assert!(machine.log().contains("Failed loading the last revision from ["), "{}", machine.log());
    assert_eq!(machine.staged("svndump"), ["svndump-0:1-svn-a.txt.gz"]);
    if program::is_root() {
        machine.next_day();
        commit(&repository, 1);
        std::os::unix::fs::chown(&file, Some(65534), None).unwrap();
        machine.run(&NIGHT);
        assert!(machine.log().contains("it belongs to user 65534"), "{}", machine.log());
        assert_eq!(machine.staged("svndump"), ["svndump-0:2-svn-a.txt.gz"]);
    }
}

#[test]
fn what_was_dumped_whole_each_day_begins_anew_with_a_full_dump_when_it_becomes_incremental() {
    if !required("svnadmin") {
        return;
    }
    let mut machine = Machine::new(SECTIONS);
    let repository = machine.path("svn/a");
    create(&repository);
    for (mode, expected) in
        [("incr", "0:1"), ("daily", "0:2"), ("daily", "0:3"), ("incr", "0:4"), ("incr", "5:5")]
    {
        machine.configure(&SECTIONS.replace("incr", mode));
        commit(&repository, 1);
        machine.run(&NIGHT);
        assert_eq!(machine.staged("svndump"), [format!("svndump-{expected}-svn-a.txt.gz")], "{mode}");
        machine.next_day();
    }
    machine.redcedar_well("restore --repository ROOT/svn/a --from ROOT/staging --to ROOT/back");
    assert!(everything(&machine.path("back")) == everything(&repository));
}

#[test]
fn the_original_goes_on_where_we_stopped_and_we_where_it_stopped() {
    let Some(oracle) = Oracle::required() else { return };
    if !required("svnadmin") {
        return;
    }
    let mut machine = Machine::new(SECTIONS);
    let repository = machine.path("svn/a");
    create(&repository);
    let mut ranges = Vec::new();
    for by_original in [true, false, true, true, false, false] {
        commit(&repository, 2);
        if by_original {
            machine.run_original(&oracle, &NIGHT);
        } else {
            machine.run(&NIGHT);
        }
        ranges.push(machine.staged("svndump").pop().unwrap());
        // As the purge of either does, in time.
        for name in fs_err::read_dir(machine.pool.collect_dir()).unwrap() {
            let path = name.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("svndump") {
                fs_err::remove_file(path).unwrap();
            }
        }
        machine.next_day();
    }
    let expected = ["0:2", "3:4", "5:6", "7:8", "9:10", "11:12"];
    assert_eq!(ranges, expected.map(|range| format!("svndump-{range}-svn-a.txt.gz")));
}

#[test]
fn with_safe_names_each_repository_has_dumps_of_its_own_without_colons() {
    if !required("svnadmin") {
        return;
    }
    let sections = SECTIONS.replace(
        "<repository_dir><abs_path>ROOT/svn</abs_path></repository_dir>",
        "<repository><abs_path>ROOT/svn/a</abs_path></repository><repository><abs_path>ROOT/svn-a</abs_path></repository>",
    );
    let mut machine = Machine::new(&sections);
    let repositories = ["svn/a", "svn-a"].map(|name| machine.path(name));
    for repository in &repositories {
        create(repository);
        commit(repository, 1);
    }
    assert_eq!(machine.cback3(&NIGHT).status.code(), Some(6), "{}", machine.log());
    assert!(machine.log().contains("its backup would replace that of ["), "{}", machine.log());

    machine.configure(&sections.replace("<subversion>", "<subversion><safe_names>Y</safe_names>"));
    for count in [1, 2] {
        machine.next_day();
        commit(&repositories[0], 1);
        commit(&repositories[1], count);
        machine.run(&NIGHT);
    }
    let root = machine.normalised("");
    let mut staged = machine.staged("svndump");
    // What was dumped under the old names waits to be purged.
    staged.retain(|name| !name.contains(':'));
    let names: Vec<_> = staged.iter().map(|name| name.split_once('-').unwrap().1).collect();
    assert_eq!(names.len(), 2, "{staged:?}");
    assert!(names[0].starts_with("3_3-") && names[1].starts_with("3_4-"), "{root}: {staged:?}");
    for (name, repository) in ["svn/a", "svn-a"].iter().zip(&repositories) {
        machine.redcedar_well(&format!(
            "restore --repository ROOT/{name} --from ROOT/staging --to ROOT/back/{name}"
        ));
        assert_eq!(everything(&machine.path("back").join(name)), everything(repository), "{name}");
    }
    assert!(machine.redcedar_well("verify --from ROOT/staging").contains("all is well"));
}
