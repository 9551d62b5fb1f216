//! Whatever goes wrong, what was there stays, and nothing looks like a backup that is none.

use std::os::unix::fs::PermissionsExt;

use redcedar_testing::faults::SmallFileSystem;
use redcedar_testing::program;
use redcedar_testing::sshd::Access;

use super::machine::{MONDAY, Machine, THURSDAY, TUESDAY, WEDNESDAY, generation, inode, untouched};

#[test]
fn a_run_that_was_killed_anywhere_costs_nothing_and_the_next_one_goes_on() {
    let Some(machine) = Machine::grown(&Access::Free) else { return };
    machine.configure("  generations: 2\n");
    machine.succeed(MONDAY);
    for (point, leaves) in [
        ("snapshot-begun", "2026-11-24-02:00:00.incomplete"),
        ("snapshot-copied", "2026-11-24-02:00:00.1.incomplete"),
        ("snapshot-described", "2026-11-24-02:00:00.2.incomplete"),
        ("snapshot-named", "2026-11-24-02:00:00"),
    ] {
        let output = program::run(machine.command(TUESDAY).env("REDCEDAR_CHECKPOINT", point));
        assert_eq!(output.status.code(), None, "{point}");
        machine.becomes_free();
        let names = machine.names();
        assert!(names.iter().any(|name| name == leaves), "{point}: {names:?}");
        assert!(names.contains(&generation(MONDAY)), "{point}: {names:?}");
    }
    machine.succeed(WEDNESDAY);
    machine.assert_saved(&generation(WEDNESDAY));
    assert_eq!(machine.names(), ["2026-11-24-02:00:00", &generation(WEDNESDAY), "latest"]);
}

#[test]
fn what_an_interrupted_run_copied_is_not_copied_again() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    fs_err::write(machine.tree().join("file"), "x").unwrap();
    program::run(machine.command(MONDAY).env("REDCEDAR_CHECKPOINT", "snapshot-copied"));
    machine.becomes_free();
    let left = machine.names();
    assert_eq!(left, [format!("{}.incomplete", generation(MONDAY))]);
    let before = inode(&machine.saved(&left[0]).join("file"));
    machine.succeed(TUESDAY);
    assert_eq!(inode(&machine.saved(&generation(TUESDAY)).join("file")), before);
    assert_eq!(machine.names(), [&*generation(TUESDAY), "latest"]);
}

#[test]
fn a_full_store_fails_and_no_old_generation_is_touched() {
    let Some(mut machine) = Machine::required(&Access::Free) else { return };
    let Some(small) = SmallFileSystem::mount(4_000) else { return };
    std::os::unix::fs::symlink(small.path(), machine.store()).unwrap();
    machine.configure("  generations: 1\n");
    fs_err::create_dir(machine.tree()).unwrap();
    fs_err::write(machine.tree().join("file"), "x").unwrap();
    machine.succeed(MONDAY);
    let monday = untouched(&machine.saved(&generation(MONDAY)));
    let noise = machine.rng.bytes(8_000_000);
    fs_err::write(machine.tree().join("large"), noise).unwrap();
    for day in [TUESDAY, WEDNESDAY] {
        let said = machine.fail(day);
        assert!(said.contains("copying failed"), "{said}");
        assert!(machine.log().contains("No space left on device"), "{}", machine.log());
    }
    fs_err::remove_file(machine.tree().join("large")).unwrap();
    assert_eq!(untouched(&machine.saved(&generation(MONDAY))), monday);
    machine.succeed(THURSDAY);
    machine.assert_saved(&generation(THURSDAY));
    assert_eq!(machine.names(), [&*generation(THURSDAY), "latest"]);
}

#[test]
fn a_copy_that_breaks_off_fails_and_removes_nothing() {
    let Some(machine) = Machine::grown(&Access::Free) else { return };
    machine.configure("  generations: 1\n");
    machine.succeed(MONDAY);
    let monday = untouched(&machine.saved(&generation(MONDAY)));
    fs_err::write(machine.tree().join("large"), vec![7; 1 << 20]).unwrap();
    machine.configure("  generations: 1\n  rsync: sh -c 'ulimit -f 20; exec rsync \"$@\"' sh\n");
    let said = machine.fail(TUESDAY);
    assert!(said.contains("copying failed"), "{said}");
    assert!(machine.names().contains(&generation(MONDAY)));
    assert_eq!(untouched(&machine.saved(&generation(MONDAY))), monday);
}

#[test]
fn a_generation_that_lacks_something_is_kept_apart_unless_that_is_accepted() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    fs_err::write(machine.tree().join("file"), "x").unwrap();
    machine.configure("  generations: 1\n");
    machine.succeed(MONDAY);
    // As if rsync had not been able to read something.
    let bin = machine.dir.path().join("bin");
    fs_err::create_dir(&bin).unwrap();
    let rsync = program::find("rsync").unwrap();
    fs_err::write(bin.join("rsync"), format!("#!/bin/sh\n{} \"$@\"\nexit 23\n", rsync.display())).unwrap();
    fs_err::set_permissions(bin.join("rsync"), PermissionsExt::from_mode(0o755)).unwrap();
    let run = |day| {
        let path = format!("{}:{}", bin.display(), program::variable("PATH").unwrap().display());
        let output = program::run(machine.command(day).env("PATH", path));
        assert_eq!(output.status.code(), Some(1), "{}", machine.log());
    };
    run(TUESDAY);
    run(WEDNESDAY);
    assert_eq!(
        machine.names(),
        [
            generation(MONDAY),
            format!("{}.partial", generation(TUESDAY)),
            format!("{}.partial", generation(WEDNESDAY)),
            "latest".into()
        ]
    );
    machine.configure("  generations: 1\naccept_errors: yes\n");
    run(THURSDAY);
    assert_eq!(machine.names(), [&*generation(THURSDAY), "latest"]);
}

#[test]
fn a_missing_root_is_an_error_and_keeps_old_generations() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    machine.configure("  generations: 1\n");
    machine.succeed(MONDAY);
    fs_err::remove_dir(machine.tree()).unwrap();
    machine.fail(TUESDAY);
    assert_eq!(machine.names(), [&*generation(MONDAY), &generation(TUESDAY), "latest"]);
}

#[test]
fn only_the_host_that_is_known_gets_anything() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    machine.network.distrust("far");
    let said = machine.fail(MONDAY);
    assert!(said.contains("host_key"), "{said}");
    let public =
        fs_err::read_to_string(machine.network.config().with_file_name("host-far/host_key.pub")).unwrap();
    machine.configure(&format!("  host_key: {public}"));
    machine.succeed(TUESDAY);
    assert_eq!(machine.names(), [&*generation(TUESDAY), "latest"]);
}

#[test]
fn two_runs_do_not_write_to_one_store() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    machine.succeed(MONDAY);
    let directory = fs_err::File::open(machine.store()).unwrap();
    directory.file().try_lock().unwrap();
    let said = machine.fail(TUESDAY);
    assert!(said.contains("another run"), "{said}");
    drop(directory);
    machine.succeed(TUESDAY);
}

#[test]
fn a_hook_that_fails_first_ends_the_run_and_one_that_fails_last_is_told() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    machine.configure("hooks: {before: 'false'}\n");
    assert!(machine.fail(MONDAY).contains("a hook failed"));
    assert_eq!(machine.names(), [""; 0]);
    machine.configure("hooks: {before: [touch TREE/dump], after: 'false'}\n");
    assert!(machine.fail(MONDAY).contains("1 thing(s) went wrong"));
    assert!(machine.saved(&generation(MONDAY)).join("dump").exists());
}
