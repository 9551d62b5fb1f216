//! A place in a bucket, as backups are read from it: listed once, and read in the ranges that are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use redcedar_archive::{ReadAt, Stored};
use redcedar_objectstore::{Address, Bucket, Error, Kind, Object};
use redcedar_restore::place::{Entry, EntryKind, Place};
use redcedar_system::escape;

/// How much is read at a time in a place where nothing was read before.
const FIRST: u64 = 64 << 10;
/// How much is read at a time where everything is read.
const MOST: u64 = 8 << 20;

/// A place in a bucket.
pub(crate) struct BucketPlace {
    bucket: Bucket,
    root: PathBuf,
    /// By their paths.
    objects: BTreeMap<PathBuf, Object>,
    directories: BTreeMap<PathBuf, BTreeSet<Entries>>,
}

/// An entry, in the order of names.
type Entries = (std::ffi::OsString, bool);

impl BucketPlace {
    /// Lists everything below `place`. Keys that no path can be are left out.
    pub(crate) fn new(bucket: Bucket, place: &Address) -> Result<Self, Error> {
        let root = PathBuf::from(place.to_string());
        let mut objects = BTreeMap::new();
        let mut directories = BTreeMap::from([(root.clone(), BTreeSet::new())]);
        for object in bucket.list(place.prefix()) {
            let object = object?;
            let Some(name) = place.name(&object.key).filter(|name| is_path(name)) else { continue };
            let path = root.join(name);
            let mut is_directory = false;
            for (above, below) in path.ancestors().skip(1).zip(path.ancestors()) {
                let own = below.file_name().unwrap_or_default().to_owned();
                let is_new = directories.entry(above.to_owned()).or_default().insert((own, is_directory));
                if !is_new || above == root {
                    break;
                }
                is_directory = true;
            }
            objects.insert(path, object);
        }
        Ok(Self { bucket, root, objects, directories })
    }

    /// What is below a directory.
    pub(crate) fn objects_below(&self, directory: &str) -> Vec<Object> {
        let directory = self.root.join(directory);
        let from = self.objects.range(directory.clone()..);
        let below = from.take_while(|(path, _)| path.starts_with(&directory));
        below.map(|(_, object)| object.clone()).collect()
    }
}

fn stamp(etag: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    etag.hash(&mut hasher);
    hasher.finish()
}

fn is_path(name: &str) -> bool {
    let components = Path::new(name).components();
    let is_plain = name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    is_plain && !name.contains('\0') && components.clone().all(|part| matches!(part, Component::Normal(_)))
}

impl fmt::Debug for BucketPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BucketPlace").field(&self.root).finish()
    }
}

impl Place for BucketPlace {
    fn root(&self) -> &Path {
        &self.root
    }

    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let names = self.directories.get(directory).ok_or(io::ErrorKind::NotFound)?;
        let entry = |(name, is_directory): &Entries| {
            let kind = match self.objects.get(&directory.join(name)) {
                Some(object) if !is_directory => EntryKind::File {
                    size: object.size,
                    modified: (object.modified.as_second(), object.modified.subsec_nanosecond().into()),
                    stamp: stamp(&object.etag),
                },
                _ => EntryKind::Directory,
            };
            Entry { name: name.clone(), kind }
        };
        Ok(names.iter().map(entry).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Stored> {
        let object = self.objects.get(path).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("there is no {}", escape::display(path)))
        })?;
        Ok(reader(&self.bucket, object.clone()))
    }
}

/// An object, to be read.
pub(crate) fn reader(bucket: &Bucket, object: Object) -> Stored {
    Stored::new(Arc::new(Reader { bucket: bucket.clone(), object, window: Mutex::default() }))
}

/// An object, read where it is needed. As long as somebody reads on, more is read at a time.
struct Reader {
    bucket: Bucket,
    object: Object,
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    offset: u64,
    bytes: Bytes,
}

impl Window {
    /// What is here of the bytes from `offset` on.
    fn at(&self, offset: u64) -> Option<&[u8]> {
        let inside = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(inside..).filter(|rest| !rest.is_empty())
    }

    /// How much to read at `offset`.
    fn next(&self, offset: u64) -> u64 {
        let length = self.bytes.len() as u64;
        if length > 0 && self.offset + length == offset { (2 * length).clamp(FIRST, MOST) } else { FIRST }
    }
}

impl ReadAt for Reader {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Object { key, size, etag, .. } = &self.object;
        let left = size.saturating_sub(offset);
        if left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.at(offset).is_none() {
            let length = window.next(offset).max(buffer.len() as u64).min(left);
            let etag = Some(etag.as_str()).filter(|etag| !etag.is_empty());
            let bytes = self.bucket.get(key, offset, length, etag).map_err(io_error)?;
            *window = Window { offset, bytes };
        }
        let Some(found) = window.at(offset) else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        let read = found.len().min(buffer.len());
        buffer[..read].copy_from_slice(&found[..read]);
        Ok(read)
    }
}

/// What a failure of a bucket is to whoever reads and writes files.
pub(crate) fn io_error(error: Error) -> io::Error {
    let kind = match error.kind() {
        Kind::NotFound => io::ErrorKind::NotFound,
        Kind::Forbidden => io::ErrorKind::PermissionDenied,
        // Whoever is interrupted must not read again, as readers do by the kind of that name.
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_on_reads_more_at_a_time() {
        let window = Window::default();
        assert_eq!((window.at(0), window.next(0)), (None, FIRST));
        let window = Window { offset: 100, bytes: Bytes::from(vec![1; 1 << 17]) };
        assert_eq!(window.at(100).unwrap().len(), 1 << 17);
        assert_eq!(window.at(99), None);
        assert_eq!(window.at(100 + (1 << 17)), None);
        assert_eq!(window.next(100 + (1 << 17)), 1 << 18);
        assert_eq!(window.next(5), FIRST);
    }

    #[test]
    fn keys_that_no_path_can_be_are_told_from_the_others() {
        for (name, is) in
            [("a/b", true), ("a//b", false), ("../a", false), ("a/./b", false), ("a/", false), ("", false)]
        {
            assert_eq!(is_path(name), is, "{name}");
        }
    }
}
