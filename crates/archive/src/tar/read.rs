//! Reading tar archives of any producer, damaged ones as well.

use std::io::{self, Read};
use std::ops::Range;

use bstr::ByteSlice;

use super::decode::{self, MAGIC, MAGIC_OFFSET, RawHeader};
use super::{ATTRIBUTE_PREFIX, BLOCK, pax};
use crate::Timestamp;

/// A block, so much of a name or of pax records is believed; what claims more is damage.
const LARGEST_EXTENSION: u64 = 16 << 20;
/// So many extents of a sparse file are believed.
const MOST_EXTENTS: usize = 1 << 20;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberKind {
    /// A regular file.
    File,
    /// A further name of a member before.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// Something we cannot recreate, with its type byte.
    Other(u8),
}

/// What an archive says about one member. Names are as they stand there: they may be absolute, contain `..`, or worse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: MemberKind,
    /// Bytes of content, holes included.
    pub size: u64,
    /// Permission bits, `& 0o7777`.
    pub mode: u32,
    /// Owner by number.
    pub uid: u64,
    /// Group by number.
    pub gid: u64,
    /// Owner by name; empty if it has none.
    pub user: Vec<u8>,
    /// Group by name; empty if it has none.
    pub group: Vec<u8>,
    /// Last change of content.
    pub modified: Timestamp,
    /// Target of a symbolic link, or the name of the member that a hard link is another name of.
    pub link: Vec<u8>,
    /// Device number (major, minor).
    pub rdev: (u32, u32),
    /// Extended attributes.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where data of a sparse file is, as (offset, length), ascending; what is between is holes.
    pub extents: Option<Vec<(u64, u64)>>,
    /// Where its first header block is in the archive.
    pub offset: u64,
    /// Where its data is in the archive, without padding.
    pub data: Range<u64>,
}

/// Where an archive is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// No header where one should be. The next one begins at `to`, or, without it, there is none up to the end.
    Skipped {
        /// Where a header should be.
        from: u64,
        /// Where the next header is.
        to: Option<u64>,
        /// The data of the member before. A file that shrank while it was stored has swallowed its successors: see
        /// [`find_swallowed`](crate::reader::find_swallowed).
        before: Option<Range<u64>>,
    },
    /// The archive ends in the middle of a member.
    Truncated {
        /// Where it ends.
        at: u64,
    },
    /// The archive ends after a member, but without its end marker: more may be missing.
    NoEndMarker {
        /// Where it ends.
        at: u64,
    },
}

/// What [`Members`] comes across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A member, whose data [`Members::content`] reads.
    Member(Box<Member>),
    /// Damage; members may follow.
    Damage(Damage),
}

/// Why reading cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes of the archive cannot be had.
    #[error("cannot read the archive beyond byte {offset} of its uncompressed form: {source}")]
    Io {
        /// How far it could be read.
        offset: u64,
        /// Why not further.
        source: io::Error,
    },
    /// There is no member where one was looked for.
    #[error("no member begins at byte {offset} of the uncompressed archive")]
    NoMember {
        /// Where it was looked for.
        offset: u64,
    },
}

/// Reads the member whose first header block is at `offset`, where `reader` stands. Its data is what `reader` yields next.
///
/// # Errors
/// When it cannot be read, or is no member.
pub fn read_member(reader: &mut impl Read, offset: u64) -> Result<Member, ReadError> {
    match parse(reader, offset, &mut Vec::new())? {
        Parsed::Member(member) => Ok(*member),
        _ => Err(ReadError::NoMember { offset }),
    }
}

/// The members of an archive, one after the other.
pub struct Members<R> {
    reader: Unread<R>,
    position: u64,
    /// What is left of the current member's data, and the padding behind it.
    left: u64,
    padding: u64,
    /// The data of the last member.
    before: Option<Range<u64>>,
    globals: Vec<(Vec<u8>, Vec<u8>)>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// A header has to be searched for.
    Searching,
    Ended,
}

impl<R: Read> Members<R> {
    /// Reads an archive from its beginning.
    pub fn new(reader: R) -> Self {
        Self::resume(reader, 0)
    }

    /// Reads from a header block at `offset`, where `reader` stands.
    pub fn resume(reader: R, offset: u64) -> Self {
        Self {
            reader: Unread { bytes: Vec::new(), taken: 0, inner: reader },
            position: offset,
            left: 0,
            padding: 0,
            before: None,
            globals: Vec::new(),
            state: State::Reading,
        }
    }

    /// Searches for the first header from `offset`, where `reader` stands.
    pub(crate) fn search(reader: R, offset: u64) -> Self {
        Self { state: State::Searching, ..Self::resume(reader, offset) }
    }

