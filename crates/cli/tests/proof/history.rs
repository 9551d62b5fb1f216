//! Random histories: every day of a changing tree comes back exactly, deletions included.

use super::world::{Day, World, redcedar, restored};
use redcedar_testing::compare::Snapshot;
use redcedar_testing::program::describe;
use redcedar_testing::trees::Growth;
use std::path::Path;

#[test]
fn every_day_of_collect_and_stage_is_restored_exactly() {
    for seed in 1..=3 {
        staged_days(seed, 5, 15);
    }
}

#[test]
fn every_day_of_backup_is_restored_exactly() {
    for seed in 1..=3 {
        backed_up_days(seed, 5, 15);
    }
}

/// Days of `cback3 collect stage`; the third has no change at all, the last one is restored first.
fn staged_days(seed: u64, count: usize, steps: usize) {
    let mut world = World::grown(seed, Growth::everything());
    let mut day = Day::FIRST;
    let mut days = Vec::new();
    for number in 0..count {
        world.run(day, &["collect", "stage"]);
        days.push((day, world.snapshot()));
        day = day.next();
        if number != 1 {
            world.change(steps);
        }
    }
    days.reverse();
    world.assert_restores(&days, seed);
}

/// Days of `redcedar backup`, some of which have two runs.
fn backed_up_days(seed: u64, count: usize, steps: usize) {
    let mut world = World::grown(seed, Growth::everything());
    let destination = world.pool.path().join("destination");
    let tree = world.tree();
    let mut day = Day::FIRST;
    let mut days: Vec<(Day, Snapshot)> = Vec::new();
    for _ in 0..count {
        for _ in 0..=world.rng.below(2) {
            back_up(&tree, &destination, day);
            days.retain(|(earlier, _)| *earlier != day);
            days.push((day, world.snapshot()));
            world.change(steps);
        }
        day = day.next();
    }
    for (day, wanted) in days.iter().rev() {
        wanted.assert_same(&restored(&destination, &tree, *day), || format!("seed {seed}, {}", day.date()));
    }
}

#[track_caller]
fn back_up(tree: &Path, destination: &Path, day: Day) {
    let output =
        redcedar(day, &["backup".as_ref(), tree.as_os_str(), "--to".as_ref(), destination.as_os_str()]);
    assert!(output.status.success(), "{}", describe(&output));
}

mod slow {
    use super::{backed_up_days, staged_days};

    #[test]
    fn long_histories_of_collect_and_stage() {
        for seed in 100..110 {
            staged_days(seed, 20, 25);
        }
    }

    #[test]
    fn long_histories_of_backup() {
        for seed in 100..110 {
            backed_up_days(seed, 20, 25);
        }
    }
}
