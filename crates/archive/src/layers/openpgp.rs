//! The outside of an OpenPGP message (RFC 4880, RFC 9580): for whom it is, and whether it is there to its end. That can be told
//! without a key.

use std::io::{self, Write};

/// Packets that matter here.
const SESSION_KEY_FOR_KEY: u8 = 1;
const SESSION_KEY_FOR_PASSPHRASE: u8 = 3;
const ENCRYPTED: u8 = 9;
const MARKER: u8 = 10;
const ENCRYPTED_AND_PROTECTED: u8 = 18;
const ENCRYPTED_AEAD: u8 = 20;

/// A header has at most so many bytes: the tag, and five of length.
const LONGEST_HEADER: usize = 6;
/// Version and key identifier of a packet for a recipient.
const RECIPIENT: usize = 9;

/// The outside of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Identifiers of the keys that open it, ascending; 0 where it hides one.
    pub recipients: Vec<u64>,
    /// Bytes of the encrypted data.
    pub payload: u64,
}

/// Why something is no complete message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoMessage {
    /// There is something else at this place.
    #[error("byte {0} does not begin what an encrypted OpenPGP message consists of")]
    Foreign(u64),
    /// It ends too early.
    #[error("it ends in the middle, after byte {0}")]
    CutOff(u64),
    /// Something follows its end.
    #[error("something follows its end, from byte {0} on")]
    Trailing(u64),
}

/// Follows a message while it goes by: what is written to it is looked at and forgotten.
#[derive(Debug, Default)]
pub struct Walker {
    message: Message,
    position: u64,
    state: State,
    /// What has come of a header, or of a packet for a recipient.
    begun: Vec<u8>,
    fault: Option<NoMessage>,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// At the beginning of a packet.
    #[default]
    Header,
    /// In a packet: so much of this piece is left, and whether another piece follows.
    Body { tag: u8, left: u64, more: bool },
    /// Between two pieces of a packet.
    Length { tag: u8 },
    /// Behind the data.
    End,
}

/// What a header says.
struct Header {
    tag: u8,
    length: u64,
    /// Whether another length follows that many bytes.
    is_partial: bool,
    used: usize,
}

impl Walker {
    /// The message, if all of it went by.
    ///
    /// # Errors
    /// When it was no message, or not all of one.
    pub fn finish(mut self) -> Result<Message, NoMessage> {
        match (self.fault, self.state) {
            (Some(fault), _) => Err(fault),
            (None, State::End) => {
                self.message.recipients.sort_unstable();
                Ok(self.message)
            }
            (None, _) => Err(NoMessage::CutOff(self.position)),
        }
    }

    fn step<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], NoMessage> {
        match self.state {
            State::End => Err(NoMessage::Trailing(self.position)),
            State::Body { tag, left, more } => {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.body(tag, &bytes[..taken]);
                self.position += taken as u64;
                self.state = match left - taken as u64 {
                    0 if more => State::Length { tag },
                    0 => self.end_packet(tag),
                    left => State::Body { tag, left, more },
                };
                Ok(&bytes[taken..])
            }
            State::Header | State::Length { .. } => {
                let known = self.begun.len();
                let room = LONGEST_HEADER - known;
                self.begun.extend_from_slice(&bytes[..room.min(bytes.len())]);
                let parsed = match self.state {
                    State::Length { tag } => new_length(tag, 0, &self.begun),
                    _ => self.header()?,
                };
                let Some(Header { tag, length, is_partial, used }) = parsed else {
                    self.position += bytes.len() as u64;
                    return Ok(&[]);
                };
                self.begun.clear();
                let taken = used - known;
                self.position += taken as u64;
                self.state = match length {
                    0 if is_partial => State::Length { tag },
                    0 => self.end_packet(tag),
                    left => State::Body { tag, left, more: is_partial },
                };
                Ok(&bytes[taken..])
            }
        }
    }

    /// The header of the packet that begins here, once enough of it is there.
    fn header(&self) -> Result<Option<Header>, NoMessage> {
        let Some(first) = self.begun.first() else { return Ok(None) };
        // What does not belong here is noticed with its first byte.
        let foreign = NoMessage::Foreign(self.position);
        let tag = tag_of(*first).filter(|tag| is_expected(*tag, !self.message.recipients.is_empty()));
        let tag = tag.ok_or(foreign)?;
        if first & 0x40 != 0 {
            let header = new_length(tag, 1, &self.begun);
            let is_sound = header.as_ref().is_none_or(|header| !header.is_partial || is_data(tag));
            return if is_sound { Ok(header) } else { Err(foreign) };
        }
        let digits = match first & 3 {
            3 => return Err(foreign),
            exponent => 1 << exponent,
        };
        let Some(length) = self.begun.get(1..=digits) else { return Ok(None) };
        Ok(Some(Header { tag, length: big_endian(length), is_partial: false, used: 1 + digits }))
    }

    fn body(&mut self, tag: u8, bytes: &[u8]) {
        match tag {
            SESSION_KEY_FOR_KEY => {
                let room = RECIPIENT.saturating_sub(self.begun.len());
                self.begun.extend_from_slice(&bytes[..room.min(bytes.len())]);
            }
            tag if is_data(tag) => self.message.payload += bytes.len() as u64,
            _ => {}
        }
    }

    fn end_packet(&mut self, tag: u8) -> State {
        match tag {
            SESSION_KEY_FOR_KEY => {
                // Newer versions of the packet say it otherwise, or not at all.
                let key = match self.begun[..] {
                    [3, ref key @ ..] => big_endian(key),
                    _ => 0,
                };
                self.begun.clear();
                self.message.recipients.push(key);
                State::Header
            }
            SESSION_KEY_FOR_PASSPHRASE => {
                self.message.recipients.push(0);
                State::Header
            }
            MARKER => State::Header,
            _ => State::End,
        }
    }
}

