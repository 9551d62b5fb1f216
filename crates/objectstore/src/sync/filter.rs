//! Which names are meant.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// What `--include` and `--exclude` say. What is not meant is neither uploaded nor deleted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// If there are any, only what one of them matches.
    include: Option<GlobSet>,
    exclude: GlobSet,
}

/// A pattern that is none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the pattern {0}")]
pub struct FilterError(#[from] globset::Error);

impl Filter {
    /// `*` stays within a name, `**` does not; a pattern without `/` matches names anywhere. What matches a directory matches
    /// everything in it.
    ///
    /// # Errors
    /// When a pattern is wrong.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, FilterError> {
        let include = if include.is_empty() { None } else { Some(globs(include)?) };
        Ok(Self { include, exclude: globs(exclude)? })
    }

    /// Whether a file of this name is meant.
    pub(crate) fn takes(&self, name: &str) -> bool {
        if self.include.is_none() && self.exclude.is_empty() {
            return true;
        }
        let ends = name.match_indices('/').map(|(slash, _)| slash).chain([name.len()]);
        let mut matches = |globs: &GlobSet| ends.clone().any(|end| globs.is_match(&name[..end]));
        !matches(&self.exclude) && self.include.as_ref().is_none_or(&mut matches)
    }

    /// Whether nothing in a directory of this name is meant.
    pub(crate) fn leaves_out_all_of(&self, directory: &str) -> bool {
        self.exclude.is_match(directory)
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anchored = match pattern.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None if pattern.contains('/') => pattern.clone(),
            None => format!("**/{pattern}"),
        };
        set.add(GlobBuilder::new(&anchored).literal_separator(true).backslash_escape(true).build()?);
    }
    set.build()
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
        let filter = filter(&[], &["*.tmp", "cache", "a/b*"]);
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
