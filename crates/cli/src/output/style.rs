//! Colours, sparingly.

use std::fmt;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorMode {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Also in pipes and files
    Always,
    /// Nowhere
    Never,
}

impl ColorMode {
    /// Whether to colour a stream.
    pub(crate) fn decide(self, is_terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && !no_color,
        }
    }
}

/// A way to set text off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    /// Something failed.
    Red,
    /// Something to look at.
    Yellow,
    /// Something to try.
    Cyan,
}

impl Style {
    /// `text` in this style, or as it is when `colored` is false.
    pub(crate) fn paint<T: fmt::Display>(self, text: T, colored: bool) -> Painted<T> {
        Painted { text, style: colored.then_some(self) }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Red => "\x1b[1;31m",
            Self::Yellow => "\x1b[1;33m",
            Self::Cyan => "\x1b[1;36m",
        }
    }
}

/// See [`Style::paint`].
pub(crate) struct Painted<T> {
    text: T,
    style: Option<Style>,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.style {
            Some(style) => write!(f, "{}{}\x1b[0m", style.code(), self.text),
            None => self.text.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_unless_somebody_says_otherwise() {
        assert!(ColorMode::Auto.decide(true, false));
        assert!(!ColorMode::Auto.decide(true, true));
        assert!(!ColorMode::Auto.decide(false, false));
        assert!(ColorMode::Always.decide(false, true));
        assert!(!ColorMode::Never.decide(true, false));
    }
}
