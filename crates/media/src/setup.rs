//! The drive, as a configuration describes it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, stat};

use crate::Kind;
use crate::error::MediaError;
use crate::mounted::mounted_at;

/// The drive and how it is to be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// Its path; or a file, which is an image then.
    pub device: PathBuf,
    /// How `cdrecord` calls it.
    pub scsi_id: Option<String>,
    /// The kind of disc in it.
    pub kind: Kind,
    /// How fast discs are written; else as fast as they can be.
    pub speed: Option<u64>,
    /// So many bytes of a disc may be used, whatever there is room for.
    pub size: Option<f64>,
    /// Whether the tray stays as it is.
    pub no_eject: bool,
    /// How long to wait after the tray has opened.
    pub eject_delay: Option<Duration>,
    /// How long to wait after the machine was made to look at a disc.
    pub refresh_delay: Option<Duration>,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A drive for discs.
    Drive,
    /// Another device, which holds an image.
    Device,
    /// A file, which is an image, or will be.
    File,
}

/// The device number of drives for discs.
const OPTICAL: u32 = 11;

impl Setup {
    /// What the device is.
    ///
    /// # Errors
    /// When it is nothing that can be written.
    pub fn place(&self) -> Result<Place, MediaError> {
        let stat = match stat(&self.device) {
            Ok(stat) => stat,
            Err(rustix::io::Errno::NOENT) if !is_below_dev(&self.device) => return self.new_file(),
            Err(error) => return Err(self.refuse(error.to_string())),
        };
        let place = match FileType::from_raw_mode(stat.st_mode) {
            FileType::BlockDevice if rustix::fs::major(stat.st_rdev) == OPTICAL => Place::Drive,
            FileType::BlockDevice => Place::Device,
            FileType::CharacterDevice => Place::Drive,
            FileType::RegularFile => Place::File,
            _ => return Err(self.refuse("it is neither a device nor a file".to_owned())),
        };
        accessat(CWD, &self.device, Access::WRITE_OK, AtFlags::EACCESS)
            .map_err(|error| self.refuse(error.to_string()))?;
        Ok(place)
    }

    /// Whether the device is a drive for discs, and not something else that holds an image.
    pub fn is_drive(&self) -> bool {
        matches!(self.place(), Ok(Place::Drive))
    }

    fn new_file(&self) -> Result<Place, MediaError> {
        let parent = self.device.parent().unwrap_or(Path::new("/"));
        match accessat(CWD, parent, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
            Ok(()) => Ok(Place::File),
            Err(error) => Err(self.refuse(format!("it cannot be created: {error}"))),
        }
    }

    /// The device is written over, so nobody may be looking at it.
    ///
    /// # Errors
    /// When it is mounted, or that cannot be found out.
    pub fn check_unmounted(&self) -> Result<(), MediaError> {
        match mounted_at(&self.device)? {
            Some(at) => {
                Err(self.refuse(format!("it is mounted at {}", redcedar_system::escape::display(&at))))
            }
            None => Ok(()),
        }
    }

    fn refuse(&self, why: String) -> MediaError {
        MediaError::Device { device: self.device.clone(), why }
    }
}

/// What is missing there is a drive that is not plugged in, not a file to be created.
fn is_below_dev(path: &Path) -> bool {
    path.starts_with("/dev")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::setup;

    #[test]
    fn files_are_images_whether_they_are_there_or_not_and_devices_are_not_created() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("disc.iso");
        assert_eq!(setup(&file).place().unwrap(), Place::File);
        fs_err::write(&file, "").unwrap();
        assert_eq!(setup(&file).place().unwrap(), Place::File);
        for wrong in [root.path(), Path::new("/dev/nosuch"), &root.path().join("nosuch/disc.iso")] {
            let error = setup(wrong).place().unwrap_err().to_string();
            assert!(error.contains(wrong.to_str().unwrap()), "{error}");
        }
    }
}
