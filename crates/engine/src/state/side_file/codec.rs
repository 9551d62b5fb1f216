//! Records as bytes.
//!
//! A record is a length and as many bytes: a tag, what the path shares with the one before, the rest of the path, and the
//! numbers. Numbers are LEB128, signed ones zigzag.

use redcedar_archive::{Kind, Timestamp};

use super::{Known, Present, Record, Stat};

const KINDS: [Kind; 7] =
    [Kind::File, Kind::Directory, Kind::Symlink, Kind::Fifo, Kind::Socket, Kind::Character, Kind::Block];

/// In the low bits of the tag, where otherwise the kind is.
const GONE: u8 = 0x0f;
const KIND_MASK: u8 = 0x0f;
const RECENT: u8 = 0x10;
const DIGEST: u8 = 0x20;
const ATTRIBUTES: u8 = 0x40;
const OTHER_NAMES: u8 = 0x80;

/// Appends a record without its length.
pub(super) fn encode(record: &RecordRef<'_>, previous: &[u8], into: &mut Vec<u8>) {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    let tag = match &record.known {
        None => GONE,
        Some(Known { stat, digest, attributes }) => {
            kind_number(stat.kind)
                | flag(digest.is_some(), DIGEST)
                | flag(attributes.is_some(), ATTRIBUTES)
                | flag(stat.has_other_names, OTHER_NAMES)
        }
    };
    into.push(tag | flag(record.is_recent, RECENT));
    let shared = record.path.iter().zip(previous).take_while(|(a, b)| a == b).count();
    put(shared as u64, into);
    put((record.path.len() - shared) as u64, into);
    into.extend_from_slice(&record.path[shared..]);
    let Some(Known { stat, digest, attributes }) = &record.known else { return };
    for number in [u64::from(stat.mode), u64::from(stat.uid), u64::from(stat.gid), stat.size, stat.inode] {
        put(number, into);
    }
    for time in [stat.modified, stat.changed] {
        put(zigzag(time.seconds), into);
        put(u64::from(time.nanoseconds), into);
    }
    for digest in [digest, attributes].into_iter().flatten() {
        into.extend_from_slice(digest);
    }
}

/// A record to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordRef<'a> {
    pub(super) path: &'a [u8],
    pub(super) is_recent: bool,
    pub(super) known: Option<Known>,
}

/// Reads a record over the one before it; nothing when the bytes are none.
pub(super) fn decode(bytes: &[u8], record: &mut Record) -> Option<()> {
    let mut input = Input(bytes);
    let tag = input.byte()?;
    let shared = usize::try_from(input.number()?).ok()?;
    let rest = usize::try_from(input.number()?).ok()?;
    if shared > record.path.len() {
        return None;
    }
    record.path.truncate(shared);
    record.path.extend_from_slice(input.take(rest)?);
    record.is_recent = tag & RECENT != 0;
    record.present = match tag & KIND_MASK {
        GONE => None,
        number => Some(decode_present(*KINDS.get(usize::from(number))?, tag, &mut input)?),
    };
    input.0.is_empty().then_some(())
}

fn decode_present(kind: Kind, tag: u8, input: &mut Input<'_>) -> Option<Present> {
    let stat = Stat {
        kind,
        mode: u16::try_from(input.number()?).ok()?,
        uid: u32::try_from(input.number()?).ok()?,
        gid: u32::try_from(input.number()?).ok()?,
        size: input.number()?,
        inode: input.number()?,
        modified: input.time()?,
        changed: input.time()?,
        has_other_names: tag & OTHER_NAMES != 0,
    };
    let mut digest = |flag| match tag & flag {
        0 => Some(None),
        _ => Some(Some(input.take(20)?.try_into().ok()?)),
    };
    Some(Present { stat: Some(stat), digest: digest(DIGEST)?, attributes: digest(ATTRIBUTES)? })
}

fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::File => 0,
        Kind::Directory => 1,
        Kind::Symlink => 2,
        Kind::Fifo => 3,
        Kind::Socket => 4,
        Kind::Character => 5,
        Kind::Block => 6,
    }
}

/// Appends a number as LEB128.
pub(super) fn put(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(low_seven(number) | 0x80);
        number >>= 7;
    }
    into.push(low_seven(number));
}

fn low_seven(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// What is left of the bytes of a record.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn time(&mut self) -> Option<Timestamp> {
        let seconds = unzigzag(self.number()?);
        let nanoseconds = u32::try_from(self.number()?).ok()?;
        Some(Timestamp { seconds, nanoseconds })
    }
}
