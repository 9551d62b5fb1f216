//! `purge`: what is deleted, and when.

use std::path::PathBuf;

use crate::diagnostic::Diagnostic;
use crate::section::Section;
use crate::xml::Writer;
use crate::{Located, value};

/// The `purge` section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Purge {
    /// Directories to purge.
    pub dirs: Vec<PurgeDir>,
}

/// A `dir` element.
#[derive(Debug, Clone, PartialEq)]
pub struct PurgeDir {
    /// The directory.
    pub abs_path: Located<PathBuf>,
    /// Files this many full days old go.
    pub retain_days: u64,
}

impl Purge {
    pub(super) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        Self { dirs: section.sections("dir").filter_map(|dir| PurgeDir::read(dir, findings)).collect() }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for dir in &self.dirs {
            writer.section("dir", |writer| {
                writer.path("abs_path", Some(&dir.abs_path));
                writer.scalar("retain_days", Some(dir.retain_days));
            });
        }
    }
}

impl PurgeDir {
    fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let abs_path =
            section.read("abs_path", value::absolute_path, findings).required(section, "abs_path", findings);
        let retain_days = section.read("retain_days", value::non_negative, findings).required(
            section,
            "retain_days",
            findings,
        );
        Some(Self { abs_path: abs_path?, retain_days: retain_days?.value })
    }
}
