//! Parts as one: read at any place where they are files, else one after the other.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use redcedar_archive::layers::{Layer, layers};
use redcedar_archive::{ReadAt, Stored};
use redcedar_system::escape;

use super::{Form, Keys, Opened, Piece};

/// Parts that are files, as one.
pub(super) struct Joined {
    parts: Vec<Part>,
    /// The one that was read last.
    open: Mutex<Option<(usize, Stored)>>,
}

struct Part {
    start: u64,
    number: u32,
    piece: Piece,
}

impl Joined {
    /// Nothing when a part has layers of its own.
    pub(super) fn new(parts: &[(u32, Form)]) -> Option<Self> {
        let parts = parts.iter().map(|(number, part)| match part {
            Form::Plain(piece) => Some((*number, piece.clone())),
            _ => None,
        });
        let parts = parts.collect::<Option<Vec<_>>>()?;
        // All but the last have one size, so that it is known where each begins, though others are missing.
        let size = parts.first().map_or(0, |(_, piece)| piece.size);
        let has_gap = parts.iter().zip(0..).any(|((number, _), expected)| *number != expected);
        let mut sum = 0;
        let place = |(number, piece): (u32, Piece)| {
            let start = if has_gap { u64::from(number) * size } else { sum };
            sum += piece.size;
            Part { start, number, piece }
        };
        Some(Self { parts: parts.into_iter().map(place).collect(), open: Mutex::new(None) })
    }

    fn open(&self, index: usize) -> io::Result<Stored> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match &*open {
            Some((number, file)) if *number == index => Ok(file.clone()),
            _ => {
                let file = self.parts[index].piece.open()?;
                *open = Some((index, file.clone()));
                Ok(file)
            }
        }
    }

    fn missing(&self, after: usize) -> io::Error {
        let expected = after.checked_sub(1).map_or(0, |before| self.parts[before].number + 1);
        missing(self.parts.first().map(|part| &part.piece), expected)
    }
}

impl From<Joined> for Stored {
    fn from(joined: Joined) -> Self {
        Self::new(Arc::new(joined))
    }
}

impl ReadAt for Joined {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // Empty parts begin where the next one does: the last that begins here is meant.
        let after = self.parts.partition_point(|part| part.start <= offset);
        let Some(index) = after.checked_sub(1) else { return Err(self.missing(0)) };
        let part = &self.parts[index];
        let inside = offset - part.start;
        if inside >= part.piece.size {
            return if after == self.parts.len() { Ok(0) } else { Err(self.missing(after)) };
        }
        let room = usize::try_from(part.piece.size - inside).unwrap_or(usize::MAX).min(buffer.len());
        self.open(index)?.read_at(&mut buffer[..room], inside)
    }
}

/// Parts one after the other, each opened when it is its turn.
pub(super) struct Chain {
    parts: Vec<(u32, Form)>,
    next: usize,
    open: Option<Opened>,
    keys: Keys,
}

impl Chain {
    pub(super) fn new(parts: Vec<(u32, Form)>, keys: Keys) -> Self {
        Self { parts, next: 0, open: None, keys }
    }
}

impl Read for Chain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(open) = &mut self.open {
                let read = open.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
                self.open = None;
            }
            let Some((number, part)) = self.parts.get(self.next) else { return Ok(0) };
            let expected = u32::try_from(self.next).unwrap_or(u32::MAX);
            if *number != expected {
                return Err(missing(part.pieces().first().copied(), expected));
            }
            self.open = Some(part.open(&self.keys)?);
            self.next += 1;
        }
    }
}

/// An error that names a part by the name of another.
fn missing(sibling: Option<&Piece>, number: u32) -> io::Error {
    let text = format!("part {} is missing", name_like(sibling, number));
    io::Error::new(io::ErrorKind::NotFound, text)
}

/// The name that part `number` of what `sibling` is a part of has, without the layers around it.
fn name_like(sibling: Option<&Piece>, number: u32) -> String {
    let name = sibling.and_then(|piece| piece.path.file_name()).unwrap_or_default();
    let whole = layers(name).find_map(|(inner, layer)| matches!(layer, Layer::Part(_)).then_some(inner));
    let part = redcedar_archive::layers::part_name(whole.unwrap_or(name), u64::from(number));
    escape::display(&PathBuf::from(part)).to_string()
}

