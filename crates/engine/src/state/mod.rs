//! What is remembered between runs: the digest state of the originals (`.sha`), read and written compatibly, and our own
//! side file with what that format has no room for.

pub mod pickle;
pub mod side_file;

/// SHA-1 of a file's content, as the originals remember it.
pub type Sha1 = [u8; 20];
