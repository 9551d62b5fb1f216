//! What we write is readable without us.

use super::world::{Day, World, archives, below};
use redcedar_testing::compare::Object;
use redcedar_testing::program;
use redcedar_testing::trees::Growth;

#[test]
fn tar_brings_back_a_full_archive_exactly() {
    for (seed, archive_mode) in (70..).zip(["tar", "targz", "tarbz2", "tarzst"]) {
        let world = World::grown(seed, Growth::everything());
        let section = format!("<collect_mode>incr</collect_mode><archive_mode>{archive_mode}</archive_mode>");
        world.configure(&section, "");
        world.run(Day::FIRST, &["collect"]);
        let (_, archive) = archives(&world.pool.collect_dir()).remove(0);
        let target = world.pool.path().join("extracted");
        fs_err::create_dir(&target).unwrap();
        let tar =
            ["--extract", "--preserve-permissions", "--xattrs", "--xattrs-include=*", "--numeric-owner"];
        program::succeed(program::command("tar").args(tar).arg("-f").arg(&archive).arg("-C").arg(&target));
        // Members hold whole seconds; the manifest has the rest.
        let whole_seconds = |object: &mut Object| object.mtime.1 = 0;
        let wanted = world.snapshot().simplified(whole_seconds);
        let found = below(&target, &world.tree()).simplified(whole_seconds);
        wanted.assert_same(&found, || format!("seed {seed}, {archive_mode}"));
    }
}

#[test]
fn sha256sum_proves_a_staged_day() {
    let mut world = World::grown(75, Growth::everything());
    let mut day = Day::FIRST;
    for _ in 0..2 {
        world.run(day, &["collect", "stage"]);
        let daily = world.pool.daily_dir(&day.path());
        let mut command = program::command("sha256sum");
        program::succeed(command.args(["--check", "--strict", "cback.sha256"]).current_dir(&daily));
        let listed = fs_err::read_to_string(daily.join("cback.sha256")).unwrap();
        for entry in fs_err::read_dir(&daily).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let exempt = name.starts_with("cback.");
            assert!(
                exempt || listed.lines().any(|line| line.ends_with(&format!("  {name}"))),
                "{name}\n{listed}"
            );
        }
        world.change(10);
        day = day.next();
    }
}