    /// How much of the archive has been read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next member or damage; nothing after the end marker.
    ///
    /// # Errors
    /// When the archive cannot be read. Damage of the archive itself is no error.
    pub fn next_member(&mut self) -> Result<Option<Event>, ReadError> {
        match self.state {
            State::Ended => return Ok(None),
            State::Searching => {
                self.state = State::Reading;
                let from = self.position;
                let to = self.find_header(Vec::new())?;
                return Ok(Some(self.skipped(from, to)));
            }
            State::Reading => {}
        }
        let rest = self.left + self.padding;
        (self.left, self.padding) = (0, 0);
        let skipped = io::copy(&mut (&mut self.reader).take(rest), &mut io::sink());
        let skipped = skipped.map_err(|source| ReadError::Io { offset: self.position, source })?;
        self.position += skipped;
        if skipped < rest {
            return Ok(Some(self.ended(Damage::Truncated { at: self.position })));
        }
        self.next_header()
    }

    fn next_header(&mut self) -> Result<Option<Event>, ReadError> {
        let offset = self.position;
        match parse(&mut self.reader, offset, &mut self.globals)? {
            Parsed::Member(member) => {
                self.position = member.data.start;
                self.left = member.data.end - member.data.start;
                self.padding = padding(self.left);
                self.before = Some(member.data.clone());
                Ok(Some(Event::Member(member)))
            }
            Parsed::Zeros => self.end_marker(offset),
            Parsed::End => Ok(Some(self.ended(Damage::NoEndMarker { at: offset }))),
            Parsed::Cut(at) => Ok(Some(self.ended(Damage::Truncated { at }))),
            Parsed::Invalid { at, unsearched } => {
                self.position = at;
                let to = self.find_header(unsearched)?;
                Ok(Some(self.skipped(offset, to)))
            }
        }
    }

    /// One block of zeros was read at `offset`; the marker has two.
    fn end_marker(&mut self, offset: u64) -> Result<Option<Event>, ReadError> {
        self.position = offset + BLOCK as u64;
        let mut block = [0; BLOCK];
        let read = fill(&mut self.reader, &mut block, self.position)?;
        if read < BLOCK {
            return Ok(Some(self.ended(Damage::NoEndMarker { at: self.position + read as u64 })));
        }
        if block.iter().all(|byte| *byte == 0) {
            self.position += BLOCK as u64;
            self.state = State::Ended;
            return Ok(None);
        }
        let to = if RawHeader::parse(&block).is_some() {
            self.reader.unread(block.to_vec());
            Some(self.position)
        } else {
            self.find_header(block.to_vec())?
        };
        Ok(Some(self.skipped(offset, to)))
    }

    fn skipped(&mut self, from: u64, to: Option<u64>) -> Event {
        if to.is_none() {
            self.state = State::Ended;
        }
        Event::Damage(Damage::Skipped { from, to, before: self.before.clone() })
    }

    fn ended(&mut self, damage: Damage) -> Event {
        self.state = State::Ended;
        Event::Damage(damage)
    }

    /// Searches byte by byte, from the second byte of what was `read` already at the current position, for a header. The
    /// archive of a program that failed in the middle of a file goes on anywhere, not at a multiple of 512.
    fn find_header(&mut self, read: Vec<u8>) -> Result<Option<u64>, ReadError> {
        let mut window = read;
        let mut from = usize::from(!window.is_empty());
        loop {
            while let Some(found) = window.get(from + MAGIC_OFFSET..).and_then(|rest| rest.find(MAGIC)) {
                let start = from + found;
                let Some(candidate) = window[start..].first_chunk::<BLOCK>() else { break };
                if decode::looks_like_a_header(candidate) {
                    self.position += start as u64;
                    self.reader.unread(window.split_off(start));
                    return Ok(Some(self.position));
                }
                from = start + 1;
            }
            // What is left has been looked at, except for a header that is not wholly there yet.
            let done = window.len().saturating_sub(BLOCK - 1).max(from.min(window.len()));
            window.drain(..done);
            self.position += done as u64;
            from = 0;
            let kept = window.len();
            window.resize(kept + 64 * 1024, 0);
            let read = fill(&mut self.reader, &mut window[kept..], self.position + kept as u64)?;
            window.truncate(kept + read);
            if read == 0 {
                self.position += kept as u64;
                return Ok(None);
            }
        }
    }

