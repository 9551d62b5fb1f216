//! The backup user may write where root's outputs go. What it plants there is never followed.

use super::world::{Day, World, archives, ours};
use redcedar_testing::compare::Snapshot;
use redcedar_testing::program::describe;
use redcedar_testing::trees::Growth;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[test]
fn links_in_the_place_of_outputs_are_replaced_not_followed() {
    let mut world = World::grown(8, Growth::everything());
    // The names of all outputs, from a day on which nothing was planted.
    world.run(Day::FIRST, &["collect", "stage"]);
    let victims = world.pool.path().join("victims");
    fs_err::create_dir(&victims).unwrap();
    let tuesday = Day::FIRST.next();
    let daily = world.pool.daily_dir(&tuesday.path());
    fs_err::create_dir_all(&daily).unwrap();
    let mut planted = Vec::new();
    for directory in [world.pool.collect_dir(), world.pool.working_dir()] {
        for name in names(&directory) {
            planted.push(plant(&directory.join(&name), &victims.join(&name)));
        }
    }
    for name in names(&world.pool.daily_dir(&Day::FIRST.path())) {
        planted.push(plant(&daily.join(&name), &victims.join(&name)));
    }
    let stage_indicator = world.pool.staging_dir().join(tuesday.path()).join("cback.stage");
    planted.push(plant(&stage_indicator, &victims.join("staged")));
    let before = Snapshot::take(&victims).unwrap();

    world.change(10);
    let output = world.pool.run(ours(), &tuesday.time(), &["--full", "collect", "stage"]);
    before.assert_same(&Snapshot::take(&victims).unwrap(), || {
        format!("{}\n{}", describe(&output), world.log())
    });
    assert!(output.status.success(), "{}\n{}", describe(&output), world.log());
    for path in planted {
        // A lock has no content: that it is no file of ours is only said.
        let is_lock = path.ends_with(".redcedar.lock");
        if let Ok(metadata) = fs_err::symlink_metadata(&path)
            && !is_lock
        {
            assert!(metadata.is_file(), "{} is still a link", path.display());
        }
    }
    assert!(!archives(&daily).is_empty());
    world.assert_restores(&[(tuesday, world.snapshot())], 8);
}

#[test]
fn outputs_cannot_be_read_by_everybody() {
    let world = World::grown(9, Growth::everything());
    world.run(Day::FIRST, &["collect", "stage"]);
    let daily = world.pool.daily_dir(&Day::FIRST.path());
    for directory in [world.pool.collect_dir(), world.pool.working_dir(), daily] {
        for name in names(&directory) {
            let mode = fs_err::symlink_metadata(directory.join(&name)).unwrap().mode();
            assert_eq!(mode & 0o137, 0, "{}/{name} has mode {mode:o}", directory.display());
        }
    }
}

/// Puts a link to a new file `victim` at `place`.
fn plant(place: &Path, victim: &Path) -> std::path::PathBuf {
    fs_err::write(victim, "precious").unwrap();
    if fs_err::symlink_metadata(place).is_ok() {
        fs_err::remove_file(place).unwrap();
    }
    fs_err::os::unix::fs::symlink(victim, place).unwrap();
    place.to_path_buf()
}

/// Names of the files in `directory`; there must be some.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let names: Vec<_> = entries
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert!(!names.is_empty(), "{} is empty", directory.display());
    names
}
