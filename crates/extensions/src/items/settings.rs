//! The section: `repository` and `repository_dir` or the like, with modes of their own or those of the section.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use redcedar_archive::Compression;
use redcedar_archive::select::{Exclude, PatternError};
use redcedar_config::value::{self, CollectMode};
use redcedar_config::{Diagnostic, Document, Field, Located, Section};

use crate::section::{Naming, SAFE_NAMES, compression, required};

/// What the sections of different extensions do differently.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The name of the section.
    pub(crate) section: &'static str,
    /// What one is called.
    pub(crate) element: &'static str,
    /// What a directory with several is called, if there may be one.
    pub(crate) directory: Option<&'static str>,
    /// Whether outputs are compressed as the section says.
    pub(crate) is_compressed: bool,
    /// Whether there can be increments.
    pub(crate) is_incremental: bool,
}

/// A valid section.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What is backed up, in order.
    pub(crate) entries: Vec<Entry>,
    /// What it is called.
    pub(crate) naming: Naming,
}

/// One thing that is backed up by itself, or a directory of such.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where it is.
    pub(crate) path: Located<PathBuf>,
    /// When it is backed up, and how much of it.
    pub(crate) mode: CollectMode,
    /// How its output is compressed.
    pub(crate) compression: Compression,
    /// For a directory: which ones are left out.
    pub(crate) exclude: Option<Exclude>,
}

/// What entries may take from the section.
#[derive(Debug, Clone, Copy)]
struct Defaults {
    mode: Option<CollectMode>,
    compression: Option<Compression>,
    /// Whether the section says them at all, however wrongly.
    has_mode: bool,
    has_compression: bool,
}

impl Settings {
    /// Reads the section. Without an error among the findings there are settings.
    pub(crate) fn read(document: &Document, rules: &Rules, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let section = required(document, rules.section, findings)?;
        let mode = read_mode(section, rules, findings);
        let compression = read_compression(section, rules, findings);
        let defaults = Defaults {
            has_mode: !mode.is_absent(),
            has_compression: !rules.is_compressed || !compression.is_absent(),
            mode: mode.value(),
            compression: if rules.is_compressed { compression.value() } else { Some(Compression::None) },
        };
        let single = section.sections(rules.element).map(|element| (element, false));
        let dirs = rules
            .directory
            .into_iter()
            .flat_map(|name| section.sections(name))
            .map(|element| (element, true));
        let elements: Vec<_> = single.chain(dirs).collect();
        if elements.is_empty() {
            let names = rules
                .directory
                .map_or_else(|| rules.element.to_owned(), |dir| format!("{}` or `{dir}", rules.element));
            findings.push(section.missing(&names));
        }
        let read: Vec<_> = elements
            .iter()
            .map(|(element, is_dir)| Entry::read(*element, *is_dir, rules, defaults, findings))
            .collect();
        let entries = read.into_iter().flatten().collect();
        let settings = Self { entries, naming: Naming::read(section, findings) };
        settings.report_collisions(findings);
        Some(settings)
    }

    /// Different paths can lead to one name; then only the first is backed up.
    fn report_collisions(&self, findings: &mut Vec<Diagnostic>) {
        let mut names: HashMap<OsString, &Path> = HashMap::new();
        for Entry { path, .. } in self.entries.iter().filter(|entry| entry.exclude.is_none()) {
            let Some(other) = names.insert(self.naming.name_of(path), path) else { continue };
            findings.push(if other == path.as_path() {
                Diagnostic::warning(path.span, format!("`{}` is there twice", path.display()))
                    .with_hint("it is backed up once, as it is configured first")
            } else {
                let (path_shown, other) = (path.display(), other.display());
                let message = format!("the backup of `{path_shown}` gets the same name as that of `{other}`");
                let hint = format!(
                    "only the first of the two is backed up; `<{SAFE_NAMES}>Y</{SAFE_NAMES}>` gives each a name of its own"
                );
                Diagnostic::warning(path.span, message).with_hint(hint)
            });
        }
    }
}

impl Entry {
    fn read(
        section: Section<'_>,
        is_dir: bool,
        rules: &Rules,
        defaults: Defaults,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let path =
            section.read("abs_path", value::absolute_path, findings).required(section, "abs_path", findings);
        let own_mode = read_mode(section, rules, findings);
        if own_mode.is_absent() && !defaults.has_mode {
            findings.push(lacks(section, "collect_mode", rules));
        }
        let own_compression = read_compression(section, rules, findings);
        if own_compression.is_absent() && !defaults.has_compression {
            findings.push(lacks(section, "compress_mode", rules));
        }
        let path = path?;
        let exclude = if is_dir { Some(read_exclude(section, &path, findings)?) } else { None };
        Some(Self {
            mode: own_mode.value().or(defaults.mode)?,
            compression: own_compression.value().or(defaults.compression)?,
            path,
            exclude,
        })
    }
}

