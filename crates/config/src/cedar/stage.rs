//! `stage`: gathering what the peers collected.

use std::path::PathBuf;

use super::PeerList;
use crate::Located;

/// The `stage` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Where days are gathered: `YYYY/MM/DD/peer` below it.
    pub staging_dir: Located<PathBuf>,
    /// Peers that replace those of the `peers` section, if there is any.
    pub peers: Option<PeerList>,
}
