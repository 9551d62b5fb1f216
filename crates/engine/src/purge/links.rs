//! What staged files build on, by what they say and what they are called.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;

use redcedar_archive::layers::layers;
use redcedar_archive::manifest::{self, Header, Mode};
use redcedar_archive::repository::snapshot::{self, FileName, Part};
use redcedar_archive::repository::svndump::DumpName;
use redcedar_system::escape;
use redcedar_system::fs::Directory;

use super::fate::Link;
use crate::staged::manifest_header;
use crate::status::item_of;

/// The first line of a list of refs is shorter.
const LONGEST: u64 = 1 << 16;

/// What a file builds on.
pub(super) enum Foundation {
    /// What it says.
    Known(Link),
    /// Any of the days since the last one on which everything was stored: it does not say, or cannot be asked because it is encrypted.
    Days,
}

/// The item that a file belongs to and what it builds on; none where others beside it say so, or nobody does.
///
/// # Errors
/// With a message when it cannot be read.
pub(super) fn foundation(
    directory: &Directory,
    name: &OsStr,
) -> Result<Option<(OsString, Foundation)>, String> {
    let plain = layers(name).last().map_or(name, |(inner, _)| inner);
    let can_be_read = plain == name;
    if plain.as_bytes().ends_with(manifest::SUFFIX.as_bytes()) {
        let foundation = if can_be_read {
            Foundation::Known(manifest_header(directory, name)?.into())
        } else {
            Foundation::Days
        };
        return Ok(item_of(name).map(|item| (item, foundation)));
    }
    if let Some((dump, _)) = DumpName::parse(plain) {
        // In their order as texts, too.
        let run = |revision: u64| format!("{revision:020}");
        let link = Link { run: run(dump.last), baseline: dump.first.checked_sub(1).map(run) };
        return Ok(Some((prefixed("svndump-", &dump.repository), Foundation::Known(link))));
    }
    if let Some((file, Part::Refs)) = FileName::parse(plain) {
        let item = prefixed(&format!("{:?}-", file.kind), &file.repository);
        let foundation =
            if can_be_read { Foundation::Known(of_refs(directory, name)?) } else { Foundation::Days };
        return Ok(Some((item, foundation)));
    }
    let is_mail = plain.as_bytes().starts_with(b"mbox-");
    Ok(item_of(name).filter(|_| is_mail).map(|item| (item, Foundation::Days)))
}

fn prefixed(prefix: &str, name: &OsStr) -> OsString {
    let mut item = OsString::from(prefix);
    item.push(name);
    item
}

fn of_refs(directory: &Directory, name: &OsStr) -> Result<Link, String> {
    let mut line = Vec::new();
    let read = directory
        .open_file(name)
        .and_then(|file| BufReader::new(file.take(LONGEST)).read_until(b'\n', &mut line));
    let shown = || escape::display(&directory.path().join(name)).to_string();
    read.map_err(|error| format!("{}: {error}", shown()))?;
    let header: snapshot::Header = serde_json::from_slice(&line)
        .map_err(|error| format!("{}: it is no list of refs: {error}", shown()))?;
    Ok(Link { run: header.run, baseline: header.base })
}

/// What several files of an item on one day build on together: what the newest does, unless that is another of them.
pub(super) fn together(mut links: Vec<Link>) -> Option<Link> {
    links.sort_by(|a, b| a.run.cmp(&b.run));
    let mut newest = links.pop()?;
    while let Some(before) = links.pop() {
        if newest.baseline.as_ref() == Some(&before.run) {
            newest.baseline = before.baseline;
        }
    }
    Some(newest)
}

impl From<Header> for Link {
    fn from(header: Header) -> Self {
        let baseline = if header.mode == Mode::Full { None } else { header.baseline };
        Self { run: header.run, baseline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(run: &str, baseline: &str) -> Link {
        Link { run: run.into(), baseline: Some(baseline.to_owned()).filter(|baseline| !baseline.is_empty()) }
    }

    #[test]
    fn files_of_one_day_are_one_link() {
        assert_eq!(together(Vec::new()), None);
        assert_eq!(together(vec![link("2", "1"), link("1", "")]), Some(link("2", "")));
        assert_eq!(together(vec![link("3", "2"), link("5", "4"), link("4", "3")]), Some(link("5", "2")));
        // One that covers the one before builds on what that does.
        assert_eq!(together(vec![link("3", "1"), link("2", "1")]), Some(link("3", "1")));
    }

    #[test]
    fn names_tell_what_belongs_together() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Directory::open(directory.path()).unwrap();
        let found = |name: &str| match foundation(&directory, OsStr::new(name)).unwrap() {
            None => String::new(),
            Some((item, Foundation::Days)) => item.into_string().unwrap(),
            Some((item, Foundation::Known(link))) => format!("{} {link:?}", item.display()),
        };
        assert_eq!(found("svndump-0:17-repo.txt.gz"), found("svndump-0_17-repo.txt.zst.gpg"));
        assert!(found("svndump-18:20-repo.txt").contains("017"), "{}", found("svndump-18:20-repo.txt"));
        assert_eq!(found("mbox-20261124-mail.gz.age"), "mbox-mail");
        assert_eq!(found("etc.manifest.jsonl.zst.gpg_00000"), "etc");
        assert_eq!(found("gitbundle-20261124T010203Z-app.refs.age"), "Git-app");
        for name in ["etc.tar.gz", "gitbundle-20261124T010203Z-app.bundle", "mysqldump.txt", "readme"] {
            assert_eq!(found(name), "", "{name}");
        }
        assert!(foundation(&directory, OsStr::new("gitbundle-20261124T010203Z-app.refs")).is_err());
    }
}
