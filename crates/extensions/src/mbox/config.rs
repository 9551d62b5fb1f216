//! The section `mbox`: mailboxes, and directories of mailboxes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use redcedar_archive::Compression;
use redcedar_archive::select::{Exclude, pattern};
use redcedar_config::value::{self, CollectMode};
use redcedar_config::{Diagnostic, Document, Located, Section};

use crate::section::{Naming, SAFE_NAMES, compression};

/// The name of the section.
pub(super) const SECTION: &str = "mbox";

/// What is backed up.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Located<PathBuf>,
    /// The name that its outputs and its state files have in common.
    pub(super) name: OsString,
    pub(super) mode: CollectMode,
    pub(super) compression: Compression,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// One mailbox.
    File,
    /// All mailboxes of a directory but those.
    Dir(Exclude),
}

/// What the section sets for all its entries.
#[derive(Clone, Copy)]
struct Defaults {
    mode: Option<CollectMode>,
    compression: Option<Compression>,
    naming: Naming,
}

/// Reads the section: files first, then directories, as they are backed up. Nothing when there is no section.
pub(super) fn read(document: &Document, findings: &mut Vec<Diagnostic>) -> Option<Vec<Entry>> {
    let section = document.section(SECTION)?;
    let defaults = Defaults {
        mode: section.read("collect_mode", CollectMode::from_str, findings).value(),
        compression: section.read("compress_mode", compression, findings).value(),
        naming: Naming::read(section, findings),
    };
    if section.sections("file").chain(section.sections("dir")).next().is_none() {
        findings.push(section.missing("file").with_hint("name at least one `file` or `dir`"));
    }
    let files = section.sections("file").map(|file| (file, false));
    let dirs = section.sections("dir").map(|dir| (dir, true));
    let entries =
        files.chain(dirs).filter_map(|(entry, is_dir)| read_entry(entry, is_dir, defaults, findings));
    Some(entries.collect())
}

/// What is wrong or doubtful in the section.
pub(super) fn check(document: &Document) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let Some(entries) = read(document, &mut findings) else {
        let place = document.root().name_span();
        return vec![Diagnostic::error(place, format!("there is no section `{SECTION}`"))];
    };
    for (index, entry) in entries.iter().enumerate() {
        if let Some(other) = entries[..index].iter().find(|other| other.name == entry.name) {
            findings.push(
                Diagnostic::warning(
                    entry.path.span,
                    format!("its backup would have the name of that of `{}`", other.path.display()),
                )
                .with_hint(format!(
                    "the second one will not be backed up; `<{SAFE_NAMES}>Y</{SAFE_NAMES}>` gives each a name of its own"
                )),
            );
        }
        if matches!(entry.kind, Kind::Dir(_)) && is_maildir(&entry.path) {
            findings.push(
                Diagnostic::warning(entry.path.span, "it is a maildir, not a directory of mailboxes")
                    .with_hint("collect it as a `dir` of the section `collect`: each message is a file"),
            );
        }
    }
    findings
}

/// Whether a directory holds one message in each file.
pub(super) fn is_maildir(path: &Path) -> bool {
    ["cur", "new", "tmp"].iter().all(|name| path.join(name).is_dir())
}

fn read_entry(
    section: Section<'_>,
    is_dir: bool,
    defaults: Defaults,
    findings: &mut Vec<Diagnostic>,
) -> Option<Entry> {
    let path =
        section.read("abs_path", value::absolute_path, findings).required(section, "abs_path", findings);
    let mode = section.read("collect_mode", CollectMode::from_str, findings);
    let compression = section.read("compress_mode", compression, findings);
    let missing = [
        ("collect_mode", mode.is_absent() && defaults.mode.is_none()),
        ("compress_mode", compression.is_absent() && defaults.compression.is_none()),
    ];
    for (name, _) in missing.into_iter().filter(|(_, is_missing)| *is_missing) {
        let hint = format!("set `{name}` here, or in `{SECTION}` for all");
        findings.push(section.missing(name).with_hint(hint));
    }
    let (mode, compression) = (mode.value().or(defaults.mode), compression.value().or(defaults.compression));
    let path = path?;
    let kind = if is_dir { Kind::Dir(read_exclude(section, &path, findings)?) } else { Kind::File };
    let name = defaults.naming.name_of(&path);
    Some(Entry { path, name, mode: mode?, compression: compression?, kind })
}

