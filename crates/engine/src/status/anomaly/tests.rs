use std::collections::BTreeMap;

use redcedar_archive::manifest::Trailer;

use super::*;
use crate::status::{Item, Marks};

const TODAY: Date = Date::constant(2026, 11, 24);

/// A day as it was staged: `f` (full) or `i` (increment), paths there, paths gone, MiB before compression, MiB of the archive.
type Row = (char, u64, u64, u64, u64);

/// What is said of the days `rows`, newest first, one a day.
fn said(rows: &[Row]) -> Vec<String> {
    let mode = |row: &Row| if row.0 == 'f' { Mode::Full } else { Mode::Incremental };
    let date = |place: usize| TODAY - jiff::Span::new().days(i64::try_from(place).unwrap());
    let good = rows.iter().enumerate().map(|(place, row)| {
        let item = Item { bytes: row.4 << 20, mode: Some(mode(row)), weekly: false };
        GoodDay { date: date(place), marks: Marks::default(), items: BTreeMap::from([("etc".into(), item)]) }
    });
    let peer = PeerFacts { good: good.collect(), ..PeerFacts::default() };
    let tally = |day: Date, _: &OsStr| {
        let (_, present, gone, before, after) = rows[usize::try_from(days_since(day, TODAY)).unwrap()];
        let trailer = Trailer {
            uncompressed_size: Some(before << 20),
            archive_size: Some(after << 20),
            ..Trailer::default()
        };
        Some(Tally { present, gone, trailer })
    };
    anomalies(&peer, tally).iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_unlike_earlier_archives_of_the_same_kind_is_an_anomaly() {
    let usual = ('f', 1000, 0, 100, 30);
    let small = ('i', 10, 1, 10, 3);
    let full = |first: Row| [first, usual, usual, usual, usual];
    let increment = |first: Row| [first, small, small, small, usual];
    let rows: [([Row; 5], &[&str]); 16] = [
        (full(usual), &[]),
        (full(('f', 499, 0, 50, 15)), &["499 files, usually 1000"]),
        (full(('f', 500, 0, 50, 15)), &[]),
        (full(('f', 4001, 0, 110, 33)), &["4001 files, usually 1000"]),
        (full(('f', 1000, 0, 23, 7)), &["7340032 bytes, usually 31457280"]),
        (full(('f', 1000, 0, 100, 55)), &["compressed to 55% only, usually to 30%: it may be encrypted"]),
        (full(('f', 1000, 0, 100, 54)), &[]),
        // Little archives shrink by accident.
        (full(('f', 1000, 0, 0, 30)), &[]),
        (increment(small), &[]),
        (increment(('i', 500, 1, 10, 3)), &["50% of the files changed, usually 1%"]),
        (increment(('i', 499, 1, 10, 3)), &[]),
        (increment(('i', 10, 250, 10, 3)), &["25% of the files are gone, usually 0%"]),
        (increment(('i', 10, 249, 10, 3)), &[]),
        // A few photographs do not shrink, and neither do many files that were encrypted.
        (increment(('i', 99, 1, 10, 10)), &[]),
        (increment(('i', 100, 1, 10, 10)), &["compressed to 100% only, usually to 30%: it may be encrypted"]),
        // What changes wholly each day is no anomaly.
        ([('i', 900, 0, 9, 3), ('i', 800, 0, 9, 3), ('i', 700, 0, 9, 3), ('i', 800, 0, 9, 3), usual], &[]),
    ];
    for (days, expected) in rows {
        let expected: Vec<String> =
            expected.iter().map(|text| format!("etc on 2026-11-24: {text}")).collect();
        assert_eq!(said(&days), expected, "{days:?}");
    }
}

#[test]
fn nothing_is_said_without_three_days_to_compare_with_or_of_a_few_files() {
    let usual = ('f', 1000, 0, 100, 30);
    assert_eq!(said(&[('f', 1, 0, 100, 99), usual, usual]), [""; 0]);
    assert_eq!(said(&[]), [""; 0]);
    let few = ('f', 19, 0, 100, 30);
    assert_eq!(said(&[('f', 0, 0, 100, 30), few, few, few]), [""; 0]);
    // Increments do not count for what is whole, nor the other way round.
    let small = ('i', 10, 1, 10, 3);
    assert_eq!(said(&[('f', 10, 0, 10, 3), small, small, small, usual, usual]), [""; 0]);
    assert_eq!(said(&[('i', 900, 0, 90, 30), usual, usual, usual]), [""; 0]);
}

#[test]
fn an_anomaly_counts_for_a_week() {
    let usual = ('f', 1000, 0, 100, 30);
    let history = |days_since: usize| {
        let mut rows = vec![usual; days_since];
        rows.push(('f', 10, 0, 100, 30));
        rows.extend([usual; 5]);
        said(&rows)
    };
    assert_eq!(history(0), ["etc on 2026-11-24: 10 files, usually 1000"]);
    assert_eq!(history(6), ["etc on 2026-11-18: 10 files, usually 1000"]);
    assert_eq!(history(7), [""; 0]);
}

#[test]
fn without_manifests_only_a_size_among_steady_ones_is_an_anomaly() {
    let peer = |sizes: &[u64]| {
        let day = |(place, kib): (i64, &u64)| GoodDay {
            date: TODAY - jiff::Span::new().days(place),
            marks: Marks::default(),
            items: BTreeMap::from([("etc".into(), Item { bytes: kib << 10, mode: None, weekly: false })]),
        };
        PeerFacts { good: (0..).zip(sizes).map(day).collect(), ..PeerFacts::default() }
    };
    let said = |sizes: &[u64]| -> Vec<String> {
        anomalies(&peer(sizes), |_, _| None).iter().map(ToString::to_string).collect()
    };
    assert_eq!(said(&[20, 100, 100, 100]), ["all of 2026-11-24: 20480 bytes, usually 102400"]);
    assert_eq!(said(&[26, 100, 100, 100]), [""; 0]);
    // A full backup among increments.
    assert_eq!(said(&[900, 100, 90, 80]), ["all of 2026-11-24: 921600 bytes, usually 92160"]);
    assert_eq!(said(&[900, 100, 90, 80, 100, 110, 100, 900, 90]), [""; 0]);
    assert_eq!(said(&[20, 100, 100]), [""; 0]);
}
