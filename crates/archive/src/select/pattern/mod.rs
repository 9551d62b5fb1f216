//! Exclusion patterns: regular expressions in the dialect of Python's `re`, as the originals use them.
//!
//! `parse` reads a pattern as Python 3.11 does, `translate` writes it for the engines we have: `regex`, which takes linear
//! time, and for look-around, back-references, conditions and atomic groups `fancy-regex`, which backtracks.

mod escape;
mod flags;
mod group;
mod name;
mod parse;
mod syntax;
#[cfg(test)]
mod tests;
mod token;
mod translate;
mod width;

pub(super) use name::decode;
use redcedar_system::escape::display_bytes;

/// Bytes of memory that a compiled pattern may take.
const SIZE_LIMIT: usize = 64 << 20;

/// Steps back that a match may take before it is given up.
const BACKTRACK_LIMIT: usize = 1_000_000;

/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is none.
    #[error("invalid pattern `{}`: {message} (at character {position})", display_bytes(pattern.as_bytes()))]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        message: String,
        /// How many characters, escaped ones counted once, come before.
        position: usize,
    },
    /// It is one, but our engines cannot do it.
    #[error("cannot use pattern `{}`: {reason}", display_bytes(pattern.as_bytes()))]
    Unsupported {
        /// The pattern.
        pattern: String,
        /// What the engine said.
        reason: String,
    },
    /// It was given up on a name.
    #[error("pattern `{}` gave no answer: {reason}", display_bytes(pattern.as_bytes()))]
    GaveUp {
        /// The pattern.
        pattern: String,
        /// What the engine said.
        reason: String,
    },
    /// It is a glob, but not a valid one.
    #[error("invalid glob `{}`: {reason}", display_bytes(glob.as_bytes()))]
    Glob {
        /// The glob.
        glob: String,
        /// What is wrong.
        reason: String,
    },
}

impl PatternError {
    pub(super) fn glob(glob: &str, error: &globset::Error) -> Self {
        Self::Glob { glob: glob.to_owned(), reason: error.kind().to_string() }
    }

    fn syntax(pattern: &str, error: parse::SyntaxError) -> Self {
        Self::Syntax { pattern: pattern.to_owned(), message: error.message, position: error.position }
    }
}

/// A compiled pattern.
///
/// What is matched is the text `^` + pattern + `$` from the beginning of a name, as the originals do it. So a pattern must
/// account for a whole path, except that `$` also matches before one newline at the end, and that in an alternation at
/// the top (`a|b`) all branches but the last may match just the beginning of a path.
///
/// `.` is one character, or one byte where a name is not UTF-8, but not a newline. Flags such as `(?i)` at the start are
/// honoured.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// When Python would refuse it, or when it is beyond the engines.
    pub fn compile(text: &str) -> Result<Self, PatternError> {
        let parsed = parse::parse(text).map_err(|error| PatternError::syntax(text, error))?;
        let translation = translate::translate(&parsed);
        let unsupported = |reason: String| PatternError::Unsupported { pattern: text.to_owned(), reason };
        let engine = if translation.backtracks {
            let mut builder = fancy_regex::RegexBuilder::new(&translation.text);
            builder.backtrack_limit(BACKTRACK_LIMIT).delegate_size_limit(SIZE_LIMIT);
            let regex = builder.build().map_err(|error| unsupported(error.to_string()))?;
            Engine::Backtracking(Box::new(regex))
        } else {
            let mut builder = regex::RegexBuilder::new(&translation.text);
            // Parentheses that Python allows are no reason to refuse; memory is bounded by the size.
            builder.size_limit(SIZE_LIMIT).nest_limit(1000);
            Engine::Linear(builder.build().map_err(|error| unsupported(error.to_string()))?)
        };
        Ok(Self { text: text.to_owned(), engine })
    }

    /// Whether a name matches.
    ///
    /// # Errors
    /// When a pattern that backtracks was given up.
    pub fn matches(&self, name: &[u8]) -> Result<bool, PatternError> {
        self.matches_text(&decode(name))
    }

    /// Whether a decoded name matches.
    pub(super) fn matches_text(&self, name: &str) -> Result<bool, PatternError> {
        match &self.engine {
            Engine::Linear(regex) => Ok(regex.is_match(name)),
            Engine::Backtracking(regex) => regex.is_match(name).map_err(|error| PatternError::GaveUp {
                pattern: self.text.clone(),
                reason: error.to_string(),
            }),
        }
    }
}

/// Whether Python compiles a text as a pattern.
///
/// # Errors
/// When it does not.
pub fn check(text: &str) -> Result<(), PatternError> {
    parse::parse(text).map(drop).map_err(|error| PatternError::syntax(text, error))
}
