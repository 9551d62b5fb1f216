//! A drive for tests.

use std::path::Path;

use crate::Kind;
use crate::setup::Setup;

/// A DVD+RW at `device`.
pub(crate) fn setup(device: &Path) -> Setup {
    Setup {
        device: device.to_owned(),
        scsi_id: None,
        kind: Kind::DvdPlusRw,
        speed: None,
        size: None,
        no_eject: false,
        eject_delay: None,
        refresh_delay: None,
    }
}
