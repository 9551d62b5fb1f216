use redcedar_archive::select::{Exclude, Selection, select_directory};
use redcedar_system::Interrupt;
use tempfile::TempDir;

use super::*;
use crate::state::side_file::Header;

const BEGAN: Timestamp = Timestamp { seconds: 1000, nanoseconds: 500 };
const DIGEST: Option<Sha1> = Some([1; 20]);

fn stat(kind: Kind) -> Stat {
    let long_ago = Timestamp { seconds: 10, nanoseconds: 0 };
    Stat {
        kind,
        mode: 0o644,
        uid: 1,
        gid: 2,
        size: 3,
        modified: long_ago,
        changed: long_ago,
        inode: 4,
        has_other_names: false,
    }
}

fn present(stat: Stat, digest: Option<Sha1>) -> Present {
    Present { stat: Some(stat), digest, attributes: None }
}

/// What `judge` says when `change` has happened to a file since.
fn after(change: impl Fn(&mut Stat)) -> Verdict {
    let mut now = stat(Kind::File);
    change(&mut now);
    judge(&present(stat(Kind::File), DIGEST), &now, BEGAN)
}

#[test]
fn what_anyone_can_see_needs_no_reading() {
    assert_eq!(after(|_| {}), Verdict::Same);
    assert_eq!(after(|now| now.mode = 0o600), Verdict::Different);
    assert_eq!(after(|now| now.uid = 9), Verdict::Different);
    assert_eq!(after(|now| now.gid = 9), Verdict::Different);
    assert_eq!(after(|now| now.size = 9), Verdict::Different);
    assert_eq!(after(|now| now.modified.nanoseconds = 9), Verdict::Different);
    assert_eq!(after(|now| now.kind = Kind::Symlink), Verdict::Different);
}

#[test]
fn what_only_the_file_system_noticed_is_read() {
    assert_eq!(after(|now| now.inode = 9), Verdict::Unclear);
    assert_eq!(
        after(|now| now.has_other_names = true),
        Verdict::Same,
        "the new name is stored, and this one with it"
    );
    assert_eq!(after(|now| (now.inode, now.has_other_names) = (9, true)), Verdict::Different);
    assert_eq!(after(|now| now.changed.nanoseconds = 9), Verdict::Unclear);
}

#[test]
fn a_file_that_was_young_when_it_was_stored_is_read() {
    for (changed, expected) in [
        (Timestamp { seconds: 999, nanoseconds: 500 }, Verdict::Same),
        (Timestamp { seconds: 999, nanoseconds: 501 }, Verdict::Unclear),
        (Timestamp { seconds: 1000, nanoseconds: 0 }, Verdict::Unclear),
        (Timestamp { seconds: 5000, nanoseconds: 0 }, Verdict::Unclear),
    ] {
        let young = Stat { changed, ..stat(Kind::File) };
        assert_eq!(judge(&present(young, DIGEST), &young, BEGAN), expected, "{changed:?}");
    }
}

#[test]
fn what_is_not_faithfully_stored_is_different() {
    let file = stat(Kind::File);
    assert_eq!(judge(&present(file, None), &file, BEGAN), Verdict::Different);
    let link = stat(Kind::Symlink);
    assert_eq!(judge(&present(link, None), &link, BEGAN), Verdict::Different);
}

#[test]
fn of_what_has_no_content_the_change_time_decides() {
    for kind in [Kind::Directory, Kind::Fifo, Kind::Socket, Kind::Character, Kind::Block] {
        let before = present(stat(kind), None);
        assert_eq!(judge(&before, &stat(kind), BEGAN), Verdict::Same);
        assert_eq!(judge(&before, &Stat { inode: 9, ..stat(kind) }, BEGAN), Verdict::Same);
        let changed = Timestamp { seconds: 11, nanoseconds: 0 };
        assert_eq!(judge(&before, &Stat { changed, ..stat(kind) }, BEGAN), Verdict::Different);
    }
}

#[test]
fn with_no_more_than_a_digest_files_are_read_and_everything_else_is_stored() {
    let before = Present { stat: None, digest: DIGEST, attributes: None };
    assert_eq!(judge(&before, &stat(Kind::File), BEGAN), Verdict::Unclear);
    assert_eq!(judge(&before, &stat(Kind::Symlink), BEGAN), Verdict::Different);
    assert_eq!(judge(&before, &stat(Kind::Directory), BEGAN), Verdict::Different);
}

#[test]
fn attributes_count_where_they_are_known() {
    let content = Content { digest: [1; 20], attributes: Some([2; 20]) };
    let before = |stat, attributes| Present { stat, digest: DIGEST, attributes };
    assert!(content.is_that_of(&before(Some(stat(Kind::File)), Some([2; 20]))));
    assert!(!content.is_that_of(&before(Some(stat(Kind::File)), None)));
    assert!(content.is_that_of(&before(None, None)));
}

#[test]
fn what_is_below_an_unreadable_directory_is_not_gone() {
    let hidden = Hidden(vec![Path::new("/a/b")]);
    for (path, expected) in
        [("/a/b", true), ("/a/b/c", true), ("/a/b/c/d", true), ("/a/bc", false), ("/a", false)]
    {
        assert_eq!(hidden.hides(path.as_bytes()), expected, "{path}");
    }
}

