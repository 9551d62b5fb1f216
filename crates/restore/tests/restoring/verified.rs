//! `verify` finds what is wrong and nothing else; `list` says what there is.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use redcedar_archive::Compression;
use redcedar_restore::list::ItemKind;
use redcedar_restore::place::{Directory, Place};
use redcedar_restore::{Keys, Proofs, Source, VerifyReport, VerifyRequest, list, restore, verify};
use redcedar_system::Interrupt;
use redcedar_system::fake::RecordingMonitor;
use redcedar_testing::compare::Snapshot;
use redcedar_testing::program::{command, succeed};
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{Growth, grow};

use crate::machine::{Machine, day, without_sockets};

fn verified(machine: &Machine, day: Option<Date>) -> VerifyReport {
    let request = VerifyRequest { day, ..VerifyRequest::default() };
    verify(
        &Source::open(&machine.staging()).unwrap(),
        &request,
        &mut Proofs::default(),
        &RecordingMonitor::default(),
        &Interrupt::new(),
    )
    .unwrap()
}

fn messages(report: &VerifyReport) -> Vec<String> {
    report
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.date, finding.file, finding.message))
        .collect()
}

/// A full backup and two increments, with checksums.
fn three_days(compression: Compression) -> Machine {
    let mut machine = Machine::new(compression);
    grow(&machine.tree(), &mut Rng::new(21), &Growth::everything()).unwrap();
    for number in 1..=3 {
        machine.write("daily", &[u8::try_from(number).unwrap(); 100]);
        machine.back_up(day(number), number == 1);
        let sums =
            succeed(command("sh").arg("-c").arg("sha256sum tree.*").current_dir(machine.staged(day(number))));
        fs_err::write(machine.staged(day(number)).join("cback.sha256"), sums).unwrap();
    }
    machine
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for compression in Compression::ALL {
        let report = verified(&three_days(compression), None);
        assert_eq!(messages(&report), [""; 0]);
        assert_eq!((report.files, report.unproven), (6, 0));
        assert_eq!(report.proven, report.members);
        assert!(report.members > 50);
    }
}

#[test]
fn a_changed_byte_is_found_at_every_level() {
    let machine = three_days(Compression::None);
    let path = machine.archive(day(2));
    let mut archive = fs_err::read(&path).unwrap();
    let content = archive.windows(100).position(|window| window == [2; 100]).unwrap();
    archive[content] ^= 1;
    fs_err::write(&path, archive).unwrap();
    let found = messages(&verified(&machine, None));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|message| message.starts_with("2026-11-02 tree.tar: ")), "{found:?}");
    for part in ["cback.sha256", "of its manifest", "/daily: its SHA-256"] {
        assert!(found.iter().any(|message| message.contains(part)), "{part}: {found:?}");
    }
    assert_eq!(messages(&verified(&machine, Some(day(1)))), [""; 0]);
}

#[test]
fn what_is_missing_is_found() {
    let machine = three_days(Compression::Gzip);
    fs_err::remove_file(machine.archive(day(1))).unwrap();
    fs_err::remove_dir_all(machine.staged(day(2))).unwrap();
    let found = messages(&verified(&machine, None));
    assert_eq!(
        found,
        [
            "2026-11-01 tree.tar.gz: it is in cback.sha256, but not here",
            "2026-11-01 tree.manifest.jsonl.zst: its archive is missing",
            "2026-11-03 tree.manifest.jsonl.zst: it builds on 2026-11-02, which is not here",
        ]
    );
}

#[test]
fn shares_come_round_to_everything_and_to_what_is_damaged_first() {
    let machine = three_days(Compression::Gzip);
    let source = Source::open(&machine.staging()).unwrap();
    let request = VerifyRequest { share: Some("1/3".parse().unwrap()), ..VerifyRequest::default() };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("proofs.jsonl");
    let second = |second| jiff::Timestamp::from_second(second).unwrap();
    let next = |now| {
        let mut proofs = Proofs::read(&file, second(now)).unwrap();
        let silent = RecordingMonitor::default();
        let report = verify(&source, &request, &mut proofs, &silent, &Interrupt::new()).unwrap();
        proofs.write(&file).unwrap();
        (report.files, report.ages.never, report.ages.oldest)
    };
    assert_eq!(next(10), (2, 2, Some(second(10))));
    assert_eq!(next(20), (2, 1, Some(second(10))));
    assert_eq!(next(30), (2, 0, Some(second(10))));
    assert_eq!(next(40), (2, 0, Some(second(20))));
    // What changed is not what was proven.
    let archive = machine.archive(day(1));
    let mut content = fs_err::read(&archive).unwrap();
    content.push(0);
    fs_err::write(&archive, content).unwrap();
    let source = Source::open(&machine.staging()).unwrap();
    let damaged = |now| {
        let mut proofs = Proofs::read(&file, second(now)).unwrap();
        let silent = RecordingMonitor::default();
        let report = verify(&source, &request, &mut proofs, &silent, &Interrupt::new()).unwrap();
        proofs.write(&file).unwrap();
        assert!(messages(&report).iter().all(|message| message.starts_with("2026-11-01")), "{report:?}");
        (messages(&report).is_empty(), report.ages.never)
    };
    assert_eq!(damaged(50), (false, 1));
    assert_eq!(damaged(60), (false, 1));
}

