//! Archives, uncompressed, at any place: piece by piece, and what was read last is kept. A piece is what is compressed by itself,
//! so that many small files, or one large one, are decompressed once.

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use redcedar_archive::reader::ArchiveReader;

use super::lock;
use super::recent::Recent;
use crate::layer::Layer;

/// How many bytes are kept.
const MOST_BYTES: usize = 64 << 20;
/// How many archives that can only be read forward are kept open. Behind each may be a process that decrypts.
const MOST_READERS: usize = 4;

/// The archives of a source.
pub(super) struct Pieces {
    archives: Mutex<HashMap<PathBuf, Arc<Archive>>>,
    kept: Mutex<Recent<Place, Content>>,
    readers: Mutex<Recent<usize, ArchiveReader>>,
}

/// Number of an archive, and where in it a piece begins.
type Place = (usize, u64);
type Content = Arc<Vec<u8>>;

/// One archive, in however many trees it is.
pub(super) struct Archive {
    number: usize,
    layer: Layer,
    /// Held while it is read, so that nobody reads the same twice.
    reading: Mutex<()>,
}

impl Default for Pieces {
    fn default() -> Self {
        Self {
            archives: Mutex::default(),
            kept: Mutex::new(Recent::new(MOST_BYTES)),
            readers: Mutex::new(Recent::new(MOST_READERS)),
        }
    }
}

impl Pieces {
    /// The archive of a layer, if it is there.
    pub(super) fn archive(&self, layer: Layer) -> Option<Arc<Archive>> {
        let path = layer.file()?.path().to_owned();
        let mut archives = lock(&self.archives);
        let number = archives.len();
        let archive = archives.entry(path);
        Some(Arc::clone(
            archive.or_insert_with(|| Arc::new(Archive { number, layer, reading: Mutex::default() })),
        ))
    }

    /// The archive from `position` on.
    pub(super) fn reader<'p>(&'p self, archive: &'p Archive, position: u64) -> PieceReader<'p> {
        PieceReader { pieces: self, archive, position, current: None }
    }

    /// The piece of the archive that has the byte at `position`. It is empty behind the end.
    fn piece(&self, archive: &Archive, range: &Range<u64>) -> io::Result<Content> {
        let key = (archive.number, range.start);
        let kept = || lock(&self.kept).get(&key).cloned();
        if let Some(content) = kept() {
            return Ok(content);
        }
        let _reading = lock(&archive.reading);
        if let Some(content) = kept() {
            return Ok(content);
        }
        let content = Arc::new(self.read(archive, range)?);
        lock(&self.kept).insert(key, Arc::clone(&content), content.len());
        Ok(content)
    }

    fn read(&self, archive: &Archive, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let open = || archive.layer.open_ranges(std::slice::from_ref(range), 1);
        if archive.layer.is_open_anywhere() {
            return read(&mut open()?, range);
        }
        let kept = lock(&self.readers).take(&archive.number);
        let mut reader = match kept.filter(|reader| reader.position() <= range.start) {
            Some(reader) => reader,
            None => open()?,
        };
        let content = read(&mut reader, range)?;
        lock(&self.readers).insert(archive.number, reader, 1);
        Ok(content)
    }
}

fn read(reader: &mut ArchiveReader, range: &Range<u64>) -> io::Result<Vec<u8>> {
    reader.skip_to(range.start)?;
    let mut content = Vec::new();
    reader.take(range.end - range.start).read_to_end(&mut content)?;
    Ok(content)
}

/// See [`Pieces::reader`].
pub(super) struct PieceReader<'p> {
    pieces: &'p Pieces,
    archive: &'p Archive,
    position: u64,
    current: Option<(Range<u64>, Content)>,
}

impl Read for PieceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let current = self.current.take().filter(|(range, _)| range.contains(&self.position));
        let (range, content) = if let Some(current) = current {
            current
        } else {
            let range = self.archive.layer.piece_at(self.position);
            let content = self.pieces.piece(self.archive, &range)?;
            (range, content)
        };
        let start = usize::try_from(self.position - range.start).map_err(io::Error::other)?;
        let there = content.get(start..).unwrap_or_default();
        let read = there.len().min(buffer.len());
        buffer[..read].copy_from_slice(&there[..read]);
        self.position += read as u64;
        self.current = Some((range, content));
        Ok(read)
    }
}
