//! What cannot be opened because the key is not here is told from what is damaged.

use std::fmt;
use std::io;

/// Why there is no key.
#[derive(Debug)]
struct Locked(String);

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Locked {}

/// An error that says why something cannot be decrypted here.
pub(crate) fn locked(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, Locked(reason.into()))
}

/// Whether it is only the key that is missing.
pub(crate) fn is_locked(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.downcast_ref::<Locked>().is_some())
}
