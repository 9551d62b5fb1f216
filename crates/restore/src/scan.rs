//! What is in an archive without a manifest, damaged ones included.

use std::io;

use redcedar_archive::Compression;
use redcedar_archive::reader::{
    ArchiveReader, Damage, Event, Member, MemberKind, Members, ReadError, find_swallowed, read_member,
    suspect,
};
use redcedar_system::{Interrupt, Interrupted};

use crate::source::StoredFile;

/// At how many places a header is looked for that shows that members were swallowed.
const MOST_LOOKED_AT: usize = 32;

/// The members of an archive, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) members: Vec<ScannedMember>,
    /// One message each.
    pub(crate) damages: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct ScannedMember {
    pub(crate) member: Member,
    /// How much of its data is there, if not all.
    pub(crate) available: Option<u64>,
}

/// Reads through the archive in `file`. Where a file that shrank while it was stored has swallowed its successors, these are
/// found again. What cannot be read is said among the damages.
pub(crate) fn scan(
    file: &StoredFile,
    compression: Compression,
    interrupt: &Interrupt,
) -> Result<Scan, Interrupted> {
    let mut scan = Scan::default();
    let mut next = Some(0);
    while let Some(start) = next {
        next = match open(file, compression, start) {
            Ok(reader) => scan_from(&mut scan, reader, start, file, compression, interrupt)?,
            Err(error) => {
                scan.damages.push(file.error("cannot read", &error).to_string());
                None
            }
        };
    }
    Ok(scan)
}

fn open(file: &StoredFile, compression: Compression, offset: u64) -> io::Result<ArchiveReader> {
    let mut reader = file.open()?.archive(compression, None, 1)?;
    reader.skip_to(offset)?;
    Ok(reader)
}

/// Reads on from `start`. Returns where reading has to begin again because members were swallowed there.
fn scan_from(
    scan: &mut Scan,
    reader: ArchiveReader,
    start: u64,
    file: &StoredFile,
    compression: Compression,
    interrupt: &Interrupt,
) -> Result<Option<u64>, Interrupted> {
    let mut members = Members::resume(reader, start);
    loop {
        interrupt.check()?;
        match members.next_member() {
            Ok(Some(Event::Member(member))) => {
                // What cannot be read here is met again, and said, by the next step.
                let swallowed = swallowed_by(&member, &mut members, file, compression).unwrap_or_default();
                let available = swallowed.map(|first| first - member.data.start);
                scan.members.push(ScannedMember { member: *member, available });
                if swallowed.is_some() {
                    return Ok(swallowed);
                }
            }
            Ok(Some(Event::Damage(damage))) => {
                if let Some(swallowed) = swallowed_by_last(scan, &damage, file, compression) {
                    return Ok(Some(swallowed));
                }
                scan.damages.push(describe(&damage));
            }
            Ok(None) => {
                if let Err(error) = members.drain() {
                    scan.damages.push(error.to_string());
                }
                return Ok(None);
            }
            Err(error) => {
                scan.damages.push(error.to_string());
                return Ok(None);
            }
        }
    }
}

/// Where what a member has swallowed begins, though there is a header where its data should end.
fn swallowed_by(
    member: &Member,
    members: &mut Members<ArchiveReader>,
    file: &StoredFile,
    compression: Compression,
) -> Result<Option<u64>, ReadError> {
    // An archive that is stored as a file may itself be cut off.
    let may_hold_members = member.extents.is_some() || member.path.ends_with(b".tar");
    if member.kind != MemberKind::File || may_hold_members {
        return Ok(None);
    }
    let Some(suspicion) = suspect(members.content(), member.data.clone())? else { return Ok(None) };
    let is_header = |offset: &u64| {
        open(file, compression, *offset).is_ok_and(|mut reader| read_member(&mut reader, *offset).is_ok())
    };
    let is_right = suspicion.then.iter().take(MOST_LOOKED_AT).any(is_header);
    Ok(is_right.then_some(suspicion.first))
}

/// Whether the last member has swallowed others: then it gets its true length.
fn swallowed_by_last(
    scan: &mut Scan,
    damage: &Damage,
    file: &StoredFile,
    compression: Compression,
) -> Option<u64> {
    let data = match damage {
        Damage::Skipped { before: Some(data), .. } => data.clone(),
        Damage::Truncated { at } => {
            let data = scan.members.last()?.member.data.clone();
            (data.end > *at).then_some(data)?
        }
        _ => return None,
    };
    let last = scan.members.last_mut().filter(|last| last.member.data == data)?;
    let search = || -> Result<Option<u64>, ReadError> {
        let reader = open(file, compression, data.start)
            .map_err(|source| ReadError::Io { offset: data.start, source })?;
        find_swallowed(reader, data.clone())
    };
    // What cannot be read now could not be read before, and that is said.
    let first = search().ok().flatten()?;
    last.available = Some(first - data.start);
    Some(first)
}

pub(crate) fn describe(damage: &Damage) -> String {
    match damage {
        Damage::Skipped { from, to: Some(to), .. } => {
            format!(
                "bytes {from} to {to} of the uncompressed archive belong to no member; what they held is lost"
            )
        }
        Damage::Skipped { from, to: None, .. } => {
            format!(
                "from byte {from} of the uncompressed archive on there are no members; what was there is lost"
            )
        }
        Damage::Truncated { at } => {
            format!("the archive ends in the middle of a member, after byte {at} of its uncompressed form")
        }
        Damage::NoEndMarker { at } => {
            format!(
                "the archive ends without its end marker, after byte {at} of its uncompressed form: more may be missing"
            )
        }
    }
}