impl Write for Walker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut left = bytes;
        while !left.is_empty() && self.fault.is_none() {
            match self.step(left) {
                Ok(rest) => left = rest,
                Err(fault) => self.fault = Some(fault),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a file that begins so can be an encrypted message.
pub fn begins_message(head: &[u8]) -> bool {
    head.first().and_then(|first| tag_of(*first)).is_some_and(|tag| is_expected(tag, false))
}

fn tag_of(first: u8) -> Option<u8> {
    match first & 0xc0 {
        0xc0 => Some(first & 0x3f),
        0x80 => Some((first >> 2) & 0xf),
        _ => None,
    }
}

/// Data comes after at least one way to open it.
fn is_expected(tag: u8, is_opened: bool) -> bool {
    match tag {
        SESSION_KEY_FOR_KEY | SESSION_KEY_FOR_PASSPHRASE | MARKER => true,
        tag => is_data(tag) && is_opened,
    }
}

fn is_data(tag: u8) -> bool {
    matches!(tag, ENCRYPTED | ENCRYPTED_AND_PROTECTED | ENCRYPTED_AEAD)
}

/// A length of the newer format, which begins at byte `at`.
fn new_length(tag: u8, at: usize, bytes: &[u8]) -> Option<Header> {
    let first = *bytes.get(at)?;
    let (length, digits, is_partial) = match first {
        0..192 => (u64::from(first), 0, false),
        192..224 => ((u64::from(first) - 192) * 256 + u64::from(*bytes.get(at + 1)?) + 192, 1, false),
        224..255 => (1 << (first & 0x1f), 0, true),
        255 => (big_endian(bytes.get(at + 1..at + 5)?), 4, false),
    };
    Some(Header { tag, length, is_partial, used: at + 1 + digits })
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message for two keys, the data in two pieces and a rest.
    fn sample() -> Vec<u8> {
        let mut bytes = vec![0x85, 0, 12, 3, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0xff, 0xff];
        bytes.extend([0xc1, 10, 3, 0, 0, 0, 0, 0, 0, 1, 2, 1]);
        bytes.extend([0xd2, 0xe1, 1, 2, 0xe0, 3]);
        bytes.extend([192, 8]);
        bytes.extend([7; 200]);
        bytes
    }

    fn walk(bytes: &[u8], piece: usize) -> Result<Message, NoMessage> {
        let mut walker = Walker::default();
        bytes.chunks(piece).for_each(|chunk| walker.write_all(chunk).unwrap());
        walker.finish()
    }

    #[test]
    fn a_message_says_for_whom_it_is_however_it_arrives() {
        let expected = Message { recipients: vec![9, 258], payload: 203 };
        for piece in [1, 2, 3, 5, 7, 1000] {
            assert_eq!(walk(&sample(), piece), Ok(expected.clone()), "{piece}");
        }
    }

    #[test]
    fn a_message_that_is_cut_off_anywhere_is_none() {
        let sample = sample();
        for end in 0..sample.len() {
            for piece in [1, 1000] {
                assert_eq!(walk(&sample[..end], piece), Err(NoMessage::CutOff(end as u64)), "{piece}");
            }
        }
    }

    #[test]
    fn what_is_something_else_or_goes_on_is_no_message() {
        let sample = sample();
        let longer = [&sample[..], b"x"].concat();
        assert_eq!(walk(&longer, 1000), Err(NoMessage::Trailing(sample.len() as u64)));
        assert_eq!(walk(b"-----BEGIN PGP MESSAGE-----", 1000), Err(NoMessage::Foreign(0)));
        // Data that nobody can open, and a length that nobody knows.
        assert_eq!(walk(&sample[27..], 1), Err(NoMessage::Foreign(0)));
        assert_eq!(walk(&[0x87, 1, 2], 1), Err(NoMessage::Foreign(0)));
        // Only data comes in pieces.
        assert_eq!(walk(&[0xc1, 0xe9, 3, 0, 0, 0, 0, 0, 0, 0, 0], 3), Err(NoMessage::Foreign(0)));
        assert!(begins_message(&sample));
        assert!(!begins_message(b"\x1f\x8b"));
        assert!(!begins_message(b""));
    }
}
