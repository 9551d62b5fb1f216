//! What is backed up besides files, and what is done with staged days: one folder for each extension, none of which knows
//! another.
//!
//! Each reads its own section of the configuration and is listed in [`ALL`]. What they share: [`section`] (values that mean the
//! same in several sections), [`output`] (files of the collect directory that appear only when they are complete),
//! [`databases`] (which databases are dumped, one file each) and [`staged`] (what is done with every file of the staged days).

mod amazons3;
mod capacity;
mod databases;
mod encrypt;
mod git;
mod items;
mod mbox;
mod mercurial;
mod mysql;
pub(crate) mod output;
mod postgresql;
#[cfg(test)]
mod sample;
pub(crate) mod section;
mod split;
mod sqlite;
pub(crate) mod staged;
mod subversion;
mod sysinfo;

use redcedar_engine::extension::Extension;

/// All there are.
pub const ALL: &[&dyn Extension] = &[
    &mysql::Mysql,
    &postgresql::Postgresql,
    &subversion::Subversion,
    &git::SOURCE,
    &mercurial::SOURCE,
    &sqlite::SOURCE,
    &mbox::Mbox,
    &sysinfo::Sysinfo,
    &encrypt::Encrypt,
    &split::Split,
    &capacity::CapacityLimit,
    &amazons3::Amazons3,
];
