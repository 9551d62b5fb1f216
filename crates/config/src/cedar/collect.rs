//! `collect`: what is backed up from this machine.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Located;
use crate::diagnostic::Diagnostic;
use crate::section::{Field, Section};
use crate::value::{self, ArchiveMode, CollectMode};
use crate::xml::Writer;

/// The `collect` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Collect {
    /// Where archives go.
    pub collect_dir: Located<PathBuf>,
    /// Mode of items that have none of their own.
    pub collect_mode: Option<CollectMode>,
    /// Archive mode of items that have none of their own.
    pub archive_mode: Option<ArchiveMode>,
    /// Ignore file of directories that have none of their own.
    pub ignore_file: Option<Located<String>>,
    /// Exclusions for every directory. `rel_paths` is always empty here.
    pub exclude: Exclusions,
    /// Ours: directories stay on their file system unless they say otherwise.
    pub one_file_system: Option<bool>,
    /// Ours: directories leave out what holds a `CACHEDIR.TAG` unless they say otherwise.
    pub exclude_caches: Option<bool>,
    /// Single files.
    pub files: Vec<CollectFile>,
    /// Directories.
    pub dirs: Vec<CollectDir>,
}

/// An `exclude` element; empty when there is none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exclusions {
    /// Absolute paths, compared as text.
    pub abs_paths: Vec<Located<PathBuf>>,
    /// Paths relative to a directory.
    pub rel_paths: Vec<Located<String>>,
    /// Regular expressions in Python's dialect, over the whole path.
    pub patterns: Vec<Located<String>>,
    /// Ours: shell globs.
    pub globs: Vec<Located<String>>,
}

/// A `file` element.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectFile {
    /// The file.
    pub abs_path: Located<PathBuf>,
    /// Its own mode.
    pub collect_mode: Option<CollectMode>,
    /// Its own archive mode.
    pub archive_mode: Option<ArchiveMode>,
}

/// A `dir` element.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectDir {
    /// The directory.
    pub abs_path: Located<PathBuf>,
    /// Its own mode.
    pub collect_mode: Option<CollectMode>,
    /// Its own archive mode.
    pub archive_mode: Option<ArchiveMode>,
    /// Its own ignore file.
    pub ignore_file: Option<Located<String>>,
    /// Down to which level links to directories are followed; absent means 0.
    pub link_depth: Option<u64>,
    /// Whether the targets of followed links are stored under their own paths; absent means no.
    pub dereference: Option<bool>,
    /// How many levels of subdirectories get archives of their own; negative: all. Absent means 0.
    pub recursion_level: Option<i64>,
    /// Ours: whether the walk stays on one file system.
    pub one_file_system: Option<bool>,
    /// Ours: whether directories with a `CACHEDIR.TAG` are left out.
    pub exclude_caches: Option<bool>,
    /// Its own exclusions.
    pub exclude: Exclusions,
}

/// Which values items may take from the section.
#[derive(Clone, Copy)]
struct Defaults {
    collect_mode: bool,
    archive_mode: bool,
    ignore_file: bool,
}

impl Collect {
    pub(super) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let collect_dir = section.read("collect_dir", value::absolute_path, findings).required(
            section,
            "collect_dir",
            findings,
        );
        let collect_mode = section.read("collect_mode", CollectMode::from_str, findings);
        let archive_mode = section.read("archive_mode", ArchiveMode::from_str, findings);
        let ignore_file = section.read("ignore_file", value::text, findings);
        let one_file_system = section.read("one_file_system", value::boolean, findings).value();
        let exclude_caches = section.read("exclude_caches", value::boolean, findings).value();
        let exclude = section
            .section("exclude")
            .map(|element| Exclusions { rel_paths: Vec::new(), ..Exclusions::read(element, findings) });
        let defaults = Defaults {
            collect_mode: !collect_mode.is_absent(),
            archive_mode: !archive_mode.is_absent(),
            ignore_file: !ignore_file.is_absent(),
        };
        let files =
            section.sections("file").filter_map(|file| CollectFile::read(file, defaults, findings)).collect();
        let dirs =
            section.sections("dir").filter_map(|dir| CollectDir::read(dir, defaults, findings)).collect();
        Some(Self {
            collect_dir: collect_dir?,
            collect_mode: collect_mode.value(),
            archive_mode: archive_mode.value(),
            ignore_file: ignore_file.optional(),
            exclude: exclude.unwrap_or_default(),
            one_file_system,
            exclude_caches,
            files,
            dirs,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.path("collect_dir", Some(&self.collect_dir));
        writer.scalar("collect_mode", self.collect_mode);
        writer.scalar("archive_mode", self.archive_mode);
        writer.scalar("ignore_file", self.ignore_file.as_ref());
        write_ours(self.one_file_system, self.exclude_caches, writer);
        self.exclude.write(writer);
        for file in &self.files {
            writer.section("file", |writer| file.write(writer));
        }
        for dir in &self.dirs {
            writer.section("dir", |writer| dir.write(writer));
        }
    }
}

impl Exclusions {
    fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        let pattern = |text: &str| value::check_pattern(text).map(|_| text.to_owned());
        Self {
            abs_paths: section.read_list("abs_path", value::absolute_path, findings),
            rel_paths: section.read_list("rel_path", value::text, findings),
            patterns: section.read_list("pattern", pattern, findings),
            globs: section.read_list("glob", value::text, findings),
        }
    }

