//! A drill restores, finds every difference, and leaves nothing.

use redcedar_archive::Compression;
use redcedar_restore::Source;
use redcedar_restore::drill::{Choice, DrillError, DrillReport, DrillRequest, Subject, drill};
use redcedar_system::fake::system;
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{Growth, grow};
use tempfile::TempDir;

use crate::machine::{Machine, day};

/// A random tree of two days.
fn machine() -> Machine {
    let mut machine = Machine::new(Compression::Zstd);
    grow(&machine.tree(), &mut Rng::new(77), &Growth::everything()).unwrap();
    machine.back_up(day(1), true);
    machine.write("later", b"later");
    machine.back_up(day(2), false);
    machine
}

fn drilled(machine: &Machine, choice: Choice) -> Result<DrillReport, DrillError> {
    let scratch = TempDir::new().unwrap();
    let request = DrillRequest {
        peer: None,
        choice,
        as_of: None,
        scratch: Some(scratch.path().to_owned()),
        starting_day: None,
    };
    let source = Source::open(&machine.staging()).unwrap();
    let report = drill(&source, &request, &system("2026-11-05T00:00:00").0);
    assert_eq!(fs_err::read_dir(scratch.path()).unwrap().count(), 0, "something is left");
    report
}

#[test]
fn what_is_whole_is_good() {
    let machine = machine();
    let report = drilled(&machine, Choice::Random(1 << 30)).unwrap();
    assert!(report.drilled.len() == 1 && report.drilled[0].is_good(), "{report:#?}");
    assert_eq!(report.oldest(), Some(day(2)));
    assert!(report.bytes() > 100_000);
    let path = Subject::Paths(vec![machine.tree().join("later")]);
    let one = drilled(&machine, Choice::Named(vec![path])).unwrap();
    assert_eq!((one.drilled[0].is_good(), one.bytes()), (true, 5), "{one:#?}");
}

#[test]
fn what_is_damaged_or_missing_differs() {
    let machine = machine();
    let path = machine.archive(day(1));
    let mut archive = fs_err::read(&path).unwrap();
    let middle = archive.len() / 2;
    archive[middle..middle + 100].fill(0);
    fs_err::write(&path, archive).unwrap();
    let report = drilled(&machine, Choice::Everything).unwrap();
    assert!(report.drilled[0].differs() && report.oldest().is_none(), "{report:#?}");

    fs_err::remove_dir_all(machine.staged(day(1))).unwrap();
    let report = drilled(&machine, Choice::Everything).unwrap();
    assert!(report.drilled[0].differs(), "{report:#?}");
}

#[test]
fn what_is_not_there_or_too_large_is_not_drilled() {
    let machine = machine();
    let nowhere = Subject::Paths(vec!["/nowhere".into()]);
    let unknown = [Subject::Item("x".into()), Subject::Repository("x".into()), Subject::Sqlite("x".into())];
    let report = drilled(&machine, Choice::Named([vec![nowhere], unknown.to_vec()].concat())).unwrap();
    assert_eq!(report.drilled.len(), 4);
    assert!(!report.drilled.iter().any(|drilled| drilled.is_good() || drilled.differs()), "{report:#?}");
    assert!(matches!(drilled(&machine, Choice::Random(1)), Err(DrillError::TooLarge { limit: 1, .. })));
}