/// Gaps, and sizes that cannot be.
pub(super) fn faults(parts: &[(u32, Form)]) -> Vec<String> {
    let mut faults: Vec<String> = parts.iter().flat_map(|(_, part)| part.faults()).collect();
    let Some((_, first)) = parts.first() else { return faults };
    let pieces = first.pieces();
    let sibling = pieces.first().copied();
    let mut expected = 0;
    for (number, _) in parts {
        match number.saturating_sub(expected) {
            0 => {}
            1 => faults.push(format!("part {} is missing", name_like(sibling, expected))),
            _ => faults.push(format!(
                "parts {} to {} are missing",
                name_like(sibling, expected),
                name_like(sibling, number - 1)
            )),
        }
        expected = number + 1;
    }
    let plain: Vec<_> = parts
        .iter()
        .filter_map(|(_, part)| match part {
            Form::Plain(piece) => Some(piece),
            _ => None,
        })
        .collect();
    if let ([first, rest @ ..], true) = (&plain[..], plain.len() == parts.len()) {
        for (index, piece) in rest.iter().enumerate() {
            let is_last = index + 1 == rest.len();
            if piece.size > first.size || (piece.size < first.size && !is_last) {
                let path = escape::display(&piece.path).to_string();
                faults.push(format!("{path} has {} bytes, the first part has {}", piece.size, first.size));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::place::Directory;

    fn parts(root: &Path, contents: &[(u32, &str)]) -> Vec<(u32, Form)> {
        let part = |(number, content): &(u32, &str)| {
            let path = root.join(format!("x_{number:05}"));
            fs_err::write(&path, content).unwrap();
            let place = Arc::new(Directory::new(root).unwrap());
            let size = content.len() as u64;
            (*number, Form::Plain(Piece { place, path, size, modified: (0, 0), stamp: 0 }))
        };
        contents.iter().map(part).collect()
    }

    #[test]
    fn parts_are_read_as_one_at_any_place() {
        let root = tempfile::tempdir().unwrap();
        let parts = parts(root.path(), &[(0, "abcd"), (1, "efgh"), (2, "ij")]);
        assert_eq!(faults(&parts), [""; 0]);
        let mut stored = Stored::from(Joined::new(&parts).unwrap());
        let mut text = String::new();
        stored.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcdefghij");
        io::Seek::seek(&mut stored, io::SeekFrom::Start(6)).unwrap();
        text.clear();
        stored.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ghij");
        let mut chained = String::new();
        Chain::new(parts, Keys::default()).read_to_string(&mut chained).unwrap();
        assert_eq!(chained, "abcdefghij");
    }

    #[test]
    fn a_missing_part_is_named_and_what_is_behind_it_is_where_it_was() {
        let root = tempfile::tempdir().unwrap();
        let parts = parts(root.path(), &[(0, "abcd"), (3, "mnop"), (4, "q")]);
        assert_eq!(faults(&parts), ["parts x_00001 to x_00002 are missing"]);
        let mut stored = Stored::from(Joined::new(&parts).unwrap());
        let mut text = Vec::new();
        let error = stored.read_to_end(&mut text).unwrap_err();
        assert_eq!((text.as_slice(), error.to_string().as_str()), (&b"abcd"[..], "part x_00001 is missing"));
        io::Seek::seek(&mut stored, io::SeekFrom::Start(13)).unwrap();
        text.clear();
        stored.read_to_end(&mut text).unwrap();
        assert_eq!(text, b"nopq");
    }

    #[test]
    fn parts_that_begin_with_1_or_have_odd_sizes_are_noticed() {
        let root = tempfile::tempdir().unwrap();
        let late = parts(root.path(), &[(1, "abcd")]);
        assert_eq!(faults(&late), ["part x_00000 is missing"]);
        let mut stored = Stored::from(Joined::new(&late).unwrap());
        assert_eq!(stored.read(&mut [0; 1]).unwrap_err().to_string(), "part x_00000 is missing");
        let odd = parts(root.path(), &[(0, "abcd"), (1, "e"), (2, "fghij")]);
        assert_eq!(faults(&odd).len(), 2);
    }
}
