//! Backups on discs and images of discs.

use std::path::PathBuf;

use redcedar_testing::disc;

use super::Sandbox;

/// Two days of a machine, each written in a session of its own to `/disc.iso`, the second also to `/second.iso` alone.
fn two_days() -> Sandbox {
    let mut sandbox = Sandbox::new();
    for (now, content) in [("2026-11-23T02:00:00", "first"), ("2026-11-24T02:00:00", "second")] {
        sandbox.at(now);
        sandbox.write("/home/anna/note", content);
        sandbox.write(&format!("/home/anna/{content}"), vec![7; 100_000]);
        let answer = sandbox.run("backup /home/anna --to /dest");
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let label = format!("CEDAR BACKUP {content}");
        disc::add_session(&sandbox.path("/disc.iso"), &label, &sandbox.path("/dest"));
    }
    sandbox
}

fn restored(sandbox: &Sandbox, to: &str, file: &str) -> String {
    let home = sandbox.path("/home/anna");
    let below: PathBuf = home.components().skip(1).collect();
    fs_err::read_to_string(sandbox.path(to).join(below).join(file)).unwrap()
}

#[test]
fn an_image_is_listed_verified_and_restored_as_of_any_day() {
    let sandbox = two_days();
    let listed = sandbox.run("list --from /disc.iso");
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    assert_eq!(listed.stdout, sandbox.run("list --from /dest").stdout);
    let verified = sandbox.run("verify --from /disc.iso");
    assert_eq!((verified.code, verified.stderr.as_str()), (0, ""), "{}", verified.stdout);
    assert!(verified.stdout.ends_with("all is well\n"), "{}", verified.stdout);
    for (to, day, expected) in [("/r1", "2026-11-23", "first"), ("/r2", "2026-11-24", "second")] {
        let answer = sandbox.run(&format!("restore --from /disc.iso --to {to} --as-of {day}"));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert_eq!(restored(&sandbox, to, "note"), expected);
    }
}

#[test]
fn an_earlier_session_is_read_as_the_disc_was_then() {
    let sandbox = two_days();
    let listed = sandbox.run("list --from /disc.iso --session 1");
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert!(
        listed.stdout.contains("2026-11-23") && !listed.stdout.contains("2026-11-24"),
        "{}",
        listed.stdout
    );
    let answer = sandbox.run("list --from /disc.iso --session 3");
    assert_eq!(answer.code, 6);
    assert!(answer.stderr.contains("no session 3; it has 1: CEDAR BACKUP first, 2: "), "{}", answer.stderr);
    assert_eq!(sandbox.run("list --from /dest --session 1").code, 2);
}

#[test]
fn a_chain_over_several_discs_is_restored_in_whatever_order_they_are_named() {
    let sandbox = two_days();
    for (image, day) in [("/one.iso", "23"), ("/two.iso", "24")] {
        let tree = sandbox.path(&format!("/tree{day}"));
        fs_err::create_dir_all(tree.join("2026/11")).unwrap();
        fs_err::rename(sandbox.path(&format!("/dest/2026/11/{day}")), tree.join("2026/11").join(day))
            .unwrap();
        disc::add_session(&sandbox.path(image), "CEDAR BACKUP", &tree);
    }
    let alone = sandbox.run("verify --from /two.iso");
    assert!(alone.code == 6 && alone.stderr.contains("which is not here"), "{}", alone.stderr);
    let answer = sandbox.run("restore --from /two.iso --from /one.iso --to /r");
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(restored(&sandbox, "/r", "note"), "second");
    assert_eq!(restored(&sandbox, "/r", "first").len(), 100_000);
    assert_eq!(sandbox.run("verify --from /two.iso --from /one.iso").code, 0);
}

#[test]
fn damage_on_a_disc_is_found_and_the_file_is_named() {
    let sandbox = two_days();
    let image = fs_err::read(sandbox.path("/disc.iso")).unwrap();
    let entries = |path: PathBuf| fs_err::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let machine = entries(sandbox.path("/dest/2026/11/24")).find(|path| path.is_dir()).unwrap();
    let mut files = entries(machine);
    let tar = files.find(|path| path.to_string_lossy().contains(".tar")).unwrap();
    let content = fs_err::read(&tar).unwrap();
    let place = image.windows(64).rposition(|window| window == &content[..64]).unwrap();
    disc::damage(&sandbox.path("/disc.iso"), place as u64 + 20, 30);
    let answer = sandbox.run("verify --from /disc.iso");
    assert_eq!(answer.code, 6);
    let name = tar.file_name().unwrap().to_str().unwrap();
    let is_named =
        |message: &str| answer.stderr.lines().any(|line| line.contains(name) && line.ends_with(message));
    assert!(is_named("are not what was written"), "{}", answer.stderr);
    assert!(is_named("its SHA-256 is not that of cback.sha256"), "{}", answer.stderr);
    assert!(answer.stderr.contains(" are not what was written\n"), "{}", answer.stderr);
    let json = sandbox.run("verify --from /disc.iso --json").stdout;
    assert!(json.contains("\"places\": [\n") && json.contains("blocks 96 to "), "{json}");
    // The day before is not hit.
    assert_eq!(sandbox.run("verify --from /disc.iso --day 2026-11-23").code, 0);
}

#[test]
fn what_is_no_disc_is_exit_6_and_says_why() {
    let sandbox = Sandbox::new();
    sandbox.write("/notes.txt", "no disc");
    sandbox.write("/blank.iso", "");
    for (image, expected) in
        [("/notes.txt", "there is no ISO 9660 file system on it"), ("/blank.iso", "is blank")]
    {
        let answer = sandbox.run(&format!("list --from {image}"));
        assert!(answer.code == 6 && answer.stderr.contains(expected), "{}", answer.stderr);
    }
}
