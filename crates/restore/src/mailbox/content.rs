//! What is in a piece: one mailbox, or those of a directory.

use std::io::{self, Cursor, Read};

use redcedar_archive::compress::read;
use redcedar_archive::reader::{Event, MemberKind, Members};
use redcedar_mailbox::Content as Mail;
use redcedar_system::{Interrupt, Interrupted, escape};

use super::PieceName;
use crate::scan::describe;
use crate::source::StoredFile;

/// A piece, opened.
pub(super) enum Content {
    /// One mailbox.
    Mailbox(Box<dyn Read>),
    /// An archive of mailboxes.
    Archive(Members<Box<dyn Read>>),
}

/// Where the magic of a tar archive is, and what it begins with.
const MAGIC: std::ops::Range<usize> = 257..262;

impl Content {
    /// Opens a piece. A mailbox whose name ends in `.tar` is told from an archive by what is in it.
    pub(super) fn open(file: &StoredFile, name: &PieceName) -> io::Result<Self> {
        let mut reader = read::stream(file.open()?, name.compression)?;
        if !name.name.as_encoded_bytes().ends_with(b".tar") {
            return Ok(Self::Mailbox(reader));
        }
        let mut beginning = Vec::new();
        reader.by_ref().take(512).read_to_end(&mut beginning)?;
        let is_archive = beginning.get(MAGIC) == Some(b"ustar");
        let whole: Box<dyn Read> = Box::new(Cursor::new(beginning).chain(reader));
        Ok(if is_archive { Self::Archive(Members::new(whole)) } else { Self::Mailbox(whole) })
    }
}

/// Why a piece could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Damaged(String),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Goes through the mailboxes of an archive. What is damaged is an error, but only at the end.
pub(super) fn each_member(
    mut members: Members<Box<dyn Read>>,
    interrupt: &Interrupt,
    mut act: impl FnMut(&[u8], &mut dyn Read) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut damaged = None;
    while let Some(event) = members.next_member().map_err(|error| ReadError::Damaged(error.to_string()))? {
        interrupt.check()?;
        match event {
            Event::Damage(damage) => damaged = damaged.or_else(|| Some(describe(&damage))),
            Event::Member(member) if member.kind == MemberKind::File => {
                act(&member.path, &mut members.content())?;
            }
            Event::Member(_) => {}
        }
    }
    members.drain().map_err(|error| ReadError::Damaged(error.to_string()))?;
    damaged.map_or(Ok(()), |damage| Err(ReadError::Damaged(damage)))
}

/// Reads a stored piece to its end, and says how many mailboxes are in it. An error is what is wrong with it.
pub(crate) fn prove(file: &StoredFile, interrupt: &Interrupt) -> Result<Result<u64, String>, Interrupted> {
    let Some(name) = file.path().file_name().and_then(PieceName::of_file) else { return Ok(Ok(0)) };
    let read = || -> Result<u64, ReadError> {
        let mut mailboxes = 0;
        let mut read_through = |content: &mut dyn Read| -> Result<(), ReadError> {
            if let Mail::Messages(mut messages) = redcedar_mailbox::open(&mut *content)? {
                while messages.next_message()?.is_some() {
                    interrupt.check()?;
                }
            }
            io::copy(content, &mut io::sink())?;
            mailboxes += 1;
            Ok(())
        };
        match Content::open(file, &name)? {
            Content::Mailbox(mut content) => read_through(&mut *content)?,
            Content::Archive(members) => each_member(members, interrupt, |name, content| {
                read_through(content).map_err(|error| match error {
                    ReadError::Io(error) => {
                        ReadError::Damaged(format!("{}: {error}", escape::display_bytes(name)))
                    }
                    other => other,
                })
            })?,
        }
        Ok(mailboxes)
    };
    match read() {
        Ok(mailboxes) => Ok(Ok(mailboxes)),
        Err(ReadError::Interrupted(interrupted)) => Err(interrupted),
        Err(error) => Ok(Err(error.to_string())),
    }
}
