//! Names that some of the layers between would take for something else, disks that are full, programs that are killed.

use std::path::Path;
use std::time::{Duration, Instant};

use redcedar_testing::faults::SmallFileSystem;
use redcedar_testing::program::describe;
use redcedar_testing::rng::Rng;

use crate::machine::{Machine, required, tool};
use crate::{git, mercurial, sqlite, subversion};

/// The sections of all four, with everything in the directory of each.
const SECTIONS: &str =
    "<extensions><action><name>subversion</name><module>CedarBackup3.extend.subversion</module>
      <function>executeAction</function><index>98</index></action></extensions>
    <subversion><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>
      <repository_dir><abs_path>ROOT/svn</abs_path></repository_dir></subversion>
    <git><collect_mode>incr</collect_mode><repository_dir><abs_path>ROOT/git</abs_path></repository_dir></git>
    <mercurial><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>
      <repository_dir><abs_path>ROOT/hg</abs_path></repository_dir></mercurial>";

const NIGHT: [&str; 3] = ["subversion", "collect", "stage"];

fn all_are_there() -> bool {
    ["svnadmin", "git", "hg", "sqlite3"].into_iter().all(required)
}

/// A repository of each kind with a name, and a commit of `text` in each.
fn create(machine: &Machine, name: &str, text: &str) {
    for kind in ["svn", "git", "hg"] {
        fs_err::create_dir_all(machine.path(kind)).unwrap();
    }
    subversion::create(&machine.path("svn").join(name));
    subversion::commit_each(&machine.path("svn").join(name), &[text]);
    git::create(&machine.path("git").join(name), &[]);
    git::commit(&machine.path("git").join(name), text);
    mercurial::create(&machine.path("hg").join(name));
    mercurial::commit(&machine.path("hg").join(name), text);
}

fn everything(kind: &str, repository: &Path) -> Vec<u8> {
    match kind {
        "svn" => subversion::everything(repository),
        "git" => git::refs(repository).into_bytes(),
        _ => mercurial::everything(repository).into_bytes(),
    }
}

#[test]
fn whatever_a_repository_is_called_it_comes_back() {
    if !all_are_there() {
        return;
    }
    let name = "-x 'it' \"$(touch y)\"; größer:&%2F";
    let database = format!("{name}.db");
    let section = "<sqlite><collect_mode>daily</collect_mode><compress_mode>none</compress_mode>
        <database><abs_path>ROOT/NAME</abs_path></database></sqlite>";
    let section = section.replace("NAME", &redcedar_testing::pool::xml(&database));
    for safe in ["", "<safe_names>Y</safe_names>"] {
        let sections = SECTIONS.replace("<collect_mode>incr", &format!("{safe}<collect_mode>incr"));
        let machine = Machine::new(&format!("{sections}{section}"));
        create(&machine, name, "text");
        sqlite::sql(&machine.path(&database), "CREATE TABLE t AS SELECT 1 AS x");
        machine.run(&NIGHT);
        let from = machine.pool.staging_dir();
        for kind in ["svn", "git", "hg"] {
            let (repository, back) =
                (machine.path(kind).join(name), machine.path("back").join(kind).join(name));
            let words =
                ["restore".as_ref(), "--repository".as_ref(), repository.as_os_str(), "--from".as_ref()];
            let output = machine.redcedar_with(
                &[&words[..], &[from.as_os_str(), "--to".as_ref(), back.as_os_str()]].concat(),
            );
            assert!(output.status.success(), "{kind}: {}", describe(&output));
            assert!(everything(kind, &back) == everything(kind, &repository), "{kind}");
        }
        let (copy, back) = (machine.path(&database), machine.path("back").join(&database));
        let words = ["restore".as_ref(), "--sqlite".as_ref(), copy.as_os_str(), "--from".as_ref()];
        let output = machine
            .redcedar_with(&[&words[..], &[from.as_os_str(), "--to".as_ref(), back.as_os_str()]].concat());
        assert!(output.status.success(), "{}", describe(&output));
        assert_eq!(sqlite::sql(&back, "SELECT x FROM t"), "1\n");
        assert!(!machine.path("y").exists());
    }
}