    /// The data of the current member as it is stored: a sparse file without its holes. Ends after exactly its bytes; if
    /// the archive ends before, that is an error.
    pub fn content(&mut self) -> Content<'_, R> {
        Content { members: self }
    }

    /// Reads what follows the end marker, so that the checksums of the compression are proven to the last byte.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn drain(mut self) -> Result<(), ReadError> {
        io::copy(&mut self.reader, &mut io::sink())
            .map(drop)
            .map_err(|source| ReadError::Io { offset: self.position, source })
    }
}

/// The data of a member. See [`Members::content`].
pub struct Content<'a, R> {
    members: &'a mut Members<R>,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let members = &mut *self.members;
        let wanted = buffer.len().min(usize::try_from(members.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let read = members.reader.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive ends in the middle of a file",
            ));
        }
        members.left -= read as u64;
        members.position += read as u64;
        Ok(read)
    }
}

/// A reader to which bytes can be given back.
struct Unread<R> {
    bytes: Vec<u8>,
    taken: usize,
    inner: R,
}

impl<R> Unread<R> {
    fn unread(&mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(&self.bytes[self.taken..]);
        (self.bytes, self.taken) = (bytes, 0);
    }
}

impl<R: Read> Read for Unread<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = &self.bytes[self.taken..];
        if rest.is_empty() {
            return self.inner.read(buffer);
        }
        let read = rest.read(buffer)?;
        self.taken += read;
        Ok(read)
    }
}

enum Parsed {
    Member(Box<Member>),
    /// A block of zeros.
    Zeros,
    /// The archive ends here.
    End,
    /// The archive ends in the middle of a header.
    Cut(u64),
    /// What was found is no header, or one that cannot be believed. The reader stands behind `unsearched`, which begins at
    /// `at`; a header may begin at any byte of it but the first.
    Invalid {
        at: u64,
        unsearched: Vec<u8>,
    },
}

/// Reads extension headers and the header they belong to.
fn parse(
    reader: &mut impl Read,
    offset: u64,
    globals: &mut Vec<(Vec<u8>, Vec<u8>)>,
) -> Result<Parsed, ReadError> {
    let mut position = offset;
    let mut extensions = Extensions { records: globals.clone(), ..Extensions::default() };
    loop {
        let mut block = [0; BLOCK];
        match fill(reader, &mut block, position)? {
            0 if position == offset => return Ok(Parsed::End),
            BLOCK => {}
            read => return Ok(Parsed::Cut(position + read as u64)),
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(Parsed::Zeros);
        }
        let Some(header) = RawHeader::parse(&block) else {
            return Ok(Parsed::Invalid { at: position, unsearched: block.to_vec() });
        };
        position += BLOCK as u64;
        if !matches!(header.kind, b'L' | b'K' | b'x' | b'X' | b'g') {
            let member = finish_member(reader, &block, header, extensions, offset, &mut position)?;
            return Ok(match member {
                Some(member) => Parsed::Member(Box::new(member)),
                None => Parsed::Invalid { at: position, unsearched: Vec::new() },
            });
        }
        if header.size > LARGEST_EXTENSION {
            return Ok(Parsed::Invalid { at: position, unsearched: Vec::new() });
        }
        let stored = header.size + padding(header.size);
        let mut data = vec![0; usize::try_from(stored).expect("bounded above")];
        let read = fill(reader, &mut data, position)?;
        position += read as u64;
        if read < data.len() {
            return Ok(Parsed::Cut(position));
        }
        data.truncate(usize::try_from(header.size).expect("bounded above"));
        if !extensions.add(header.kind, data, globals) {
            return Ok(Parsed::Invalid { at: position, unsearched: Vec::new() });
        }
    }
}

/// What the extension headers before a member say.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Extensions {
    /// Whether the extension could be understood.
    fn add(&mut self, kind: u8, mut data: Vec<u8>, globals: &mut Vec<(Vec<u8>, Vec<u8>)>) -> bool {
        match kind {
            b'L' | b'K' => {
                data.truncate(data.find_byte(0).unwrap_or(data.len()));
                *(if kind == b'L' { &mut self.name } else { &mut self.link }) = Some(data);
                true
            }
            _ => {
                let Some(records) = decode::pax_records(&data) else { return false };
                let owned = records.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec()));
                self.records.extend(owned);
                if kind == b'g' {
                    globals.clone_from(&self.records);
                }
                true
            }
        }
    }
}

