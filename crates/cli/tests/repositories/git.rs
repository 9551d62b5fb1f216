//! Git.

use crate::machine::{Machine, command, required, tool};
use redcedar_testing::program::{self, describe};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

const SECTION: &str = "<git><collect_mode>incr</collect_mode>
    <repository_dir><abs_path>ROOT/git</abs_path></repository_dir></git>";

/// Changes a repository somehow.
type Change<'a> = (&'static str, &'a dyn Fn());

const NIGHT: [&str; 2] = ["collect", "stage"];

fn git(repository: &Path, words: &[&str]) -> String {
    tool(repository, &[&["git"], words].concat())
}

pub(crate) fn create(repository: &Path, options: &[&str]) {
    fs_err::create_dir_all(repository).unwrap();
    git(repository, &[&["init", "-q", "-b", "main"], options].concat());
}

/// A commit of its own content on the branch that is checked out.
pub(crate) fn commit(repository: &Path, text: &str) {
    fs_err::write(repository.join("f"), text).unwrap();
    git(repository, &["add", "f"]);
    git(repository, &["commit", "-q", "-m", text]);
}

/// All refs, HEAD included, and that everything they need is there.
pub(crate) fn refs(repository: &Path) -> String {
    git(repository, &["fsck", "--no-dangling", "--no-progress"]);
    let list = git(repository, &["for-each-ref", "--format=%(objectname) %(symref) %(refname)"]);
    let head = program::run(&mut command(repository, &["git", "symbolic-ref", "-q", "HEAD"]));
    let head = if head.status.success() {
        String::from_utf8(head.stdout).unwrap()
    } else {
        git(repository, &["rev-parse", "HEAD"])
    };
    list + &head
}

/// The file with a suffix.
fn file(directory: &Path, suffix: &str) -> PathBuf {
    let mut entries = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.extension().is_some_and(|found| found == suffix)).unwrap()
}

/// How many bundles there are, and how many lists.
fn bundles(names: &[String]) -> (usize, usize) {
    let count = |suffix| names.iter().filter(|name| name.ends_with(suffix)).count();
    (count(".bundle"), count(".refs"))
}