/// A collect mode of this kind of section.
struct NoMode(&'static str);

impl fmt::Display for NoMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn read_mode(section: Section<'_>, rules: &Rules, findings: &mut Vec<Diagnostic>) -> Field<CollectMode> {
    if rules.is_incremental {
        return section.read("collect_mode", CollectMode::from_str, findings);
    }
    let parse = |text: &str| match CollectMode::from_str(text) {
        Ok(mode) if mode != CollectMode::Incremental => Ok(mode),
        _ => Err(NoMode("must be `daily` or `weekly`")),
    };
    section.read("collect_mode", parse, findings)
}

fn read_compression(
    section: Section<'_>,
    rules: &Rules,
    findings: &mut Vec<Diagnostic>,
) -> Field<Compression> {
    if rules.is_compressed {
        return section.read("compress_mode", compression, findings);
    }
    if let Some(text) = section.scalar("compress_mode") {
        let message = "`compress_mode` means nothing here: what is stored is compressed already";
        findings.push(Diagnostic::warning(text.span, message));
    }
    Field::Absent
}

fn read_exclude(section: Section<'_>, dir: &Path, findings: &mut Vec<Diagnostic>) -> Option<Exclude> {
    let Some(exclude) = section.section("exclude") else { return Some(Exclude::default()) };
    let pattern = |text: &str| value::check_pattern(text).map(|_| text.to_owned());
    let paths = exclude.read_list("rel_path", value::text, findings);
    let patterns = exclude.read_list("pattern", pattern, findings);
    let paths = paths.iter().map(|path| dir.join(path.as_str())).collect();
    let patterns: Vec<_> = patterns.iter().map(|pattern| pattern.as_str()).collect();
    let compiled: Result<_, PatternError> = Exclude::new(paths, &patterns, &[]);
    match compiled {
        Ok(exclude) => Some(exclude),
        Err(error) => {
            findings.push(Diagnostic::error(exclude.name_span(), error.to_string()));
            None
        }
    }
}

fn lacks(section: Section<'_>, name: &str, rules: &Rules) -> Diagnostic {
    section.missing(name).with_hint(format!("set `{name}` here, or in `{}` for all", rules.section))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_config::{Severity, Source};

    const RULES: Rules = Rules {
        section: "subversion",
        element: "repository",
        directory: Some("repository_dir"),
        is_compressed: true,
        is_incremental: true,
    };

    fn read(text: &str, rules: &Rules) -> (Option<Settings>, Vec<(Severity, String)>) {
        let text = format!("<cb_config>{text}</cb_config>");
        let document = Document::parse(Source::new("cback3.conf", &text)).unwrap();
        let mut findings = Vec::new();
        let settings = Settings::read(&document, rules, &mut findings);
        (settings, findings.into_iter().map(|finding| (finding.severity, finding.message)).collect())
    }

    #[test]
    fn entries_have_their_own_modes_or_those_of_the_section_and_directories_come_last() {
        let (settings, findings) = read(
            "<subversion><collect_mode>incr</collect_mode><compress_mode>bzip2</compress_mode>
            <repository_dir><abs_path>/srv/svn</abs_path><collect_mode>daily</collect_mode>
              <exclude><rel_path>old</rel_path><pattern>.*/tmp</pattern></exclude></repository_dir>
            <repository><type>FSFS</type><abs_path>/srv/a</abs_path><compress_mode>none</compress_mode></repository>
            </subversion>",
            &RULES,
        );
        assert_eq!(findings, []);
        let [single, dir] = &settings.unwrap().entries[..] else { panic!("two entries") };
        assert_eq!((single.path.as_path(), single.mode), (Path::new("/srv/a"), CollectMode::Incremental));
        assert_eq!((single.compression, dir.compression), (Compression::None, Compression::Bzip2));
        assert_eq!((dir.path.as_path(), dir.mode), (Path::new("/srv/svn"), CollectMode::Daily));
        let exclude = dir.exclude.as_ref().unwrap();
        assert!(exclude.excludes(Path::new("/srv/svn/old")) && exclude.excludes(Path::new("/srv/svn/tmp")));
        assert!(!exclude.excludes(Path::new("/srv/svn/older")));
    }

    #[test]
    fn everything_that_the_original_refuses_is_refused_before_the_run() {
        let modes = "<collect_mode>daily</collect_mode><compress_mode>gzip</compress_mode>";
        for (text, expected) in [
            (String::new(), "`cb_config` lacks `subversion`"),
            (format!("<subversion>{modes}</subversion>"), "`subversion` lacks `repository` or `repository_dir`"),
            (format!("<subversion>{modes}<repository/></subversion>"), "`repository` lacks `abs_path`"),
            (
                "<subversion><repository><abs_path>/a</abs_path><compress_mode>gzip</compress_mode></repository></subversion>".into(),
                "`repository` lacks `collect_mode`",
            ),
            (
                "<subversion><repository><abs_path>/a</abs_path><collect_mode>incr</collect_mode></repository></subversion>".into(),
                "`repository` lacks `compress_mode`",
            ),
            (
                format!("<subversion>{modes}<repository_dir><abs_path>/a</abs_path><exclude><pattern>*</pattern></exclude></repository_dir></subversion>"),
                "`pattern`",
            ),
            (
                format!("<subversion>{modes}<repository><abs_path>/a</abs_path><collect_mode>often</collect_mode></repository></subversion>"),
                "`collect_mode`",
            ),
            (
                "<subversion><compress_mode> gzip </compress_mode></subversion>".into(),
                "`compress_mode` must be",
            ),
        ] {
            let (_, findings) = read(&text, &RULES);
            let told = |(severity, message): &(Severity, String)| *severity == Severity::Error && message.starts_with(expected);
            assert!(findings.iter().any(told), "{expected}: {findings:?}");
        }
    }

    #[test]
    fn names_that_collide_are_told() {
        let (settings, findings) = read(
            "<subversion><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>
            <repository><abs_path>/opt/svn/a</abs_path></repository>
            <repository><abs_path>/opt/svn-a</abs_path></repository></subversion>",
            &RULES,
        );
        assert_eq!(settings.unwrap().entries.len(), 2);
        assert_eq!(
            findings,
            [(
                Severity::Warning,
                "the backup of `/opt/svn-a` gets the same name as that of `/opt/svn/a`".into()
            )]
        );
    }

    #[test]
    fn with_safe_names_nothing_collides_and_what_is_there_twice_is_told() {
        let section = |path: &str, safe: &str| {
            format!(
                "<subversion><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>{safe}
                <repository><abs_path>/opt/svn/a</abs_path></repository>
                <repository><abs_path>{path}</abs_path></repository></subversion>"
            )
        };
        let safe = "<safe_names>Y</safe_names>";
        let (settings, findings) = read(&section("/opt/svn-a", safe), &RULES);
        assert_eq!(findings, []);
        let settings = settings.unwrap();
        let names = settings.entries.iter().map(|entry| settings.naming.name_of(&entry.path));
        assert_eq!(names.collect::<Vec<_>>(), ["opt-svn-a", "opt-svn%2Da"]);
        let (_, findings) = read(&section("/opt/svn/a", safe), &RULES);
        assert_eq!(findings, [(Severity::Warning, "`/opt/svn/a` is there twice".into())]);
        let (_, findings) = read(&section("/opt/svn/b", "<safe_names>yes</safe_names>"), &RULES);
        assert_eq!(findings, [(Severity::Error, "`safe_names` must be `Y` or `N`".into())]);
    }

    #[test]
    fn what_is_compressed_already_needs_no_compression_mode_and_what_is_always_whole_no_increments() {
        let rules = Rules { section: "git", is_compressed: false, ..RULES };
        let entry = "<repository><abs_path>/a</abs_path></repository>";
        let (settings, findings) =
            read(&format!("<git><collect_mode>incr</collect_mode>{entry}</git>"), &rules);
        assert_eq!((settings.unwrap().entries[0].compression, findings.len()), (Compression::None, 0));
        let (_, findings) = read(
            &format!(
                "<git><collect_mode>incr</collect_mode><compress_mode>gzip</compress_mode>{entry}</git>"
            ),
            &rules,
        );
        assert!(findings[0].1.starts_with("`compress_mode` means nothing here"), "{findings:?}");
        let rules = Rules { is_incremental: false, ..rules };
        let (_, findings) = read(&format!("<git><collect_mode>incr</collect_mode>{entry}</git>"), &rules);
        assert_eq!(findings, [(Severity::Error, "`collect_mode` must be `daily` or `weekly`".into())]);
    }
}
