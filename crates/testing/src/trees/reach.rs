//! Where following links leads.

use std::collections::HashSet;
use std::io;
use std::path::Path;

/// Whether a link at `directory` to `target` would let a walk that follows links come back to `directory`.
pub(super) fn would_loop(directory: &Path, target: &Path) -> io::Result<bool> {
    let goal = fs_err::canonicalize(directory)?;
    let mut seen = HashSet::new();
    let mut open = vec![directory.join(target)];
    while let Some(path) = open.pop() {
        // What leads nowhere leads nowhere.
        let Ok(path) = fs_err::canonicalize(path) else { continue };
        if path == goal {
            return Ok(true);
        }
        if path.is_dir() && seen.insert(path.clone()) {
            for entry in fs_err::read_dir(path)? {
                open.push(entry?.path());
            }
        }
    }
    Ok(false)
}
