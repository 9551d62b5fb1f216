//! Globs, as a shell understands them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::pattern::PatternError;

/// Several globs, one of which has to match: `*`, `?` and `[…]` stop at a slash, `**` does not, `{a,b}` is either. A glob without
/// a slash is compared with the last component, one that begins with a slash with the full path, any other with the end of
/// the path, from the beginning of some component. `?` and `[…]` stand for bytes.
#[derive(Debug, Default)]
pub struct Globs {
    full: GlobSet,
    name: GlobSet,
}

impl Globs {
    /// Compiles them. A slash at the end does not count.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(globs: &[&str]) -> Result<Self, PatternError> {
        let (mut full, mut name) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for text in globs {
            let trimmed = text.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(text);
            if trimmed.starts_with('/') {
                full.add(glob(text, trimmed)?);
            } else if trimmed.contains('/') {
                full.add(glob(text, &format!("**/{trimmed}"))?);
            } else {
                name.add(glob(text, trimmed)?);
            }
        }
        let build =
            |set: &GlobSetBuilder| set.build().map_err(|error| PatternError::glob(&globs.join(" "), &error));
        Ok(Self { full: build(&full)?, name: build(&name)? })
    }

    /// Whether one of them matches a path.
    pub fn match_path(&self, path: &Path) -> bool {
        let name = || path.as_os_str().as_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        !self.full.is_empty() && self.full.is_match(path)
            || !self.name.is_empty() && self.name.is_match(OsStr::from_bytes(name()))
    }
}

fn glob(configured: &str, text: &str) -> Result<globset::Glob, PatternError> {
    let built = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    built.map_err(|error| PatternError::glob(configured, &error))
}
