//! The elements that the sections of all database servers have.

use std::time::Duration;

use redcedar_archive::Compression;
use redcedar_config::{Diagnostic, Field, Located, Section, value};

use crate::section::{self, TIME_LIMIT, compression};

/// Their names.
pub(crate) const ELEMENTS: [&str; 5] = ["user", "compress_mode", "all", "database", "time_limit"];

/// Which databases are dumped, as whom, and how the dumps are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Databases {
    /// Whom the server knows us as.
    pub(crate) user: Option<String>,
    /// How dumps are compressed.
    pub(crate) compression: Compression,
    /// Which databases.
    pub(crate) wanted: Wanted,
    /// How long each dump may take. Ours.
    pub(crate) time_limit: Option<Duration>,
}

/// Which databases are dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All, into one file.
    All,
    /// These, into one file each.
    Named(Vec<String>),
}

impl Databases {
    pub(crate) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let user = section.read("user", value::text, findings).value();
        let compression =
            section.read("compress_mode", compression, findings).required(section, "compress_mode", findings);
        let all = section.read("all", value::boolean, findings);
        let names = section.read_list("database", value::text, findings);
        let time_limit = section::time_limit(section, TIME_LIMIT, findings);
        let wanted = match (all, names) {
            // It was complained about.
            (Field::Invalid, _) => return None,
            (Field::Valid(all), names) if all.value => {
                findings.extend(names.first().map(needless));
                Wanted::All
            }
            (_, names) if names.is_empty() => {
                findings.push(nothing(section));
                return None;
            }
            (_, names) => Wanted::Named(each_once(names, findings)),
        };
        Some(Self { user, compression: compression?.value, wanted, time_limit })
    }
}

fn nothing(section: Section<'_>) -> Diagnostic {
    Diagnostic::error(section.name_span(), format!("`{}` has nothing to dump", section.name()))
        .with_hint("name each `database`, or say `<all>Y</all>`")
}

fn needless(name: &Located<String>) -> Diagnostic {
    Diagnostic::error(name.span, "`database` cannot be given together with `<all>Y</all>`")
}

fn each_once(names: Vec<Located<String>>, findings: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut once: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if once.contains(&name.value) {
            let message = format!("database `{}` is there twice; it is dumped once", name.value);
            findings.push(Diagnostic::warning(name.span, message));
        } else {
            once.push(name.value);
        }
    }
    once
}