fn link(sequence: u64) -> Link {
    Link { run: sequence.to_string(), sequence, date: jiff::civil::date(2026, 11, 24), archive_size: None }
}

fn own(chain: Vec<Link>, last: u64) -> Memory {
    let header = Box::new(Header {
        item: "/a".to_owned(),
        host: "alder".to_owned(),
        output_dir: "/collect".to_owned(),
        chain,
        last: Some(link(last)),
        waiting_since: None,
        began: (0, 0),
        digests: None,
    });
    Memory::Own { header, is_acknowledged: false, side_file: PathBuf::new() }
}

#[test]
fn an_increment_builds_on_what_is_picked_up() {
    let increment = |chain, repeat_recent| Extent::Increment { chain, repeat_recent };
    for (memory, is_acknowledged, expected) in [
        (Memory::Nothing, true, Extent::Full),
        (own(vec![], 0), false, Extent::Full),
        (own(vec![], 0), true, increment(vec![link(0)], false)),
        (own(vec![link(0)], 1), true, increment(vec![link(0), link(1)], false)),
        (own(vec![link(0)], 1), false, increment(vec![link(0)], true)),
    ] {
        assert_eq!(Extent::building_on(&memory, is_acknowledged), expected);
    }
    let digests = || Memory::Digests(crate::state::pickle::DigestMap::default());
    assert_eq!(Extent::building_on(&digests(), false), Extent::Full);
    assert_eq!(Extent::building_on(&digests(), true), increment(vec![], false));
}

#[test]
fn sequences_count_along_the_chain() {
    let increment = |chain| Extent::Increment { chain, repeat_recent: false };
    assert_eq!(Extent::Full.sequence(), 0);
    assert_eq!(increment(vec![link(0), link(1)]).sequence(), 2);
    assert_eq!(increment(vec![]).sequence(), 1, "what the original did before counts as the first link");
}

/// A tree of `/a`, `/a/b` and `/c` below a root, all of them directories.
fn tree() -> (TempDir, Fileset) {
    let root = tempfile::tempdir().unwrap();
    for name in ["a", "a/b", "c"] {
        fs_err::create_dir(root.path().join(name)).unwrap();
    }
    let exclude = Exclude::new(Vec::new(), &[], &[]).unwrap();
    let selection = Selection {
        root: root.path(),
        ignore_file: None,
        exclude: &exclude,
        link_depth: 0,
        dereference: false,
        one_file_system: false,
        exclude_caches: false,
        never_enter: &[],
    };
    let fileset = select_directory(&selection, &Interrupt::new()).unwrap();
    (root, fileset)
}

/// Side by side with the digests of these names.
fn met(root: &Path, fileset: &Fileset, names: &[&str]) -> Vec<String> {
    let mut writer = crate::state::pickle::DigestWriter::create(Vec::new()).unwrap();
    for name in names {
        writer.pair(root.join(name).as_os_str().as_bytes(), &[1; 20]).unwrap();
    }
    let map = crate::state::pickle::DigestMap::parse(&writer.finish().unwrap()).unwrap();
    let memory = Memory::Digests(map);
    let mut seen = Vec::new();
    let below = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    meet(fileset, &mut memory.records().unwrap(), |met| -> Result<(), SideFileError> {
        seen.push(match met {
            Met::Known(index, selected, _) => format!("known {index} {}", below(selected.path)),
            Met::New(index, selected) => format!("new {index} {}", below(selected.path)),
            Met::Missing(record) => {
                format!("missing {}", below(Path::new(std::ffi::OsStr::from_bytes(&record.path))))
            }
        });
        Ok(())
    })
    .unwrap();
    seen
}

#[test]
fn fileset_and_records_meet_in_canonical_order() {
    let (root, fileset) = tree();
    assert_eq!(met(root.path(), &fileset, &[]), ["new 0 ", "new 1 a", "new 2 a/b", "new 3 c"]);
    assert_eq!(
        met(root.path(), &fileset, &["a/b", "a-", "a/a", "d", "c"]),
        ["new 0 ", "new 1 a", "missing a/a", "known 2 a/b", "missing a-", "known 3 c", "missing d"]
    );
}

#[test]
fn an_answer_that_cannot_be_had_means_changed() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs_err::write(&path, "x").unwrap();
    let fileset = redcedar_archive::select::select_file(&path).unwrap();
    let mut writer = crate::state::pickle::DigestWriter::create(Vec::new()).unwrap();
    writer.pair(path.as_os_str().as_bytes(), &[1; 20]).unwrap();
    let memory = Memory::Digests(crate::state::pickle::DigestMap::parse(&writer.finish().unwrap()).unwrap());
    let extent = Extent::Increment { chain: Vec::new(), repeat_recent: false };
    let content = |digest| Some(Content { digest, attributes: None });
    for (read, expected) in
        [(None, Decision::Changed), (content([2; 20]), Decision::Changed), (content([1; 20]), Decision::Keep)]
    {
        let mut records = memory.records().unwrap();
        let answer = |_: &Selected<'_>| -> Result<_, SideFileError> { Ok(read) };
        let plan = plan(&fileset, &mut records, &extent, BEGAN, answer).unwrap();
        assert_eq!(plan.decisions, [expected]);
        assert_eq!(plan.is_idle(), expected == Decision::Keep);
    }
}
