//! Values that mean the same in the sections of several extensions.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use redcedar_archive::Compression;
use redcedar_archive::naming::{self, Dialect};
use redcedar_config::{Diagnostic, Document, Section, value};

/// What is no compression mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoCompression;

impl fmt::Display for NoCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be `none`, `gzip`, `bzip2` or (ours) `zstd`")
    }
}

/// A `compress_mode`. The originals refuse `zstd`.
pub(crate) fn compression(text: &str) -> Result<Compression, NoCompression> {
    match text {
        "none" => Ok(Compression::None),
        "gzip" => Ok(Compression::Gzip),
        "bzip2" => Ok(Compression::Bzip2),
        "zstd" => Ok(Compression::Zstd),
        _ => Err(NoCompression),
    }
}

/// The section of an extension. That it is not there is an error.
pub(crate) fn required<'d>(
    document: &'d Document,
    name: &str,
    findings: &mut Vec<Diagnostic>,
) -> Option<Section<'d>> {
    let section = document.section(name);
    if section.is_none() {
        findings.push(document.root().missing(name));
    }
    section
}

/// How many minutes any program may take where nothing says how many: a day.
pub(crate) const TIME_LIMIT: u64 = 24 * 60;

/// The longest that programs run whose sections have no `time_limit`: one that hangs must not hold up every night to come.
pub(crate) const LONGEST: Duration = Duration::from_secs(60 * TIME_LIMIT);

/// The element `time_limit`: how many minutes a program may take before it is ended; 0 is for ever.
pub(crate) fn time_limit(
    section: Section<'_>,
    default: u64,
    findings: &mut Vec<Diagnostic>,
) -> Option<Duration> {
    let minutes = section.read("time_limit", value::non_negative, findings).value().unwrap_or(default);
    (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
}

/// Asks for safe names. Ours.
pub(crate) const SAFE_NAMES: &str = "safe_names";

/// How outputs and state files of what is at a path are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As by the originals: different paths can have one name, and some names have signs in them that mean something elsewhere.
    Original,
    /// Neither.
    Safe,
}

impl Naming {
    /// What a section asks for.
    pub(crate) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        let is_safe = section.read(SAFE_NAMES, value::boolean, findings).value().unwrap_or(false);
        if is_safe { Self::Safe } else { Self::Original }
    }

    /// The name for a path.
    pub(crate) fn name_of(self, path: &Path) -> OsString {
        match self {
            Self::Original => naming::normalise(path, Dialect::V3),
            Self::Safe => naming::distinct(path),
        }
    }
}

/// Warns about elements that are none of `known`: they are ignored.
pub(crate) fn warn_of_unknown(section: Section<'_>, known: &[&str], findings: &mut Vec<Diagnostic>) {
    for child in section.children().filter(|child| !known.contains(&child.name())) {
        let message = format!("`{}` has no element `{}`; it is ignored", section.name(), child.name());
        findings.push(
            Diagnostic::warning(child.name_span(), message).with_hint(format!("it has {}", known.join(", "))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_modes_are_words_without_blanks() {
        assert_eq!(compression("gzip"), Ok(Compression::Gzip));
        for wrong in ["", "GZIP", " gzip ", "xz"] {
            assert_eq!(compression(wrong), Err(NoCompression), "{wrong}");
        }
    }
}
