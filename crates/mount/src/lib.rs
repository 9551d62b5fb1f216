//! Backups as a read-only file system: `DAY/MACHINE/…` what a machine had on a day, `latest/MACHINE` a link to the newest.
//!
//! The kernel is spoken to through FUSE; all that is shown comes from [`redcedar_restore::browse`].

mod attributes;
mod filesystem;
mod layout;
mod problems;
mod session;

pub use session::{Ending, MountError, MountRequest, Mounted, mount};
