//! A disc in a drive, or an image of one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redcedar_archive::{ReadAt, Stored};
use redcedar_media::read::{Bad, Content, Fault, Image, Kind, Node, ReadError};
use redcedar_system::{System, escape};

use super::{Entry, EntryKind, Place, PlaceFault};

/// Lets somebody put a disc into a drive.
pub trait Changer: Send + Sync {
    /// Waits until somebody says that the disc with this label is in the drive.
    ///
    /// # Errors
    /// When there is nobody, or the disc will not come.
    fn change(&self, drive: &Path, label: &str) -> io::Result<()>;
}

/// The files of a disc, as of one of its sessions.
pub struct Disc {
    /// Where they are is another matter once the disc has been changed and changed back.
    image: Mutex<Image>,
    root: PathBuf,
    label: String,
    system: System,
    changer: Option<Arc<dyn Changer>>,
}

impl Disc {
    /// Looks at the disc in the drive `path`, or at the image. Without a session, the last one counts.
    ///
    /// # Errors
    /// When it is no disc that can be read, or has no such session.
    pub fn open(path: &Path, session: Option<u32>, system: &System) -> Result<Self, ReadError> {
        let now = system.clock.now().datetime();
        let image = Image::open(path, session, now, &*system.runner)?;
        let label = image.session().map(|session| String::from_utf8_lossy(&session.label).into_owned());
        let (root, label) = (image.path().to_owned(), label.unwrap_or_default());
        Ok(Self { image: Mutex::new(image), root, label, system: system.clone(), changer: None })
    }

    /// Whether it is in a drive, and not an image.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn is_in_drive(&self) -> io::Result<bool> {
        self.image().is_in_drive()
    }

    /// Lets somebody put the disc in again when it is needed and another one is in the drive.
    #[must_use]
    pub fn with_changer(mut self, changer: Arc<dyn Changer>) -> Self {
        self.changer = Some(changer);
        self
    }

    /// What it is called.
    pub fn label(&self) -> &str {
        &self.label
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The image, when it is this disc that is in the drive.
    fn inserted(&self) -> io::Result<MutexGuard<'_, Image>> {
        let mut image = self.image();
        if let Some(changer) = &self.changer {
            // An empty drive cannot be read: then, too, somebody has to do something.
            while !image.look_again().unwrap_or(false) {
                changer.change(&self.root, &self.label)?;
            }
        }
        Ok(image)
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
        &self.root
    }

    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let inside = self.inside(directory).ok_or(io::ErrorKind::NotFound)?;
        let entry = |node: &Node| match node.kind {
            Kind::File => EntryKind::File {
                size: node.size,
                modified: (node.modified.as_second(), node.modified.subsec_nanosecond().into()),
                stamp: 0,
            },
            Kind::Directory => EntryKind::Directory,
            Kind::Other => EntryKind::Other,
        };
        let image = self.image();
        let entries = image.entries(&inside);
        Ok(entries.map(|(name, node)| Entry { name: name.to_owned(), kind: entry(node) }).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Stored> {
        let inside = self.inside(path).ok_or(io::ErrorKind::NotFound)?;
        let content = self.inserted()?.file(&inside).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open {}: {error}", escape::display(path)))
        })?;
        Ok(Stored::new(Arc::new(OnDisc(content))))
    }

    fn faults(&self) -> io::Result<Vec<PlaceFault>> {
        let check = self.inserted()?.check(&*self.system.runner).map_err(io::Error::other)?;
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
        f.debug_struct("Disc").field("root", &self.root).finish_non_exhaustive()
    }
}

struct OnDisc(Content);

impl ReadAt for OnDisc {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    use redcedar_system::command::OsRunner;
    use redcedar_system::fake::{self, RecordingMonitor};
    use redcedar_system::{Environment, Interrupt};
    use redcedar_testing::{disc, program};

    /// Puts a copy of an image into the drive, unless it is asked too often.
    struct Hand {
        discs: Vec<PathBuf>,
        asked: Mutex<Vec<String>>,
    }

    impl Changer for Hand {
        fn change(&self, drive: &Path, label: &str) -> io::Result<()> {
            let mut asked = self.asked.lock().unwrap();
            asked.push(label.to_owned());
            let disc = self.discs.get(asked.len() - 1).ok_or(io::ErrorKind::NotFound)?;
            fs_err::copy(disc, drive).map(drop)
        }
    }

    #[test]
    fn a_disc_is_asked_for_until_it_is_in_the_drive() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for (name, label) in [("one", "CEDAR BACKUP 1/2"), ("two", "CEDAR BACKUP 2/2")] {
            fs_err::create_dir(path("tree")).unwrap();
            fs_err::write(path("tree/file"), name).unwrap();
            disc::add_session(&path(name), label, &path("tree"));
            fs_err::remove_dir_all(path("tree")).unwrap();
        }
        let environment = Environment::from_pairs([("PATH", program::variable("PATH").unwrap())]);
        let runner = OsRunner::new(&environment, Arc::new(RecordingMonitor::default()), Interrupt::new());
        let (mut system, _) = fake::system("2026-11-24T02:00:00");
        system.runner = Arc::new(runner);
        fs_err::copy(path("one"), path("drive")).unwrap();
        let hand = Arc::new(Hand { discs: vec![path("two"), path("one")], asked: Mutex::default() });
        let place = Disc::open(&path("drive"), None, &system).unwrap().with_changer(hand.clone());
        let read = || {
            let mut text = String::new();
            place.open(&place.root().join("file"))?.read_to_string(&mut text).map(|_| text)
        };
        assert_eq!(read().unwrap(), "one");
        assert!(hand.asked.lock().unwrap().is_empty());
        fs_err::copy(path("two"), path("drive")).unwrap();
        assert_eq!(read().unwrap(), "one");
        assert_eq!(*hand.asked.lock().unwrap(), ["CEDAR BACKUP 1/2", "CEDAR BACKUP 1/2"]);
        fs_err::copy(path("two"), path("drive")).unwrap();
        assert!(read().is_err(), "there is nobody any more");
    }
}
