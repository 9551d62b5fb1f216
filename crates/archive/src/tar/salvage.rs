//! What a file that shrank while it was stored has swallowed.

use std::io::Read;
use std::ops::Range;

use super::read::{Damage, Event, Members, ReadError};

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
