//! What manifests say of the archives beside them.

use std::ffi::OsStr;

use redcedar_archive::manifest::{Header, ManifestError, ManifestReader, Tally};
use redcedar_system::escape;
use redcedar_system::fs::Directory;

/// The first line of a manifest.
///
/// # Errors
/// With a message, when it cannot be read.
pub(crate) fn manifest_header(directory: &Directory, name: &OsStr) -> Result<Header, String> {
    open(directory, name, |reader| Ok(reader.header().clone()))
}

/// How much a manifest speaks of: its lines are counted, and all of it is read for that.
///
/// # Errors
/// With a message, when it cannot be read.
pub(crate) fn manifest_tally(directory: &Directory, name: &OsStr) -> Result<Tally, String> {
    open(directory, name, ManifestReader::tally)
}

fn open<T>(
    directory: &Directory,
    name: &OsStr,
    read: impl FnOnce(ManifestReader<std::fs::File>) -> Result<T, ManifestError>,
) -> Result<T, String> {
    let file = directory.open_file(name).map_err(|error| error.to_string())?;
    let result = ManifestReader::open(file).and_then(read);
    result.map_err(|error| format!("{}: {error}", escape::display(&directory.path().join(name))))
}
