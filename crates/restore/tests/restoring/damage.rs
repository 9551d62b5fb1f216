//! Damaged and incomplete backups: what is there comes back, what is not is said.

use redcedar_archive::Compression;
use redcedar_testing::rng::Rng;

use crate::machine::{Machine, day, run, run_clean};

/// Three files of three blocks each.
fn three_files(compression: Compression) -> Machine {
    let mut machine = Machine::new(compression);
    for name in ["a", "b", "c"] {
        machine.write(name, &Rng::new(9).bytes(3 << 20));
    }
    machine.back_up(day(1), true);
    machine
}

fn reasons(report: &redcedar_restore::Report) -> Vec<String> {
    report.failures.iter().map(ToString::to_string).collect()
}

#[test]
fn a_damaged_block_costs_only_its_files() {
    for compression in [Compression::Gzip, Compression::Bzip2, Compression::Zstd] {
        let machine = three_files(compression);
        let mut archive = fs_err::read(machine.archive(day(1))).unwrap();
        let middle = archive.len() / 2;
        archive[middle..middle + 2_000].fill(0xaa);
        fs_err::write(machine.archive(day(1)), archive).unwrap();
        let request = machine.request(None);
        let report = run(&machine.staging(), &request).unwrap();
        let failed = reasons(&report);
        assert!(failed.iter().any(|reason| reason.contains("/tree/b: ")), "{failed:?}");
        if compression != Compression::Zstd {
            assert_eq!(failed.len(), 1, "{failed:?}");
            for name in ["a", "c"] {
                let (original, restored) = (machine.tree().join(name), machine.restored(&request).join(name));
                assert!(fs_err::read(original).unwrap() == fs_err::read(restored).unwrap());
            }
        }
        assert!(!machine.restored(&request).join("b").exists());
    }
}

#[test]
fn changed_content_in_an_uncompressed_archive_is_noticed() {
    let machine = three_files(Compression::None);
    let mut archive = fs_err::read(machine.archive(day(1))).unwrap();
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    fs_err::write(machine.archive(day(1)), archive).unwrap();
    let failed = reasons(&run(&machine.staging(), &machine.request(None)).unwrap());
    assert!(matches!(&failed[..], [one] if one.contains("/tree/b: what is stored is not")), "{failed:?}");
}

#[test]
fn a_cut_archive_is_not_taken_for_the_one_the_manifest_describes() {
    let machine = three_files(Compression::None);
    let archive = fs_err::read(machine.archive(day(1))).unwrap();
    fs_err::write(machine.archive(day(1)), &archive[..archive.len() / 2]).unwrap();
    let request = machine.request(None);
    let report = run(&machine.staging(), &request).unwrap();
    assert!(report.warnings.iter().any(|warning| warning.contains("is ignored")), "{report:#?}");
    let failed = reasons(&report);
    assert!(failed.iter().any(|reason| reason.contains("/tree/b: ")), "{failed:?}");
    assert!(failed.iter().any(|reason| reason.contains("ends in the middle")), "{failed:?}");
    assert!(machine.restored(&request).join("a").exists());
}

#[test]
fn a_missing_archive_costs_what_only_it_held() {
    let mut machine = three_files(Compression::Gzip);
    machine.write("c", b"new");
    machine.back_up(day(2), false);
    machine.write("d", b"d");
    machine.back_up(day(3), false);
    fs_err::remove_file(machine.archive(day(2))).unwrap();
    let request = machine.request(None);
    let report = run(&machine.staging(), &request).unwrap();
    let failed = reasons(&report);
    assert!(
        matches!(&failed[..], [one] if one.contains("/tree/c: ") && one.contains("2026-11-02")),
        "{failed:?}"
    );
    assert_eq!(fs_err::read(machine.restored(&request).join("d")).unwrap(), b"d");
}

#[test]
fn a_missing_day_of_a_chain_is_said() {
    let mut machine = three_files(Compression::Gzip);
    machine.back_up(day(2), false);
    machine.back_up(day(3), false);
    fs_err::remove_dir_all(machine.staged(day(2))).unwrap();
    let report = run_clean(&machine.staging(), &machine.request(None));
    let caveat = report.items[0].caveats[0].to_string();
    assert!(caveat.contains("2026-11-03") && caveat.contains("2026-11-02"), "{caveat}");
}
