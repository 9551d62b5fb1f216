//! From a file to a configuration.

use std::path::{Path, PathBuf};

use super::peers::Inherited;
use super::{Collect, Config, Extensions, Options, PeerList, Purge, Reference, Stage, Store, warnings};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::section::Section;
use crate::xml::Document;
use crate::{Source, Span};

/// A configuration, what is doubtful about it, and the file it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The checked values.
    pub config: Config,
    /// What its author should look at again.
    pub warnings: Diagnostics,
    /// The file, for the sections of extensions and for writing an edited configuration.
    pub document: Document,
}

/// Why a file gives no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read the configuration: {0}")]
    Unreadable(#[source] std::io::Error),
    /// It can be read, and is wrong.
    #[error("{} is not a valid configuration:\n{diagnostics}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All that is wrong and doubtful.
        diagnostics: Diagnostics,
    },
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// When it cannot be read, and when the originals would refuse it; all reasons are reported together.
    pub fn load(path: &Path) -> Result<Loaded, LoadError> {
        let bytes = fs_err::read(path).map_err(LoadError::Unreadable)?;
        let invalid = |diagnostics| LoadError::Invalid { path: path.to_owned(), diagnostics };
        let source = Source::decode(path, &bytes).map_err(invalid)?;
        let mut loaded = Self::parse(source).map_err(invalid)?;
        let metadata = fs_err::metadata(path).map_err(LoadError::Unreadable)?;
        if let Some(finding) = warnings::permissions(&metadata, &loaded.document) {
            let findings = loaded.warnings.iter().cloned().chain([finding]).collect();
            loaded.warnings = loaded.document.diagnostics(findings);
        }
        Ok(loaded)
    }

    /// Checks a configuration that is in memory.
    ///
    /// # Errors
    /// As [`Config::load`]. The diagnostics hold warnings too, of those that can be found in a file that is wrong.
    pub fn parse(source: Source) -> Result<Loaded, Diagnostics> {
        let document = Document::parse(source)?;
        let mut findings = warnings::structure(&document);
        let config = read(&document, &mut findings);
        let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
        match config {
            Some(config) if !has_errors => {
                findings.extend(warnings::meaning(&config));
                let warnings = document.diagnostics(findings);
                Ok(Loaded { config, warnings, document })
            }
            _ => {
                let is_error = |finding: &Diagnostic| finding.severity == Severity::Error;
                let wrong: Vec<Span> =
                    findings.iter().filter(|finding| is_error(finding)).map(|finding| finding.span).collect();
                // What is wrong need not be doubtful as well.
                findings.retain(|finding| is_error(finding) || !wrong.contains(&finding.span));
                Err(document.diagnostics(findings))
            }
        }
    }
}

impl Document {
    /// Sections that look like those of extensions: none of Cedar Backup's own, nor one of them misspelt.
    pub fn foreign_sections(&self) -> impl Iterator<Item = Section<'_>> {
        warnings::foreign_sections(self)
    }
}

fn read(document: &Document, findings: &mut Vec<Diagnostic>) -> Option<Config> {
    let root = document.root();
    let Some(root) = document.configuration() else {
        let message = format!("the root element must be `cb_config`, not `{}`", root.name());
        findings.push(Diagnostic::error(root.name_span(), message));
        return None;
    };
    let reference = root.section("reference").map(Reference::read);
    let extensions = root.section("extensions").map(|section| Extensions::read(section, findings));
    let options_section = root.section("options");
    if options_section.is_none() {
        findings.push(root.missing("options"));
    }
    let options = options_section.and_then(|section| Options::read(section, findings));
    let inherited = options_section.map(Inherited::from_options).unwrap_or_default();
    let peers = root.section("peers").map(|section| read_peers(section, inherited, findings));
    let collect = root.section("collect").map(|section| Collect::read(section, findings));
    let stage = root.section("stage").map(|section| {
        if root.section("peers").is_none() && !PeerList::is_in(section) {
            let message = "`stage` has nothing to stage: there is no `peers` section and no peer here";
            findings.push(Diagnostic::error(section.name_span(), message));
        }
        Stage::read(section, inherited, findings)
    });
    let store = root.section("store").map(|section| Store::read(section, findings));
    let purge = root.section("purge").map(|section| Purge::read(section, findings));
    if collect.is_none() && stage.is_none() && store.is_none() && purge.is_none() {
        let message = "there must be a `collect`, `stage`, `store` or `purge` section";
        findings.push(Diagnostic::error(root.name_span(), message));
    }
    Some(Config {
        reference,
        extensions,
        options: options?,
        peers,
        collect: complete(collect)?,
        stage: complete(stage)?,
        store: complete(store)?,
        purge,
    })
}

/// A section that is there must be complete.
#[expect(clippy::option_option, reason = "outer: is there one; inner: could it be read")]
fn complete<T>(section: Option<Option<T>>) -> Option<Option<T>> {
    match section {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn read_peers(section: Section<'_>, inherited: Inherited, findings: &mut Vec<Diagnostic>) -> PeerList {
    if !PeerList::is_in(section) {
        let message = "`peers` has no peer of type `local` or `remote`";
        findings.push(Diagnostic::error(section.name_span(), message));
    }
    PeerList::read(section, inherited, findings)
}
