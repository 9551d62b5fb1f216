//! What a file that shrank while it was stored has swallowed.

use std::io::{self, Read};
use std::ops::Range;

use super::BLOCK;
use super::decode::looks_like_a_header;
use super::read::{Damage, Event, Members, ReadError};

/// The original copies files in pieces of this size. A piece that turns out too short is not stored at all, so what it
/// swallows begins at a multiple.
const PIECE: usize = 16 * 1024;

/// The original announces the length of a file and, when the file turns out shorter, goes on with the next member at once:
/// by the announced length, that member and those behind it are data of the file. This searches the `data` of a member
/// behind which no header was found for the first member it swallowed. `reader` stands at the beginning of `data`.
///
/// A whole archive that is stored as a file also contains headers; it is told apart by its end marker.
///
/// # Errors
/// When the archive cannot be read.
pub fn find_swallowed(reader: impl Read, data: Range<u64>) -> Result<Option<u64>, ReadError> {
    let mut reader = reader;
    let mut start = data.start;
    while start < data.end {
        let mut members = Members::search(&mut reader, start);
        let mut first = None;
        loop {
            match members.next_member()? {
                Some(Event::Member(member)) => {
                    first.get_or_insert(member.offset);
                    if member.offset >= data.end {
                        return Ok(None);
                    }
                    if member.data.end > data.end {
                        return Ok(first);
                    }
                }
                Some(Event::Damage(Damage::Skipped { to: None, .. })) if first.is_none() => return Ok(None),
                Some(Event::Damage(Damage::Skipped { to: Some(_), .. })) => {}
                Some(Event::Damage(_)) => return Ok(first),
                None => break,
            }
        }
        start = members.position();
    }
    Ok(None)
}

/// Members that look like data of the member before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// Where the first of them begins.
    pub first: u64,
    /// If they are what they look like, there is a header at one of these places.
    pub then: Vec<u64>,
}

/// Looks for members in the data of a member behind which there is a header, as there should be: the announced end of a file
/// that shrank may happen to be where a later member begins. They go on up to the end of the `data`, which `content` yields,
/// or past it; those of a whole archive that is stored as a file come to their end marker before.
///
/// # Errors
/// When the archive cannot be read.
pub fn suspect(mut content: impl Read, data: Range<u64>) -> Result<Option<Suspicion>, ReadError> {
    let mut start = data.start;
    let mut piece = Vec::with_capacity(PIECE);
    while start < data.end {
        piece.clear();
        let read = (&mut content).take(PIECE as u64).read_to_end(&mut piece);
        read.map_err(|source| ReadError::Io { offset: start, source })?;
        if piece.first_chunk::<BLOCK>().is_some_and(looks_like_a_header) {
            let then = follow(io::Cursor::new(&piece).chain(content), start, data.end)?;
            return Ok((!then.is_empty()).then_some(Suspicion { first: start, then }));
        }
        if piece.len() < PIECE {
            break;
        }
        start += PIECE as u64;
    }
    Ok(None)
}

/// Goes through the members that begin at `start`, up to `end`. Returns where those that lead there or past it let expect
/// a header.
fn follow(mut content: impl Read, start: u64, end: u64) -> Result<Vec<u64>, ReadError> {
    let end = end.next_multiple_of(BLOCK as u64);
    let mut then = Vec::new();
    let mut members = Members::resume(&mut content, start);
    loop {
        match members.next_member()? {
            Some(Event::Member(member)) => {
                let next = member.data.end.next_multiple_of(BLOCK as u64);
                if next > end {
                    then.push(next);
                    // It may have shrunk, too: then the next header follows at once.
                    members = Members::resume(&mut content, member.data.start);
                }
            }
            Some(Event::Damage(Damage::NoEndMarker { .. } | Damage::Truncated { .. })) => {
                then.push(end);
                return Ok(then);
            }
            Some(Event::Damage(Damage::Skipped { .. })) | None => return Ok(then),
        }
    }
}
