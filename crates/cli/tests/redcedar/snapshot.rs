//! Snapshots from the command line.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use redcedar_testing::program;
use rustix::process::{Pid, Signal, kill_process};

use super::Sandbox;

const CREATE: &str = "snapshot create /home --to /mnt/store --system /mnt";

fn machine() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    sandbox.write("/home/anna/notes.txt", "buy milk");
    sandbox.write("/home/anna/photo.jpg", "a photo");
    fs_err::create_dir(sandbox.path("/mnt")).unwrap();
    sandbox
}

#[test]
fn two_days_of_snapshots() {
    let mut sandbox = machine();
    let mut talk = vec![sandbox.talk(CREATE), sandbox.talk(&format!("{CREATE} --init"))];
    sandbox.at("2026-11-24T02:00:00");
    sandbox.write("/home/anna/report.odt", "final version");
    fs_err::remove_file(sandbox.path("/home/anna/notes.txt")).unwrap();
    for line in [
        &format!("{CREATE} --dry-run"),
        CREATE,
        "snapshot list --from /mnt/store",
        "snapshot diff 2026-11-23-02:00:00 --from /mnt/store",
        "snapshot verify --from /mnt/store",
        "snapshot restore --from /mnt/store --to /old --generation 2026-11-23-02:00:00",
        "snapshot restore --from /mnt/store --to /old",
        "snapshot restore /nowhere --from /mnt/store --to /new",
        "snapshot prune --from /mnt/store --keep-last 1 --dry-run",
        "snapshot prune --from /mnt/store --keep-last 1",
        "snapshot list --from /mnt/store --json",
        "snapshot list --from /mnt",
        "snapshot verify 2026-11-23-02:00:00 --from /mnt/store",
    ] {
        talk.push(sandbox.talk(line));
    }
    insta::assert_snapshot!(talk.join("\n"));
}

#[test]
fn damage_is_exit_6_and_what_could_not_be_read_is_exit_7() {
    let sandbox = machine();
    assert_eq!(sandbox.run(&format!("{CREATE} --init")).code, 0);
    let stored = sandbox.path("/mnt/store/latest");
    let stored = stored.join(sandbox.path("/home/anna/notes.txt").strip_prefix("/").unwrap());
    fs_err::write(stored, "buy MILK").unwrap();
    let answer = sandbox.run("snapshot verify --from /mnt/store");
    assert_eq!(answer.code, 6);
    assert!(answer.stderr.contains("notes.txt: its content is not what was stored"), "{}", answer.stderr);
    let answer = sandbox.run("snapshot restore --from /mnt/store --to /restored");
    assert_eq!(answer.code, 7);
    assert!(answer.stdout.contains("1 failure"), "{}", answer.stdout);
    let answer = sandbox.run("snapshot create /home /gone --to /mnt/store --system /mnt");
    assert_eq!(answer.code, 7, "{}", answer.stderr);
}

#[test]
fn killed_at_any_point_the_store_is_sound_and_the_next_run_makes_a_generation() {
    for point in ["begun", "written", "manifest", "published", "latest"] {
        let mut sandbox = machine();
        assert_eq!(sandbox.run(&format!("{CREATE} --init")).code, 0);
        sandbox.at("2026-11-24T02:00:00");
        sandbox.write("/home/anna/report.odt", "final version");
        let mut killed = sandbox.command(CREATE);
        let output = program::run(killed.env("REDCEDAR_CHECKPOINT", format!("snapshot-{point}")));
        assert_eq!(output.status.signal(), Some(9), "{point}: {}", program::describe(&output));
        let is_published = matches!(point, "published" | "latest");
        let listed = sandbox.run("snapshot list --from /mnt/store").stdout;
        let complete = listed.lines().filter(|line| line.contains("complete")).count();
        assert_eq!(complete, if is_published { 2 } else { 1 }, "{point}:\n{listed}");

        sandbox.at("2026-11-25T02:00:00");
        let answer = sandbox.run(CREATE);
        assert_eq!(answer.code, 0, "{point}: {}", answer.stderr);
        let expected = if matches!(point, "begun") { "1 new file" } else { "0 new files" };
        assert!(answer.stdout.contains(expected), "{point}: {}", answer.stdout);
        let answer = sandbox.run("snapshot verify --from /mnt/store");
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{point}");
        let names = fs_err::read_dir(sandbox.path("/mnt/store")).unwrap();
        let left = names.map(|name| name.unwrap().file_name().into_string().unwrap());
        let left: Vec<_> =
            left.filter(|name| name.ends_with(".incomplete") || name.contains("trash")).collect();
        assert!(left.is_empty(), "{point}: {left:?}");
    }
}