#[test]
fn an_archive_without_a_manifest_is_read_to_its_end() {
    let machine = three_days(Compression::Gzip);
    fs_err::remove_file(machine.manifest(day(3))).unwrap();
    fs_err::remove_file(machine.staged(day(3)).join("cback.sha256")).unwrap();
    let report = verified(&machine, Some(day(3)));
    assert_eq!((report.is_damaged(), report.unproven), (false, 1));
    let found = messages(&report);
    assert!(found.len() == 1 && found[0].contains("cback.sha256: it is missing"), "{found:?}");
    let archive = fs_err::read(machine.archive(day(3))).unwrap();
    fs_err::write(machine.archive(day(3)), &archive[..archive.len() - 20]).unwrap();
    let found = messages(&verified(&machine, Some(day(3))));
    assert!(found.iter().any(|message| message.contains("ends in the middle")), "{found:?}");
}

#[test]
fn the_list_has_days_kinds_and_gaps() {
    let machine = three_days(Compression::Zstd);
    fs_err::write(machine.staged(day(3)).join("mysqldump-web.txt.gz"), b"x").unwrap();
    fs_err::remove_file(machine.manifest(day(2))).unwrap();
    let listing = list(&Source::open(&machine.staging()).unwrap(), None, true);
    let items: Vec<_> = listing.days.iter().map(|day| &day.peers[0].items[0]).collect();
    let kinds: Vec<_> = items.iter().map(|item| (item.kind, item.gap)).collect();
    assert_eq!(kinds, [(ItemKind::Full, false), (ItemKind::Unknown, false), (ItemKind::Increment, true)]);
    assert_eq!(items[0].path, Some(machine.tree()));
    assert_eq!(items[2].paths, Some(1));
    assert_eq!(items[0].size, Some(fs_err::metadata(machine.archive(day(1))).unwrap().len()));
    assert_eq!(listing.days[2].peers[0].others[0].name, "mysqldump-web.txt.gz");
}

#[test]
fn what_is_just_being_staged_is_no_machine() {
    let machine = three_days(Compression::Zstd);
    let fetched = machine.staged(day(2)).parent().unwrap().join(".redcedar-fetch-0");
    fs_err::create_dir(&fetched).unwrap();
    fs_err::write(fetched.join("etc.tar.gz"), "half").unwrap();
    let source = Source::open(&machine.staging()).unwrap();
    assert_eq!(source.peers().len(), 1, "{:?}", source.peers());
}

#[test]
fn every_level_of_a_staging_directory_is_a_source() {
    let machine = three_days(Compression::Zstd);
    let staged = machine.staged(day(2));
    for path in [staged.as_path(), staged.parent().unwrap()] {
        let source = Source::open(path).unwrap();
        assert_eq!(source.days().len(), 1, "{}", path.display());
        assert_eq!(source.days()[0].date, day(2));
        assert_eq!(source.days()[0].peers[0].items.len(), 1);
    }
    assert_eq!(Source::open(&machine.staging()).unwrap().days().len(), 3);
    assert!(Source::open(&machine.tree()).is_err());
}

#[test]
fn what_lies_in_several_places_is_one_source() {
    let machine = three_days(Compression::Gzip);
    let part = |name: &str| machine.staging().with_file_name(name);
    let copy = |to: &Path, from: &str, name: &str| {
        let to = to.join("2026/11");
        fs_err::create_dir_all(&to).unwrap();
        succeed(command("cp").arg("-a").arg(machine.staging().join("2026/11").join(from)).arg(to.join(name)));
    };
    let days: Vec<_> = (1..=3).map(|number| machine.staged(day(number))).collect();
    let name = |number: usize| days[number - 1].parent().unwrap().file_name().unwrap().to_str().unwrap();
    let (one, two) = (part("one"), part("two"));
    copy(&one, name(1), name(1));
    copy(&one, name(2), name(2));
    copy(&two, name(2), name(2));
    copy(&two, name(3), name(3));
    let open = |paths: &[&Path]| {
        let places = paths.iter().map(|path| Arc::new(Directory::new(path).unwrap()) as Arc<dyn Place>);
        Source::open_places(places.collect(), &Keys::default())
    };
    let whole = open(&[&one, &two]).unwrap();
    assert_eq!(whole.days().len(), 3);
    let request = VerifyRequest::default();
    let verified = |source: &Source| {
        verify(source, &request, &mut Proofs::default(), &RecordingMonitor::default(), &Interrupt::new())
            .unwrap()
    };
    assert_eq!(messages(&verified(&whole)), [""; 0]);
    // The second day is read from both, and what it builds on is in the other place.
    assert!(verified(&whole).files > verified(&Source::open(&machine.staging()).unwrap()).files);
    assert!(!messages(&verified(&open(&[&two]).unwrap())).is_empty());
    let mut restore_from_two = machine.request(None);
    restore_from_two.target = part("again");
    restore(&whole, &restore_from_two, &RecordingMonitor::default(), &Interrupt::new()).unwrap();
    let expected = without_sockets(&Snapshot::take(&machine.tree()).unwrap());
    let found = Snapshot::take(&machine.restored(&restore_from_two)).unwrap();
    expected.assert_same(&found, String::new);
    let empty = part("empty");
    fs_err::create_dir(&empty).unwrap();
    assert!(open(&[&one, &empty]).unwrap_err().to_string().contains("/empty: neither days"));
}
