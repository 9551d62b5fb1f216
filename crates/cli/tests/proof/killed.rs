//! The machine stops at the worst moments. The day before is still there, and the next run has everything.

use super::world::{Day, World, archives, below, ours, redcedar, was_killed};
use redcedar_testing::members;
use redcedar_testing::program::{self, describe};
use redcedar_testing::trees::Growth;
use std::path::Path;

const COLLECT: &[&str] =
    &["collect-before-archive", "collect-after-archive", "collect-before-state", "collect-before-indicator"];
const STAGE: &[&str] = &["stage-before-copy", "stage-after-copy", "stage-before-indicator"];
const PURGE: &[&str] = &["purge-before-delete", "purge-after-file"];

#[test]
fn killed_during_collect_nothing_is_lost() {
    for (seed, checkpoint) in (1..).zip(COLLECT) {
        killed_at(seed, checkpoint, &["collect"]);
    }
}

#[test]
fn killed_during_stage_nothing_is_lost() {
    for (seed, checkpoint) in (10..).zip(STAGE) {
        killed_at(seed, checkpoint, &["collect", "stage"]);
    }
}

/// What is staged over the network is moved into the day file by file.
const REMOTE_STAGE: &[&str] = &[
    "stage-before-copy",
    "stage-after-fetch",
    "stage-after-file",
    "stage-after-copy",
    "stage-before-acknowledge",
    "stage-after-acknowledge",
    "stage-before-result",
    "stage-before-indicator",
];

#[test]
fn killed_while_a_remote_peer_is_staged_nothing_is_lost_or_doubled() {
    for (seed, checkpoint) in (30..).zip(REMOTE_STAGE) {
        killed_while_fetching(seed, checkpoint);
    }
}

/// A good day, a day on which stage is killed at `checkpoint`, stage again, and one more day.
fn killed_while_fetching(seed: u64, checkpoint: &str) {
    let mut world = World::grown(seed, Growth::everything());
    world.become_remote();
    let monday = Day::FIRST;
    world.run(monday, &["collect", "stage"]);
    let mut days = vec![(monday, world.snapshot())];

    let tuesday = monday.next();
    world.change(20);
    world.run(tuesday, &["collect"]);
    let mut command = world.pool.command(ours(), &tuesday.time(), &["stage"]);
    let output = program::run(command.env("REDCEDAR_CHECKPOINT", checkpoint));
    assert!(was_killed(&output), "{checkpoint} is never reached: {}\n{}", describe(&output), world.log());
    assert_archives_are_whole(&world, tuesday);
    world.assert_restores(&days, seed);

    world.run(tuesday, &["stage"]);
    days.push((tuesday, world.snapshot()));
    world.assert_restores(&days, seed);
    let (collected, staged) = (world.pool.collect_dir(), world.pool.daily_dir(&tuesday.path()));
    let mut expected = contents(&collected);
    expected.retain(|(name, _)| name != "cback.stage");
    let mut found = contents(&staged);
    found.retain(|(name, _)| name != "cback.sha256");
    assert_eq!(found, expected, "{checkpoint}");
    assert_eq!(names(staged.parent().unwrap()), ["cback.result", "cback.stage", "me"], "{checkpoint}");
    let indicator = |name: &str| fs_err::read(collected.join(name)).unwrap();
    assert_eq!(indicator("cback.stage"), indicator("cback.collect"), "{checkpoint}");

    let wednesday = tuesday.next();
    world.change(20);
    world.run(wednesday, &["collect", "stage"]);
    days.push((wednesday, world.snapshot()));
    world.assert_restores(&days, seed);
}

fn names(directory: &Path) -> Vec<String> {
    contents(directory).into_iter().map(|(name, _)| name).collect()
}

/// Names and contents of what is in a directory, subdirectories without any.
fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut contents: Vec<_> = fs_err::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, if path.is_dir() { Vec::new() } else { fs_err::read(path).unwrap() })
        })
        .collect();
    contents.sort();
    contents
}

#[test]
fn killed_during_purge_nothing_staged_is_lost() {
    for (seed, checkpoint) in (20..).zip(PURGE) {
        killed_at(seed, checkpoint, &["collect", "stage", "purge"]);
    }
}

const RESTORE: &[&str] = &["restore-after-batch", "restore-before-links", "restore-before-directories"];

#[test]
fn killed_during_restore_the_next_one_goes_on() {
    for (seed, checkpoint) in (40..).zip(RESTORE) {
        let world = World::grown(seed, Growth { objects: 400, ..Growth::everything() });
        world.run(Day::FIRST, &["collect", "stage"]);
        let target = tempfile::tempdir().unwrap();
        let (staging, target) = (world.pool.staging_dir(), target.path());
        let restore = ["restore", "--from", staging.to_str().unwrap(), "--to", target.to_str().unwrap()];
        let again = [&restore[..], &["--overwrite", "if-different"]].concat();
        let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
        let output = program::run(command.args(restore).env("REDCEDAR_CHECKPOINT", checkpoint));
        assert!(was_killed(&output), "{checkpoint} is never reached: {}", describe(&output));
        let output = redcedar(Day::FIRST, &[&again[..], &["--json"]].concat());
        assert!(output.status.success(), "{}", describe(&output));
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(!report.contains("\"unchanged\":0,"), "nothing was there: {report}");
        world.snapshot().assert_same(&below(target, &world.tree()), || format!("seed {seed}, {checkpoint}"));
    }
}

/// A good day, a day on which `actions` are killed at `checkpoint`, the same actions again, and one more day.
fn killed_at(seed: u64, checkpoint: &str, actions: &[&str]) {
    let mut world = World::grown(seed, Growth::everything());
    let monday = Day::FIRST;
    world.run(monday, &["collect", "stage"]);
    let mut days = vec![(monday, world.snapshot())];

    let tuesday = monday.next();
    world.change(20);
    let mut command = world.pool.command(ours(), &tuesday.time(), actions);
    let output = program::run(command.env("REDCEDAR_CHECKPOINT", checkpoint));
    assert!(was_killed(&output), "{checkpoint} is never reached: {}\n{}", describe(&output), world.log());
    assert_archives_are_whole(&world, tuesday);
    world.assert_restores(&days, seed);

    // Somebody may have changed more before the next run.
    world.change(5);
    world.run(tuesday, &["collect", "stage"]);
    days.push((tuesday, world.snapshot()));
    world.assert_restores(&days, seed);

    let wednesday = tuesday.next();
    world.change(20);
    world.run(wednesday, &["collect", "stage"]);
    days.push((wednesday, world.snapshot()));
    world.assert_restores(&days, seed);
}

/// What carries the name of an archive is one, from its beginning to its end.
fn assert_archives_are_whole(world: &World, day: Day) {
    for directory in [world.pool.collect_dir(), world.pool.daily_dir(&day.path())] {
        if !directory.exists() {
            continue;
        }
        for (_, archive) in archives(&directory) {
            members::read(&archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
        }
    }
}
