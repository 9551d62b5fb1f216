//! `find` knows every version of a path, `compare` what changed between two days.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::Compression;
use redcedar_archive::select::Globs;
use redcedar_restore::diff::{Aspect, What};
use redcedar_restore::find::{Found, Index, find};
use redcedar_restore::{RestoreError, Source, compare};
use redcedar_system::Interrupt;

use crate::machine::{Machine, day};

/// Four days: `b` comes, changes, and goes; `a` stays; the third day is a full backup.
fn four_days() -> Machine {
    let mut machine = Machine::new(Compression::Zstd);
    machine.write("a", b"a");
    machine.back_up(day(1), true);
    machine.write("deep/b", b"one");
    machine.back_up(day(2), false);
    machine.write("deep/b", b"three");
    machine.back_up(day(3), true);
    fs_err::remove_file(machine.tree().join("deep/b")).unwrap();
    machine.back_up(day(4), false);
    machine
}

fn found(machine: &Machine, glob: &str) -> Found {
    let source = Source::open(&machine.staging()).unwrap();
    find(&source, None, &Globs::new(&[glob]).unwrap(), None, &Interrupt::new()).unwrap()
}

/// Day, size where it was there, days on which it is stored.
fn versions(found: &Found) -> Vec<(Date, Option<u64>, Vec<Date>)> {
    assert_eq!(found.problems, [""; 0]);
    let version = found.versions.iter();
    version
        .map(|version| {
            let stored = version.stored.iter().map(|(day, _)| *day).collect();
            (version.since, version.entry.as_ref().map(|entry| entry.size), stored)
        })
        .collect()
}

#[test]
fn every_version_of_a_path_is_found_with_its_days() {
    let machine = four_days();
    let of_b = [(day(2), Some(3), vec![day(2)]), (day(3), Some(5), vec![day(3)]), (day(4), None, vec![])];
    for glob in ["b", "deep/b", "**/[b]", machine.tree().join("deep/b").to_str().unwrap()] {
        assert_eq!(versions(&found(&machine, glob)), of_b, "{glob}");
    }
    assert_eq!(versions(&found(&machine, "a")), [(day(1), Some(1), vec![day(1), day(3)])]);
    assert_eq!(versions(&found(&machine, "c")), []);
}

#[test]
fn a_full_backup_that_no_longer_has_a_path_says_that_it_is_gone() {
    let mut machine = Machine::new(Compression::Gzip);
    machine.write("a", b"a");
    machine.back_up(day(1), true);
    fs_err::remove_file(machine.tree().join("a")).unwrap();
    machine.back_up(day(2), true);
    machine.write("a", b"a");
    machine.back_up(day(3), false);
    let expected = [(day(1), Some(1), vec![day(1)]), (day(2), None, vec![]), (day(3), Some(1), vec![day(3)])];
    assert_eq!(versions(&found(&machine, "a")), expected);
}

#[test]
fn archives_without_manifests_are_searched_and_damaged_manifests_are_told() {
    let machine = four_days();
    fs_err::remove_file(machine.manifest(day(2))).unwrap();
    let with_scan = found(&machine, "b");
    assert_eq!(versions(&with_scan)[0], (day(2), Some(3), vec![day(2)]));
    fs_err::write(machine.manifest(day(3)), "nonsense").unwrap();
    let damaged = found(&machine, "b");
    assert_eq!(damaged.versions.len(), 3, "{damaged:?}");
    assert!(damaged.problems[0].contains("the manifest of tree of 2026-11-03"), "{damaged:?}");
}

