//! `store`: discs.

use std::path::PathBuf;

use crate::Located;
use crate::value::{BlankMode, DeviceType, MediaType};

/// The `store` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// Where staged days lie.
    pub source_dir: Located<PathBuf>,
    /// Kind of disc.
    pub media_type: MediaType,
    /// Kind of drive; absent means a CD writer.
    pub device_type: Option<DeviceType>,
    /// The drive, or an image file.
    pub target_device: Located<PathBuf>,
    /// Its SCSI id, verbatim.
    pub target_scsi_id: Option<Located<String>>,
    /// Speed factor.
    pub drive_speed: Option<u64>,
    /// Whether the disc is compared with its source after writing.
    pub check_data: Option<bool>,
    /// Whether the disc in the drive must be ours.
    pub check_media: Option<bool>,
    /// Whether a run that crossed midnight is reported.
    pub warn_midnite: Option<bool>,
    /// Whether the tray stays closed.
    pub no_eject: Option<bool>,
    /// Seconds to wait after the tray has moved.
    pub refresh_media_delay: Option<u64>,
    /// Seconds to wait after ejecting.
    pub eject_delay: Option<u64>,
    /// When a disc is blanked early.
    pub blank_behavior: Option<BlankBehavior>,
}

/// The `blank_behavior` element; at least one of the two is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BlankBehavior {
    /// On which days.
    pub mode: Option<BlankMode>,
    /// How much room a day may need, as written.
    pub factor: Option<String>,
}
