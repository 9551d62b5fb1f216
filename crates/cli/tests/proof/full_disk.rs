//! The file system of the archives fills up.

use super::world::{Day, World, archives, ours};
use redcedar_testing::faults::SmallFileSystem;
use redcedar_testing::members;
use redcedar_testing::program::describe;
use redcedar_testing::trees::Growth;
use std::path::Path;

#[test]
fn a_full_collect_directory_is_said_and_costs_nothing() {
    let Some(small) = SmallFileSystem::mount(6_000) else { return };
    fs_err::create_dir(small.path().join("collect")).unwrap();
    let mut world = World::grown(1, Growth::everything());
    move_to(&world.pool.collect_dir(), &small.path().join("collect"));
    let monday = Day::FIRST;
    world.run(monday, &["collect", "stage"]);
    let mut days = vec![(monday, world.snapshot())];

    let tuesday = monday.next();
    let noise = world.rng.bytes(3_000_000);
    fs_err::write(world.tree().join("a large new file"), noise).unwrap();
    small.fill("filler", 1_000_000);
    let output = world.pool.run(ours(), &tuesday.time(), &["collect"]);
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    assert!(world.log().contains("No space left on device"), "{}", world.log());
    assert!(!world.pool.collect_dir().join("cback.collect").exists(), "a failed collect leaves no indicator");
    for (_, archive) in archives(&world.pool.collect_dir()) {
        members::read(&archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    }
    world.assert_restores(&days, 1);

    fs_err::remove_file(small.path().join("filler")).unwrap();
    world.run(tuesday, &["collect", "stage"]);
    days.push((tuesday, world.snapshot()));
    world.assert_restores(&days, 1);
}

#[test]
fn a_full_working_directory_is_said_and_costs_nothing() {
    let Some(small) = SmallFileSystem::mount(400) else { return };
    fs_err::create_dir(small.path().join("working")).unwrap();
    let mut world = World::grown(2, Growth::everything());
    move_to(&world.pool.working_dir(), &small.path().join("working"));
    let monday = Day::FIRST;
    world.run(monday, &["collect", "stage"]);
    let mut days = vec![(monday, world.snapshot())];

    let tuesday = monday.next();
    world.change(20);
    small.fill("filler", 0);
    let output = world.pool.run(ours(), &tuesday.time(), &["collect"]);
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    assert!(world.log().contains("No space left on device"), "{}", world.log());
    world.assert_restores(&days, 2);

    fs_err::remove_file(small.path().join("filler")).unwrap();
    world.run(tuesday, &["collect", "stage"]);
    days.push((tuesday, world.snapshot()));
    world.assert_restores(&days, 2);
}

#[test]
fn a_full_staging_directory_is_said_and_costs_nothing() {
    let Some(small) = SmallFileSystem::mount(6_000) else { return };
    fs_err::create_dir(small.path().join("staging")).unwrap();
    let mut world = World::grown(3, Growth::everything());
    move_to(&world.pool.staging_dir(), &small.path().join("staging"));
    let monday = Day::FIRST;
    world.run(monday, &["collect", "stage"]);
    let mut days = vec![(monday, world.snapshot())];

    let tuesday = monday.next();
    let noise = world.rng.bytes(3_000_000);
    fs_err::write(world.tree().join("a large new file"), noise).unwrap();
    small.fill("filler", 1_000_000);
    let output = world.pool.run(ours(), &tuesday.time(), &["collect", "stage"]);
    assert!(world.log().contains("No space left on device"), "{}\n{}", describe(&output), world.log());
    assert!(
        !world.pool.collect_dir().join("cback.stage").exists(),
        "what was not copied is not acknowledged"
    );
    for (_, archive) in archives(&world.pool.daily_dir(&tuesday.path())) {
        members::read(&archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    }
    world.assert_restores(&days, 3);

    fs_err::remove_file(small.path().join("filler")).unwrap();
    world.change(10);
    world.run(tuesday, &["collect", "stage"]);
    days.push((tuesday, world.snapshot()));
    world.assert_restores(&days, 3);
}

/// Replaces the empty directory `from` by a link to `to`.
fn move_to(from: &Path, to: &Path) {
    fs_err::remove_dir(from).unwrap();
    fs_err::os::unix::fs::symlink(to, from).unwrap();
}
