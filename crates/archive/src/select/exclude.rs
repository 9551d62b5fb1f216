//! What a configuration leaves out: paths, patterns and globs.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::globs::Globs;
use super::pattern::{self, Pattern, PatternError};

/// Decides about a path by its text alone. Any hit excludes.
#[derive(Debug, Default)]
pub struct Exclude {
    paths: HashSet<Vec<u8>>,
    patterns: Vec<Pattern>,
    globs: Globs,
}

impl Exclude {
    /// Excludes
    ///
    /// - each of `paths`, compared as text; a slash at the end does not count;
    /// - what one of `patterns` matches ([`Pattern`]) as a full path;
    /// - what one of `globs` matches ([`Globs`]).
    ///
    /// # Errors
    /// When a pattern or a glob cannot be compiled.
    pub fn new(paths: Vec<PathBuf>, patterns: &[&str], globs: &[&str]) -> Result<Self, PatternError> {
        Ok(Self {
            paths: paths
                .into_iter()
                .map(|path| without_trailing_slash(path.as_os_str().as_bytes()).to_vec())
                .collect(),
            patterns: patterns.iter().map(|text| Pattern::compile(text)).collect::<Result<_, _>>()?,
            globs: Globs::new(globs)?,
        })
    }

    /// Whether a path is left out. A pattern that gives no answer leaves nothing out.
    pub fn excludes(&self, path: &Path) -> bool {
        self.test(path).unwrap_or(false)
    }

    /// Whether a path is left out.
    ///
    /// # Errors
    /// When nothing else excludes the path and a pattern gave no answer.
    pub fn test(&self, path: &Path) -> Result<bool, PatternError> {
        let bytes = path.as_os_str().as_bytes();
        if !self.paths.is_empty() && self.paths.contains(bytes) {
            return Ok(true);
        }
        if self.globs.match_path(path) {
            return Ok(true);
        }
        if self.patterns.is_empty() {
            return Ok(false);
        }
        let text = pattern::decode(bytes);
        let mut undecided = None;
        for pattern in &self.patterns {
            match pattern.matches_text(&text) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => undecided = Some(error),
            }
        }
        undecided.map_or(Ok(false), Err)
    }
}

fn without_trailing_slash(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").filter(|rest| !rest.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn excludes(exclude: &Exclude, path: &[u8]) -> bool {
        exclude.excludes(Path::new(OsStr::from_bytes(path)))
    }

    #[test]
    fn a_path_is_compared_as_text_except_for_a_slash_at_its_end() {
        let exclude =
            Exclude::new(["/a/b/", "/c", "//d", "/"].map(PathBuf::from).to_vec(), &[], &[]).unwrap();
        for path in ["/a/b", "/c", "//d", "/"] {
            assert!(excludes(&exclude, path.as_bytes()), "{path}");
        }
        for path in ["/a/b/x", "/a", "/d", "/c/", "/C"] {
            assert!(!excludes(&exclude, path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_glob_without_a_slash_is_compared_with_the_last_component() {
        let exclude = Exclude::new(vec![], &[], &["*.o", "cache/", "\\[x]", "a?c"]).unwrap();
        for path in [
            b"/x/a.o".as_slice(),
            b"/x/\xff.o",
            b"/x/\xff\n.o",
            b"/x/.o",
            b"/cache",
            b"/x/[x]",
            b"/abc",
            b"/a\xffc",
        ] {
            assert!(excludes(&exclude, path), "{}", path.escape_ascii());
        }
        for path in [b"/x.o/y".as_slice(), b"/a.O", b"/cache2", b"/a/c"] {
            assert!(!excludes(&exclude, path), "{}", path.escape_ascii());
        }
    }

    #[test]
    fn a_glob_with_slashes_is_compared_with_the_path_and_a_star_stops_at_a_slash() {
        let exclude = Exclude::new(vec![], &[], &["/home/*/tmp", "/srv/**/x", "var/{a,b}/*"]).unwrap();
        for path in ["/home/u/tmp", "/srv/x", "/srv/1/2/x", "/var/a/1", "/deep/var/b/1"] {
            assert!(excludes(&exclude, path.as_bytes()), "{path}");
        }
        for path in [
            "/home/u/v/tmp",
            "/home/tmp",
            "/x/home/u/tmp",
            "/srv/1/x/2",
            "/var/c/1",
            "/myvar/a/1",
            "/var/a/1/2",
        ] {
            assert!(!excludes(&exclude, path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn patterns_are_tested_against_the_whole_path() {
        let exclude = Exclude::new(vec![], &["tmp", r".*\.bak", r"/a/(?!keep).*"], &[]).unwrap();
        for path in [b"/x/y.bak".as_slice(), b"/x/\xff.bak", b"/x/y.bak\n", b"/a/drop"] {
            assert!(excludes(&exclude, path), "{}", path.escape_ascii());
        }
        for path in [b"/tmp".as_slice(), b"/x/y.bak2", b"/a/keep/x", b"/x/\n.bak"] {
            assert!(!excludes(&exclude, path), "{}", path.escape_ascii());
        }
    }

    #[test]
    fn what_cannot_be_compiled_is_refused() {
        assert!(Exclude::new(vec![], &["a("], &[]).is_err());
        assert!(Exclude::new(vec![], &[], &["a[b"]).is_err());
    }

    #[test]
    fn a_pattern_that_gives_up_leaves_nothing_out_and_says_so() {
        let exclude = Exclude::new(vec![], &[r"(x+x+)+(?!z)y", r".*w"], &[]).unwrap();
        let hopeless = "x".repeat(60);
        assert!(exclude.test(Path::new(&hopeless)).is_err());
        assert!(!exclude.excludes(Path::new(&hopeless)));
        assert!(exclude.test(Path::new(&format!("{hopeless}w"))).unwrap());
    }
}
