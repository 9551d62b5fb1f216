//! Files, read as they are at one moment or not at all.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use redcedar_system::escape;
use rustix::fs::{FileType, Mode, OFlags};

use super::local::Links;
use super::stamp::Stamp;
use crate::client::Body;
use crate::digest::{Digester, Fingerprint};

/// How often a file is read that changes meanwhile.
pub(super) const ATTEMPTS: usize = 3;
/// How long to wait until it is read again.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
/// How much is read at a time where nothing is kept.
const PIECE: usize = 1 << 18;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("{0}")]
    Io(io::Error),
    #[error("it changes while it is read")]
    Changing,
    #[error("it is no file any more")]
    NoFile,
}

/// An open file, and how it looked before anything was read.
#[derive(Debug)]
pub(crate) struct Opened {
    file: File,
    pub(crate) stamp: Stamp,
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Opened {
    pub(crate) fn open(path: &Path, links: Links) -> Result<Self, ReadError> {
        // NONBLOCK: a FIFO put in the place of a file must not hang us.
        let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        flags.set(OFlags::NOFOLLOW, links == Links::Skip);
        let named = |error: rustix::io::Errno| {
            let error = io::Error::from(error);
            let text = format!("cannot read {}: {error}", escape::display(path));
            ReadError::Io(io::Error::new(error.kind(), text))
        };
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(named)?;
        let stat = rustix::fs::fstat(&file).map_err(named)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ReadError::NoFile);
        }
        Ok(Self { file: file.into(), stamp: (&stat).into() })
    }

    /// Whether the file is as it was when it was opened.
    pub(crate) fn is_as_it_was(&self) -> Result<bool, ReadError> {
        let stat = rustix::fs::fstat(self.file.as_fd()).map_err(|error| ReadError::Io(error.into()))?;
        Ok(self.stamp == (&stat).into())
    }

    /// A piece of it, which must be there.
    pub(crate) fn read_piece(&self, piece: &mut [u8], offset: u64) -> Result<(), ReadError> {
        match self.file.read_exact_at(piece, offset) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(ReadError::Changing),
            Err(error) => Err(ReadError::Io(error)),
        }
    }

    /// What was read of it, if that is what was there all the time.
    pub(super) fn if_unchanged(&self, read: Fingerprint) -> Result<Fingerprint, ReadError> {
        let is_whole = read.crc.length() == self.stamp.size;
        if is_whole && self.is_as_it_was()? { Ok(read) } else { Err(ReadError::Changing) }
    }

    fn whole(&self) -> Result<Bytes, ReadError> {
        let length = usize::try_from(self.stamp.size).map_err(|_| ReadError::Changing)?;
        let mut content = vec![0; length];
        self.read_piece(&mut content, 0)?;
        if self.is_as_it_was()? { Ok(content.into()) } else { Err(ReadError::Changing) }
    }

    fn fingerprint(&mut self, part_size: u64) -> Result<Fingerprint, ReadError> {
        let mut digester = Digester::new(Some(part_size));
        let mut buffer = vec![0; PIECE];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => digester.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::Io(error)),
            }
        }
        self.if_unchanged(digester.finish())
    }
}

/// The content of a file, which is small, with how the file looked. Nothing that changed meanwhile is ever returned.
pub(crate) fn whole(path: &Path, links: Links, largest: u64) -> Result<(Body, Stamp), ReadError> {
    again_while_changing(|| {
        let opened = Opened::open(path, links)?;
        if opened.stamp.size > largest {
            return Err(ReadError::Changing);
        }
        Ok((Body::new(opened.whole()?), opened.stamp))
    })
}

/// What identifies the content of a file of which each part has an MD5, with how the file looked.
pub(crate) fn fingerprint_of_parts(
    path: &Path,
    links: Links,
    part_size: u64,
) -> Result<(Fingerprint, Stamp), ReadError> {
    again_while_changing(|| {
        let mut opened = Opened::open(path, links)?;
        Ok((opened.fingerprint(part_size)?, opened.stamp))
    })
}

fn again_while_changing<T>(mut read: impl FnMut() -> Result<T, ReadError>) -> Result<T, ReadError> {
    for _ in 1..ATTEMPTS {
        match read() {
            Err(ReadError::Changing) => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    read()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Crc, Md5Sum, etag_of_parts};

    #[test]
    fn a_file_is_read_with_how_it_looked() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x");
        fs_err::write(&path, "abcdefgh").unwrap();
        let (body, stamp) = whole(&path, Links::Follow, 100).unwrap();
        assert_eq!((&body.bytes()[..], stamp.size), (&b"abcdefgh"[..], 8));
        let (print, again) = fingerprint_of_parts(&path, Links::Skip, 3).unwrap();
        assert_eq!(stamp, again);
        let parts = [b"abc".as_slice(), b"def", b"gh"].map(Md5Sum::of);
        assert!(print.has_etag(&etag_of_parts(&parts)));
        assert_eq!(print.crc, Crc::of(b"abcdefgh"));
    }

    #[test]
    fn what_grew_too_large_links_and_pipes_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x");
        fs_err::write(&path, "abcdefgh").unwrap();
        assert!(matches!(whole(&path, Links::Follow, 7), Err(ReadError::Changing)));
        let link = root.path().join("link");
        std::os::unix::fs::symlink("x", &link).unwrap();
        assert!(whole(&link, Links::Follow, 8).is_ok());
        assert!(matches!(whole(&link, Links::Skip, 8), Err(ReadError::Io(_))));
        let pipe = root.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR).unwrap();
        assert!(matches!(whole(&pipe, Links::Follow, 8), Err(ReadError::NoFile)));
    }

    #[test]
    fn a_change_between_the_first_byte_and_the_last_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x");
        fs_err::write(&path, "abc").unwrap();
        let opened = Opened::open(&path, Links::Follow).unwrap();
        assert!(opened.is_as_it_was().unwrap());
        fs_err::write(&path, "abcd").unwrap();
        assert!(!opened.is_as_it_was().unwrap());
        assert!(matches!(opened.whole(), Err(ReadError::Changing)));
        assert!(matches!(opened.read_piece(&mut [0; 3], 5), Err(ReadError::Changing)));
    }
}
