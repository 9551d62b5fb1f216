use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn header() -> Header {
    Header {
        item: "/etc".into(),
        collect_mode: "incr".into(),
        mode: Mode::Incremental,
        run: "20261124T023000Z-1a2b3c4d".into(),
        baseline: Some("20261123T023000Z-00000000".into()),
        sequence: 3,
        host: "larch".into(),
        time: "2026-11-24T03:30:00+01:00".into(),
        program: "redcedar 0.1.0".into(),
        archive: Some("etc.tar.gz".into()),
    }
}

fn entry(path: impl Into<PathBuf>) -> Entry {
    Entry {
        path: path.into(),
        kind: Kind::File,
        size: 5,
        mode: 0o644,
        uid: 0,
        gid: 0,
        user: Some("root".into()),
        group: None,
        modified: Timestamp { seconds: 1_795_500_000, nanoseconds: 120_000_000 },
        link: None,
        hard_link: None,
        rdev: None,
        sha256: Some([0xab; 32]),
        offset: Some(512),
        flaw: None,
    }
}

fn write(header: &Header, lines: &[Line], trailer: Trailer) -> Vec<u8> {
    let mut writer = ManifestWriter::create(Vec::new(), header).unwrap();
    for line in lines {
        writer.line(line).unwrap();
    }
    writer.finish(trailer).unwrap()
}

fn read(bytes: &[u8]) -> Result<(Header, Vec<Line>, Trailer), ManifestError> {
    let mut reader = ManifestReader::open(bytes)?;
    let header = reader.header().clone();
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line()? {
        lines.push(line);
    }
    Ok((header, lines, reader.trailer()?))
}

fn compressed(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(zstd::decode_all(bytes).unwrap()).unwrap()
}

#[test]
fn the_text_is_what_the_format_page_shows() {
    let mut odd = entry(OsString::from_vec(b"/etc/caf\xe9".to_vec()));
    odd.flaw = Some(Flaw::Unreadable);
    (odd.sha256, odd.offset) = (None, None);
    let mut device = entry("/etc/null");
    (device.kind, device.rdev, device.mode) = (Kind::Character, Some((1, 3)), 0o6);
    (device.size, device.sha256, device.modified) = (0, None, Timestamp { seconds: -1, nanoseconds: 0 });
    let mut link = entry("/etc/l");
    (link.kind, link.link, link.sha256) = (Kind::Symlink, Some("a\nb".into()), None);
    let mut second = entry("/etc/second");
    (second.hard_link, second.sha256) = (Some("/etc/first".into()), None);
    let lines =
        [odd, device, link, second].map(Line::Present).into_iter().chain([Line::Gone("/etc/x".into())]);
    let trailer = Trailer {
        lines: 0,
        archive_size: Some(10),
        archive_sha256: Some([0; 32]),
        uncompressed_size: Some(10_240),
        blocks: vec![(0, 0), (5, 1_048_576)],
    };
    let expected = r#"{"redcedar_manifest":1,"item":"/etc","collect_mode":"incr","mode":"incremental","run":"20261124T023000Z-1a2b3c4d","baseline":"20261123T023000Z-00000000","sequence":3,"host":"larch","time":"2026-11-24T03:30:00+01:00","program":"redcedar 0.1.0","archive":"etc.tar.gz"}
{"path_hex":"2f6574632f636166e9","type":"file","size":5,"mode":"0644","uid":0,"gid":0,"user":"root","mtime":"1795500000.120000000","flaw":"unreadable"}
{"path":"/etc/null","type":"character","size":0,"mode":"0006","uid":0,"gid":0,"user":"root","mtime":"-1","rdev":[1,3],"offset":512}
{"path":"/etc/l","type":"symlink","size":5,"mode":"0644","uid":0,"gid":0,"user":"root","mtime":"1795500000.120000000","link":"a\nb","offset":512}
{"path":"/etc/second","type":"file","size":5,"mode":"0644","uid":0,"gid":0,"user":"root","mtime":"1795500000.120000000","hardlink":"/etc/first","offset":512}
{"gone":"/etc/x"}
{"blocks":[[0,0],[5,1048576]]}
{"end":{"lines":5,"archive_size":10,"archive_sha256":"0000000000000000000000000000000000000000000000000000000000000000","uncompressed_size":10240}}
"#;
    assert_eq!(text_of(&write(&header(), &lines.collect::<Vec<_>>(), trailer)), expected);
    assert!(include_str!("../../../../docs/format.md").contains(expected));
}

