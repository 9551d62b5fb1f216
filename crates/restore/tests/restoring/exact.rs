//! Every day comes back exactly as it was.

use redcedar_archive::Compression;
use redcedar_restore::RestoreRequest;
use redcedar_testing::compare::Snapshot;
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{Growth, change, grow};

use crate::machine::{Machine, day, run, run_clean, without_sockets};

#[test]
fn each_day_of_a_random_history_comes_back() {
    for (seed, compression) in (1..).zip(Compression::ALL) {
        let mut machine = Machine::new(compression);
        let mut rng = Rng::new(seed);
        grow(&machine.tree(), &mut rng, &Growth::everything()).unwrap();
        let mut history = Vec::new();
        for number in 1..=6 {
            machine.back_up(day(number), number == 1 || number == 5);
            history.push((day(number), machine.snapshot()));
            change(&machine.tree(), &mut rng, &Growth::everything(), 25).unwrap();
        }
        for (date, expected) in history {
            let mut request = machine.request(Some(date));
            request.target = machine.staging().with_file_name(format!("target-{date}"));
            let report = run_clean(&machine.staging(), &request);
            let found = without_sockets(&Snapshot::take(&machine.restored(&request)).unwrap());
            expected.assert_same(&found, || format!("seed {seed}, {date}\n{report:#?}"));
        }
    }
}

#[test]
fn one_file_needs_only_its_blocks() {
    for compression in [Compression::Gzip, Compression::Bzip2, Compression::Zstd] {
        let mut machine = Machine::new(compression);
        for number in 0..8 {
            machine.write(&format!("{number}"), &Rng::new(number).bytes(3 << 20));
        }
        machine.back_up(day(1), true);
        // All that comes before and all that comes behind is destroyed.
        let mut archive = fs_err::read(machine.archive(day(1))).unwrap();
        let length = archive.len();
        archive[..length / 8].fill(0);
        archive[length * 7 / 8..].fill(0);
        fs_err::write(machine.archive(day(1)), archive).unwrap();
        let path = machine.tree().join("4");
        let request = RestoreRequest { paths: vec![path.clone()], ..machine.request(None) };
        assert_eq!(run_clean(&machine.staging(), &request).restored, 1);
        assert!(fs_err::read(&path).unwrap() == fs_err::read(machine.restored(&request).join("4")).unwrap());
    }
}

#[test]
fn directories_on_the_way_to_a_file_are_as_they_were() {
    let mut machine = Machine::new(Compression::Zstd);
    machine.write("a/b/c", b"c");
    machine.write("a/other", b"o");
    let set = |path: &str, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        let path = machine.tree().join(path);
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set("a", 0o751);
    set("a/b", 0o1777);
    machine.back_up(day(1), true);
    let request = RestoreRequest { paths: vec![machine.tree().join("a/b/c")], ..machine.request(None) };
    run_clean(&machine.staging(), &request);
    let expected = machine.snapshot().filtered(|path, _| path != b"a/other");
    expected.assert_same(&Snapshot::take(&machine.restored(&request)).unwrap(), String::new);
}

#[test]
fn a_further_name_alone_gets_the_content() {
    let mut machine = Machine::new(Compression::Gzip);
    machine.write("first", b"content");
    fs_err::hard_link(machine.tree().join("first"), machine.tree().join("second")).unwrap();
    machine.back_up(day(1), true);
    let request = RestoreRequest { paths: vec![machine.tree().join("second")], ..machine.request(None) };
    run_clean(&machine.staging(), &request);
    assert_eq!(fs_err::read(machine.restored(&request).join("second")).unwrap(), b"content");
    assert!(!machine.restored(&request).join("first").exists());
}

#[test]
fn what_a_file_was_before_comes_back_too() {
    let mut machine = Machine::new(Compression::None);
    machine.write("x", b"file");
    machine.back_up(day(1), true);
    fs_err::remove_file(machine.tree().join("x")).unwrap();
    machine.write("x/below", b"below");
    machine.back_up(day(2), false);
    fs_err::remove_dir_all(machine.tree().join("x")).unwrap();
    std::os::unix::fs::symlink("elsewhere", machine.tree().join("x")).unwrap();
    machine.back_up(day(3), false);
    let at = |number: i8| {
        let mut request = machine.request(Some(day(number)));
        request.target = machine.staging().with_file_name(format!("target-{number}"));
        run_clean(&machine.staging(), &request);
        machine.restored(&request).join("x")
    };
    assert_eq!(fs_err::read(at(1)).unwrap(), b"file");
    assert_eq!(fs_err::read(at(2).join("below")).unwrap(), b"below");
    assert_eq!(fs_err::read_link(at(3)).unwrap().as_os_str(), "elsewhere");
}

#[test]
fn a_dry_run_writes_nothing_and_counts_all() {
    let mut machine = Machine::new(Compression::Zstd);
    machine.write("a/b", b"12345");
    machine.back_up(day(1), true);
    let request = RestoreRequest { dry_run: true, ..machine.request(None) };
    let report = run(&machine.staging(), &request).unwrap();
    assert_eq!((report.restored, report.bytes), (3, 5));
    assert!(!request.target.exists());
}