#[test]
fn killed_while_it_removes_no_half_generation_is_left() {
    let mut sandbox = machine();
    for day in ["23", "24"] {
        sandbox.at(&format!("2026-11-{day}T02:00:00"));
        assert_eq!(sandbox.run(&format!("{CREATE} --init")).code, 0);
    }
    let mut killed = sandbox.command("snapshot prune --from /mnt/store --keep-last 1");
    let output = program::run(killed.env("REDCEDAR_CHECKPOINT", "snapshot-set-aside"));
    assert_eq!(output.status.signal(), Some(9));
    let listed = sandbox.run("snapshot list --from /mnt/store").stdout;
    assert!(!listed.contains("2026-11-23") && listed.contains("2026-11-24"), "{listed}");
    assert!(sandbox.path("/mnt/store/.trash-2026-11-23-02:00:00").exists());
    assert_eq!(sandbox.run("snapshot prune --from /mnt/store --keep-last 1").code, 0);
    assert!(!sandbox.path("/mnt/store/.trash-2026-11-23-02:00:00").exists());
}

/// A run that has to copy a lot, as soon as it copies.
fn copying(sandbox: &Sandbox) -> std::process::Child {
    sandbox.write("/home/anna/large", vec![7; 48 << 20]);
    let mut command = sandbox.command(CREATE);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = command.spawn().unwrap();
    let large = sandbox.path("/mnt/store/2026-11-24-02:00:00.incomplete");
    let large = large.join(sandbox.path("/home/anna/large").strip_prefix("/").unwrap());
    let started = Instant::now();
    while !large.exists() {
        assert!(started.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(1));
    }
    run
}

#[test]
fn ended_while_it_copies_a_run_leaves_what_was_there_and_the_next_one_goes_on() {
    for (signal, code) in [(Signal::TERM, Some(5)), (Signal::KILL, None)] {
        let mut sandbox = machine();
        assert_eq!(sandbox.run(&format!("{CREATE} --init")).code, 0);
        sandbox.at("2026-11-24T02:00:00");
        let run = copying(&sandbox);
        kill_process(i32::try_from(run.id()).ok().and_then(Pid::from_raw).unwrap(), signal).unwrap();
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), code, "{}", program::describe(&output));
        let latest = || fs_err::read_link(sandbox.path("/mnt/store/latest")).unwrap();
        assert_eq!(latest().to_str(), Some("2026-11-23-02:00:00"));
        assert_eq!(sandbox.run("snapshot verify --from /mnt/store").code, 0);
        assert_eq!(sandbox.run(CREATE).code, 0);
        assert_eq!(latest().to_str(), Some("2026-11-24-02:00:00.1"));
        assert_eq!(sandbox.run("snapshot verify --from /mnt/store").code, 0);
    }
}

#[test]
fn after_a_clock_went_back_the_newest_is_the_one_that_was_made_last() {
    let mut sandbox = machine();
    assert_eq!(sandbox.run(&format!("{CREATE} --init")).code, 0);
    sandbox.at("2026-11-20T02:00:00");
    sandbox.write("/home/anna/report.odt", "made last");
    assert_eq!(sandbox.run(CREATE).code, 0);
    let latest = fs_err::read_link(sandbox.path("/mnt/store/latest")).unwrap();
    assert_eq!(latest.to_str(), Some("2026-11-20-02:00:00"));
    assert_eq!(sandbox.run("snapshot restore --from /mnt/store --to /back").code, 0);
    let back = sandbox.path("/back").join(sandbox.path("/home/anna/report.odt").strip_prefix("/").unwrap());
    assert_eq!(fs_err::read(back).unwrap(), b"made last");
    let answer = sandbox.run("snapshot prune --from /mnt/store --keep-last 1");
    assert_eq!(answer.code, 6, "{}", answer.stdout);
    assert!(answer.stderr.contains("clock"), "{}", answer.stderr);
    assert_eq!(sandbox.run("snapshot list --from /mnt/store").stdout.matches("complete").count(), 2);
}

