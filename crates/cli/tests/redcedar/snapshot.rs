//! Snapshots from the command line.

use std::os::unix::process::ExitStatusExt;

use redcedar_testing::program;

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
