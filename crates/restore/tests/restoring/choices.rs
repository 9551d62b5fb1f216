//! Where things come back, whose they are then, and what goes.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use redcedar_archive::Compression;
use redcedar_restore::{Deed, Overwrite, Report, RestoreError, RestoreRequest};
use redcedar_testing::compare::Snapshot;
use redcedar_testing::program::{command, is_root, succeed};

use crate::machine::{Machine, day, over, run, run_clean};

fn machine() -> Machine {
    let mut machine = Machine::new(Compression::Zstd);
    machine.write("file", b"content");
    machine.write("inner/deep/other", b"other");
    machine.back_up(day(1), true);
    machine
}

/// A request that makes everything as it was.
fn exact(machine: &Machine) -> RestoreRequest {
    RestoreRequest { delete: true, ..over(&machine.request(None), Overwrite::IfDifferent) }
}

fn set_time(path: &Path, time: &str) {
    succeed(command("touch").args(["-d", time]).arg(path));
}

#[test]
fn only_what_is_older_is_replaced() {
    let machine = machine();
    let request = machine.request(None);
    run_clean(&machine.staging(), &request);
    let restored = machine.restored(&request);
    fs_err::write(restored.join("file"), b"newer").unwrap();
    fs_err::write(restored.join("inner/deep/other"), b"older").unwrap();
    set_time(&restored.join("inner/deep/other"), "2001-01-01");
    let report = run_clean(&machine.staging(), &over(&request, Overwrite::IfOlder));
    assert_eq!(fs_err::read(restored.join("file")).unwrap(), b"newer");
    assert_eq!(fs_err::read(restored.join("inner/deep/other")).unwrap(), b"other");
    // The file that is newer, and the directories.
    assert_eq!((report.restored, report.unchanged, report.skipped), (1, 0, 4), "{report:#?}");
}

#[test]
fn leading_names_are_left_out() {
    let machine = machine();
    let names = machine.tree().components().count() - 1;
    let request = RestoreRequest { strip: names, ..machine.request(None) };
    run_clean(&machine.staging(), &request);
    assert_eq!(fs_err::read(request.target.join("file")).unwrap(), b"content");
    machine.snapshot().filtered(|path, _| !path.is_empty()).assert_same(
        &Snapshot::take(&request.target).unwrap().filtered(|path, _| !path.is_empty()),
        String::new,
    );
}

#[test]
fn what_has_no_place_without_its_leading_names_is_said() {
    let mut machine = Machine::new(Compression::None);
    machine.write("a/x/same", b"first");
    machine.write("b/x/same", b"second");
    machine.write("b/x/own", b"own");
    machine.write("short", b"short");
    machine.back_up(day(1), true);
    let strip = machine.tree().components().count();
    let request = RestoreRequest { strip, ..machine.request(None) };
    let report = run(&machine.staging(), &request).unwrap();
    let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    let tree = machine.tree();
    let expected = [
        format!("{0}/b/x/same: {0}/a/x/same has its place already", tree.display()),
        format!("{}/short: nothing is left of its path without its first {strip} names", tree.display()),
    ];
    assert_eq!(failures, expected);
    assert_eq!(fs_err::read(request.target.join("x/same")).unwrap(), b"first");
    assert_eq!(fs_err::read(request.target.join("x/own")).unwrap(), b"own");
}

#[test]
fn what_was_of_one_becomes_of_another() {
    if !is_root() {
        return;
    }
    let machine = machine();
    let request = machine.request(None);
    let request = RestoreRequest { owners: vec!["0=12345".parse().unwrap()], ..request };
    run_clean(&machine.staging(), &request);
    let metadata = fs_err::metadata(machine.restored(&request).join("file")).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (12345, 0));
    // Nobody takes it for another file the next time.
    let report = run_clean(&machine.staging(), &over(&request, Overwrite::IfDifferent));
    assert_eq!(report.unchanged, 2, "{report:#?}");
}

/// Things that were not there, in all places where they can be.
fn add_strangers(machine: &Machine, request: &RestoreRequest, outside: &Path) -> PathBuf {
    let restored = machine.restored(request);
    fs_err::create_dir_all(restored.join("new/full")).unwrap();
    fs_err::write(restored.join("new/full/x"), b"x").unwrap();
    fs_err::write(restored.join("inner/stranger"), b"x").unwrap();
    fs_err::write(outside.join("theirs"), b"x").unwrap();
    symlink(outside, restored.join("inner/link")).unwrap();
    // What is above the tree is nobody's business.
    fs_err::write(restored.parent().unwrap().join("above"), b"x").unwrap();
    fs_err::remove_file(restored.join("file")).unwrap();
    fs_err::create_dir_all(restored.join("file/full")).unwrap();
    fs_err::remove_dir_all(restored.join("inner/deep")).unwrap();
    symlink(outside, restored.join("inner/deep")).unwrap();
    restored
}

