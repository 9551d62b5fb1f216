//! Their archives and ours, and what may differ:
//!
//! - we store directories, FIFOs, devices and dangling links, which the original leaves out;
//! - we store files whose mode, owner, time or attributes changed, which the original does not see;
//! - we store only links that changed, where the original stores all of them every day;
//! - which name of a file with several names has the content, and which refer to it, depends on the order of the archive;
//! - holes are holes (type `S`), where the original stores zeros;
//! - a link that others are stored below (a dereferenced link to a link) is a directory: no `tar` could extract them;
//! - times before 1970 with a fraction of a second are rounded down, not towards zero.

use redcedar_testing::compare::{Snapshot, short};
use redcedar_testing::members::Member;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

type Archives = BTreeMap<OsString, Vec<Member>>;

/// Our archives of a day against theirs.
pub(super) fn archives(
    theirs: &Archives,
    ours: &Archives,
    tree: &Path,
    yesterday: Option<&Snapshot>,
    today: &Snapshot,
    context: &str,
) {
    contains(theirs, ours, tree, context);
    nothing_but_what_the_original_cannot(theirs, ours, tree, yesterday, context);
    unchanged_is_not_stored_again(ours, tree, yesterday, today, context);
}

/// Everything that they store is in ours, except links that did not change.
pub(super) fn contains(theirs: &Archives, ours: &Archives, tree: &Path, context: &str) {
    let mut differences = Vec::new();
    for (archive, members) in theirs {
        let found = resolved(ours.get(archive).map_or(&[][..], Vec::as_slice));
        let theirs = resolved(members);
        for (name, wanted) in &theirs {
            match found.get(name) {
                Some(found) if found.kind == b'5' && holds_others(name, &theirs) => {}
                Some(found) => wanted.compare(found, name, &mut differences),
                None if wanted.kind == b'2' && is_below(name, tree) => {}
                None => differences.push(format!("{}: {} is missing", archive.display(), short(name))),
            }
        }
    }
    assert!(differences.is_empty(), "{context}\n{}", differences.join("\n"));
}

/// Both are the same: both are of the original.
pub(super) fn same(theirs: &Archives, ours: &Archives, context: &str) {
    let names = |archives: &Archives| archives.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(theirs), names(ours), "{context}");
    for (archive, members) in theirs {
        let (wanted, found) = (resolved(members), resolved(&ours[archive]));
        let names = |members: &BTreeMap<Vec<u8>, Resolved>| {
            members.keys().map(|name| short(name)).collect::<Vec<_>>()
        };
        assert_eq!(names(&wanted), names(&found), "{context}, {}", archive.display());
        let mut differences = Vec::new();
        for (name, wanted) in &wanted {
            wanted.compare(&found[name], name, &mut differences);
        }
        assert!(differences.is_empty(), "{context}\n{}", differences.join("\n"));
    }
}

/// On the first day we store no file and no link that leads somewhere that they do not store.
fn nothing_but_what_the_original_cannot(
    theirs: &Archives,
    ours: &Archives,
    tree: &Path,
    yesterday: Option<&Snapshot>,
    context: &str,
) {
    if yesterday.is_some() {
        return;
    }
    let mut differences = Vec::new();
    for (archive, members) in ours {
        let theirs = resolved(theirs.get(archive).map_or(&[][..], Vec::as_slice));
        for (name, member) in resolved(members) {
            let path = Path::new("/").join(OsStr::from_bytes(&name));
            let dangling = member.kind == b'2' && fs_err::metadata(&path).is_err();
            let beyond = matches!(member.kind, b'3'..=b'6') || dangling;
            if !beyond && !theirs.contains_key(&name) {
                differences.push(format!("{}: {} is only in ours", archive.display(), short(&name)));
            }
        }
    }
    assert!(differences.is_empty(), "{context}\n{}\n{}", tree.display(), differences.join("\n"));
}

/// What was the same yesterday in every respect is not stored again; what was not is. Only of the tree itself: what is
/// reached through links is elsewhere.
pub(super) fn unchanged_is_not_stored_again(
    stored: &Archives,
    tree: &Path,
    yesterday: Option<&Snapshot>,
    today: &Snapshot,
    context: &str,
) {
    let Some(yesterday) = yesterday else { return };
    let prefix = [tree.strip_prefix("/").unwrap().as_os_str().as_encoded_bytes(), b"/"].concat();
    for member in stored.values().flatten().filter(|member| matches!(member.kind, b'0' | b'S')) {
        let Some(path) = member.name.strip_prefix(prefix.as_slice()) else { continue };
        let (Some(before), Some(now)) = (yesterday.objects.get(path), today.objects.get(path)) else {
            continue;
        };
        // A new name of a file changes its other names as well.
        let several_names = now.first_name.is_some() || before.first_name.is_some();
        assert!(before != now || several_names, "{context}\n{} did not change", short(path));
    }
}

/// A member with references to other members replaced by what they refer to.
struct Resolved {
    kind: u8,
    mode: u32,
    owner: (u64, u64),
    names: (Vec<u8>, Vec<u8>),
    mtime: i64,
    link: Option<Vec<u8>>,
    content: (u64, [u8; 32]),
}

impl Resolved {
    fn compare(&self, found: &Self, name: &[u8], differences: &mut Vec<String>) {
        let mut check = |what: &str, theirs: &dyn Debug, ours: &dyn Debug| {
            let (theirs, ours) = (format!("{theirs:?}"), format!("{ours:?}"));
            if theirs != ours {
                differences.push(format!("{}: {what} is {ours}, should be {theirs}", short(name)));
            }
        };
        check("type", &char::from(self.kind), &char::from(found.kind));
        check("mode", &format_args!("{:o}", self.mode), &format_args!("{:o}", found.mode));
        check("owner", &self.owner, &found.owner);
        check("names of the owner", &self.names, &found.names);
        check("link", &self.link, &found.link);
        check("size", &self.content.0, &found.content.0);
        check("content", &self.content.1, &found.content.1);
        let rounded = found.mtime < 0 && self.mtime == found.mtime + 1;
        if !rounded {
            check("mtime", &self.mtime, &found.mtime);
        }
    }
}

/// Members by name; the last of a name counts.
fn resolved(members: &[Member]) -> BTreeMap<Vec<u8>, Resolved> {
    let contents: BTreeMap<&[u8], (u64, [u8; 32])> = members
        .iter()
        .filter(|member| member.kind != b'1')
        .map(|member| (member.name.as_slice(), member.content))
        .collect();
    let resolve = |member: &Member| {
        let reference = if member.kind == b'1' { member.link.as_deref() } else { None };
        let content = match reference {
            Some(target) => *contents.get(target).expect("a hard link refers to a member before it"),
            None => member.content,
        };
        Resolved {
            kind: if matches!(member.kind, b'1' | b'S') { b'0' } else { member.kind },
            mode: member.mode,
            owner: (member.uid, member.gid),
            names: member.names.clone(),
            mtime: member.mtime,
            link: if member.kind == b'2' { member.link.clone() } else { None },
            content,
        }
    };
    members.iter().map(|member| (member.name.clone(), resolve(member))).collect()
}

/// Whether there are members whose paths lead through the one with this name.
fn holds_others(name: &[u8], members: &BTreeMap<Vec<u8>, Resolved>) -> bool {
    let below = [name, b"/"].concat();
    members.keys().any(|other| other.starts_with(&below))
}

fn is_below(name: &[u8], tree: &Path) -> bool {
    name.starts_with(tree.strip_prefix("/").unwrap().as_os_str().as_encoded_bytes())
}
