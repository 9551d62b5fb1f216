//! `redcedar backup … --to s3://…`.

use super::machine::{Answer, Machine, answer};

/// Backs up two directories at a moment of November.
fn backup(machine: &Machine, now: &str, words: &[&str]) -> Answer {
    let (one, two) = (machine.path("one"), machine.path("two"));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let words = [&["backup", one, two, "--to", "s3://bucket/backup"][..], words].concat();
    answer(machine.command(&words).env("REDCEDAR_NOW", format!("2026-11-{now}")))
}

fn machine() -> Option<Machine> {
    let machine = Machine::new()?;
    machine.write("one/large", noise(1 << 20));
    machine.write("one/file", "first");
    machine.write("two/file", "second");
    Some(machine)
}

/// What no compression makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The keys of a day, without the name of the machine.
fn day(machine: &Machine, day: &str) -> Vec<String> {
    let names = machine.names(&format!("backup/2026/11/{day}/"));
    names.iter().map(|name| name.split_once('/').map_or(&**name, |(_, name)| name).to_owned()).collect()
}

fn size(machine: &Machine, day: &str, item: &str) -> usize {
    let keys = machine.server.keys();
    let is_it =
        |key: &&String| key.contains(&format!("2026/11/{day}/")) && key.ends_with(&format!("{item}.tar.gz"));
    machine.server.object(keys.iter().find(is_it).unwrap()).unwrap().len()
}

fn restored(machine: &Machine, name: &str) -> String {
    let answer = machine.run(&["restore", "--from", "s3://bucket/backup", "--to", "restored"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let path = machine.path("restored").join(machine.path(name).strip_prefix("/").unwrap());
    let content = fs_err::read_to_string(path).unwrap();
    fs_err::remove_dir_all(machine.path("restored")).unwrap();
    content
}

#[test]
fn a_full_backup_and_increments_go_into_a_bucket_and_come_back_wherever_memory_was() {
    let Some(machine) = machine() else { return };
    let first = backup(&machine, "23T02:00:00", &[]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.stdout.contains("restore --from s3://bucket/backup"), "{first:?}");
    let names = day(&machine, "23");
    assert_eq!(names.len(), 7, "{names:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("cback.")).count(), 3, "{names:?}");
    machine.write("one/file", "changed");
    // Another disk, or another installation: what is remembered is in the bucket.
    fs_err::remove_dir_all(machine.path(".local")).unwrap();
    let second = backup(&machine, "24T02:00:00", &[]);
    assert_eq!(second.code, 0, "{second:?}");
    assert!(size(&machine, "23", "one") > 1 << 20 && size(&machine, "24", "one") < 1 << 10);
    assert_eq!(restored(&machine, "one/file"), "changed");
    let verified = machine.run(&["verify", "--from", "s3://bucket/backup"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    // Nothing of it is left here.
    let mut left = Vec::new();
    let mut directories = vec![machine.path(".local")];
    while let Some(directory) = directories.pop() {
        for entry in fs_err::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { directories.push(path) } else { left.push(path) }
        }
    }
    assert!(left.iter().all(|path| !path.to_str().unwrap().contains(".tar")), "{left:?}");
    // A day that is gone cannot be built upon.
    let full =
        machine.server.keys().into_iter().find(|key| key.contains("/23/") && key.ends_with("one.tar.gz"));
    machine.server.store(&full.unwrap(), b"something else");
    let third = backup(&machine, "25T02:00:00", &[]);
    assert_eq!(third.code, 0, "{third:?}");
    assert!(third.stderr.contains("does not hold the backup"), "{third:?}");
    assert!(size(&machine, "25", "one") > 1 << 20);
}

#[test]
fn a_run_that_is_killed_leaves_nothing_that_counts_and_the_next_one_is_whole() {
    let Some(machine) = machine() else { return };
    assert_eq!(backup(&machine, "23T02:00:00", &[]).code, 0);
    machine.write("one/file", "changed");
    for checkpoint in ["backup-item-sent", "backup-before-day"] {
        let (one, two) = (machine.path("one"), machine.path("two"));
        let words = ["backup", one.to_str().unwrap(), two.to_str().unwrap(), "--to", "s3://bucket/backup"];
        let mut command = machine.command(&words);
        command.env("REDCEDAR_NOW", "2026-11-24T02:00:00").env("REDCEDAR_CHECKPOINT", checkpoint);
        assert!(!command.output().unwrap().status.success());
        let names = day(&machine, "24");
        assert!(!names.is_empty());
        let counts = ["cback.collect", "cback.stage"];
        assert!(!names.iter().any(|name| counts.contains(&name.as_str())), "{checkpoint}: {names:?}");
    }
    let whole = backup(&machine, "24T03:00:00", &[]);
    assert_eq!(whole.code, 0, "{whole:?}");
    assert_eq!(restored(&machine, "one/file"), "changed");
    assert_eq!(machine.run(&["verify", "--from", "s3://bucket/backup"]).code, 0);
}

#[test]
fn what_is_backed_up_again_on_a_day_takes_the_place_of_what_was_there_and_the_rest_stays() {
    let Some(machine) = machine() else { return };
    assert_eq!(backup(&machine, "23T02:00:00", &[]).code, 0);
    let before = day(&machine, "23");
    machine.write("one/file", "changed");
    let one = machine.path("one");
    let words = ["backup", one.to_str().unwrap(), "--to", "s3://bucket/backup", "--compression", "zstd"];
    let again = answer(machine.command(&words).env("REDCEDAR_NOW", "2026-11-23T05:00:00"));
    assert_eq!(again.code, 0, "{again:?}");
    let now = day(&machine, "23");
    let expected: Vec<_> = before
        .iter()
        .map(|name| if name.ends_with("one.tar.gz") { name.replace(".gz", ".zst") } else { name.clone() })
        .collect();
    assert_eq!(now, expected);
    let verified = machine.run(&["verify", "--from", "s3://bucket/backup"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_eq!(restored(&machine, "one/file"), "changed");
    assert_eq!(restored(&machine, "two/file"), "second");
}

#[test]
fn a_dry_run_sends_nothing_and_a_bucket_that_is_not_there_is_said() {
    let Some(machine) = machine() else { return };
    assert_eq!(backup(&machine, "23T02:00:00", &["--dry-run"]).code, 0);
    assert!(machine.server.keys().is_empty());
    let one = machine.path("one");
    let nowhere = machine.run(&["backup", one.to_str().unwrap(), "--to", "s3://nowhere/backup"]);
    assert_eq!(nowhere.code, 6, "{nowhere:?}");
    assert!(nowhere.stderr.contains("s3://nowhere"), "{nowhere:?}");
}
