//! What a program prints, line by line.

use std::collections::VecDeque;
use std::io::{self, Write};

use bstr::ByteSlice;

use crate::Monitor;

/// How many lines of a child's output are kept for error messages.
const TAIL_LINES: usize = 10;
/// A program that never ends its line must not fill our memory.
const LONGEST_LINE: usize = 1 << 20;

/// Who hears what a program prints, line by line.
pub(super) type Heard<'a> = &'a mut dyn FnMut(&[u8]);

/// Messages of a child, line by line.
pub(super) struct Lines<'a> {
    monitor: Option<&'a dyn Monitor>,
    /// Who hears them as well.
    heard: Option<Heard<'a>>,
    /// What has come of the current line.
    line: Vec<u8>,
    pub(super) tail: VecDeque<String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(monitor: Option<&'a dyn Monitor>, heard: Option<Heard<'a>>) -> Self {
        Self { monitor, heard, line: Vec::new(), tail: VecDeque::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        for part in bytes.lines_with_terminator() {
            self.line.extend_from_slice(part);
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
                self.end_line();
            } else if self.line.len() >= LONGEST_LINE {
                self.end_line();
            }
        }
    }

    pub(super) fn finish(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        if let Some(monitor) = self.monitor {
            monitor.output(&self.line);
        }
        if let Some(heard) = &mut self.heard {
            heard(&self.line);
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(self.line.to_str_lossy().into_owned());
        self.line.clear();
    }
}

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
