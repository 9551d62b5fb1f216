//! Mercurial. It takes long to start, so these are few tests that ask a lot each.

use crate::machine::{Machine, required, tool};
use redcedar_testing::program::{self, describe};
use std::path::Path;

const SECTION: &str = "<mercurial><collect_mode>incr</collect_mode><compress_mode>gzip</compress_mode>
    <repository_dir><abs_path>ROOT/hg</abs_path></repository_dir></mercurial>";

const NIGHT: [&str; 2] = ["collect", "stage"];

/// A change of a repository.
type Change<'a> = (&'static str, &'a dyn Fn(&Path));

fn hg(repository: &Path, words: &[&str]) -> String {
    tool(repository, &[&["hg"], words].concat())
}

pub(crate) fn create(repository: &Path) {
    fs_err::create_dir_all(repository).unwrap();
    hg(repository, &["init", "."]);
}

pub(crate) fn commit(repository: &Path, text: &str) {
    fs_err::write(repository.join("f"), text).unwrap();
    hg(repository, &["commit", "-q", "-A", "-m", text]);
}

/// Everything that a repository has: changesets with phases, bookmarks, and what is checked out.
pub(crate) fn everything(repository: &Path) -> String {
    let template =
        "{node} {phase} {branch} {bookmarks} {desc} {ifcontains(rev, revset('parents()'), 'parent')}\n";
    let mut log: Vec<_> = hg(repository, &["log", "-T", template]).lines().map(str::to_owned).collect();
    log.sort();
    log.join("\n")
}

