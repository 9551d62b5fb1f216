//! One link of a chain: an archive with its manifest, or either alone.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::Compression;
use redcedar_archive::manifest::{Header, Line, ManifestReader, Trailer};
use redcedar_archive::reader::{self, ArchiveReader, BlockIndex};
use redcedar_system::escape;

use crate::layers::Opened;
use crate::path::concerns;
use crate::source::{StoredFile, StoredItem};

/// How much is read at once of what is not compressed in blocks.
const PIECE: u64 = 1 << 20;

/// An archive, as far as the extraction has to know it.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The day it belongs to.
    pub date: Date,
    archive: Option<(StoredFile, Compression)>,
    index: Option<BlockIndex>,
    /// Where members begin, ascending.
    offsets: Vec<u64>,
}

/// A manifest that has been read to its end and fits its archive.
pub(crate) struct Manifest {
    /// Those that were wanted.
    pub(crate) lines: Vec<Line>,
    /// Where all members begin.
    pub(crate) offsets: Vec<u64>,
    pub(crate) trailer: Trailer,
}

impl Layer {
    pub(crate) fn new(item: &StoredItem, trailer: Option<&Trailer>, mut offsets: Vec<u64>) -> Self {
        let size = item.archive.as_ref().and_then(|(file, _)| file.plain_size());
        let index =
            trailer.and_then(|trailer| BlockIndex::new(&trailer.blocks, size?, trailer.uncompressed_size?));
        offsets.sort_unstable();
        Self { date: item.date, archive: item.archive.clone(), index, offsets }
    }

    /// The archive's file, if it is there.
    pub fn file(&self) -> Option<&StoredFile> {
        self.archive.as_ref().map(|(file, _)| file)
    }

    /// Where the member that begins at `offset` ends: where the next one begins.
    fn extent(&self, offset: u64) -> Range<u64> {
        let next = self.offsets.partition_point(|other| *other <= offset);
        offset..self.offsets.get(next).copied().unwrap_or(u64::MAX)
    }

    /// Whether reading can begin anywhere; else everything before has to be read as well.
    pub(crate) fn is_open_anywhere(&self) -> bool {
        self.archive.as_ref().is_some_and(|(file, compression)| {
            !file.is_encrypted() && (self.index.is_some() || *compression == Compression::None)
        })
    }

    /// What is best read at once around `position`: what is compressed by itself, where that is known.
    pub(crate) fn piece_at(&self, position: u64) -> Range<u64> {
        self.index.as_ref().and_then(|index| index.block_at(position)).unwrap_or_else(|| {
            let start = position - position % PIECE;
            start..start.saturating_add(PIECE)
        })
    }

    /// Opens the archive for reading the members that begin at `offsets`, which ascend: only the blocks that hold them are
    /// decompressed, where it is known where they are.
    pub(crate) fn open(&self, offsets: &[u64], threads: usize) -> io::Result<ArchiveReader> {
        let extents: Vec<_> = offsets.iter().map(|offset| self.extent(*offset)).collect();
        self.open_ranges(&extents, threads)
    }

    /// Opens the archive for reading what is in `ranges` of the uncompressed archive, which ascend.
    pub(crate) fn open_ranges(&self, ranges: &[Range<u64>], threads: usize) -> io::Result<ArchiveReader> {
        let Some((file, compression)) = &self.archive else {
            let text = format!("the archive of {} is missing", self.date);
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        };
        match (file.open().map_err(|error| file.error("cannot open", &error))?, &self.index) {
            (Opened::Anywhere(stored), Some(index)) => {
                reader::ranges(stored, *compression, index, ranges, threads)
            }
            (opened, _) => opened.archive(*compression, None, threads),
        }
    }
}

impl Manifest {
    /// Reads the manifest of `item`, if it has one: the lines of paths that concern `wanted`, or all; if one of them is another
    /// name of a file that does not, all.
    ///
    /// # Errors
    /// With the reason why it is not to be believed.
    pub(crate) fn read(item: &StoredItem, wanted: &[PathBuf]) -> Result<Option<Self>, String> {
        let Some(file) = &item.manifest else { return Ok(None) };
        let manifest = Self::read_lines(item, file, wanted)?;
        let is_further_name = |line: &Line| match line {
            Line::Present(entry) => entry.hard_link.as_deref().is_some_and(|first| !concerns(first, wanted)),
            Line::Gone(_) => false,
        };
        if manifest.lines.iter().any(is_further_name) {
            return Self::read_lines(item, file, &[]).map(Some);
        }
        Ok(Some(manifest))
    }

    fn read_lines(item: &StoredItem, file: &StoredFile, wanted: &[PathBuf]) -> Result<Self, String> {
        let mut reader = open_manifest(file)?;
        let header = reader.header().clone();
        let (mut lines, mut offsets) = (Vec::new(), Vec::new());
        let mut is_wanted = |path: &Path, offset: Option<u64>| {
            offsets.extend(offset);
            concerns(path, wanted)
        };
        while let Some(line) = reader.next_where(&mut is_wanted).map_err(|error| error.to_string())? {
            lines.push(line);
        }
        let trailer = reader.trailer().map_err(|error| error.to_string())?;
        check_archive(item, &header, &trailer)?;
        Ok(Self { lines, offsets, trailer })
    }
}

/// The first line of a manifest.
///
/// # Errors
/// With the reason why it cannot be read.
pub(crate) fn read_header(file: &StoredFile) -> Result<Header, String> {
    Ok(open_manifest(file)?.header().clone())
}

pub(crate) fn open_manifest(file: &StoredFile) -> Result<ManifestReader<Opened>, String> {
    let opened = file.open().map_err(|error| error.to_string())?;
    ManifestReader::open(opened).map_err(|error| error.to_string())
}

/// An archive that was written again by somebody else no longer fits its manifest.
pub(crate) fn check_archive(item: &StoredItem, header: &Header, trailer: &Trailer) -> Result<(), String> {
    let Some((file, _)) = &item.archive else { return Ok(()) };
    let name = file.path().file_name();
    if header.archive.as_deref() != name {
        return Err(match &header.archive {
            Some(other) => format!("it describes {}", escape::display(other)),
            None => "it says that nothing was stored".to_owned(),
        });
    }
    match (trailer.archive_size, file.plain_size()) {
        (Some(size), Some(found)) if size != found => {
            Err(format!("it describes an archive of {size} bytes, not of {found}"))
        }
        // How large an encrypted archive is, is known when it is read.
        (Some(_), _) => Ok(()),
        (None, _) => Err("it does not say how large the archive is".to_owned()),
    }
}
