//! From the names in archives and manifests to paths that cannot lead anywhere else.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The absolute path that a name stands for: leading slashes, empty names and `.` count for nothing.
///
/// # Errors
/// With the reason, when no file may have this name.
pub fn clean(name: &[u8]) -> Result<PathBuf, &'static str> {
    if name.contains(&0) {
        return Err("its name has a NUL byte");
    }
    let mut path = PathBuf::from("/");
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err("its name leads upwards (..)"),
            part => path.push(OsStr::from_bytes(part)),
        }
    }
    Ok(path)
}

/// The path below the target that an absolute path becomes; empty for the target itself.
pub fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// Whether a path is one of the wanted ones, below one, or a directory on the way to one. All are if none is named.
pub fn concerns(path: &Path, wanted: &[PathBuf]) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| path.starts_with(wanted) || wanted.starts_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_absolute_paths_or_are_refused() {
        assert_eq!(clean(b"etc/passwd"), Ok("/etc/passwd".into()));
        assert_eq!(clean(b"///etc//./x/"), Ok("/etc/x".into()));
        assert_eq!(clean(b"."), Ok("/".into()));
        assert_eq!(clean(b"etc/.../x"), Ok("/etc/.../x".into()));
        assert!(clean(b"../x").is_err());
        assert!(clean(b"a/../../x").is_err());
        assert!(clean(b"a\0b").is_err());
        assert_eq!(relative(Path::new("/etc/x")), Path::new("etc/x"));
        assert_eq!(relative(Path::new("/")), Path::new(""));
    }
}
