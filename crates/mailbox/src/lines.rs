//! Lines of a stream, in a window that is never larger than it has to be.

use std::io::{self, Read};

use bstr::ByteSlice;

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;
/// A longer line is given out in pieces.
const LONGEST: usize = 64 * 1024;

/// A stream that is looked at line by line.
pub(crate) struct Lines<R> {
    reader: R,
    window: Vec<u8>,
    start: usize,
    end: usize,
    is_at_end: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, window: vec![0; 2 * CHUNK], start: 0, end: 0, is_at_end: false }
    }

    /// How long the next line is, its line break included; 0 at the end of the stream. Of a very long line, a piece.
    pub(crate) fn peek(&mut self) -> io::Result<usize> {
        self.peek_after(0)
    }

    /// As [`Self::peek`], for the line that begins `skip` bytes further on. These must have been peeked at.
    pub(crate) fn peek_after(&mut self, skip: usize) -> io::Result<usize> {
        let mut searched = 0;
        loop {
            let there = &self.window[self.start + skip..self.end];
            if let Some(place) = there[searched..].find_byte(b'\n') {
                return Ok((searched + place + 1).min(LONGEST));
            }
            if there.len() >= LONGEST || self.is_at_end {
                return Ok(there.len().min(LONGEST));
            }
            searched = there.len();
            self.fill()?;
        }
    }

    /// The next bytes, which must have been peeked at.
    pub(crate) fn front(&self, length: usize) -> &[u8] {
        &self.window[self.start..self.start + length]
    }

    pub(crate) fn consume(&mut self, length: usize) {
        self.start += length;
    }

    /// Everything that has not been consumed.
    pub(crate) fn into_rest(self) -> (Vec<u8>, R) {
        (self.window[self.start..self.end].to_vec(), self.reader)
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 && self.window.len() - self.end < CHUNK {
            self.window.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        loop {
            match self.reader.read(&mut self.window[self.end..]) {
                Ok(read) => {
                    self.is_at_end = read == 0;
                    self.end += read;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether a line is nothing but its line break.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len());
            (&mut self.0).take(length as u64).read(buffer)
        }
    }

    fn lines(content: &[u8], at_a_time: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(Trickle(content, at_a_time));
        let mut all = Vec::new();
        loop {
            match lines.peek().unwrap() {
                0 => return all,
                length => {
                    all.push(lines.front(length).to_vec());
                    lines.consume(length);
                }
            }
        }
    }

    #[test]
    fn lines_come_whole_however_they_are_read() {
        for at_a_time in [1, 2, 7, 1 << 20] {
            assert_eq!(lines(b"a\n\nbc\r\nd", at_a_time), [&b"a\n"[..], b"\n", b"bc\r\n", b"d"]);
        }
        assert!(lines(b"", 1).is_empty());
    }

    #[test]
    fn a_very_long_line_comes_in_pieces_and_nothing_is_lost() {
        let content = [vec![b'x'; 3 * CHUNK + 5], b"\nend\n".to_vec()].concat();
        let pieces = lines(&content, 100_000);
        assert_eq!(pieces.concat(), content);
        assert!(pieces.iter().all(|piece| piece.len() <= LONGEST));
        assert_eq!(pieces.last().unwrap(), b"end\n");
    }

    #[test]
    fn the_line_after_the_next_can_be_looked_at() {
        let mut lines = Lines::new(Trickle(b"first\nsecond\n", 3));
        let first = lines.peek().unwrap();
        assert_eq!((first, lines.peek_after(first).unwrap()), (6, 7));
        assert_eq!(lines.front(13), b"first\nsecond\n");
        assert_eq!(lines.peek_after(13).unwrap(), 0);
    }
}
