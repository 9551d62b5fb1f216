//! A disc in a drive, or an image of one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_archive::{ReadAt, Stored};
use redcedar_media::read::{Bad, Content, Fault, Image, Kind, Node, ReadError};
use redcedar_system::{System, escape};

use super::{Entry, EntryKind, Place, PlaceFault};

/// The files of a disc, as of one of its sessions.
pub struct Disc {
    image: Image,
    system: System,
}

impl Disc {
    /// Looks at the disc in the drive `path`, or at the image. Without a session, the last one counts.
    ///
    /// # Errors
    /// When it is no disc that can be read, or has no such session.
    pub fn open(path: &Path, session: Option<u32>, system: &System) -> Result<Self, ReadError> {
        let now = system.clock.now().datetime();
        let image = Image::open(path, session, now, &*system.runner)?;
        Ok(Self { image, system: system.clone() })
    }

    /// What was read.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Where something is on the disc that has this path here.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        Some(Path::new("/").join(path.strip_prefix(self.root()).ok()?))
    }

    fn fault(&self, bad: &Bad) -> PlaceFault {
        let blocks = format!("blocks {} to {}", bad.blocks.start, bad.blocks.end.saturating_sub(1));
        let message = match bad.fault {
            Fault::Unreadable => format!("{blocks} cannot be read"),
            Fault::Mismatch => format!("{blocks} are not what was written"),
        };
        PlaceFault { path: self.root().to_owned(), message }
    }
}

impl Place for Disc {
    fn root(&self) -> &Path {
        self.image.path()
    }

    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let inside = self.inside(directory).ok_or(io::ErrorKind::NotFound)?;
        let entry = |node: &Node| match node.kind {
            Kind::File => EntryKind::File {
                size: node.size,
                modified: (node.modified.as_second(), node.modified.subsec_nanosecond().into()),
            },
            Kind::Directory => EntryKind::Directory,
            Kind::Other => EntryKind::Other,
        };
        let entries = self.image.entries(&inside);
        Ok(entries.map(|(name, node)| Entry { name: name.to_owned(), kind: entry(node) }).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Stored> {
        let inside = self.inside(path).ok_or(io::ErrorKind::NotFound)?;
        let content = self.image.file(&inside).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open {}: {error}", escape::display(path)))
        })?;
        Ok(Stored::new(Arc::new(OnDisc(content))))
    }

    fn faults(&self) -> io::Result<Vec<PlaceFault>> {
        let check = self.image.check(&*self.system.runner).map_err(io::Error::other)?;
        let message = "it is on blocks that cannot be read, or are not what was written";
        let files = check.files.iter().map(|file| PlaceFault {
            path: self.root().join(file.strip_prefix("/").unwrap_or(file)),
            message: message.to_owned(),
        });
        Ok(check.bad.iter().map(|bad| self.fault(bad)).chain(files).collect())
    }
}

impl std::fmt::Debug for Disc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disc").field("path", &self.image.path()).finish_non_exhaustive()
    }
}

struct OnDisc(Content);

impl ReadAt for OnDisc {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}
