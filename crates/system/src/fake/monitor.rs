//! A monitor that remembers.

use std::sync::Mutex;

use crate::monitor::{Level, Monitor};

/// Remembers every message and every line of child output.
#[derive(Debug, Default)]
pub struct RecordingMonitor {
    messages: Mutex<Vec<(Level, String)>>,
    output: Mutex<Vec<String>>,
}

impl RecordingMonitor {
    /// All messages so far, oldest first.
    ///
    /// # Panics
    /// When another thread panicked while logging.
    pub fn messages(&self) -> Vec<(Level, String)> {
        self.messages.lock().expect("no panic while logging").clone()
    }

    /// The messages of one level.
    pub fn at(&self, level: Level) -> Vec<String> {
        self.messages().into_iter().filter(|(l, _)| *l == level).map(|(_, text)| text).collect()
    }

    /// All lines of child output.
    ///
    /// # Panics
    /// When another thread panicked while logging.
    pub fn output_lines(&self) -> Vec<String> {
        self.output.lock().expect("no panic while logging").clone()
    }
}

impl Monitor for RecordingMonitor {
    fn log(&self, level: Level, message: &str) {
        self.messages.lock().expect("no panic while logging").push((level, message.to_owned()));
    }
    fn output(&self, line: &[u8]) {
        self.output.lock().expect("no panic while logging").push(String::from_utf8_lossy(line).into_owned());
    }
}
