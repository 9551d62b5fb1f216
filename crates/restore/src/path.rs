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

/// The same without its first `names`.
pub(crate) fn stripped(path: &Path, names: usize) -> &Path {
    let mut components = relative(path).components();
    components.by_ref().take(names).for_each(drop);
    components.as_path()
}

/// Whether a path is one of the wanted ones, below one, or a directory on the way to one. All are if none is named.
pub fn concerns(path: &Path, wanted: &[PathBuf]) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| is_on_the_way(path, wanted))
}

/// Whether one of two paths is below the other. Asked of every line of a manifest: the first byte in which they differ mostly
/// is enough to know.
fn is_on_the_way(a: &Path, b: &Path) -> bool {
    let (a_bytes, b_bytes) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    let differ = a_bytes.iter().zip(b_bytes).any(|(a, b)| a != b);
    let is_plain = |path: &[u8]| !path.windows(2).any(|two| two == b"//" || two == b"/.");
    if differ && is_plain(a_bytes) && is_plain(b_bytes) {
        return false;
    }
    a.starts_with(b) || b.starts_with(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_below_or_the_same_concerns() {
        let wanted = [PathBuf::from("/a/b"), PathBuf::from("/x/")];
        for path in ["/", "/a", "/a/b", "/a/b/c", "/a//b/c", "/a/./b", "//a/b", "/x", "/x/y"] {
            assert!(concerns(Path::new(path), &wanted), "{path}");
        }
        for path in ["/a/bc", "/a/c", "/b", "/a/.b", "/a/b.", "/xy"] {
            assert!(!concerns(Path::new(path), &wanted), "{path}");
        }
        assert!(concerns(Path::new("/y"), &[]));
    }

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
        let left = |names| stripped(Path::new("/home/anna/x"), names).to_str().unwrap();
        assert_eq!([left(0), left(2), left(3), left(9)], ["home/anna/x", "x", "", ""]);
    }
}