#[test]
fn a_configuration_says_what_is_saved_and_all_commands_find_its_store() {
    let mut sandbox = machine();
    let root = sandbox.root().display().to_string();
    let config = format!(
        "roots: [{root}/home]\nprune:\nsystem_root: {root}/mnt\nkeep: {{last: 2}}\nlock_directory: {root}/lock\n\
         cache_directory: {root}/cache\ndestination: {{directory: {root}/mnt/store}}\n"
    );
    sandbox.write("/snapshot.yaml", config);
    let mut talk = vec![
        sandbox.talk("snapshot create --config /snapshot.yaml --dry-run"),
        sandbox.talk("snapshot create --config /snapshot.yaml"),
    ];
    for day in ["24", "25"] {
        sandbox.at(&format!("2026-11-{day}T02:00:00"));
        talk.push(sandbox.talk("--config /snapshot.yaml snapshot create"));
    }
    for line in [
        "snapshot list --config /snapshot.yaml",
        "snapshot verify --config /snapshot.yaml",
        "snapshot prune --config /snapshot.yaml --dry-run",
        "snapshot prune --config /snapshot.yaml --keep-last 1 --dry-run",
        "snapshot prune --from /mnt/store",
        "snapshot create /home --config /snapshot.yaml",
        "snapshot create",
    ] {
        talk.push(sandbox.talk(line));
    }
    sandbox.write("/wrong.yaml", "roots: [/]\nprune: [/x]\ndestination: {host: vault, directory: /srv}\n");
    talk.push(sandbox.talk("snapshot list --config /wrong.yaml"));
    sandbox.write("/wrong.yaml", "roots: []\ndestination: {directory: srv}\n");
    talk.push(sandbox.talk("snapshot create --config /wrong.yaml"));
    insta::assert_snapshot!(talk.join("\n"));
}

#[test]
fn a_store_of_snapshots_is_a_place_for_list_restore_and_verify() {
    let mut sandbox = machine();
    assert_eq!(sandbox.run(&format!("{CREATE} --init")).code, 0);
    sandbox.at("2026-11-25T02:00:00");
    sandbox.write("/home/anna/report.odt", "final version");
    assert_eq!(sandbox.run(CREATE).code, 0);
    assert_eq!(
        sandbox.run("list --from /mnt/store").stdout,
        sandbox.run("snapshot list --from /mnt/store").stdout
    );
    let report = sandbox.path("/home/anna/report.odt");
    let report = report.strip_prefix("/").unwrap().display();
    for (number, day, content) in
        [(1, "2026-11-23", "draft"), (2, "2026-11-24", "draft"), (3, "today", "final version")]
    {
        let answer =
            sandbox.run(&format!("restore /home/anna --from /mnt/store --as-of {day} --to /back/{number}"));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert_eq!(sandbox.read(&format!("/back/{number}/{report}")), content);
    }
    let answer = sandbox.run("restore --from /mnt/store --as-of 2026-11-22 --to /back/4");
    assert!(
        answer.code == 6 && answer.stderr.contains("no generation up to 2026-11-22"),
        "{}",
        answer.stderr
    );
    assert_eq!(sandbox.run("verify --from /mnt/store").code, 0);
    let stored = sandbox.path("/mnt/store/2026-11-23-02:00:00").join(report.to_string());
    fs_err::write(stored, "drafT").unwrap();
    assert_eq!(sandbox.run("verify --from /mnt/store --day 2026-11-23").code, 6);
    for line in [
        "verify --from /mnt/store --share 1/30",
        "restore --from /mnt/store --item /home --to /back/5",
        "list --from /mnt/store --from /mnt/store",
        "list --from /mnt/store --peer me",
    ] {
        assert_eq!(sandbox.run(line).code, 2, "{line}");
    }
}