fn read_exclude(section: Section<'_>, path: &Path, findings: &mut Vec<Diagnostic>) -> Option<Exclude> {
    let Some(exclude) = section.section("exclude") else { return Exclude::new(Vec::new(), &[], &[]).ok() };
    let paths = exclude.scalars("rel_path").map(|relative| path.join(relative.value)).collect();
    let is_pattern = |text: &str| pattern::check(text).map(|()| text.to_owned());
    let patterns = exclude.read_list("pattern", is_pattern, findings);
    let texts: Vec<_> = patterns.iter().map(|pattern| pattern.value.as_str()).collect();
    Exclude::new(paths, &texts, &[])
        .map_err(|error| findings.push(Diagnostic::error(exclude.name_span(), error.to_string())))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_config::Source;

    fn document(section: &str) -> Document {
        Document::parse(Source::new("/etc/cback3.conf", &format!("<cb_config>{section}</cb_config>")))
            .unwrap()
    }

    fn messages(section: &str) -> String {
        let document = document(section);
        document.diagnostics(check(&document)).to_string()
    }

    #[test]
    fn entries_have_their_own_modes_or_those_of_the_section() {
        let document = document(
            "<mbox><collect_mode>incr</collect_mode><compress_mode>gzip</compress_mode>
            <dir><abs_path>/mail</abs_path><exclude><rel_path>spam</rel_path><pattern>.*[.]lock</pattern></exclude></dir>
            <file><abs_path>/var/mail/anna</abs_path><collect_mode>daily</collect_mode><compress_mode>none</compress_mode></file>
            </mbox>",
        );
        let mut findings = Vec::new();
        let entries = read(&document, &mut findings).unwrap();
        assert_eq!(findings, []);
        let [file, dir] = entries.as_slice() else { panic!("two entries") };
        assert_eq!((file.mode, file.compression), (CollectMode::Daily, Compression::None));
        assert_eq!(file.name, "var-mail-anna");
        assert_eq!((dir.mode, dir.compression), (CollectMode::Incremental, Compression::Gzip));
        let Kind::Dir(exclude) = &dir.kind else { panic!("a directory") };
        for (name, is_out) in [("spam", true), ("x.lock", true), ("inbox", false), ("spam2", false)] {
            assert_eq!(exclude.excludes(&Path::new("/mail").join(name)), is_out, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (section, message) in [
            ("", "there is no section `mbox`"),
            ("<mbox/>", "`mbox` lacks `file`"),
            ("<mbox><file><abs_path>mail</abs_path></file></mbox>", "`abs_path` must be an absolute path"),
            ("<mbox><file><abs_path>/m</abs_path></file></mbox>", "`file` lacks `collect_mode`"),
            ("<mbox><file/></mbox>", "`file` lacks `abs_path`"),
            ("<mbox><collect_mode>hourly</collect_mode></mbox>", "`collect_mode`"),
            ("<mbox><compress_mode>lzma</compress_mode></mbox>", "`compress_mode` must be"),
            (
                "<mbox><dir><abs_path>/m</abs_path><exclude><pattern>(</pattern></exclude></dir></mbox>",
                "`pattern`",
            ),
            (
                "<mbox><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>
                <file><abs_path>/a/b</abs_path></file><file><abs_path>/a-b</abs_path></file></mbox>",
                "the name of that of `/a/b`",
            ),
        ] {
            let shown = messages(section);
            assert!(shown.contains(message), "{section}: {shown}");
            assert!(shown.contains("/etc/cback3.conf:"), "{shown}");
        }
    }

    #[test]
    fn a_maildir_is_pointed_out() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["cur", "new", "tmp"] {
            fs_err::create_dir(directory.path().join(name)).unwrap();
        }
        let section = format!(
            "<mbox><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>
            <dir><abs_path>{}</abs_path></dir></mbox>",
            directory.path().display()
        );
        assert!(messages(&section).contains("it is a maildir"));
    }
}
