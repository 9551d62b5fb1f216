//! Errors as the user sees them: what, why, and what to try.

use std::fmt::Write as _;
use std::io;

use redcedar_config::Diagnostics;

use crate::exit::Exit;
use crate::output::style::Style;

/// Why a command has no result.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// The exit code.
    pub(crate) exit: Exit,
    error: anyhow::Error,
    findings: Option<Box<Diagnostics>>,
    hints: Vec<String>,
}

impl CommandError {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), findings: None, hints: Vec::new() }
    }

    /// An error that has no cause below it.
    pub(crate) fn message(exit: Exit, text: impl Into<String>) -> Self {
        Self::new(exit, anyhow::Error::msg(text.into()))
    }

    /// Adds what was found in a file; it is shown first.
    #[must_use]
    pub(crate) fn findings(mut self, findings: Diagnostics) -> Self {
        self.findings = Some(Box::new(findings));
        self
    }

    /// Adds something to try.
    #[must_use]
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// The whole text: `error: …`, `  caused by: …`, `hint: …`. A cause that the line above it spells out already is not
    /// repeated.
    pub(crate) fn render(&self, colored: bool) -> String {
        let mut last = self.error.to_string();
        let mut text =
            self.findings.as_ref().map(|findings| findings.render(colored) + "\n").unwrap_or_default();
        let _infallible = write!(text, "{} {last}", Style::Red.paint("error:", colored));
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            if !last.contains(&cause) {
                let _infallible = write!(text, "\n  caused by: {cause}");
                last = cause;
            }
        }
        for hint in &self.hints {
            let _infallible = write!(text, "\n{} {hint}", Style::Cyan.paint("hint:", colored));
        }
        text
    }
}

/// Results that could not be written; a reader that went away is no error (see [`crate::output::Results`]).
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Failed, anyhow::Error::new(error).context("cannot write the results"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_why_and_what_to_try_and_nothing_twice() {
        let cause = io::Error::other("disk on fire");
        let error = anyhow::Error::new(cause).context("cannot read /x: disk on fire").context("cannot list");
        let error = CommandError::new(Exit::Failed, error).hint("call the fire brigade");
        assert_eq!(
            error.render(false),
            "error: cannot list\n  caused by: cannot read /x: disk on fire\nhint: call the fire brigade"
        );
        assert!(error.render(true).starts_with("\u{1b}[1;31merror:\u{1b}[0m cannot list"));
    }
}