#[test]
fn a_full_disk_costs_no_more_than_what_does_not_fit_and_the_next_run_makes_up_for_it() {
    if !all_are_there() {
        return;
    }
    let Some(small) = SmallFileSystem::mount(1024) else { return };
    let section = "<sqlite><collect_mode>daily</collect_mode><compress_mode>none</compress_mode>
        <database><abs_path>ROOT/app.db</abs_path></database></sqlite>";
    let machine = Machine::new(&format!("{SECTIONS}{section}"));
    fs_err::remove_dir(machine.pool.collect_dir()).unwrap();
    fs_err::os::unix::fs::symlink(small.path(), machine.pool.collect_dir()).unwrap();
    create(&machine, "a", "text");
    let noise = String::from_utf8(Rng::new(5).text(600_000)).unwrap();
    subversion::commit_each(&machine.path("svn/a"), &[&noise]);
    for kind in ["git", "hg"] {
        fs_err::write(machine.path(kind).join("a/noise"), &noise).unwrap();
    }
    tool(&machine.path("git/a"), &["git", "add", "noise"]);
    git::commit(&machine.path("git/a"), "noise");
    mercurial::commit(&machine.path("hg/a"), "noise");
    sqlite::sql(&machine.path("app.db"), "CREATE TABLE t AS SELECT randomblob(600000) AS x");
    small.fill("filler", 100_000);

    let started = Instant::now();
    for actions in [&["subversion"][..], &["collect"]] {
        let output = machine.cback3(actions);
        assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    }
    assert!(started.elapsed() < Duration::from_mins(1));
    for name in ["svn/a", "git/a", "hg/a", "app.db"] {
        let failed = format!("Error backing up [{}]: ", machine.path(name).display());
        let log = machine.log();
        let line =
            log.lines().find(|line| line.contains(&failed)).unwrap_or_else(|| panic!("{failed}\n{log}"));
        assert!(line.contains("No space left on device"), "{line}");
    }
    let left = machine.collected("");
    assert!(
        !left.iter().any(|name| name.contains("dump-") || name.contains("bundle-") || name.starts_with('.')),
        "{left:?}"
    );

    fs_err::remove_file(small.path().join("filler")).unwrap();
    fs_err::remove_file(machine.pool.collect_dir()).unwrap();
    fs_err::create_dir(machine.pool.collect_dir()).unwrap();
    machine.run(&NIGHT);
    for (kind, name) in [("svn", "svn/a"), ("git", "git/a"), ("hg", "hg/a")] {
        machine.redcedar_well(&format!(
            "restore --repository ROOT/{name} --from ROOT/staging --to ROOT/back/{kind}"
        ));
        assert!(
            everything(kind, &machine.path("back").join(kind)) == everything(kind, &machine.path(name)),
            "{kind}"
        );
    }
}

#[test]
fn a_database_for_which_the_working_directory_has_no_room_is_told_and_leaves_nothing_there() {
    if !required("sqlite3") {
        return;
    }
    let Some(small) = SmallFileSystem::mount(256) else { return };
    let section = "<sqlite><collect_mode>daily</collect_mode><compress_mode>none</compress_mode>
        <database><abs_path>ROOT/app.db</abs_path></database></sqlite>";
    let machine = Machine::new(section);
    fs_err::remove_dir(machine.pool.working_dir()).unwrap();
    fs_err::os::unix::fs::symlink(small.path(), machine.pool.working_dir()).unwrap();
    sqlite::sql(&machine.path("app.db"), "CREATE TABLE t AS SELECT randomblob(600000) AS x");
    let output = machine.cback3(&["collect"]);
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    assert!(machine.log().contains("app.db]: database or disk is full"), "{}", machine.log());
    let left: Vec<_> =
        fs_err::read_dir(small.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("sqlite")), "{left:?}");
    assert_eq!(machine.collected("sqlite"), [""; 0]);
}
