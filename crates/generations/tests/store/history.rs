//! Random histories: every generation comes back exactly, and no later one touches it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use redcedar_generations::diff::{Aspect, Difference, What, diff};
use redcedar_system::Interrupt;

use crate::world::{World, inodes};

#[test]
fn every_generation_comes_back_exactly_and_is_never_touched() {
    for seed in 1..=2 {
        history(seed, 4, 15);
    }
}

fn history(seed: u64, count: usize, steps: usize) {
    let mut world = World::grown(seed);
    let mut days = Vec::new();
    let mut stored = BTreeMap::new();
    for number in 0..count {
        let created = world.create();
        assert!(created.problems.is_empty(), "seed {seed}: {:?}", created.problems);
        let name = created.name.unwrap().to_string();
        stored.insert(name.clone(), inodes(&world.path("store").join(&name)));
        days.push((name, world.snapshot()));
        // The third generation is of a tree that did not change.
        if number != 1 {
            world.change(steps);
        }
    }
    for (name, wanted) in &days {
        assert_eq!(inodes(&world.path("store").join(name)), stored[name], "seed {seed}, {name}");
        let verified = world.verified(name);
        assert!(verified.findings.is_empty(), "seed {seed}, {name}: {:?}", verified.findings);
        let (report, found) = world.restored(name);
        assert!(report.failures.is_empty(), "seed {seed}, {name}: {:?}", report.failures);
        wanted.assert_same(&found, || format!("seed {seed}, {name}"));
    }
}

mod slow {
    #[test]
    fn long_histories() {
        for seed in 100..120 {
            super::history(seed, 12, 25);
        }
    }
}

#[test]
fn what_did_not_change_is_the_same_file_and_what_did_is_another() {
    let mut world = World::empty();
    for name in ["same", "content", "mode", "gone", "touched"] {
        world.write(name, name);
    }
    let first = world.create().name.unwrap().to_string();
    let same_size = |name: &str| {
        // Size and time of change stay, the content does not.
        let path = world.tree().join(name);
        let time = fs_err::metadata(&path).unwrap().modified().unwrap();
        fs_err::write(&path, "CONTENT").unwrap();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_modified(time).unwrap();
    };
    same_size("content");
    fs_err::set_permissions(world.tree().join("mode"), PermissionsExt::from_mode(0o4711)).unwrap();
    fs_err::set_permissions(world.tree().join("touched"), PermissionsExt::from_mode(0o600)).unwrap();
    fs_err::set_permissions(world.tree().join("touched"), PermissionsExt::from_mode(0o644)).unwrap();
    fs_err::remove_file(world.tree().join("gone")).unwrap();
    let second = world.create();
    let previous = second.previous.unwrap().to_string();
    let second = second.name.unwrap().to_string();
    assert_eq!(previous, first);
    let inode = |generation: &str, name: &str| {
        fs_err::metadata(world.stored(generation, name)).map(|found| found.ino()).ok()
    };
    let is_shared = |name: &str| inode(&first, name) == inode(&second, name);
    assert!(is_shared("same") && is_shared("touched"));
    assert!(!is_shared("content") && !is_shared("mode"));
    assert_eq!(fs_err::read(world.stored(&first, "content")).unwrap(), b"content");
    assert_eq!(fs_err::read(world.stored(&second, "content")).unwrap(), b"CONTENT");
    assert_eq!(inode(&second, "gone"), None);
    assert_eq!(fs_err::read_link(world.path("store/latest")).unwrap().to_str(), Some(&*second));

    let store = world.store();
    let find = |name: &str| store.find(Some(name)).unwrap();
    let mut found = Vec::new();
    diff(&store, &find(&first), &find(&second), &Interrupt::new(), |difference| {
        found.push(difference);
        Ok(())
    })
    .unwrap();
    let changed = |name: &str, aspects: &[Aspect]| Difference {
        path: world.tree().join(name),
        what: What::Changed(aspects.to_vec()),
    };
    assert_eq!(
        found,
        [
            changed("content", &[Aspect::Content]),
            Difference { path: world.tree().join("gone"), what: What::Removed },
            changed("mode", &[Aspect::Mode]),
        ]
    );
}

#[test]
fn a_file_that_moved_is_shared_if_it_is_the_same_to_the_last_byte() {
    let mut world = World::empty();
    for name in ["a/moved", "a/changed", "a/mode", "a/replaced"] {
        world.write(name, name);
    }
    let first = world.create().name.unwrap().to_string();
    let path = |name: &str| world.tree().join(name);
    fs_err::create_dir(path("z")).unwrap();
    for name in ["moved", "changed", "mode"] {
        fs_err::rename(path("a").join(name), path("z").join(name)).unwrap();
    }
    fs_err::rename(path("a/replaced"), path("0")).unwrap();
    let time = fs_err::metadata(path("z/changed")).unwrap().modified().unwrap();
    let mut changed = std::fs::OpenOptions::new().write(true).open(path("z/changed")).unwrap();
    std::io::Write::write_all(&mut changed, b"A").unwrap();
    changed.set_modified(time).unwrap();
    fs_err::set_permissions(path("z/mode"), PermissionsExt::from_mode(0o600)).unwrap();
    let second = world.create();
    assert_eq!((second.linked, second.summary.new_files), (2, 2));
    let second = second.name.unwrap().to_string();
    let inode =
        |generation: &str, name: &str| fs_err::metadata(world.stored(generation, name)).unwrap().ino();
    assert_eq!(inode(&first, "a/moved"), inode(&second, "z/moved"));
    assert_eq!(inode(&first, "a/replaced"), inode(&second, "0"));
    assert_eq!(fs_err::read(world.stored(&first, "a/changed")).unwrap(), b"a/changed");
    assert_eq!(fs_err::read(world.stored(&second, "z/changed")).unwrap(), b"A/changed");
    for name in [&first, &second] {
        assert!(world.verified(name).findings.is_empty());
    }
}

#[test]
fn names_are_bytes() {
    let mut world = World::empty();
    let names: [&[u8]; 5] = [b"new\nline", b"caf\xe9", b" blank ", b"#hash", b"x\n/inject"];
    for name in names {
        let path = world.tree().join(OsStr::from_bytes(name));
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, name).unwrap();
    }
    let name = world.create().name.unwrap().to_string();
    let wanted = world.snapshot();
    let (report, found) = world.restored(&name);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    wanted.assert_same(&found, || "names".to_owned());
}

#[test]
fn two_runs_in_one_second_are_two_generations() {
    let mut world = World::empty();
    world.write("x", "x");
    let first = world.create().name.unwrap();
    world.second = 0;
    let second = world.create().name.unwrap();
    assert_eq!(second.to_string(), format!("{first}.1"));
    assert!(first < second);
}
