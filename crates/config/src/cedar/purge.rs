//! `purge`: what is deleted, and when.

use std::path::PathBuf;
use std::str::FromStr;

use crate::diagnostic::Diagnostic;
use crate::section::Section;
use crate::value::AnomalyMode;
use crate::xml::Writer;
use crate::{Located, value};

/// The `purge` section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Purge {
    /// What happens when what was staged last is unlike what was staged before. Ours.
    pub anomaly: Option<AnomalyMode>,
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
    /// Which staged days stay beyond that. Ours.
    pub keep: Keep,
}

/// How many staged days of each peer stay, however old they are. Ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The newest so many.
    pub last: Option<u64>,
    /// The newest of so many days.
    pub daily: Option<u64>,
    /// The newest of so many weeks.
    pub weekly: Option<u64>,
    /// The newest of so many months.
    pub monthly: Option<u64>,
    /// The newest of so many years.
    pub yearly: Option<u64>,
}

impl Purge {
    pub(super) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        Self {
            anomaly: section.read("anomaly", AnomalyMode::from_str, findings).value(),
            dirs: section.sections("dir").filter_map(|dir| PurgeDir::read(dir, findings)).collect(),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        if self.anomaly.is_some() {
            writer.scalar("anomaly", self.anomaly);
        }
        for dir in &self.dirs {
            writer.section("dir", |writer| {
                writer.path("abs_path", Some(&dir.abs_path));
                writer.scalar("retain_days", Some(dir.retain_days));
                dir.keep.write(writer);
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
        let keep = Keep::read(section, findings);
        Some(Self { abs_path: abs_path?, retain_days: retain_days?.value, keep })
    }
}

impl Keep {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        let mut number = |name| section.read(name, value::non_negative, findings).value();
        Self {
            last: number("keep_last"),
            daily: number("keep_daily"),
            weekly: number("keep_weekly"),
            monthly: number("keep_monthly"),
            yearly: number("keep_yearly"),
        }
    }

    /// What the originals do not know is only written when it says something.
    pub(super) fn write(self, writer: &mut Writer) {
        let numbers = [
            ("keep_last", self.last),
            ("keep_daily", self.daily),
            ("keep_weekly", self.weekly),
            ("keep_monthly", self.monthly),
            ("keep_yearly", self.yearly),
        ];
        for (name, value) in numbers.into_iter().filter(|(_, value)| value.is_some()) {
            writer.scalar(name, value);
        }
    }
}
