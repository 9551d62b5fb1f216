//! Subversion repositories brought back.

use crate::machine::{Machine, required, tool};
use crate::subversion::{NIGHT, SECTIONS, commit, create, everything};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::program::describe;
use std::path::Path;

/// A repository backed up on four days, the second of which nobody picked up, and what it was on each.
fn four_days() -> (Machine, Vec<(String, Vec<u8>)>) {
    let mut machine = Machine::new(SECTIONS);
    let repository = machine.path("svn/a");
    create(&repository);
    let mut days = Vec::new();
    for (count, actions) in [(2, &NIGHT[..]), (1, &NIGHT[..2]), (2, &NIGHT[..]), (1, &NIGHT[..])] {
        commit(&repository, count);
        machine.run(actions);
        if actions.contains(&"stage") {
            days.push((machine.date(), everything(&repository)));
        }
        machine.next_day();
    }
    (machine, days)
}

fn restored(machine: &Machine, target: &str) -> Vec<u8> {
    everything(&machine.path(target))
}

#[test]
fn a_repository_comes_back_as_it_was_on_each_day() {
    if !required("svnadmin") {
        return;
    }
    let (machine, days) = four_days();
    for (day, wanted) in &days {
        let said = machine.redcedar_well(&format!(
            "restore --repository ROOT/svn/a --from ROOT/staging --to ROOT/back/{day} --as-of {day}"
        ));
        assert!(restored(&machine, &format!("back/{day}")) == *wanted, "{day}: {said}");
    }
    let said = machine.redcedar_well(&format!(
        "restore --repository {} --from ROOT/staging --to ROOT/new",
        machine.normalised("svn/a")
    ));
    assert!(restored(&machine, "new") == days.last().unwrap().1);
    assert!(said.contains("revisions 0 to 6") && said.contains("2031-03-05 svndump-3:5-"), "{said}");
    assert!(machine.redcedar_well("verify --from ROOT/staging").contains("all is well"));
    let listed = machine.redcedar_well("list --from ROOT/staging");
    assert!(
        listed.lines().any(|line| line.contains("svndump-6:6") && line.contains("subversion")),
        "{listed}"
    );
    let names = fs_err::read_dir(machine.root()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with(".redcedar")));
}

#[test]
fn gaps_damage_and_what_is_there_already_are_refused_and_leave_nothing() {
    if !required("svnadmin") {
        return;
    }
    let (machine, _) = four_days();
    let restore = "restore --repository ROOT/svn/a --from ROOT/staging --to ROOT/back";
    let refused = |line: &str, reason: &str| {
        let output = machine.redcedar(line);
        assert_eq!(output.status.code(), Some(6), "{line}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(reason), "{}", describe(&output));
        assert!(!machine.path("back").join("format").exists());
    };
    refused("restore --repository ROOT/svn/b --from ROOT/staging --to ROOT/back", "there is no repository");
    fs_err::create_dir(machine.path("back")).unwrap();
    fs_err::write(machine.path("back/file"), "x").unwrap();
    refused(restore, "is no empty directory");
    fs_err::remove_file(machine.path("back/file")).unwrap();

    let dump = |range: &str, day: &str| {
        let name = format!("svndump-{range}-{}.txt.gz", machine.normalised("svn/a"));
        machine.pool.daily_dir(day).join(name)
    };
    let (day, middle) = ("2031/03/05", dump("3:5", "2031/03/05"));
    let whole = fs_err::read(&middle).unwrap();
    fs_err::write(&middle, &whole[..whole.len() / 2]).unwrap();
    refused(restore, "is damaged");
    let verified = machine.redcedar("verify --from ROOT/staging");
    assert_eq!(verified.status.code(), Some(6), "{}", describe(&verified));
    // Another day's dump under its name.
    fs_err::copy(dump("6:6", "2031/03/06"), &middle).unwrap();
    refused(restore, "it holds revisions 6 to 6 instead of revisions 3 to 5");
    fs_err::remove_file(&middle).unwrap();
    fs_err::remove_file(machine.pool.daily_dir(day).join("cback.sha256")).unwrap();
    refused(restore, "revisions 3 to 5 are missing");
    let verified = machine.redcedar("verify --from ROOT/staging");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(said.contains("it builds on a dump that ends with revision 5, which is not here"), "{said}");
    // What is there of it can be had.
    machine.redcedar_well(&format!("{restore} --as-of 2031-03-04"));
    assert!(machine.path("back/format").exists());
}

#[test]
fn a_dump_alone_is_a_source_and_dry_runs_write_nothing() {
    if !required("svnadmin") {
        return;
    }
    let machine = Machine::new(SECTIONS);
    create(&machine.path("svn/a"));
    machine.run(&["subversion"]);
    let said =
        machine.redcedar_well("restore --dry-run --repository ROOT/svn/a --from ROOT/collect --to ROOT/back");
    assert!(said.contains("would restore 1 file"), "{said}");
    assert!(!machine.path("back").exists());
    machine.redcedar_well("restore --json --repository ROOT/svn/a --from ROOT/collect --to ROOT/back");
    assert!(restored(&machine, "back") == everything(&machine.path("svn/a")));
}

#[test]
fn what_the_original_and_we_dumped_in_turn_comes_back_and_by_hand_as_well() {
    let Some(oracle) = Oracle::required() else { return };
    if !required("svnadmin") {
        return;
    }
    let mut machine = Machine::new(SECTIONS);
    let repository = machine.path("svn/a");
    create(&repository);
    for by_original in [true, false, true, false] {
        commit(&repository, 2);
        if by_original {
            machine.run_original(&oracle, &NIGHT);
        } else {
            machine.run(&NIGHT);
        }
        machine.next_day();
    }
    machine.redcedar_well("restore --repository ROOT/svn/a --from ROOT/staging --to ROOT/back");
    assert!(restored(&machine, "back") == everything(&repository));

    // As the manual of the original says.
    let script = "set -e; svnadmin create hand; for d in svndump-0:2 svndump-3:4 svndump-5:6 svndump-7:8; do \
        zcat $(ls staging/2031/03/*/me/$d-* | head -1) | svnadmin load -q hand; done";
    tool(machine.root(), &["sh", "-c", script]);
    assert!(restored(&machine, "hand") == everything(Path::new(&repository)));
}
