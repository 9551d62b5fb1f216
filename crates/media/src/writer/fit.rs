//! Whether there is room.

use std::io;
use std::path::Path;

use redcedar_system::escape;

use crate::capacity::{Capacity, Size};
use crate::error::MediaError;
use crate::setup::Setup;

/// As much of the disc as may be used.
pub(super) fn limited(capacity: Capacity, setup: &Setup) -> Capacity {
    match setup.size {
        Some(size) => Capacity { available: capacity.available.min(size - capacity.used), ..capacity },
        None => capacity,
    }
}

pub(super) fn check_fit(needed: f64, free: f64) -> Result<(), MediaError> {
    if needed > free { Err(MediaError::DoesNotFit { needed, free }) } else { Ok(()) }
}

/// The image is in the working directory before it is on the disc.
pub(super) fn check_room(work_dir: &Path, size: f64) -> Result<(), MediaError> {
    let disk = rustix::fs::statvfs(work_dir).map_err(io::Error::from)?;
    let free = Size::of_bytes(disk.f_bavail.saturating_mul(disk.f_frsize));
    if free >= Size(size) {
        return Ok(());
    }
    let (size, place) = (Size(size), escape::display(work_dir));
    let text = format!("the image needs {size} in the working directory {place}, and {free} are free there");
    Err(io::Error::new(io::ErrorKind::StorageFull, text).into())
}
