//! Which names are meant.

use std::path::Path;

use redcedar_archive::select::{Globs, PatternError};

/// What `--include` and `--exclude` say. What is not meant is neither uploaded nor deleted.
#[derive(Debug, Default)]
pub struct Filter {
    /// If there are any, only what one of them matches.
    include: Option<Globs>,
    exclude: Option<Globs>,
}

impl Filter {
    /// Globs as [`Globs`] understands them; the first `/` of one that begins with it stands for the directory that is synchronised.
    /// What matches a directory matches everything in it.
    ///
    /// # Errors
    /// When a pattern is wrong.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternError> {
        Ok(Self { include: globs(include)?, exclude: globs(exclude)? })
    }

    /// Whether a file of this name is meant.
    pub(crate) fn takes(&self, name: &str) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        let path = Path::new("/").join(name);
        let matches = |globs: &Globs| path.ancestors().any(|above| globs.match_path(above));
        !self.exclude.as_ref().is_some_and(matches) && self.include.as_ref().is_none_or(matches)
    }

    /// Whether nothing in a directory of this name is meant.
    pub(crate) fn leaves_out_all_of(&self, directory: &str) -> bool {
        self.exclude.as_ref().is_some_and(|globs| globs.match_path(&Path::new("/").join(directory)))
    }
}

fn globs(patterns: &[String]) -> Result<Option<Globs>, PatternError> {
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    if patterns.is_empty() { Ok(None) } else { Globs::new(&patterns).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> Filter {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        Filter::new(&owned(include), &owned(exclude)).unwrap()
    }

    #[test]
    fn what_is_excluded_is_not_meant_with_all_that_is_in_it() {
        let filter = filter(&[], &["*.tmp", "cache", "/a/b*"]);
        for (name, taken) in [
            ("x.tmp", false),
            ("deep/x.tmp", false),
            ("cache/x", false),
            ("deep/cache/x", false),
            ("a/bc/d", false),
            ("z/a/bc", true),
            ("caches/x", true),
            ("x", true),
        ] {
            assert_eq!(filter.takes(name), taken, "{name}");
        }
        assert!(filter.leaves_out_all_of("deep/cache"));
        assert!(!filter.leaves_out_all_of("deep"));
    }

    #[test]
    fn where_something_is_included_nothing_else_is_meant() {
        let filter = filter(&["*.jpg", "/docs"], &["raw"]);
        for (name, taken) in
            [("x.jpg", true), ("a/x.jpg", true), ("docs/a", true), ("a/docs/b", false), ("raw/x.jpg", false)]
        {
            assert_eq!(filter.takes(name), taken, "{name}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        let error = Filter::new(&[], &["a[".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("a["), "{error}");
    }
}
