//! From a collected path to the name of its archive (`cedar-collect.md` §5).

use std::ffi::OsString;
use std::path::Path;

/// Which original's rules name outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// Cedar Backup 3 and Redcedar.
    #[default]
    V3,
    /// Cedar Backup 2: the root is `-`, colons stay, only ASCII white space becomes `_`.
    V2,
}

/// The normalised name of a path, without `.tar` and what follows.
pub fn normalise(path: &Path, dialect: Dialect) -> OsString {
    let _ = (path, dialect);
    OsString::new()
}