#[test]
fn what_was_not_there_goes_and_nothing_outside_does() {
    let machine = machine();
    let request = machine.request(None);
    run_clean(&machine.staging(), &request);
    let outside = tempfile::tempdir().unwrap();
    let restored = add_strangers(&machine, &request, outside.path());

    let planned = run_clean(&machine.staging(), &RestoreRequest { dry_run: true, ..exact(&machine) });
    let below = restored.strip_prefix(&request.target).unwrap();
    let of = |report: &Report, deed| -> Vec<String> {
        let actions = report.actions.iter().filter(|action| action.deed == deed);
        actions.map(|action| action.path.strip_prefix(below).unwrap().display().to_string()).collect()
    };
    let deleted = ["file/full", "inner/link", "inner/stranger", "new/full/x", "new/full", "new"];
    assert_eq!(of(&planned, Deed::Delete), deleted);
    assert_eq!(of(&planned, Deed::Replace), ["file", "inner/deep"]);
    assert_eq!(of(&planned, Deed::Create), ["inner/deep/other"]);
    assert_eq!(of(&planned, Deed::Update), ["", "inner"]);
    assert_eq!(planned.deleted, 6);
    assert!(restored.join("new/full/x").exists());

    let report = run_clean(&machine.staging(), &exact(&machine));
    assert_eq!(report.deleted, 6, "{report:#?}");
    machine.snapshot().assert_same(&Snapshot::take(&restored).unwrap(), String::new);
    assert!(outside.path().join("theirs").exists());
    assert!(restored.parent().unwrap().join("above").exists());
}

#[test]
fn only_below_the_wanted_path_something_goes() {
    let machine = machine();
    let request = machine.request(None);
    run_clean(&machine.staging(), &request);
    let outside = tempfile::tempdir().unwrap();
    let restored = add_strangers(&machine, &request, outside.path());
    let inner = RestoreRequest { paths: vec![machine.tree().join("inner")], ..exact(&machine) };
    assert_eq!(run_clean(&machine.staging(), &inner).deleted, 2);
    assert!(restored.join("new/full/x").exists() && !restored.join("inner/stranger").exists());
}

#[test]
fn nothing_goes_while_something_is_missing() {
    let machine = machine();
    let request = machine.request(None);
    run_clean(&machine.staging(), &request);
    let restored = machine.restored(&request);
    fs_err::write(restored.join("stranger"), b"x").unwrap();
    fs_err::write(restored.join("file"), b"different").unwrap();
    let path = machine.archive(day(1));
    let archive = fs_err::read(&path).unwrap();
    fs_err::write(&path, vec![0; archive.len()]).unwrap();
    let report = run(&machine.staging(), &exact(&machine)).unwrap();
    assert!(!report.failures.is_empty());
    assert_eq!(report.deleted, 0);
    assert!(report.warnings.iter().any(|warning| warning.starts_with("nothing was deleted")), "{report:#?}");
    assert!(restored.join("stranger").exists());
}

#[test]
fn without_knowing_what_was_there_nothing_goes() {
    let mut machine = machine();
    machine.write("later", b"later");
    machine.back_up(day(2), false);
    let request = machine.request(None);
    run_clean(&machine.staging(), &request);
    assert!(matches!(
        run(&machine.staging(), &RestoreRequest { delete: true, ..over(&request, Overwrite::IfOlder) }),
        Err(RestoreError::DeleteAlone)
    ));
    fs_err::remove_file(machine.manifest(day(1))).unwrap();
    let error = run(&machine.staging(), &exact(&machine)).unwrap_err();
    assert!(matches!(error, RestoreError::NotExact { .. }), "{error}");
    assert!(error.to_string().contains("which is not here"), "{error}");
}

#[test]
fn backups_inside_the_target_stay() {
    let machine = machine();
    let staging = machine.tree().join("backups");
    let request = machine.request(None);
    run_clean(&machine.staging(), &request);
    let inside = machine.restored(&request).join("backups");
    succeed(command("cp").arg("-a").arg(machine.staging()).arg(&inside));
    fs_err::write(machine.restored(&request).join("stranger"), b"x").unwrap();
    assert!(!staging.exists());
    assert_eq!(run_clean(&inside, &exact(&machine)).deleted, 1);
    assert!(inside.join("2026/11/01/larch/tree.tar.zst").exists());
}
