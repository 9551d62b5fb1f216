//! What happens to what is there already.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use redcedar_archive::Compression;
use redcedar_restore::{Overwrite, PeerError, RestoreError, RestoreRequest, Source, restore};
use redcedar_system::Interrupt;
use redcedar_system::fake::RecordingMonitor;
use redcedar_testing::compare::Snapshot;

use crate::machine::{Machine, day, over, run, run_clean};

fn machine() -> Machine {
    let mut machine = Machine::new(Compression::Gzip);
    machine.write("same", b"same");
    machine.write("different", b"theirs");
    fs_err::hard_link(machine.tree().join("different"), machine.tree().join("linked")).unwrap();
    machine.back_up(day(1), true);
    machine
}

#[test]
fn a_target_that_is_not_empty_needs_a_word_about_it() {
    let machine = machine();
    let request = machine.request(None);
    fs_err::create_dir_all(request.target.join("x")).unwrap();
    assert!(matches!(run(&machine.staging(), &request), Err(RestoreError::TargetNotEmpty { .. })));
    run_clean(&machine.staging(), &over(&request, Overwrite::Never));
}

#[test]
fn the_root_directory_has_to_be_asked_for() {
    let machine = machine();
    let request = RestoreRequest { target: PathBuf::from("/usr/.."), ..machine.request(None) };
    assert!(matches!(
        run(&machine.staging(), &over(&request, Overwrite::Always)),
        Err(RestoreError::InPlace)
    ));
}

#[test]
fn each_policy_does_what_it_says() {
    let machine = machine();
    let request = machine.request(None);
    run_clean(&machine.staging(), &request);
    let restored = machine.restored(&request);
    let inode = |name: &str| fs_err::metadata(restored.join(name)).unwrap().ino();

    fs_err::write(restored.join("different"), b"ours").unwrap();
    let (same, different) = (inode("same"), inode("different"));
    let report = run(&machine.staging(), &over(&request, Overwrite::Never)).unwrap();
    assert_eq!(report.restored, 0, "{report:#?}");
    assert_eq!(fs_err::read(restored.join("different")).unwrap(), b"ours");

    let report = run_clean(&machine.staging(), &over(&request, Overwrite::IfDifferent));
    assert_eq!(report.unchanged, 1, "{report:#?}");
    assert_eq!(inode("same"), same);
    assert_ne!(inode("different"), different);
    machine.snapshot().assert_same(&Snapshot::take(&restored).unwrap(), String::new);

    run_clean(&machine.staging(), &over(&request, Overwrite::Always));
    assert_ne!(inode("same"), same);
    machine.snapshot().assert_same(&Snapshot::take(&restored).unwrap(), String::new);
}

#[test]
fn a_directory_gives_way_only_when_it_is_empty() {
    let machine = machine();
    let request = machine.request(None);
    let restored = machine.restored(&request);
    fs_err::create_dir_all(restored.join("same/full")).unwrap();
    fs_err::create_dir_all(restored.join("different")).unwrap();
    let report = run(&machine.staging(), &over(&request, Overwrite::IfDifferent)).unwrap();
    let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert!(matches!(&failures[..], [one] if one.contains("/tree/same: ")), "{failures:?}");
    assert!(restored.join("same/full").is_dir());
    assert_eq!(fs_err::read(restored.join("different")).unwrap(), b"theirs");
    assert!(
        fs_err::read_dir(&restored)
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().contains("redcedar") })
    );
}

#[test]
fn what_is_asked_for_has_to_be_there() {
    let machine = machine();
    let request = machine.request(None);
    let with = |change: &dyn Fn(&mut RestoreRequest)| {
        let mut request = request.clone();
        change(&mut request);
        run(&machine.staging(), &request).unwrap_err()
    };
    assert!(matches!(with(&|r| r.peer = Some("oak".into())), RestoreError::Peer(PeerError::Unknown { .. })));
    assert!(matches!(with(&|r| r.item = Some("etc".into())), RestoreError::NoItem { .. }));
    assert!(matches!(with(&|r| r.paths = vec!["/nowhere".into()]), RestoreError::NoPath { .. }));
    assert!(matches!(with(&|r| r.paths = vec!["relative".into()]), RestoreError::BadPath { .. }));
    assert!(matches!(
        with(&|r| r.as_of = Some(jiff::civil::date(2026, 10, 31))),
        RestoreError::NothingYet { .. }
    ));
    assert!(!request.target.exists());
}

#[test]
fn an_interrupted_restore_says_so_and_begins_nothing() {
    let machine = machine();
    let interrupt = Interrupt::new();
    interrupt.raise();
    let request = machine.request(None);
    let result = restore(
        &Source::open(&machine.staging()).unwrap(),
        &request,
        &RecordingMonitor::default(),
        &interrupt,
    );
    assert!(matches!(result, Err(RestoreError::Interrupted(_))));
    assert!(!request.target.exists());
}
