//! Where a day is gathered: `YYYY/MM/DD/peer` below the staging directory.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_system::Owner;
use redcedar_system::fs::Directory;
use rustix::fs::FileType;

/// The mode of directories that we create: others have no business in a backup.
pub const MODE: u32 = 0o750;

/// The path of a day below the staging directory.
pub fn path(staging_dir: &Path, date: Date) -> PathBuf {
    components(date).iter().fold(staging_dir.to_owned(), |path, component| path.join(component))
}

/// Opens the directory of a day, created if it is not there, and says whether it was created. The staging directory itself
/// is created too, if need be; no link below it is followed.
///
/// # Errors
/// When a directory can be neither opened nor created.
pub fn create(staging_dir: &Path, date: Date, owner: Option<Owner>) -> io::Result<(Directory, bool)> {
    let mut day = (open_or_create(staging_dir, owner)?, false);
    for component in components(date) {
        day = day.0.create_directory(&component, MODE, owner)?;
    }
    Ok(day)
}

/// The staging directory. A new one belongs to `owner`, who has to get through to copy files into it.
fn open_or_create(staging_dir: &Path, owner: Option<Owner>) -> io::Result<Directory> {
    match (Directory::open(staging_dir), staging_dir.parent(), staging_dir.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            fs_err::create_dir_all(parent)?;
            Directory::open(parent)?.create_directory(name, MODE, owner).map(|(directory, _)| directory)
        }
        (opened, ..) => opened,
    }
}

/// The day that a path below the staging directory stands for, if it is that of a day.
pub fn date(below: &Path) -> Option<Date> {
    let mut names = below.iter();
    let (year, month, day) =
        (number(names.next()?, 4)?, number(names.next()?, 2)?, number(names.next()?, 2)?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    names.next().is_none().then_some(date)
}

/// The days below a staging directory, oldest first. Nothing but directories counts, no link is followed, and what is called
/// otherwise is passed over.
///
/// # Errors
/// When a directory cannot be read.
pub fn days(staging: &Directory) -> io::Result<Vec<Date>> {
    let mut days = Vec::new();
    for (year, years) in numbered(staging, 4)? {
        for (month, months) in numbered(&years, 2)? {
            for (day, _) in numbered(&months, 2)? {
                days.extend(Date::new(
                    year,
                    i8::try_from(month).unwrap_or(0),
                    i8::try_from(day).unwrap_or(0),
                ));
            }
        }
    }
    days.sort_unstable();
    Ok(days)
}

/// The directories in `directory` whose names are so many digits.
fn numbered(directory: &Directory, digits: usize) -> io::Result<Vec<(i16, Directory)>> {
    let mut found = Vec::new();
    for name in directory.names()? {
        let Some(number) = number(&name, digits) else { continue };
        let status = directory.status(&name)?;
        if status.is_some_and(|status| FileType::from_raw_mode(status.st_mode).is_dir()) {
            found.push((number, directory.open_directory(&name)?));
        }
    }
    Ok(found)
}

/// What a name of exactly so many digits says.
fn number(name: &OsStr, digits: usize) -> Option<i16> {
    let is_number = |text: &&str| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    name.to_str().filter(is_number)?.parse().ok()
}

/// Opens the directory of a day that is there.
///
/// # Errors
/// When it cannot be opened; no link is followed.
pub fn open(staging: &Directory, date: Date) -> io::Result<Directory> {
    let [year, month, day] = components(date);
    staging.open_directory(&year)?.open_directory(&month)?.open_directory(&day)
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
    fn the_days_of_a_staging_directory_are_found_in_order() {
        let root = tempfile::tempdir().unwrap();
        for path in
            ["2026/11/24", "2025/12/31", "2026/02/30", "2026/13/01", "2026/1/01", "x/11/24", "2026/11/+1"]
        {
            fs_err::create_dir_all(root.path().join(path)).unwrap();
        }
        fs_err::write(root.path().join("2026/11/23"), "no directory").unwrap();
        std::os::unix::fs::symlink("24", root.path().join("2026/11/22")).unwrap();
        let staging = Directory::open(root.path()).unwrap();
        let (last, first) = (Date::constant(2026, 11, 24), Date::constant(2025, 12, 31));
        assert_eq!(days(&staging).unwrap(), [first, last]);
        assert_eq!(open(&staging, last).unwrap().path(), root.path().join("2026/11/24"));
    }

    #[test]
    fn a_path_stands_for_a_day_only_with_a_date_of_the_right_length() {
        assert_eq!(date(Path::new("2026/03/04")), Some(Date::constant(2026, 3, 4)));
        for path in ["2026/3/4", "2026/02/30", "2026/03", "2026/03/04/peer", "x/03/04", ""] {
            assert_eq!(date(Path::new(path)), None, "{path}");
        }
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
