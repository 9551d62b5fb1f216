//! Content of files: into the tree, through a digest, or compared with what is there.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use redcedar_archive::writer::Source;
use sha2::{Digest, Sha256};

/// How much is moved at a time.
const PIECE: usize = 256 << 10;
/// Smaller files are copied rather than cloned.
const WORTH_CLONING: u64 = 128 << 10;

/// Moves content. One per thread.
pub(super) struct Mover<'r> {
    buffer: Vec<u8>,
    other: Vec<u8>,
    /// Whether the file system can share content between files; found out once.
    can_clone: &'r AtomicBool,
}

/// Why content was not moved.
#[derive(Debug)]
pub(super) enum MoveError {
    Reading(io::Error),
    Writing(io::Error),
}

/// What became of content that was moved, or compared.
pub(super) struct Moved {
    pub(super) sha256: [u8; 32],
    /// Whether all bytes that were announced were there.
    pub(super) is_whole: bool,
}

impl<'r> Mover<'r> {
    pub(super) fn new(can_clone: &'r AtomicBool) -> Self {
        Self { buffer: vec![0; PIECE], other: Vec::new(), can_clone }
    }

    /// Writes the content of a file to another, which is new and has the announced size then. Holes stay holes.
    pub(super) fn copy(&mut self, source: &Source, file: &File) -> Result<Moved, MoveError> {
        let size = source.metadata.size;
        let is_cloned = size >= WORTH_CLONING && self.clone(source, file);
        let stretches = source.stretches().map_err(MoveError::Reading)?;
        let is_sparse = stretches.is_some();
        let moved = self.pour(source, stretches, |piece, offset| {
            if is_cloned {
                return Ok(());
            }
            file.write_all_at(piece, offset).map_err(MoveError::Writing)
        })?;
        // What was written from beginning to end has its size, and to set that costs as much as to write a small file.
        if is_cloned || is_sparse || !moved.is_whole {
            file.set_len(size).map_err(MoveError::Writing)?;
        }
        Ok(moved)
    }

    /// The digest of the content of a file.
    pub(super) fn digest(&mut self, source: &Source) -> Result<Moved, MoveError> {
        let stretches = source.stretches().map_err(MoveError::Reading)?;
        self.pour(source, stretches, |_, _| Ok(()))
    }

    /// The digest of the content of a file, if a file that is there has the same content.
    pub(super) fn digest_if_same(
        &mut self,
        source: &Source,
        there: &File,
    ) -> Result<Option<[u8; 32]>, MoveError> {
        let mut other = std::mem::take(&mut self.other);
        other.resize(PIECE, 0);
        let mut is_same = true;
        let moved = self.pour(source, None, |piece, offset| {
            let other = &mut other[..piece.len()];
            is_same = is_same && there.read_exact_at(other, offset).is_ok() && other == piece;
            Ok(())
        });
        self.other = other;
        Ok(Some(moved?).filter(|moved| is_same && moved.is_whole).map(|moved| moved.sha256))
    }

    fn clone(&self, source: &Source, file: &File) -> bool {
        if !self.can_clone.load(Ordering::Relaxed) {
            return false;
        }
        let cloned = rustix::fs::ioctl_ficlone(file, source.file()).is_ok();
        if !cloned {
            self.can_clone.store(false, Ordering::Relaxed);
        }
        cloned
    }

    /// Reads stretches of a file, digests them with zeros between them, and hands them on.
    fn pour(
        &mut self,
        source: &Source,
        stretches: Option<Vec<Range<u64>>>,
        mut hand_on: impl FnMut(&[u8], u64) -> Result<(), MoveError>,
    ) -> Result<Moved, MoveError> {
        let size = source.metadata.size;
        let mut hasher = Sha256::new();
        let mut position = 0;
        for stretch in stretches.unwrap_or_else(|| vec![Range { start: 0, end: size }]) {
            self.digest_zeros(&mut hasher, stretch.start - position);
            position = stretch.start;
            while position < stretch.end {
                let length = usize::try_from(stretch.end - position).map_or(PIECE, |left| left.min(PIECE));
                let read = match source.read_at(&mut self.buffer[..length], position) {
                    Ok(0) => return Ok(Moved { sha256: hasher.finalize().into(), is_whole: false }),
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(MoveError::Reading(error)),
                };
                let piece = &self.buffer[..read];
                hasher.update(piece);
                hand_on(piece, position)?;
                position += read as u64;
            }
        }
        self.digest_zeros(&mut hasher, size - position);
        Ok(Moved { sha256: hasher.finalize().into(), is_whole: true })
    }

    fn digest_zeros(&mut self, hasher: &mut Sha256, length: u64) {
        if length > 0 {
            self.buffer.fill(0);
        }
        let mut left = length;
        while left > 0 {
            let piece = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            hasher.update(&self.buffer[..piece]);
            left -= piece as u64;
        }
    }
}
