use std::path::Path;

use proptest::prelude::*;
use redcedar_system::fs::PendingFile;

use super::*;

fn header() -> Header {
    let link = |run: &str| Link {
        run: run.to_owned(),
        sequence: 3,
        date: jiff::civil::date(2026, 11, 24),
        archive_size: Some(7),
    };
    Header {
        item: "/etc".to_owned(),
        host: "alder".to_owned(),
        output_dir: "/collect".to_owned(),
        chain: vec![link("one"), link("two")],
        last: Some(link("three")),
        waiting_since: None,
        began: (-1, 999_999_999),
        digests: Some(FileIdentity {
            size: 1,
            inode: 2,
            seconds: 3,
            nanoseconds: 4,
            sha256: "ab".to_owned(),
        }),
    }
}

fn stat(number: u64) -> Stat {
    let time = Timestamp { seconds: -5, nanoseconds: 999_999_999 };
    Stat {
        kind: Kind::File,
        mode: 0o4755,
        uid: u32::MAX,
        gid: 0,
        size: number,
        modified: time,
        changed: time,
        inode: u64::MAX,
        has_other_names: true,
    }
}

fn write(path: &Path, records: &[Record]) {
    let mut writer = SideFileWriter::create(PendingFile::create(path).unwrap()).unwrap();
    for record in records {
        match &record.present {
            Some(present) => {
                let Present { stat, digest, attributes } = *present;
                let known = Known { stat: stat.unwrap(), digest, attributes };
                writer.present(&record.path, record.is_recent, known).unwrap();
            }
            None => writer.gone(&record.path).unwrap(),
        }
    }
    writer.finish(&header()).unwrap().publish(0o600, None).unwrap();
}

fn read(path: &Path) -> Result<Vec<Record>, SideFileError> {
    let mut reader = SideFileReader::open(path)?.unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record.clone());
    }
    Ok(records)
}

fn sample() -> Vec<Record> {
    let present = |number, digest| Some(Present { stat: Some(stat(number)), digest, attributes: None });
    let record = |path: &[u8], is_recent, present| Record { path: path.to_vec(), is_recent, present };
    vec![
        record(b"/", false, present(0, None)),
        record(b"/a", true, present(u64::MAX, Some([7; 20]))),
        record(
            b"/a/b\xff\n",
            false,
            Some(Present { stat: Some(stat(1)), digest: Some([8; 20]), attributes: Some([9; 20]) }),
        ),
        record(b"/a-", true, None),
        record(&[b"/".as_slice(), &[b'n'; 5000]].concat(), false, present(2, None)),
    ]
}

#[test]
fn what_is_written_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    write(&path, &sample());
    let reader = SideFileReader::open(&path).unwrap().unwrap();
    assert_eq!(reader.header(), &header());
    assert!(!reader.is_acknowledged());
    assert_eq!(read(&path).unwrap(), sample());
}

#[test]
fn more_than_a_buffer_of_records_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let records: Vec<_> = (0..20_000)
        .map(|number| Record {
            path: format!("/tree/{number:08}").into_bytes(),
            is_recent: number % 2 == 0,
            present: Some(Present { stat: Some(stat(number)), digest: Some([1; 20]), attributes: None }),
        })
        .collect();
    write(&path, &records);
    assert!(fs_err::metadata(&path).unwrap().len() > 3 * 256 * 1024);
    assert_eq!(read(&path).unwrap(), records);
}

#[test]
fn acknowledging_changes_nothing_else_and_is_done_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    write(&path, &sample());
    assert!(!acknowledge(&path, Path::new("/other")).unwrap());
    assert!(acknowledge(&path, Path::new("/collect")).unwrap());
    assert!(!acknowledge(&path, Path::new("/collect")).unwrap());
    assert!(SideFileReader::open(&path).unwrap().unwrap().is_acknowledged());
    assert_eq!(read(&path).unwrap(), sample());
}

#[test]
fn a_foreign_file_or_a_planted_link_is_never_marked() {
    let directory = tempfile::tempdir().unwrap();
    let foreign = directory.path().join("foreign");
    fs_err::write(&foreign, b"precious data of somebody else").unwrap();
    assert!(!acknowledge(&foreign, Path::new("/collect")).unwrap());
    assert_eq!(fs_err::read(&foreign).unwrap(), b"precious data of somebody else");

    let real = directory.path().join("real");
    write(&real, &sample());
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    acknowledge(&link, Path::new("/collect")).unwrap_err();
    fs_err::hard_link(&real, directory.path().join("second")).unwrap();
    assert!(!acknowledge(&real, Path::new("/collect")).unwrap());
    assert!(!SideFileReader::open(&real).unwrap().unwrap().is_acknowledged());
}

#[test]
fn every_flipped_byte_and_every_cut_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    write(&path, &sample()[..4]);
    let whole = fs_err::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x41;
        fs_err::write(&path, &damaged).unwrap();
        assert!(matches!(read(&path), Err(SideFileError::Damaged { .. })), "byte {position}");
    }
    for length in 0..whole.len() {
        fs_err::write(&path, &whole[..length]).unwrap();
        assert!(matches!(read(&path), Err(SideFileError::Damaged { .. })), "cut to {length}");
    }
}

#[test]
fn there_is_none_and_it_is_not_a_file_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    assert!(SideFileReader::open(&directory.path().join("x")).unwrap().is_none());
    assert!(matches!(SideFileReader::open(directory.path()), Err(SideFileError::Io { .. })));
}

proptest! {
    #[test]
    fn numbers_survive(number in any::<u64>(), seconds in any::<i64>(), mode in 0..0o10000_u16) {
        let time = Timestamp { seconds, nanoseconds: 1 };
        let stat = Stat { mode, size: number, modified: time, changed: time, inode: number, ..stat(0) };
        let mut bytes = Vec::new();
        let record = codec::RecordRef { path: b"/x", is_recent: true, known: Some(Known { stat, digest: None, attributes: None }) };
        codec::encode(&record, b"/", &mut bytes);
        let mut decoded = Record { path: b"/".to_vec(), ..Record::default() };
        codec::decode(&bytes, &mut decoded).unwrap();
        prop_assert_eq!(decoded.present.unwrap().stat.unwrap(), stat);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _outcome = codec::decode(&bytes, &mut Record { path: b"/a".to_vec(), ..Record::default() });
    }
}
