//! What Subversion, Git and Mercurial share: which repositories are backed up, one after the other whatever becomes of the one
//! before, and what is remembered about each.

pub(crate) mod bundle;
pub(crate) mod memory;
pub(crate) mod program;
pub(crate) mod session;
pub(crate) mod settings;