#[test]
fn two_days_are_compared_whatever_lies_between() {
    let machine = four_days();
    let source = Source::open(&machine.staging()).unwrap();
    let compared = |old: i8, new: i8, paths: &[PathBuf]| {
        compare(&source, None, paths, [day(old), day(new)], None, &Interrupt::new())
    };
    let changes = |old: i8, new: i8, paths: &[PathBuf]| -> Vec<(PathBuf, What)> {
        let differences = compared(old, new, paths).unwrap().differences.into_iter();
        let relative = |path: &Path| path.strip_prefix(machine.tree()).unwrap().to_owned();
        differences.map(|difference| (relative(&difference.path), difference.what)).collect()
    };
    let (deep, b) = (PathBuf::from("deep"), PathBuf::from("deep/b"));
    assert_eq!(changes(1, 2, &[]), [(deep.clone(), What::Added), (b.clone(), What::Added)]);
    assert_eq!(changes(2, 3, &[]), [(b.clone(), What::Changed(vec![Aspect::Content, Aspect::Time]))]);
    assert_eq!(changes(2, 4, &[]), [(b.clone(), What::Removed)]);
    assert_eq!(changes(1, 4, &[]), [(deep, What::Added)]);
    assert_eq!(changes(4, 2, &[machine.tree().join("deep/b")]), [(b, What::Added)]);
    assert_eq!(changes(1, 4, &[machine.tree().join("a")]), []);
    let early =
        compare(&source, None, &[], [Date::new(2026, 10, 1).unwrap(), day(1)], None, &Interrupt::new());
    assert!(matches!(early, Err(RestoreError::NothingYet { .. })), "{early:?}");
}

/// What is found by an index, which must be what is found without one, and the files of the index.
fn indexed(machine: &Machine, directory: &Path) -> (Found, Vec<PathBuf>) {
    let source = Source::open(&machine.staging()).unwrap();
    let (globs, interrupt) = (Globs::new(&["*"]).unwrap(), Interrupt::new());
    let plain = find(&source, None, &globs, None, &interrupt).unwrap();
    let by_index = find(&source, None, &globs, Some(&Index::new(directory)), &interrupt).unwrap();
    assert_eq!((&by_index.versions, &by_index.problems), (&plain.versions, &plain.problems));
    let files = fs_err::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    (by_index, files.collect())
}

#[test]
fn what_is_found_by_an_index_is_what_is_there_whatever_the_index_says() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("deep/down");
    let mut machine = four_days();
    let (_, files) = indexed(&machine, &directory);
    let [file] = &files[..] else { panic!("{files:?}") };
    for (path, mode) in [(&directory, 0o700), (file, 0o600)] {
        assert_eq!(fs_err::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    let written = || fs_err::metadata(file).unwrap().ino();
    let first = written();
    indexed(&machine, &directory);
    assert_eq!(written(), first, "nothing is new");
    // A day comes, and one goes.
    machine.write("deep/c", b"new");
    machine.back_up(day(5), false);
    indexed(&machine, &directory);
    assert_ne!(written(), first);
    fs_err::remove_dir_all(machine.staged(day(2))).unwrap();
    indexed(&machine, &directory);
    // Another manifest of the same size and time.
    let (manifest, other) = (machine.manifest(day(4)), machine.manifest(day(5)));
    let then = fs_err::metadata(&manifest).unwrap().modified().unwrap();
    let mut content = fs_err::read(&other).unwrap();
    content.resize(usize::try_from(fs_err::metadata(&manifest).unwrap().len()).unwrap(), 0);
    fs_err::write(&manifest, content).unwrap();
    fs_err::File::options().write(true).open(&manifest).unwrap().into_parts().0.set_modified(then).unwrap();
    let (found, _) = indexed(&machine, &directory);
    assert_eq!(found.problems.len(), 1);
    fs_err::remove_dir_all(machine.staged(day(4))).unwrap();
    indexed(&machine, &directory);
    // Damage of every kind, and an index of something else.
    let content = fs_err::read(file).unwrap();
    for place in 0..content.len() {
        let mut damaged = content.clone();
        damaged[place] ^= 1;
        fs_err::write(file, damaged).unwrap();
        indexed(&machine, &directory);
    }
    for short in [&content[..0], &content[..content.len() / 2], b"something else"] {
        fs_err::write(file, short).unwrap();
        indexed(&machine, &directory);
    }
}

#[test]
fn archives_without_manifests_are_found_by_an_index_too_and_a_place_for_it_is_not_needed() {
    let machine = four_days();
    fs_err::remove_file(machine.manifest(day(2))).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let (found, files) = indexed(&machine, directory.path());
        assert_eq!((found.not_kept, files.len()), (None, 1));
    }
    let (found, _) = indexed(&machine, Path::new("/proc/nowhere"));
    assert!(found.not_kept.is_some());
}
