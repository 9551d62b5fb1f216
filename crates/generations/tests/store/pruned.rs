//! Removing generations.

use std::os::unix::fs::PermissionsExt;

use redcedar_generations::prune::prune;
use redcedar_generations::store::Store;
use redcedar_retention::Policy;

use crate::world::{World, inodes};

fn names(store: &Store) -> Vec<String> {
    store.generations().unwrap().iter().map(|found| found.name.to_string()).collect()
}

#[test]
fn the_old_ones_go_and_what_they_share_with_others_is_not_touched() {
    let mut world = World::grown(7);
    fs_err::create_dir(world.tree().join("closed")).unwrap();
    world.write("closed/file", "x");
    fs_err::set_permissions(world.tree().join("closed"), PermissionsExt::from_mode(0o500)).unwrap();
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(world.create().name.unwrap().to_string());
        world.change(5);
    }
    let store = world.store();
    let kept = |name: &String| inodes(&world.path("store").join(name));
    let before: Vec<_> = made[2..].iter().map(kept).collect();
    let policy = Policy { last: 2, ..Policy::default() };
    let system = crate::world::system("2026-11-20T00:00:00");
    let verdicts = prune(&store, &policy, true, &system).unwrap();
    assert_eq!(names(&store), made, "a dry run removes nothing");
    assert_eq!(
        verdicts.iter().map(|verdict| verdict.reasons.is_empty()).collect::<Vec<_>>(),
        [true, true, false, false]
    );
    prune(&store, &policy, false, &system).unwrap();
    assert_eq!(names(&store), made[2..]);
    assert_eq!(made[2..].iter().map(kept).collect::<Vec<_>>(), before);
    for name in &made[2..] {
        assert!(world.verified(name).findings.is_empty());
    }
}

#[test]
fn the_newest_with_a_manifest_stays_whatever_is_newer() {
    let mut world = World::empty();
    world.write("x", "x");
    let ours = world.create().name.unwrap().to_string();
    // The original went on, and nobody knows whether it got to an end.
    for day in ["2026-11-10-03:00:00", "2026-11-11-03:00:00"] {
        fs_err::create_dir(world.path("store").join(day)).unwrap();
    }
    let policy = Policy { last: 1, ..Policy::default() };
    let store = world.store();
    prune(&store, &policy, false, &crate::world::system("2026-11-20T00:00:00")).unwrap();
    assert_eq!(names(&store), [ours, "2026-11-11-03:00:00".to_owned()]);
}

#[test]
fn what_was_set_aside_is_removed_by_the_next_run() {
    let mut world = World::empty();
    world.write("x", "x");
    let first = world.create().name.unwrap().to_string();
    let store = world.path("store");
    fs_err::rename(store.join(&first), store.join(format!(".trash-{first}"))).unwrap();
    world.create();
    let left: Vec<_> = fs_err::read_dir(&store)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(&first))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