/// Backs up and stages after each change, restores every day and compares.
fn assert_days(machine: &mut Machine, repository: &Path, changes: &[Change<'_>]) {
    let mut days = Vec::new();
    for (what, change) in changes {
        change();
        machine.run(&NIGHT);
        days.push((what, machine.date(), refs(repository)));
        machine.next_day();
    }
    assert!(!machine.log().contains("WARN"), "{}", machine.log());
    for (what, day, wanted) in &days {
        machine.redcedar_well(&format!(
            "restore --repository {} --from ROOT/staging --to ROOT/back/{day} --as-of {day}",
            repository.display()
        ));
        assert_eq!(refs(&machine.path("back").join(day)), *wanted, "{day}: {what}");
    }
    assert!(machine.redcedar_well("verify --from ROOT/staging").contains("all is well"));
}

#[test]
fn a_working_copy_comes_back_as_it_was_on_each_day_whatever_was_done_to_its_history() {
    if !required("git") {
        return;
    }
    let mut machine = Machine::new(SECTION);
    let path = machine.path("git/a");
    create(&path, &[]);
    let git = |words: &[&str]| {
        git(&path, words);
    };
    assert_days(
        &mut machine,
        &path,
        &[
            ("nothing yet", &|| {}),
            ("first commits", &|| {
                commit(&path, "1");
                commit(&path, "2");
            }),
            ("a branch and an annotated tag on what was there", &|| {
                git(&["branch", "old", "HEAD~1"]);
                git(&["tag", "-a", "-m", "x", "v1", "HEAD~1"]);
            }),
            ("a tag on a blob, and names that are not ASCII", &|| {
                commit(&path, "3");
                git(&["tag", "blob", "HEAD:f"]);
                git(&["branch", "größer/ω"]);
            }),
            ("a rebase", &|| {
                git(&["reset", "-q", "--hard", "HEAD~2"]);
                commit(&path, "other 2");
            }),
            ("deleted refs, and the old history gone for good", &|| {
                git(&["branch", "-D", "old", "größer/ω"]);
                git(&["tag", "-d", "blob"]);
                git(&["reflog", "expire", "--expire=now", "--all"]);
                git(&["gc", "-q", "--prune=now"]);
                commit(&path, "4");
            }),
            ("a detached head on a commit of its own, a symbolic ref and a stash", &|| {
                git(&["checkout", "-q", "--detach"]);
                commit(&path, "5");
                git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
                fs_err::write(path.join("f"), "stashed").unwrap();
                git(&["stash", "-q"]);
            }),
            ("back to an old commit", &|| git(&["checkout", "-q", "-B", "main", "v1"])),
        ],
    );
    // The last is checked out.
    let day = "2031-03-10";
    assert_eq!(fs_err::read_to_string(machine.path("back").join(day).join("f")).unwrap(), "1");
    assert_eq!(crate::git::git(&machine.path("back").join(day), &["status", "--porcelain"]), "");
}

#[test]
fn bare_repositories_stay_bare_and_may_name_objects_by_sha256() {
    if !required("git") {
        return;
    }
    let mut machine = Machine::new(SECTION);
    let bare = machine.path("git/b.git");
    create(&bare, &["--bare", "--object-format=sha256"]);
    let clone = tempfile::tempdir().unwrap();
    let clone = clone.path().join("c");
    git(Path::new("/"), &["clone", "-q", bare.to_str().unwrap(), clone.to_str().unwrap()]);
    git(&clone, &["checkout", "-q", "-b", "main"]);
    let push = |text: &str| {
        commit(&clone, text);
        git(&clone, &["push", "-q", "--force", "origin", "main"]);
    };
    assert_days(
        &mut machine,
        &bare,
        &[
            ("a push", &|| push("1")),
            ("another", &|| push("2")),
            ("a forced one", &|| {
                git(&clone, &["reset", "-q", "--hard", "HEAD~1"]);
                push("other 2");
            }),
        ],
    );
    let back = machine.path("back/2031-03-05");
    assert_eq!(git(&back, &["rev-parse", "--is-bare-repository"]), "true\n");
    // Without us, as the documentation says.
    let bundle = |day| file(&machine.pool.daily_dir(day), "bundle").to_str().unwrap().to_owned();
    git(machine.root(), &["clone", "-q", "--mirror", &bundle("2031/03/03"), "hand"]);
    for day in ["2031/03/04", "2031/03/05"] {
        git(&machine.path("hand"), &["fetch", "-q", &bundle(day), "+refs/*:refs/*"]);
    }
    assert_eq!(refs(&machine.path("hand")), refs(&bare));
}

#[test]
fn what_nobody_picked_up_is_bundled_again_and_nothing_new_is_no_file() {
    if !required("git") {
        return;
    }
    let mut machine = Machine::new(SECTION);
    let path = machine.path("git/a");
    create(&path, &[]);
    commit(&path, "1");
    machine.run(&["collect"]);
    assert_eq!(bundles(&machine.collected("gitbundle")), (1, 1));

    // A full one that nobody picked up is made again.
    machine.next_day();
    commit(&path, "2");
    machine.run(&NIGHT);
    assert_eq!(bundles(&machine.staged("gitbundle")), (1, 1));

    machine.next_day();
    machine.run(&NIGHT);
    assert_eq!(bundles(&machine.staged("gitbundle")), (0, 0));

    machine.next_day();
    commit(&path, "3");
    machine.run(&["collect"]);
    let waiting = machine.collected("gitbundle");
    machine.next_day();
    machine.run(&["collect"]);
    assert_eq!(machine.collected("gitbundle"), waiting);
    machine.next_day();
    commit(&path, "4");
    machine.run(&NIGHT);
    assert_eq!(bundles(&machine.staged("gitbundle")), (1, 1));
    machine.redcedar_well("restore --repository ROOT/git/a --from ROOT/staging --to ROOT/back");
    assert_eq!(refs(&machine.path("back")), refs(&path));
}

#[test]
fn a_repository_made_anew_is_bundled_whole_and_a_broken_one_does_not_harm_the_others() {
    if !required("git") {
        return;
    }
    let mut machine = Machine::new(SECTION);
    for name in ["a", "z"] {
        create(&machine.path("git").join(name), &[]);
        commit(&machine.path("git").join(name), "1");
    }
    machine.run(&NIGHT);
    machine.next_day();
    let path = machine.path("git/a");
    fs_err::remove_dir_all(&path).unwrap();
    create(&path, &[]);
    commit(&path, "new");
    fs_err::create_dir_all(machine.path("git/m/.git")).unwrap();
    fs_err::create_dir_all(machine.path("git/o")).unwrap();
    commit(&machine.path("git/z"), "2");
    let output = machine.cback3(&NIGHT);
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    assert_eq!(bundles(&machine.collected("gitbundle")), (2, 2));
    for expected in [
        "git/m]: it is no Git repository",
        "git/o]: it is no Git repository",
        "has none of the heads that were backed up last",
    ] {
        assert!(machine.log().contains(expected), "{expected}\n{}", machine.log());
    }
    machine.redcedar_well("restore --repository ROOT/git/a --from ROOT/collect --to ROOT/back");
    assert_eq!(refs(&machine.path("back")), refs(&path));
}

#[test]
fn a_missing_or_changed_bundle_is_found_and_refused() {
    if !required("git") {
        return;
    }
    let mut machine = Machine::new(SECTION);
    let path = machine.path("git/a");
    create(&path, &[]);
    for text in ["1", "2", "3"] {
        commit(&path, text);
        machine.run(&NIGHT);
        machine.next_day();
    }
    let restore = "restore --repository ROOT/git/a --from ROOT/staging --to ROOT/back";
    let refused = |reason: &str, found: &str| {
        let output = machine.redcedar(restore);
        assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
        assert!(String::from_utf8_lossy(&output.stderr).contains(reason), "{}", describe(&output));
        assert!(!machine.path("back").exists());
        let verified = machine.redcedar("verify --from ROOT/staging");
        assert!(String::from_utf8_lossy(&verified.stderr).contains(found), "{}", describe(&verified));
    };
    let day = machine.pool.daily_dir("2031/03/04");
    let bundle = file(&day, "bundle");
    let mut bytes = fs_err::read(&bundle).unwrap();
    let last = bytes.len() - 30;
    bytes[last] ^= 1;
    fs_err::write(&bundle, bytes).unwrap();
    refused("its SHA-256 is not that of its list of refs", "its bundle is not the one that it describes");
    fs_err::remove_file(&bundle).unwrap();
    refused("the bundle of 20310304T", "its bundle is not here");
    fs_err::remove_file(file(&day, "refs")).unwrap();
    refused("the backup of 20310304T", "it builds on the backup of 20310304T");
}

#[test]
fn git_runs_as_whoever_owns_the_repository() {
    if !required("git") || !program::is_root() {
        return;
    }
    let machine = Machine::new(SECTION);
    let path = machine.path("git/a");
    create(&path, &[]);
    commit(&path, "1");
    let options = format!(
        "<override><command>git</command><abs_path>{}</abs_path></override></options>",
        machine.path("recorder").display()
    );
    let recorder = format!("#!/bin/sh\nid -u >> {0}/uids\nexec git \"$@\"\n", machine.root().display());
    fs_err::write(machine.path("recorder"), recorder).unwrap();
    for path in [machine.path("recorder"), machine.root().to_owned()] {
        fs_err::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    fs_err::write(machine.path("uids"), "").unwrap();
    fs_err::set_permissions(machine.path("uids"), PermissionsExt::from_mode(0o666)).unwrap();
    tool(machine.root(), &["chown", "-R", "nobody", "git"]);
    chown(machine.path("uids"), Some(65534), None).unwrap();
    let config = fs_err::read_to_string(machine.pool.config()).unwrap();
    fs_err::write(machine.pool.config(), config.replacen("</options>", &options, 1)).unwrap();
    machine.run(&NIGHT);
    let uids = fs_err::read_to_string(machine.path("uids")).unwrap();
    assert!(uids.lines().count() > 2 && uids.lines().all(|uid| uid == "65534"), "{uids}");
    machine.redcedar_well("restore --repository ROOT/git/a --from ROOT/staging --to ROOT/back");
}

#[test]
fn a_drill_makes_a_repository_anew_and_a_broken_bundle_is_a_difference() {
    if !required("git") {
        return;
    }
    let machine = Machine::new(SECTION);
    let repository = machine.path("git/project");
    create(&repository, &[]);
    commit(&repository, "first");
    machine.run(&NIGHT);
    let drill = "drill --repository ROOT/git/project --from ROOT/staging";
    let said = machine.redcedar_well(drill);
    assert!(said.contains("1 good, 0 different, 0 not drilled"), "{said}");
    let day = machine.pool.daily_dir(&machine.date().replace('-', "/"));
    let bundle = file(&day, "bundle");
    fs_err::write(&bundle, "broken").unwrap();
    let output = machine.redcedar(drill);
    assert_eq!(output.status.code(), Some(7), "{}", describe(&output));
}
