//! What is backed up besides files, and what is done with staged days: one folder for each extension, none of which knows
//! another.
//!
//! Each reads its own section of the configuration and is listed in [`ALL`]. What they share: [`section`] (values that mean the
//! same in several sections) and [`output`] (files of the collect directory that appear only when they are complete).

mod mbox;
pub(crate) mod output;
pub(crate) mod section;

use redcedar_engine::extension::Extension;

/// All there are.
pub const ALL: &[&dyn Extension] = &[&mbox::Mbox];
