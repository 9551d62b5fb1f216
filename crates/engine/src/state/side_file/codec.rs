//! Records as bytes.
//!
//! A record is a length and as many bytes: a tag, what the path shares with the one before, the rest of the path, and the
//! numbers. Numbers are LEB128, signed ones zigzag.

use redcedar_archive::packing::{Cursor, put_number};
use redcedar_archive::{Kind, Timestamp};

use super::{Known, Present, Record, Stat};

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
            stat.kind.number()
                | flag(digest.is_some(), DIGEST)
                | flag(attributes.is_some(), ATTRIBUTES)
                | flag(stat.has_other_names, OTHER_NAMES)
        }
    };
    into.push(tag | flag(record.is_recent, RECENT));
    let shared = record.path.iter().zip(previous).take_while(|(a, b)| a == b).count();
    put_number(into, shared as u64);
    put_number(into, (record.path.len() - shared) as u64);
    into.extend_from_slice(&record.path[shared..]);
    let Some(Known { stat, digest, attributes }) = &record.known else { return };
    for number in [u64::from(stat.mode), u64::from(stat.uid), u64::from(stat.gid), stat.size, stat.inode] {
        put_number(into, number);
    }
    for time in [stat.modified, stat.changed] {
        put_number(into, zigzag(time.seconds));
        put_number(into, u64::from(time.nanoseconds));
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
    let mut input = Cursor(bytes);
    let tag = input.byte()?;
    let shared: usize = input.number()?;
    let rest = input.number()?;
    if shared > record.path.len() {
        return None;
    }
    record.path.truncate(shared);
    record.path.extend_from_slice(input.take(rest)?);
    record.is_recent = tag & RECENT != 0;
    record.present = match tag & KIND_MASK {
        GONE => None,
        number => Some(decode_present(Kind::of_number(number)?, tag, &mut input)?),
    };
    input.0.is_empty().then_some(())
}

fn decode_present(kind: Kind, tag: u8, input: &mut Cursor<'_>) -> Option<Present> {
    let stat = Stat {
        kind,
        mode: input.number()?,
        uid: input.number()?,
        gid: input.number()?,
        size: input.number()?,
        inode: input.number()?,
        modified: time(input)?,
        changed: time(input)?,
        has_other_names: tag & OTHER_NAMES != 0,
    };
    let mut digest = |flag| match tag & flag {
        0 => Some(None),
        _ => Some(Some(input.array()?)),
    };
    Some(Present { stat: Some(stat), digest: digest(DIGEST)?, attributes: digest(ATTRIBUTES)? })
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn time(input: &mut Cursor<'_>) -> Option<Timestamp> {
    let seconds = unzigzag(input.number()?);
    Some(Timestamp { seconds, nanoseconds: input.number()? })
}
