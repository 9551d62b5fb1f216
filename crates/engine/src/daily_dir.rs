//! Where a day is gathered: `YYYY/MM/DD/peer` below the staging directory.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_system::Owner;
use redcedar_system::fs::Directory;

/// The mode of directories that we create: others have no business in a backup.
pub const MODE: u32 = 0o750;

/// The path of a day below the staging directory.
pub fn path(staging_dir: &Path, date: Date) -> PathBuf {
    components(date).iter().fold(staging_dir.to_owned(), |path, component| path.join(component))
}

/// Opens the directory of a day, created if it is not there, and says whether it was created. The staging directory itself
/// is created too, but keeps the owner that it gets; no link below it is followed.
///
/// # Errors
/// When a directory can be neither opened nor created.
pub fn create(staging_dir: &Path, date: Date, owner: Option<Owner>) -> io::Result<(Directory, bool)> {
    std::fs::DirBuilder::new().recursive(true).mode(MODE).create(staging_dir).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot create directory {}: {error}", staging_dir.display()))
    })?;
    let mut day = (Directory::open(staging_dir)?, false);
    for component in components(date) {
        day = day.0.create_directory(&component, MODE, owner)?;
    }
    Ok(day)
}

fn components(date: Date) -> [OsString; 3] {
    [format!("{:04}", date.year()), format!("{:02}", date.month()), format!("{:02}", date.day())]
        .map(OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_four_two_and_two_digits() {
        let date = Date::constant(2026, 3, 4);
        assert_eq!(path(Path::new("/s"), date), Path::new("/s/2026/03/04"));
        let root = tempfile::tempdir().unwrap();
        let staging = root.path().join("new/staging");
        assert!(create(&staging, date, None).unwrap().1);
        let (directory, created) = create(&staging, date, None).unwrap();
        assert!(!created);
        assert_eq!(directory.path(), path(&staging, date));
    }

    #[test]
    fn a_planted_link_does_not_lead_out_of_the_staging_directory() {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", root.path().join("2026")).unwrap();
        assert!(create(root.path(), Date::constant(2026, 3, 4), None).is_err());
        assert_eq!(fs_err::read_dir(root.path().join("elsewhere")).unwrap().count(), 0);
    }
}
