//! What a program prints.

use redcedar_config::{Diagnostic, Span};
use redcedar_system::command::Stream;
use redcedar_system::{Level, Monitor, escape};

/// How much of a line is told.
const LONGEST: usize = 2000;
/// How much is told in all.
const MOST: usize = 1 << 20;

/// Hears a program, line by line.
pub(super) struct Heard<'a> {
    action: &'a str,
    monitor: &'a dyn Monitor,
    /// What it complains about is found there, and not told.
    place: Option<Span>,
    findings: Vec<Diagnostic>,
    last_error: Option<String>,
    room: usize,
}

impl<'a> Heard<'a> {
    /// Tells everything to `monitor`.
    pub(super) fn telling(action: &'a str, monitor: &'a dyn Monitor) -> Self {
        Self { action, monitor, place: None, findings: Vec::new(), last_error: None, room: MOST }
    }

    /// Makes errors and warnings findings about `place`.
    pub(super) fn finding(action: &'a str, monitor: &'a dyn Monitor, place: Span) -> Self {
        Self { place: Some(place), ..Self::telling(action, monitor) }
    }

    /// A line. What it begins with says how much it matters; else where it comes from does.
    pub(super) fn hear(&mut self, stream: Stream, line: &[u8]) {
        let (level, text) = classify(stream, line);
        let text = escape::display_bytes(text).to_string();
        let text = match text.char_indices().nth(LONGEST) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text,
        };
        if text.is_empty() {
            return;
        }
        if level == Level::Error {
            self.last_error = Some(text.clone());
        }
        let had_room = self.room > 0;
        self.room = self.room.saturating_sub(text.len());
        match (self.room, had_room) {
            (0, true) => {
                self.tell(Level::Warning, "it prints too much; the rest is not in the log".to_owned());
            }
            (0, false) => {}
            _ => self.tell(level, text),
        }
    }

    fn tell(&mut self, level: Level, text: String) {
        let message = format!("[{}] {text}", self.action);
        match (self.place, level) {
            (Some(place), Level::Error) => self.findings.push(Diagnostic::error(place, text)),
            (Some(place), Level::Warning) => self.findings.push(Diagnostic::warning(place, text)),
            _ => self.monitor.log(level, &message),
        }
    }

    /// The last that it called an error.
    pub(super) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// What it complained about.
    pub(super) fn findings(self) -> Vec<Diagnostic> {
        self.findings
    }
}

fn classify(stream: Stream, line: &[u8]) -> (Level, &[u8]) {
    let levels = [
        (&b"ERROR:"[..], Level::Error),
        (b"WARNING:", Level::Warning),
        (b"INFO:", Level::Info),
        (b"DEBUG:", Level::Debug),
    ];
    let named = levels.iter().find_map(|(prefix, level)| Some((*level, line.strip_prefix(*prefix)?)));
    let (level, text) = named.unwrap_or(match stream {
        Stream::Output => (Level::Info, line),
        Stream::Errors => (Level::Warning, line),
    });
    (level, text.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_system::fake::RecordingMonitor;

    #[test]
    fn lines_have_the_level_that_they_name_or_that_of_their_stream() {
        let monitor = RecordingMonitor::default();
        let mut heard = Heard::telling("db", &monitor);
        heard.hear(Stream::Output, b"plain");
        heard.hear(Stream::Errors, b"oops\x1b[2J\r");
        heard.hear(Stream::Output, b"ERROR: no server");
        heard.hear(Stream::Errors, b"DEBUG:detail");
        heard.hear(Stream::Errors, b"");
        assert_eq!(heard.last_error(), Some("no server"));
        assert_eq!(
            monitor.messages(),
            [
                (Level::Info, "[db] plain".to_owned()),
                (Level::Warning, "[db] oops\\u{1b}[2J".to_owned()),
                (Level::Error, "[db] no server".to_owned()),
                (Level::Debug, "[db] detail".to_owned()),
            ]
        );
    }

    #[test]
    fn neither_long_lines_nor_many_fill_the_log() {
        let monitor = RecordingMonitor::default();
        let mut heard = Heard::telling("db", &monitor);
        for _ in 0..600 {
            heard.hear(Stream::Output, &[b'x'; 5000]);
        }
        heard.hear(Stream::Output, b"ERROR: the reason");
        assert_eq!(heard.last_error(), Some("the reason"));
        let said = monitor.messages();
        assert!((500..550).contains(&said.len()), "{}", said.len());
        assert!(said[0].1.ends_with("x…") && said[0].1.chars().count() < 2010);
        assert_eq!(said.last().unwrap().0, Level::Warning);
    }

    #[test]
    fn complaints_of_a_check_are_findings() {
        let monitor = RecordingMonitor::default();
        let mut heard = Heard::finding("db", &monitor, (3..5).into());
        heard.hear(Stream::Output, b"ERROR: no such database");
        heard.hear(Stream::Errors, b"slow server");
        heard.hear(Stream::Output, b"checked");
        assert_eq!(monitor.messages(), [(Level::Info, "[db] checked".to_owned())]);
        let place = (3..5).into();
        assert_eq!(
            heard.findings(),
            [Diagnostic::error(place, "no such database"), Diagnostic::warning(place, "slow server")]
        );
    }
}