/// Nothing when what header and extensions say cannot be. `position`, behind the header, moves behind the map of a sparse
/// file.
fn finish_member(
    reader: &mut impl Read,
    block: &[u8; BLOCK],
    header: RawHeader,
    extensions: Extensions,
    offset: u64,
    position: &mut u64,
) -> Result<Option<Member>, ReadError> {
    let mut member = Member {
        kind: kind_of(header.kind),
        path: extensions.name.unwrap_or(header.name),
        size: header.size,
        mode: header.mode,
        uid: header.uid,
        gid: header.gid,
        user: header.user,
        group: header.group,
        modified: Timestamp { seconds: header.modified, nanoseconds: 0 },
        link: extensions.link.unwrap_or(header.link),
        rdev: header.rdev,
        xattrs: Vec::new(),
        extents: None,
        offset,
        data: 0..0,
    };
    for (key, value) in extensions.records {
        if apply_record(&mut member, &key, value).is_none() {
            return Ok(None);
        }
    }
    // Old archives know a directory only by its slash. It counts at the end of the whole name: where a long name is cut off
    // for the header there may be a slash as well.
    if member.kind == MemberKind::File && member.path.ends_with(b"/") {
        member.kind = MemberKind::Directory;
    }
    // Links and devices have no data, whatever their size field says; directories of some producers have.
    let stored = match member.kind {
        MemberKind::File | MemberKind::Directory | MemberKind::Other(_) => member.size,
        _ => 0,
    };
    if header.kind == b'S' && !read_sparse_map(reader, block, &mut member, stored, position)? {
        return Ok(None);
    }
    if !matches!(member.kind, MemberKind::File | MemberKind::Other(_)) {
        member.size = 0;
    }
    let end = position.checked_add(stored).filter(|end| i64::try_from(*end).is_ok());
    Ok(end.map(|end| Member { data: *position..end, ..member }))
}

fn kind_of(kind: u8) -> MemberKind {
    match kind {
        b'0' | 0 | b'7' | b'S' => MemberKind::File,
        b'1' => MemberKind::HardLink,
        b'2' => MemberKind::Symlink,
        b'3' => MemberKind::Character,
        b'4' => MemberKind::Block,
        b'5' | b'D' => MemberKind::Directory,
        b'6' => MemberKind::Fifo,
        other => MemberKind::Other(other),
    }
}

/// Applies one pax record. Nothing when its value cannot be.
fn apply_record(member: &mut Member, key: &[u8], value: Vec<u8>) -> Option<()> {
    match key {
        b"path" => member.path = value,
        b"linkpath" => member.link = value,
        b"size" => member.size = decode::decimal(&value)?,
        b"uid" => member.uid = decode::decimal(&value)?,
        b"gid" => member.gid = decode::decimal(&value)?,
        b"uname" => member.user = value,
        b"gname" => member.group = value,
        b"mtime" => member.modified = decode::pax_time(&value)?,
        _ => {
            if let Some(name) = key.strip_prefix(ATTRIBUTE_PREFIX) {
                member.xattrs.push((pax::attribute_name(name), value));
            } else if key.starts_with(b"GNU.sparse.") {
                // A file in pieces that we would give back as if it were whole.
                member.kind = MemberKind::Other(b'S');
            }
        }
    }
    Some(())
}

/// The map of an old GNU sparse file begins in its header and goes on in blocks of its own. False when it makes no sense.
fn read_sparse_map(
    reader: &mut impl Read,
    block: &[u8; BLOCK],
    member: &mut Member,
    stored: u64,
    position: &mut u64,
) -> Result<bool, ReadError> {
    let mut extended = block[482] != 0;
    let Some(mut extents) = decode::extents(&block[386..482]) else { return Ok(false) };
    while extended {
        let mut more = [0; BLOCK];
        let read = fill(reader, &mut more, *position)?;
        *position += read as u64;
        if read < BLOCK || extents.len() > MOST_EXTENTS {
            return Ok(false);
        }
        let Some(table) = decode::extents(&more[..504]) else { return Ok(false) };
        extents.extend(table);
        extended = more[504] != 0;
    }
    let Some(size) = decode::number(&block[483..495]).and_then(|size| u64::try_from(size).ok()) else {
        return Ok(false);
    };
    let mut end = 0;
    let mut sum = 0;
    for (offset, length) in &extents {
        match offset.checked_add(*length) {
            Some(next) if *offset >= end && next <= size => end = next,
            _ => return Ok(false),
        }
        sum += length;
    }
    member.size = size;
    member.extents = Some(extents);
    Ok(sum == stored)
}

fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// Reads until the buffer is full or the input ends.
fn fill(reader: &mut impl Read, buffer: &mut [u8], offset: u64) -> Result<usize, ReadError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(ReadError::Io { offset: offset + filled as u64, source }),
        }
    }
    Ok(filled)
}
