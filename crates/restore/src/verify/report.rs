//! What came of proving.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// What was proven, and what was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// Files read.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Members of archives read to their ends.
    pub members: u64,
    /// Members whose content is what the manifest says.
    pub proven: u64,
    /// Archives without manifests: only their structure could be checked.
    pub unproven: u64,
    /// Encrypted files without a key for them here: only that they are what was stored could be checked.
    pub locked: u64,
    /// How old the proofs are of all that could have been looked at.
    pub ages: Ages,
    /// Everything that is not as it should be.
    pub findings: Vec<Finding>,
    /// What is wrong with what the files lie on. Looked for only when everything is verified.
    pub places: Vec<PlaceFinding>,
}

impl VerifyReport {
    /// Whether there is anything that cannot be brought back, or not as it was.
    pub fn is_damaged(&self) -> bool {
        !self.places.is_empty() || self.findings.iter().any(|finding| finding.severity == Severity::Damage)
    }
}

/// Something wrong with what files lie on: a disc, say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceFinding {
    /// A file that is hit, or the place.
    pub path: String,
    /// What it is.
    pub message: String,
}

/// How old proofs are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ages {
    /// How many archives and other files there are, each with what belongs to it.
    pub total: u64,
    /// How many of them were never proven, or changed since, or are damaged.
    pub never: u64,
    /// When the one was proven that was proven longest ago.
    pub oldest: Option<Timestamp>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The day.
    pub date: Date,
    /// The machine.
    pub peer: String,
    /// The file it is about.
    pub file: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub message: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something cannot be brought back, or not as it was.
    Damage,
    /// Nothing that was stored is lost by it: a file that could not be read when it was to be stored, or changed meanwhile; less
    /// proof than there was.
    Known,
}
