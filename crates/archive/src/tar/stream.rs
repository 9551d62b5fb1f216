//! A tar archive of files that come from elsewhere than the file system.

use std::io::{self, Read, Write};

use super::header::Member;
use super::{BLOCK, RECORD, flag, padding};

/// What the headers of a file say.
#[derive(Debug, Clone, Copy)]
pub struct FileHeader<'a> {
    /// Its name in the archive.
    pub name: &'a [u8],
    /// How many bytes it has.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Its owner by number.
    pub uid: u32,
    /// Its group by number.
    pub gid: u32,
    /// Its owner by name, where the machine knows one.
    pub user: Option<&'a str>,
    /// Its group by name.
    pub group: Option<&'a str>,
    /// When it was changed last, in seconds since 1970.
    pub modified: i64,
}

/// Writes files one after the other. Without [`StreamWriter::finish`] the archive stays incomplete.
#[derive(Debug)]
pub struct StreamWriter<W> {
    writer: W,
    position: u64,
}

impl<W: Write> StreamWriter<W> {
    /// Begins an archive.
    pub fn new(writer: W) -> Self {
        Self { writer, position: 0 }
    }

    /// Stores a file with what `content` has to give.
    ///
    /// # Errors
    /// When the content cannot be read, is shorter than its header says, or cannot be written.
    pub fn append(&mut self, header: &FileHeader<'_>, content: impl Read) -> io::Result<()> {
        let FileHeader { name, size, mode, uid, gid, user, group, modified } = *header;
        let (flag, link, device, sparse, attributes) = (flag::FILE, &[], None, None, &[]);
        let stored = size;
        let member = Member {
            name,
            flag,
            mode,
            uid,
            gid,
            stored,
            modified,
            link,
            user,
            group,
            device,
            sparse,
            attributes,
        };
        let mut headers = Vec::new();
        member.encode(&mut headers);
        self.writer.write_all(&headers)?;
        if io::copy(&mut content.take(size), &mut self.writer)? < size {
            let text = "a file became shorter while it was stored";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        self.position += headers.len() as u64 + size;
        self.write_zeros(padding(size))
    }

    /// Ends the archive and gives the writer back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        let end = (self.position + 2 * BLOCK as u64).next_multiple_of(RECORD as u64);
        self.write_zeros(end - self.position)?;
        Ok(self.writer)
    }

    fn write_zeros(&mut self, count: u64) -> io::Result<()> {
        io::copy(&mut io::repeat(0).take(count), &mut self.writer)?;
        self.position += count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{Event, Members};

    fn header(name: &[u8], size: u64) -> FileHeader<'_> {
        FileHeader { name, size, mode: 0o600, uid: 7, gid: 8, user: Some("anna"), group: None, modified: 9 }
    }

    #[test]
    fn files_are_read_back() {
        let files: [(&[u8], Vec<u8>); 3] =
            [(b"inbox", vec![1; 700]), (b"empty", Vec::new()), (&[b'n'; 200], vec![2; 512])];
        let mut writer = StreamWriter::new(Vec::new());
        for (name, content) in &files {
            writer.append(&header(name, content.len() as u64), content.as_slice()).unwrap();
        }
        let archive = writer.finish().unwrap();
        assert_eq!(archive.len() % RECORD, 0);
        let mut members = Members::new(archive.as_slice());
        for (name, content) in &files {
            let Some(Event::Member(member)) = members.next_member().unwrap() else { panic!("a member") };
            let mut stored = Vec::new();
            members.content().read_to_end(&mut stored).unwrap();
            assert_eq!((member.path.as_slice(), &stored), (*name, content));
        }
        assert!(members.next_member().unwrap().is_none());
        members.drain().unwrap();
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        let mut writer = StreamWriter::new(Vec::new());
        let error = writer.append(&header(b"x", 10), &b"short"[..]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