#[test]
fn cut_anywhere_it_is_refused() {
    let whole =
        write(&header(), &[Line::Present(entry("/etc/a")), Line::Gone("/b".into())], Trailer::default());
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "cut to {length} bytes");
    }
    let text = text_of(&whole);
    for (end, _) in text.match_indices('\n') {
        let result = read(&compressed(&text[..=end]));
        assert_eq!(result.is_ok(), end + 1 == text.len(), "cut after byte {end} of the text");
    }
    assert!(matches!(read(&compressed(text.trim_end())), Err(ManifestError::Truncated { .. })));
}

#[test]
fn a_line_too_few_or_too_many_is_refused() {
    let text =
        text_of(&write(&header(), &[Line::Gone("/a".into()), Line::Gone("/b".into())], Trailer::default()));
    let less = text.replace("{\"gone\":\"/a\"}\n", "");
    assert!(matches!(read(&compressed(&less)), Err(ManifestError::Count { found: 1, expected: 2 })));
    let more = format!("{text}{{\"gone\":\"/c\"}}\n");
    assert!(matches!(read(&compressed(&more)), Err(ManifestError::Syntax { line: 5, .. })));
}

#[test]
fn unknown_keys_are_ignored_and_unknown_versions_are_not() {
    let text = text_of(&write(&header(), &[Line::Present(entry("/a"))], Trailer::default()));
    let newer = text
        .replace("\"uid\":0", "\"uid\":0,\"weather\":{\"rain\":[1]}")
        .replace("\"item\"", "\"x\":null,\"item\"");
    assert_eq!(read(&compressed(&newer)).unwrap(), read(&compressed(&text)).unwrap());
    let incompatible = text.replace("\"redcedar_manifest\":1", "\"redcedar_manifest\":2");
    let error = read(&compressed(&incompatible)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the manifest has format 2; this program knows format 1 only: a newer one is needed"
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    let text = text_of(&write(&header(), &[Line::Present(entry("/a"))], Trailer::default()));
    for (from, to) in [
        ("\"mode\":\"0644\"", "\"mode\":\"0999\""),
        ("\"mode\":\"0644\"", "\"mode\":\"10000\""),
        ("\"mtime\":\"1795500000.120000000\"", "\"mtime\":\"soon\""),
        ("\"type\":\"file\"", "\"type\":\"door\""),
        ("\"path\":\"/a\"", "\"path\":\"/a\\u0000\""),
        ("\"path\":\"/a\"", "\"path_hex\":\"2g\""),
        ("\"size\":5", "\"size\":-5"),
        ("abab\"", "\""),
        ("\"path\":\"/a\",", ""),
    ] {
        assert!(text.contains(from), "{from}");
        let error = read(&compressed(&text.replace(from, to))).unwrap_err();
        assert!(matches!(error, ManifestError::Syntax { line: 2, .. }), "{to}: {error}");
    }
}

#[test]
fn a_tally_counts_what_is_there_and_what_is_gone_in_whatever_order_the_keys_are() {
    let lines = [Line::Present(entry("/a")), Line::Gone("/b".into()), Line::Gone("/c".into())];
    let trailer = Trailer {
        archive_size: Some(7),
        uncompressed_size: Some(9),
        blocks: vec![(0, 0)],
        ..Trailer::default()
    };
    let bytes = write(&header(), &lines, trailer.clone());
    let expected = Tally { present: 1, gone: 2, trailer: Trailer { lines: 3, blocks: vec![], ..trailer } };
    assert_eq!(ManifestReader::open(&bytes[..]).unwrap().tally().unwrap(), expected);
    let text =
        text_of(&bytes).replace("{\"path\":\"/a\",\"type\":\"file\"", "{\"type\":\"file\",\"path\":\"/a\"");
    let reordered = compressed(&text.replace("{\"gone\":", "{ \"gone\":"));
    assert_eq!(ManifestReader::open(&reordered[..]).unwrap().tally().unwrap(), expected);
    let short = compressed(&text.replace("{\"gone\":\"/b\"}\n", ""));
    let error = ManifestReader::open(&short[..]).unwrap().tally().unwrap_err();
    assert!(matches!(error, ManifestError::Count { found: 2, expected: 3 }), "{error}");
}

#[test]
fn an_endless_line_does_not_fill_the_memory() {
    let mut compressor = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    compressor.write_all(&vec![b' '; 64 << 20]).unwrap();
    let error = read(&compressor.finish().unwrap()).unwrap_err();
    assert!(matches!(error, ManifestError::Syntax { line: 1, .. }), "{error}");
}

#[test]
fn many_blocks_take_several_lines() {
    let blocks: Vec<(u64, u64)> = (0..10_000).map(|index| (index * 7, index << 20)).collect();
    let bytes = write(&header(), &[], Trailer { blocks: blocks.clone(), ..Trailer::default() });
    assert_eq!(text_of(&bytes).lines().count(), 2 + 3);
    assert_eq!(ManifestReader::open(&bytes[..]).unwrap().trailer().unwrap().blocks, blocks);
}

fn bytes() -> impl Strategy<Value = OsString> {
    vec(1_u8..=255, 1..40).prop_map(OsString::from_vec)
}

fn any_path() -> impl Strategy<Value = PathBuf> {
    bytes().prop_map(|name| PathBuf::from("/").join(name))
}

fn any_kind() -> impl Strategy<Value = Kind> {
    use Kind::{Block, Character, Directory, Fifo, File, Socket, Symlink};
    prop::sample::select(vec![File, Directory, Symlink, Fifo, Socket, Character, Block])
}

prop_compose! {
    fn any_entry()(
        path in any_path(), kind in any_kind(), size: u64, mode in 0..=0o7777_u32, ids: (u32, u32),
        names: (Option<String>, Option<String>), seconds: i64, nanoseconds in 0..1_000_000_000_u32,
        link in option::of(bytes()), hard_link in option::of(any_path()),
        rdev: Option<(u32, u32)>, sha256: Option<[u8; 32]>, offset: Option<u64>,
        flaw in option::of(prop::sample::select(vec![Flaw::Changed, Flaw::Padded, Flaw::Unreadable])),
    ) -> Entry {
        Entry {
            path, kind, size, mode, uid: ids.0, gid: ids.1, user: names.0, group: names.1,
            modified: Timestamp { seconds, nanoseconds }, link: link.map(PathBuf::from), hard_link, rdev, sha256,
            offset, flaw,
        }
    }
}

prop_compose! {
    fn any_header()(
        item in any_path(), texts: (String, String, String, String, String), full: bool,
        baseline: Option<String>, sequence: u64, archive in option::of(bytes()),
    ) -> Header {
        Header {
            item, collect_mode: texts.0, mode: if full { Mode::Full } else { Mode::Incremental }, run: texts.1,
            baseline, sequence, host: texts.2, time: texts.3, program: texts.4, archive,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        header in any_header(),
        lines in vec(prop_oneof![any_entry().prop_map(Line::Present), any_path().prop_map(Line::Gone)], 0..8),
        sizes: (Option<u64>, Option<u64>), archive_sha256: Option<[u8; 32]>, blocks in vec(any::<(u64, u64)>(), 0..8),
    ) {
        let trailer = Trailer {
            lines: lines.len() as u64, archive_size: sizes.0, archive_sha256, uncompressed_size: sizes.1, blocks,
        };
        let bytes = write(&header, &lines, trailer.clone());
        prop_assert_eq!(read(&bytes).unwrap(), (header, lines, trailer));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        let _ = read(&bytes);
        let _ = read(&compressed(&text));
    }
}
