//! Comparing a mounted disc with what was to be written: for programs that cannot read discs themselves.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redcedar_system::command::Command;
use redcedar_system::escape;

use super::Entry;
use crate::compare;
use crate::error::MediaError;
use crate::programs::Programs;

/// How often unmounting is tried, a second apart.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_mins(5);

/// Mounts the device, compares, and unmounts it whatever came out.
pub(super) fn compare(
    entries: &[Entry],
    device: &Path,
    work_dir: &Path,
    programs: Programs<'_>,
) -> Result<(), MediaError> {
    // Not one that is removed with what is in it: that could be the disc.
    let place = tempfile::Builder::new().prefix("tmp").tempdir_in(work_dir)?.keep();
    let compared = mount(device, &place, programs).and_then(|()| compare_mounted(entries, &place, programs));
    let unmounted = unmount(&place, programs);
    // What happened first is what matters.
    compared.and(unmounted)
}

fn mount(device: &Path, place: &Path, programs: Programs<'_>) -> Result<(), MediaError> {
    let command = Command::new(programs.path("mount"))
        .args(["-t", "iso9660"])
        .arg(device)
        .arg(place)
        .time_limit(Some(PATIENCE));
    programs.run("mount the disc to compare it", &command).map(drop)
}

fn compare_mounted(entries: &[Entry], place: &Path, programs: Programs<'_>) -> Result<(), MediaError> {
    let mut differences = Vec::new();
    for entry in entries {
        let graft = entry.graft.strip_prefix("/").unwrap_or(&entry.graft);
        differences.extend(compare::differences(
            &place.join(graft),
            &entry.source,
            &programs.system.interrupt,
        )?);
    }
    if differences.is_empty() { Ok(()) } else { Err(MediaError::Differs(differences)) }
}

fn unmount(place: &Path, programs: Programs<'_>) -> Result<(), MediaError> {
    for attempt in 0..TRIES {
        if !is_mount_point(place)? {
            return Ok(fs_err::remove_dir(place)?);
        }
        if attempt > 0 {
            programs.wait(PAUSE)?;
        }
        let command = Command::new(programs.path("umount")).arg(place).time_limit(Some(PATIENCE));
        if let Err(error) = programs.run("unmount the disc", &command) {
            programs.system.monitor.warning(error.to_string());
        }
    }
    if is_mount_point(place)? {
        let why = format!("it is still mounted at {}; unmount it by hand", escape::display(place));
        return Err(MediaError::Failed { intent: "unmount the disc".to_owned(), why });
    }
    Ok(fs_err::remove_dir(place)?)
}

fn is_mount_point(place: &Path) -> io::Result<bool> {
    let parent: PathBuf = place.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(fs_err::symlink_metadata(place)?.dev() != fs_err::symlink_metadata(parent)?.dev())
}
