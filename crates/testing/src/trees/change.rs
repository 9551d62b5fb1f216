//! What users do to a tree between two days.

use super::plant::{self, Planter};
use super::{Growth, Kind, walk};
use crate::compare::short;
use crate::program;
use crate::rng::Rng;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Changes the tree at `root` in `steps` steps. Returns what was done, for the message of a test that fails.
///
/// # Errors
/// When something cannot be changed.
pub fn change(root: &Path, rng: &mut Rng, growth: &Growth, steps: usize) -> io::Result<Vec<String>> {
    // Names of objects planted later begin with numbers that no tree has used yet.
    let mut number = 100_000 + usize::try_from(rng.below(1_000_000_000)).expect("a small number");
    let mut log = Vec::with_capacity(steps);
    for _ in 0..steps {
        let paths = walk(root)?;
        number += 1_000;
        let target = rng.pick(&paths);
        let what = if target == root {
            add(rng, growth, &paths, number)?
        } else {
            one(rng, growth, &paths, &target, number)?
        };
        log.push(format!("{what} {}", short(target.as_os_str().as_bytes())));
    }
    Ok(log)
}

fn add(rng: &mut Rng, growth: &Growth, paths: &[PathBuf], number: usize) -> io::Result<&'static str> {
    let kind = rng.pick(Kind::BY_CHANCE);
    Planter::resume(paths, growth, number)?.plant(rng, kind)?;
    Ok("plant something when at")
}

fn one(
    rng: &mut Rng,
    growth: &Growth,
    paths: &[PathBuf],
    target: &Path,
    number: usize,
) -> io::Result<&'static str> {
    let metadata = fs_err::symlink_metadata(target)?;
    let kind = metadata.file_type();
    match rng.below(14) {
        0 | 1 => add(rng, growth, paths, number),
        2 => {
            remove(target)?;
            Ok("delete")
        }
        3 => {
            rename(rng, paths, target, number)?;
            Ok("rename")
        }
        4 => {
            replace_by_another_kind(rng, growth, target, kind.is_dir())?;
            Ok("change the type of")
        }
        5 if !kind.is_symlink() => {
            let modes =
                if kind.is_dir() { [0o755, 0o700, 0o711, 0o2770] } else { [0o644, 0o600, 0o755, 0o2755] };
            fs_err::set_permissions(target, Permissions::from_mode(rng.pick(&modes)))?;
            Ok("chmod")
        }
        6 => {
            plant::set_random_mtime(target, rng)?;
            Ok("touch")
        }
        7 if growth.owners && program::is_root() => {
            plant::set_random_owner(target, rng)?;
            Ok("chown")
        }
        8 if kind.is_symlink() => {
            fs_err::remove_file(target)?;
            fs_err::os::unix::fs::symlink("another target", target)?;
            Ok("retarget")
        }
        9 if kind.is_file() => {
            fs_err::OpenOptions::new().append(true).open(target)?.write_all(&rng.text(500))?;
            Ok("append to")
        }
        10 if kind.is_file() && metadata.len() > 0 => {
            change_unseen(rng, target, &metadata)?;
            Ok("change, keeping size and mtime,")
        }
        11 if kind.is_file() || kind.is_dir() => {
            let value = rng.bytes(20);
            // Where there are none, nothing changes.
            let _ = xattr::set(target, "user.changed", &value);
            Ok("set an attribute of")
        }
        12 if kind.is_file() => {
            let copy = target.with_file_name(format!("copy {number}"));
            fs_err::copy(target, &copy)?;
            plant::set_mtime(&copy, metadata.mtime(), metadata.mtime_nsec())?;
            fs_err::os::unix::fs::lchown(&copy, Some(metadata.uid()), Some(metadata.gid()))?;
            fs_err::set_permissions(&copy, metadata.permissions())?;
            fs_err::rename(copy, target)?;
            Ok("replace by a copy")
        }
        _ if kind.is_file() => {
            let content = plant::content(rng, growth.largest);
            fs_err::write(target, content)?;
            Ok("rewrite")
        }
        _ => add(rng, growth, paths, number),
    }
}

fn remove(target: &Path) -> io::Result<()> {
    if fs_err::symlink_metadata(target)?.is_dir() {
        fs_err::remove_dir_all(target)
    } else {
        fs_err::remove_file(target)
    }
}

/// Moves `target` into another directory, or renames it where it is if there is no other that could take it.
fn rename(rng: &mut Rng, paths: &[PathBuf], target: &Path, number: usize) -> io::Result<()> {
    let parent = rng.pick(paths);
    let fits = |parent: &Path| {
        parent.as_os_str().len() < 1_000 && target.as_os_str().len() < 1_000 && !parent.starts_with(target)
    };
    let parent = if fs_err::symlink_metadata(&parent)?.is_dir() && fits(&parent) {
        parent
    } else {
        target.parent().expect("the root itself is never renamed").to_path_buf()
    };
    fs_err::rename(target, parent.join(format!("renamed {number}")))
}

fn replace_by_another_kind(
    rng: &mut Rng,
    growth: &Growth,
    target: &Path,
    was_directory: bool,
) -> io::Result<()> {
    remove(target)?;
    match rng.below(3) {
        0 if !was_directory => {
            fs_err::create_dir(target)?;
            if target.as_os_str().len() < 3_000 {
                fs_err::write(target.join("was not a directory"), rng.text(200))?;
            }
            Ok(())
        }
        1 => fs_err::os::unix::fs::symlink(if growth.loops { ".." } else { "nowhere" }, target),
        _ => fs_err::write(target, rng.text(300)),
    }
}

/// Changes the content in a way that only the change time shows.
fn change_unseen(rng: &mut Rng, target: &Path, metadata: &std::fs::Metadata) -> io::Result<()> {
    let len = usize::try_from(metadata.len()).expect("test files fit into memory");
    let mut file = fs_err::OpenOptions::new().write(true).open(target)?;
    file.write_all(&rng.bytes(len.min(4_096)))?;
    drop(file);
    plant::set_mtime(target, metadata.mtime(), metadata.mtime_nsec())
}
