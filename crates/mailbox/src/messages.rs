//! One message after the other.

use std::io::{self, Cursor, Read, Write};

use jiff::tz::TimeZone;

use crate::header::{self, Key, Sent};
use crate::lines::{Lines, is_blank};
use crate::separator::{announces_quotation, is_header, is_separator};

/// What is beyond this in a header belongs to the body: nobody's header is so long, and nothing has to be in memory for ever.
const LONGEST_HEADER: usize = 1 << 20;

/// What a stream turned out to be.
pub enum Content<R> {
    /// A mailbox without messages: nothing, or blank lines.
    Empty,
    /// A mailbox.
    Messages(Messages<R>),
    /// Something else, from its beginning.
    Other(Other<R>),
}

/// A stream that is no mailbox.
pub type Other<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// A message, as far as its header goes.
#[derive(Debug, Clone)]
pub struct Message {
    header: Vec<u8>,
    key: Key,
    may_be_part: bool,
}

/// The messages of a mailbox.
pub struct Messages<R> {
    lines: Lines<R>,
    place: Place,
    /// What ends the message with parts that the next one may be inside of.
    terminator: Option<Vec<u8>>,
    /// Whether the message so far quotes another one.
    quotes: bool,
    is_first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At a line that begins a message.
    Separator,
    /// Behind a header, at the beginning of a line.
    Body { after_blank: bool },
    /// In the middle of a line.
    Within,
    /// At the end of the mailbox.
    End,
}

/// Finds out what a stream is. Blank lines before the first message do not count.
///
/// # Errors
/// When the stream cannot be read.
pub fn open<R: Read>(reader: R) -> io::Result<Content<R>> {
    let mut lines = Lines::new(reader);
    let mut blank = Vec::new();
    loop {
        let length = lines.peek()?;
        let line = lines.front(length);
        if is_separator(line) {
            let messages =
                Messages { lines, place: Place::Separator, terminator: None, quotes: false, is_first: true };
            return Ok(Content::Messages(messages));
        }
        if line.is_empty() {
            return Ok(Content::Empty);
        }
        if !is_blank(line) || blank.len() > LONGEST_HEADER {
            let (rest, reader) = lines.into_rest();
            blank.extend_from_slice(&rest);
            return Ok(Content::Other(Cursor::new(blank).chain(reader)));
        }
        blank.extend_from_slice(line);
        lines.consume(length);
    }
}

impl Message {
    /// What identifies it.
    pub fn key(&self) -> Key {
        self.key
    }

    /// When it was sent.
    pub fn sent(&self, zone: &TimeZone) -> Sent {
        header::sent(&self.header, zone)
    }

    /// Whether it may be a part of the message before it: an attached or quoted one, or prose that looks like the beginning of a
    /// message.
    pub fn may_be_part(&self) -> bool {
        self.may_be_part
    }

    /// The line that begins it and its header, with the blank line that ends it.
    pub fn header(&self) -> &[u8] {
        &self.header
    }
}

impl<R: Read> Messages<R> {
    /// The next message. The rest of the one before is passed over.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub fn next_message(&mut self) -> io::Result<Option<Message>> {
        self.copy_body(&mut io::sink())?;
        if self.place == Place::End {
            return Ok(None);
        }
        let mut message = Message { header: Vec::new(), key: Key([0; 16]), may_be_part: false };
        let first = self.take_line(&mut message.header)?;
        let next = self.lines.peek()?;
        let is_prose = !is_header(self.lines.front(next));
        message.may_be_part = !self.is_first && (is_prose || self.quotes || self.terminator.is_some());
        (self.quotes, self.is_first) = (false, false);
        self.place = self.take_header(&mut message.header, first)?;
        message.key = Key::of(&message.header);
        if self.terminator.is_none() {
            self.terminator = header::boundary(&message.header)
                .map(|boundary| [b"--", boundary.as_slice(), b"--"].concat());
        }
        Ok(Some(message))
    }

    /// Copies a message, the one that was given out last.
    ///
    /// # Errors
    /// When the stream cannot be read or the copy cannot be written.
    pub fn copy(&mut self, message: &Message, into: &mut impl Write) -> io::Result<()> {
        into.write_all(&message.header)?;
        self.copy_body(into)
    }

    /// Takes the rest of a header, whose last line so far was a `whole` one.
    fn take_header(&mut self, header: &mut Vec<u8>, whole: bool) -> io::Result<Place> {
        let mut whole = whole;
        loop {
            if header.len() > LONGEST_HEADER {
                return Ok(if whole { Place::Body { after_blank: false } } else { Place::Within });
            }
            let start = header.len();
            let at_line_start = whole;
            whole = self.take_line(header)?;
            let line = &header[start..];
            if line.is_empty() {
                return Ok(Place::Body { after_blank: false });
            }
            if at_line_start && is_blank(line) {
                return Ok(Place::Body { after_blank: true });
            }
        }
    }

    /// Takes a line or a piece of one. Says whether it was taken to its end.
    fn take_line(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        let length = self.lines.peek()?;
        into.extend_from_slice(self.lines.front(length));
        self.lines.consume(length);
        Ok(into.last() == Some(&b'\n'))
    }

    /// Goes to the beginning of the next message.
    fn copy_body(&mut self, into: &mut impl Write) -> io::Result<()> {
        while let Place::Body { .. } | Place::Within = self.place {
            let length = self.lines.peek()?;
            let line = self.lines.front(length);
            if line.is_empty() {
                self.place = Place::End;
                return Ok(());
            }
            if let Place::Body { after_blank } = self.place {
                if after_blank && is_separator(line) {
                    self.place = Place::Separator;
                    return Ok(());
                }
                self.quotes |= announces_quotation(line);
                if self.terminator.as_ref().is_some_and(|terminator| line.starts_with(terminator)) {
                    self.terminator = None;
                }
            }
            let is_whole = line.last() == Some(&b'\n');
            let was_within = self.place == Place::Within;
            let after_blank = !was_within && is_blank(line);
            into.write_all(line)?;
            self.lines.consume(length);
            self.place = if is_whole { Place::Body { after_blank } } else { Place::Within };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