    /// Whether nothing is excluded.
    pub fn is_empty(&self) -> bool {
        self.abs_paths.is_empty()
            && self.rel_paths.is_empty()
            && self.patterns.is_empty()
            && self.globs.is_empty()
    }

    fn write(&self, writer: &mut Writer) {
        if self.is_empty() {
            return;
        }
        writer.section("exclude", |writer| {
            for path in &self.abs_paths {
                writer.path("abs_path", Some(path));
            }
            let texts = [("rel_path", &self.rel_paths), ("pattern", &self.patterns), ("glob", &self.globs)];
            for (name, values) in texts {
                for value in values {
                    writer.scalar(name, Some(value));
                }
            }
        });
    }
}

impl CollectFile {
    fn read(section: Section<'_>, defaults: Defaults, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let abs_path = read_path(section, findings);
        let collect_mode = read_collect_mode(section, defaults, findings);
        let archive_mode = read_archive_mode(section, defaults, findings);
        Some(Self { abs_path: abs_path?, collect_mode, archive_mode })
    }

    fn write(&self, writer: &mut Writer) {
        writer.path("abs_path", Some(&self.abs_path));
        writer.scalar("collect_mode", self.collect_mode);
        writer.scalar("archive_mode", self.archive_mode);
    }
}

impl CollectDir {
    fn read(section: Section<'_>, defaults: Defaults, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let abs_path = read_path(section, findings);
        let collect_mode = read_collect_mode(section, defaults, findings);
        let archive_mode = read_archive_mode(section, defaults, findings);
        let ignore_file = section.read("ignore_file", value::text, findings);
        if ignore_file.is_absent() && !defaults.ignore_file {
            findings.push(lacks(section, "ignore_file"));
        }
        let link_depth = section.read("link_depth", value::non_negative, findings);
        let dereference = section.read("dereference", value::boolean, findings).optional();
        if let Some(Located { value: true, span }) = dereference
            && matches!(link_depth, Field::Absent | Field::Valid(Located { value: 0, .. }))
        {
            findings.push(Diagnostic::error(span, "`dereference` needs a `link_depth` of 1 or more"));
        }
        let recursion_level = section.read("recursion_level", value::integer, findings).value();
        let one_file_system = section.read("one_file_system", value::boolean, findings).value();
        let exclude_caches = section.read("exclude_caches", value::boolean, findings).value();
        let exclude = section.section("exclude").map(|element| Exclusions::read(element, findings));
        Some(Self {
            abs_path: abs_path?,
            collect_mode,
            archive_mode,
            ignore_file: ignore_file.optional(),
            link_depth: link_depth.value(),
            dereference: dereference.map(|dereference| dereference.value),
            recursion_level,
            one_file_system,
            exclude_caches,
            exclude: exclude.unwrap_or_default(),
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.path("abs_path", Some(&self.abs_path));
        writer.scalar("collect_mode", self.collect_mode);
        writer.scalar("archive_mode", self.archive_mode);
        writer.scalar("ignore_file", self.ignore_file.as_ref());
        writer.scalar("link_depth", self.link_depth);
        writer.boolean("dereference", self.dereference);
        writer.scalar("recursion_level", self.recursion_level);
        write_ours(self.one_file_system, self.exclude_caches, writer);
        self.exclude.write(writer);
    }
}

fn read_path(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Located<PathBuf>> {
    section.read("abs_path", value::absolute_path, findings).required(section, "abs_path", findings)
}

/// `mode` goes before `collect_mode`, which is not even looked at then.
fn read_collect_mode(
    section: Section<'_>,
    defaults: Defaults,
    findings: &mut Vec<Diagnostic>,
) -> Option<CollectMode> {
    let name = if section.scalar("mode").is_some() { "mode" } else { "collect_mode" };
    let mode = section.read(name, CollectMode::from_str, findings);
    if mode.is_absent() && !defaults.collect_mode {
        findings.push(lacks(section, "collect_mode"));
    }
    mode.value()
}

fn read_archive_mode(
    section: Section<'_>,
    defaults: Defaults,
    findings: &mut Vec<Diagnostic>,
) -> Option<ArchiveMode> {
    let mode = section.read("archive_mode", ArchiveMode::from_str, findings);
    if mode.is_absent() && !defaults.archive_mode {
        findings.push(lacks(section, "archive_mode"));
    }
    mode.value()
}

fn lacks(section: Section<'_>, name: &str) -> Diagnostic {
    section.missing(name).with_hint(format!("set `{name}` here, or in `collect` for all items"))
}

/// What the originals do not know is only written when it says something.
fn write_ours(one_file_system: Option<bool>, exclude_caches: Option<bool>, writer: &mut Writer) {
    for (name, value) in [("one_file_system", one_file_system), ("exclude_caches", exclude_caches)] {
        if value.is_some() {
            writer.boolean(name, value);
        }
    }
}
