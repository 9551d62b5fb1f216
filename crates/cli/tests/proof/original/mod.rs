//! Day by day beside the original: the same random tree, the same random configuration, the same answers.
//!
//! What may differ is listed in `compare.rs`, and nowhere else.

mod compare;
mod setup;
mod state;

use super::world::{Day, World, archives, ours, run_original};
use redcedar_testing::compare::Snapshot;
use redcedar_testing::members::{self, Member};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::{Pool, Program};
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::Growth;
use setup::Setup;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

#[test]
fn full_archives_and_states_are_those_of_the_original() {
    for seed in 1..=8 {
        days_beside_the_original(seed, 1);
    }
}

#[test]
fn increments_are_those_of_the_original() {
    for seed in 21..=23 {
        days_beside_the_original(seed, 3);
    }
}

#[test]
fn either_program_goes_on_where_the_other_stopped() {
    for seed in 41..=43 {
        days_in_turns(seed, 4);
    }
}

/// Our pool and one of the original collect the same tree on consecutive days.
fn days_beside_the_original(seed: u64, days: usize) {
    let Some(oracle) = Oracle::required() else { return };
    let setup = Setup::random(&mut Rng::new(seed ^ 0xACED), days > 1);
    let mut world = World::grown(seed, setup.growth());
    setup.decorate(&world.tree());
    let theirs = Pool::new().unwrap();
    for pool in [&world.pool, &theirs] {
        pool.configure(&setup.collect_section(&world.tree())).unwrap();
    }
    let mut day = Day::FIRST;
    let mut yesterday = None;
    for _ in 0..days {
        let context = || format!("seed {seed}, {}, {setup:?}", day.date());
        let today = Snapshot::take(&world.tree()).unwrap();
        let their_archives = collect(&theirs, Program::Original(&oracle), day, &context());
        let our_archives = collect(&world.pool, ours(), day, &context());
        compare::archives(
            &their_archives,
            &our_archives,
            &world.tree(),
            yesterday.as_ref(),
            &today,
            &context(),
        );
        state::assert_equal(&theirs.working_dir(), &world.pool.working_dir(), &context());
        yesterday = Some(today);
        day = day.next();
        world.change(15);
    }
}

/// In one pool the two programs take turns, in the other the original does every day. What the original stores in the
/// first is what it stores in the second; what we store holds all of that.
fn days_in_turns(seed: u64, days: usize) {
    let Some(oracle) = Oracle::required() else { return };
    let setup = Setup::incremental(&mut Rng::new(seed ^ 0xBEEF));
    let mut world = World::grown(seed, setup.growth());
    setup.decorate(&world.tree());
    let theirs = Pool::new().unwrap();
    for pool in [&world.pool, &theirs] {
        pool.configure(&setup.collect_section(&world.tree())).unwrap();
    }
    let mut day = Day::FIRST;
    let mut yesterday = None;
    for number in 0..days {
        let context = || format!("seed {seed}, {}, {setup:?}", day.date());
        let today = Snapshot::take(&world.tree()).unwrap();
        let their_archives = collect(&theirs, Program::Original(&oracle), day, &context());
        // Seeds alternate between who begins.
        let our_turn = (number as u64 + seed).is_multiple_of(2);
        let program = if our_turn { ours() } else { Program::Original(&oracle) };
        let mixed_archives = collect(&world.pool, program, day, &context());
        if our_turn {
            // After a day of the original we cannot know which modes and owners changed: what else we store is free.
            compare::contains(&their_archives, &mixed_archives, &world.tree(), &context());
        } else {
            compare::same(&their_archives, &mixed_archives, &context());
        }
        compare::unchanged_is_not_stored_again(
            &mixed_archives,
            &world.tree(),
            yesterday.as_ref(),
            &today,
            &context(),
        );
        state::assert_equal(&theirs.working_dir(), &world.pool.working_dir(), &context());
        yesterday = Some(today);
        day = day.next();
        world.change(15);
    }
}

/// Runs a day of a pool from an empty collect directory and returns the members of its archives, by archive. The master
/// then picks them up.
fn collect(pool: &Pool, program: Program<'_>, day: Day, context: &str) -> BTreeMap<OsString, Vec<Member>> {
    for entry in fs_err::read_dir(pool.collect_dir()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "cback.stage" {
            fs_err::remove_file(entry.path()).unwrap();
        }
    }
    let output = pool.run(program, &day.time(), &["collect"]);
    let said = redcedar_testing::program::describe(&output);
    assert!(output.status.success(), "{context}\n{program:?}: {said}");
    assert!(pool.collect_dir().join("cback.collect").exists(), "{context}\n{program:?}: {said}");
    let read = |(name, path): (OsString, PathBuf)| (name, members::read(&path).unwrap());
    let found = archives(&pool.collect_dir()).into_iter().map(read).collect();
    fs_err::write(pool.collect_dir().join("cback.stage"), "").unwrap();
    found
}

#[test]
fn what_stops_the_original_stops_us() {
    let Some(oracle) = Oracle::required() else { return };
    let growth = Growth { backslashes: false, ..Growth::everything() };
    let world = World::grown(61, growth);
    let missing = world.pool.path().join("missing");
    let mode =
        "<collect_mode>daily</collect_mode><archive_mode>tar</archive_mode><ignore_file>.i</ignore_file>";
    let items = [
        format!("{mode}<dir><abs_path>{}</abs_path></dir>", missing.display()),
        format!("{mode}<file><abs_path>{}</abs_path></file>", missing.display()),
        format!("{mode}<file><abs_path>{}</abs_path></file>", world.tree().display()),
        mode.to_owned(),
    ];
    for item in items {
        world.pool.configure(&item).unwrap();
        for program in [Program::Original(&oracle), ours()] {
            let output = world.pool.run(program, &Day::FIRST.time(), &["collect"]);
            assert_eq!(output.status.code(), Some(6), "{program:?} {item}");
            assert!(!world.pool.collect_dir().join("cback.collect").exists(), "{program:?} {item}");
        }
    }
    // What works is still the same in both after all that.
    world.configure("<collect_mode>daily</collect_mode><archive_mode>tar</archive_mode>", "");
    run_original(&oracle, &world.pool, Day::FIRST, &["collect"]);
    world.run(Day::FIRST, &["collect"]);
}

mod slow {
    use super::{days_beside_the_original, days_in_turns};

    #[test]
    fn many_trees_and_configurations_beside_the_original() {
        for seed in 1_000..1_060 {
            days_beside_the_original(seed, 1);
        }
        for seed in 2_000..2_020 {
            days_beside_the_original(seed, 6);
        }
    }

    #[test]
    fn many_days_in_turns_with_the_original() {
        for seed in 3_000..3_020 {
            days_in_turns(seed, 8);
        }
    }
}
