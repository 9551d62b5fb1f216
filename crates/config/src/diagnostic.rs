//! What is wrong or doubtful in a file, shown with the line it is about.

use std::fmt::{self, Write};

use redcedar_system::escape;

use crate::{Source, Span};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file means something, but probably not what its author thinks.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What it is: one sentence without a final stop.
    pub message: String,
    /// What it is about.
    pub span: Span,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A reason to refuse the file.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), span, hint: None }
    }

    /// A reason to look again.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, message: message.into(), span, hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The findings about one file, in the order of the file. [`fmt::Display`] shows all of them without colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    source: Source,
    findings: Vec<Diagnostic>,
}

impl std::error::Error for Diagnostics {}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &Style::PLAIN)
    }
}

impl Diagnostics {
    /// Findings about `source`.
    pub fn new(source: Source, mut findings: Vec<Diagnostic>) -> Self {
        findings.sort_by_key(|finding| finding.span.start);
        Self { source, findings }
    }

    /// Each finding.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.findings.iter()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.findings.len()
    }

    /// The file they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// All findings as text, one after the other, in colour for a terminal if asked for.
    pub fn render(&self, colour: bool) -> String {
        let mut text = String::new();
        let style = if colour { &Style::COLOURED } else { &Style::PLAIN };
        // Writing into a string cannot fail.
        let _infallible = self.write(&mut text, style);
        text
    }

    /// One line per finding, `path:line:column: severity: message`, for a log.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.findings.iter().map(|finding| {
            let place = self.place(finding);
            let severity = severity(finding);
            format!("{place}: {severity}: {}", escape::display_bytes(finding.message.as_bytes()))
        })
    }

    fn place(&self, finding: &Diagnostic) -> String {
        let position = self.source.position(finding.span.start);
        format!("{}:{}:{}", escape::display(self.source.path()), position.line, position.column)
    }

    fn write(&self, out: &mut impl Write, style: &Style) -> fmt::Result {
        for (index, finding) in self.findings.iter().enumerate() {
            if index > 0 {
                out.write_char('\n')?;
            }
            self.write_finding(out, finding, style)?;
        }
        Ok(())
    }

    fn write_finding(&self, out: &mut impl Write, finding: &Diagnostic, style: &Style) -> fmt::Result {
        let Style { bold, dim, reset, .. } = *style;
        let marker = match finding.severity {
            Severity::Error => style.error,
            Severity::Warning => style.warning,
        };
        writeln!(
            out,
            "{bold}{place}:{reset} {marker}{severity}:{reset} {bold}{message}{reset}",
            place = self.place(finding),
            severity = severity(finding),
            message = escape::multiline(&finding.message),
        )?;
        let number = self.source.position(finding.span.start).line.to_string();
        let margin = " ".repeat(number.len());
        let Excerpt { before, marked, after } = self.excerpt(finding.span);
        let blank = " ".repeat(before.chars().count());
        let carets = "^".repeat(marked.chars().count().max(1));
        writeln!(out, "{dim}{margin} |{reset}")?;
        let line = format!(" {before}{marked}{after}");
        writeln!(out, "{dim}{number} |{reset}{}", line.trim_end())?;
        writeln!(out, "{dim}{margin} |{reset} {blank}{marker}{carets}{reset}")?;
        if let Some(hint) = &finding.hint {
            writeln!(out, "{bold}hint:{reset} {}", escape::multiline(hint))?;
        }
        Ok(())
    }

    /// The part of the first line of `span` that is worth showing.
    fn excerpt(&self, span: Span) -> Excerpt {
        const CONTEXT: usize = 60;
        let (line_start, line) = self.source.line(self.source.position(span.start).line);
        let start = line.floor_char_boundary(span.start - line_start);
        let end = line.floor_char_boundary(span.end.saturating_sub(line_start)).max(start);
        let (before, rest) = line.split_at(start);
        let (marked, after) = rest.split_at(end - start);
        let before_length = before.chars().count();
        let before = match before_length.checked_sub(CONTEXT) {
            Some(surplus @ 1..) => format!("…{}", before.chars().skip(surplus).collect::<String>()),
            _ => before.to_owned(),
        };
        Excerpt {
            before: printable(&before),
            marked: printable(&shortened(marked, CONTEXT)),
            after: printable(&shortened(after, CONTEXT)),
        }
    }
}

struct Excerpt {
    before: String,
    marked: String,
    after: String,
}

fn severity(finding: &Diagnostic) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// One column per character, so that carets stand below what they mean, and nothing that moves the cursor.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

struct Style {
    error: &'static str,
    warning: &'static str,
    bold: &'static str,
    dim: &'static str,
    reset: &'static str,
}

impl Style {
    const PLAIN: Self = Self { error: "", warning: "", bold: "", dim: "", reset: "" };
    const COLOURED: Self = Self {
        error: "\x1b[1;31m",
        warning: "\x1b[1;33m",
        bold: "\x1b[1m",
        dim: "\x1b[2m",
        reset: "\x1b[0m",
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_line_caret_and_hint() {
        let source = Source::new("/etc/x.conf", "<a>\n\t<b>dayly</b>\n</a>\n");
        let warning = Diagnostic::warning((5..8).into(), "later");
        let error = Diagnostic::error((8..13).into(), "no such mode").with_hint("did you mean `daily`?");
        insta::assert_snapshot!(Diagnostics::new(source, vec![error, warning]), @r"
        /etc/x.conf:2:2: warning: later
          |
        2 |  <b>dayly</b>
          |  ^^^

        /etc/x.conf:2:5: error: no such mode
          |
        2 |  <b>dayly</b>
          |     ^^^^^
        hint: did you mean `daily`?
        ");
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides() {
        let text = format!("{}here{}", "a".repeat(500), "b".repeat(500));
        let rendered =
            Diagnostics::new(Source::new("f", &text), vec![Diagnostic::error((500..504).into(), "found")])
                .to_string();
        assert!(rendered.lines().all(|line| line.chars().count() < 140), "{rendered}");
        assert!(rendered.contains("^^^^") && rendered.contains("here"), "{rendered}");
    }

    #[test]
    fn what_could_move_the_cursor_is_not_shown_raw() {
        let source = Source::new("f\x1b[2J", "a\x1b[2Jb");
        let rendered =
            Diagnostics::new(source, vec![Diagnostic::error((0..1).into(), "bad\x07")]).render(false);
        assert!(!rendered.contains(['\x1b', '\x07']), "{rendered:?}");
    }

    #[test]
    fn colour_only_adds_escapes() {
        let diagnostics =
            Diagnostics::new(Source::new("f", "abc"), vec![Diagnostic::error((0..1).into(), "bad")]);
        let coloured = diagnostics.render(true);
        assert!(coloured.contains("\x1b[1;31merror:\x1b[0m"), "{coloured}");
    }
}