/// Backs up and stages after each change, restores every day and compares.
fn days(changes: &[Change<'_>]) -> Machine {
    let mut machine = Machine::new(SECTION);
    let path = machine.path("hg/a");
    create(&path);
    let mut days = Vec::new();
    for (what, change) in changes {
        change(&path);
        machine.run(&NIGHT);
        days.push((what, machine.date(), everything(&path)));
        machine.next_day();
    }
    assert!(!machine.log().contains("WARN"), "{}", machine.log());
    for (what, day, wanted) in &days {
        machine.redcedar_well(&format!(
            "restore --repository ROOT/hg/a --from ROOT/staging --to ROOT/back/{day} --as-of {day}"
        ));
        assert_eq!(everything(&machine.path("back").join(day)), *wanted, "{day}: {what}");
    }
    assert!(machine.redcedar_well("verify --from ROOT/staging").contains("all is well"));
    machine
}

fn begin(path: &Path) {
    commit(path, "1");
    commit(path, "2");
    hg(path, &["phase", "--public", "-r", "0"]);
    hg(path, &["bookmark", "-r", "0", "größer ω"]);
}

/// A second head on a branch of its own, secret.
fn branch(path: &Path) {
    hg(path, &["update", "-q", "0"]);
    hg(path, &["branch", "-q", "side"]);
    commit(path, "3");
    hg(path, &["phase", "--secret", "--force", "-r", "."]);
}

/// What was committed second goes as if it had never been.
fn strip(path: &Path) {
    hg(path, &["--config", "extensions.strip=", "strip", "-q", "--no-backup", "-r", "1"]);
}

#[test]
fn what_nobody_picked_up_is_bundled_again_and_all_of_it_comes_back() {
    if !required("hg") {
        return;
    }
    let mut machine = Machine::new(&SECTION.replace("gzip", "zstd"));
    let path = machine.path("hg/a");
    create(&path);
    begin(&path);
    machine.run(&NIGHT);
    assert_eq!(machine.staged("hgbundle").len(), 2);
    machine.next_day();
    branch(&path);
    machine.run(&["collect"]);
    machine.next_day();
    strip(&path);
    machine.run(&NIGHT);
    assert_eq!(machine.staged("hgbundle").len(), 2);
    // Nothing new.
    machine.next_day();
    machine.run(&NIGHT);
    assert_eq!(machine.staged("hgbundle"), [""; 0]);
    machine.redcedar_well("restore --repository ROOT/hg/a --from ROOT/staging --to ROOT/back");
    assert_eq!(everything(&machine.path("back")), everything(&path));
}

#[test]
fn another_repository_in_the_same_place_is_bundled_whole() {
    if !required("hg") {
        return;
    }
    let mut machine = Machine::new(SECTION);
    let path = machine.path("hg/a");
    create(&path);
    begin(&path);
    machine.run(&NIGHT);
    machine.next_day();
    fs_err::remove_dir_all(&path).unwrap();
    create(&path);
    commit(&path, "new");
    machine.run(&NIGHT);
    assert!(machine.log().contains("has none of the heads that were backed up last"), "{}", machine.log());
    machine.redcedar_well("restore --repository ROOT/hg/a --from ROOT/staging --to ROOT/back");
    assert_eq!(everything(&machine.path("back")), everything(&path));
}

#[test]
fn a_broken_repository_does_not_harm_the_others_and_hg_runs_as_the_owner() {
    if !required("hg") {
        return;
    }
    let machine = Machine::new(SECTION);
    for name in ["a", "z"] {
        create(&machine.path("hg").join(name));
    }
    commit(&machine.path("hg/a"), "1");
    fs_err::create_dir_all(machine.path("hg/m/.hg")).unwrap();
    fs_err::write(machine.path("hg/m/.hg/requires"), "nobody-knows-this\n").unwrap();
    fs_err::create_dir_all(machine.path("hg/n")).unwrap();
    if program::is_root() {
        // A hook of the owner's, run by the owner.
        let hook = format!("[hooks]\npre-bundle = id -u > {}/uid\n", machine.path("hg/a").display());
        fs_err::write(machine.path("hg/a/.hg/hgrc"), hook).unwrap();
        tool(machine.root(), &["chmod", "755", "."]);
        tool(machine.root(), &["chown", "-R", "nobody", "hg/a"]);
    }
    let output = machine.cback3(&NIGHT);
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    // The other one is empty.
    assert_eq!(machine.collected("hgbundle").len(), 3, "{}", machine.log());
    assert!(machine.log().contains("hg/n]: it is no Mercurial repository"), "{}", machine.log());
    assert!(machine.log().contains("hg/m]: hg ended with status 255"), "{}", machine.log());
    if program::is_root() {
        assert_eq!(fs_err::read_to_string(machine.path("hg/a/uid")).unwrap(), "65534\n");
    }
}

mod slow {
    use super::*;

    #[test]
    fn a_repository_comes_back_as_it_was_on_each_day_whatever_was_done_to_its_history() {
        if !required("hg") {
            return;
        }
        let machine = days(&[
            ("nothing yet", &|_| {}),
            ("first commits", &begin),
            ("a bookmark", &|path| {
                hg(path, &["bookmark", "-r", "1", "x"]);
            }),
            ("a branch", &branch),
            ("history taken away", &strip),
            ("more after that", &|path| commit(path, "4")),
            ("a bookmark taken away", &|path| {
                hg(path, &["bookmark", "--delete", "größer ω"]);
            }),
            ("nothing checked out", &|path| {
                hg(path, &["update", "-q", "null"]);
            }),
        ]);
        // Mercurial takes our bundles as they are.
        let hand = machine.path("hand");
        create(&hand);
        for day in ["2031/03/04", "2031/03/06", "2031/03/08"] {
            let entries =
                fs_err::read_dir(machine.pool.daily_dir(day)).unwrap().map(|entry| entry.unwrap().path());
            let mut bundles =
                entries.into_iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "hg"));
            hg(&hand, &["unbundle", "-q", bundles.next().unwrap().to_str().unwrap()]);
        }
        assert_eq!(hg(&hand, &["log", "-r", "tip", "-T", "{desc}"]), "4");
    }
}
