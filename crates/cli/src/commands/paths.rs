//! Paths as the user types them, and how to type us.

use std::io;
use std::path::{Component, Path, PathBuf};

use redcedar_system::{Environment, quote};

/// Makes a path absolute without asking the file system: it may be gone, that is why it is to be restored.
pub(crate) fn absolute(path: &Path) -> io::Result<PathBuf> {
    let mut clean = PathBuf::new();
    for component in std::path::absolute(path)?.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    Ok(clean)
}

/// Makes the path of something that is there absolute. Links stay as they are named, unless the path climbs out of one with
/// `..`.
pub(crate) fn existing(path: &Path) -> io::Result<PathBuf> {
    if path.components().any(|component| component == Component::ParentDir) {
        return fs_err::canonicalize(path);
    }
    std::path::absolute(path)
}

/// How a shell reaches this program: by its name if that is what `PATH` finds, else by its path.
pub(crate) fn program(environment: &Environment) -> String {
    const NAME: &str = "redcedar";
    let Ok(own) = std::env::current_exe() else { return NAME.to_owned() };
    let path = environment.get("PATH").unwrap_or_default();
    let found = std::env::split_paths(path).map(|directory| directory.join(NAME)).find(|file| file.exists());
    let is_own = found.and_then(|file| fs_err::canonicalize(file).ok()).is_some_and(|file| file == own);
    if is_own { NAME.to_owned() } else { quote::word(own.as_os_str()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_gone_is_made_absolute_by_its_text_alone() {
        assert_eq!(absolute(Path::new("/a/./b/../c//d/")).unwrap(), Path::new("/a/c/d"));
        assert_eq!(absolute(Path::new("/../a")).unwrap(), Path::new("/a"));
        assert!(absolute(Path::new("x")).unwrap().is_absolute());
    }
}
