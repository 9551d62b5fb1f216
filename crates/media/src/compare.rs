//! Comparing trees of files byte for byte.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use redcedar_system::fs::Directory;
use redcedar_system::{Interrupt, escape};
use rustix::fs::FileType;

const BUFFER: usize = 1 << 20;

/// How `copy` differs from `source`: files that only one of them has, and files whose content is not the same. If `source` is
/// a file, it is compared with the file of its name in `copy`. Links are not followed, and only regular files count: what
/// else there is, is no backup.
pub(crate) fn differences(copy: &Path, source: &Path, interrupt: &Interrupt) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    if fs_err::symlink_metadata(source)?.is_dir() {
        if !copy.is_dir() {
            return Ok(vec![format!("{} is missing", shown(source))]);
        }
        let (mut copies, sources) = (files(copy)?, files(source)?);
        for (path, in_source) in sources {
            match copies.remove(&path) {
                Some(in_copy) if !is_equal(&in_copy, &in_source, interrupt)? => {
                    found.push(format!("{} is not the same", shown(&source.join(&path))));
                }
                Some(_) => {}
                None => found.push(format!("{} is missing", shown(&source.join(&path)))),
            }
        }
        let more = copies.keys().map(|path| format!("{} should not be there", shown(&source.join(path))));
        found.extend(more);
    } else {
        let in_source = Place::of(source)?;
        let in_copy = Place { directory: Directory::open(copy)?.into(), name: in_source.name.clone() };
        if in_copy.directory.status(&in_copy.name)?.is_none() {
            found.push(format!("{} is missing", shown(source)));
        } else if !is_equal(&in_copy, &in_source, interrupt)? {
            found.push(format!("{} is not the same", shown(source)));
        }
    }
    Ok(found)
}

fn shown(path: &Path) -> String {
    escape::display(path).to_string()
}

/// A file, by the directory it is in.
struct Place {
    directory: std::rc::Rc<Directory>,
    name: OsString,
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().unwrap_or(OsStr::new(".")).to_owned();
        Ok(Self { directory: Directory::open(parent)?.into(), name })
    }
}

/// The regular files below a directory, by their paths in it.
fn files(root: &Path) -> io::Result<BTreeMap<PathBuf, Place>> {
    let mut found = BTreeMap::new();
    let mut left = vec![(PathBuf::new(), std::rc::Rc::new(Directory::open(root)?))];
    while let Some((path, directory)) = left.pop() {
        for name in directory.names()? {
            let Some(stat) = directory.status(&name)? else { continue };
            let below = path.join(&name);
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => left.push((below, directory.open_directory(&name)?.into())),
                FileType::RegularFile => {
                    found.insert(below, Place { directory: std::rc::Rc::clone(&directory), name });
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

fn is_equal(a: &Place, b: &Place, interrupt: &Interrupt) -> io::Result<bool> {
    let (mut a, mut b) = (a.directory.open_file(&a.name)?, b.directory.open_file(&b.name)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut of_a, mut of_b) = (Vec::with_capacity(BUFFER), Vec::with_capacity(BUFFER));
    loop {
        interrupt.check().map_err(io::Error::other)?;
        of_a.clear();
        of_b.clear();
        (&mut a).take(BUFFER as u64).read_to_end(&mut of_a)?;
        (&mut b).take(BUFFER as u64).read_to_end(&mut of_b)?;
        if of_a != of_b {
            return Ok(false);
        }
        if of_a.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_additional_and_changed_files_are_named() {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in [
            ("source/same", "x"),
            ("source/deep/changed", "abc"),
            ("source/missing", "x"),
            ("copy/same", "x"),
            ("copy/deep/changed", "abd"),
            ("copy/more", "x"),
        ] {
            let path = root.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        std::os::unix::fs::symlink("same", root.path().join("source/link")).unwrap();
        let compare = |copy: &str, source: &str| {
            let (copy, source) = (root.path().join(copy), root.path().join(source));
            let found = differences(&copy, &source, &Interrupt::new()).unwrap();
            let prefix = format!("{}/source/", root.path().display());
            found.into_iter().map(|line| line.replace(&prefix, "")).collect::<Vec<_>>()
        };
        let expected = ["deep/changed is not the same", "missing is missing", "more should not be there"];
        assert_eq!(compare("copy", "source"), expected);
        assert_eq!(compare("source", "source"), [""; 0]);
        assert_eq!(compare("copy", "source/same"), [""; 0]);
        assert_eq!(compare("copy/deep", "source/deep/changed"), ["deep/changed is not the same"]);
        assert_eq!(compare("copy", "source/missing"), ["missing is missing"]);
        assert_eq!(compare("nosuch", "source/deep").len(), 1);
    }
}
