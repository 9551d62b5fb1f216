//! Beside the original, and with no program of ours.

use super::*;
use redcedar_testing::oracle::Oracle;

#[test]
fn what_the_original_encrypts_and_splits_is_restored() {
    let Some(oracle) = Oracle::required() else { return };
    for (seed, first, second) in [(201, "encrypt", "split"), (202, "split", "encrypt")] {
        let mut treated = Treated::ordered(seed, Cipher::Gpg, first, second);
        let mut days = Vec::new();
        for day in [Day::FIRST, Day::FIRST.next()] {
            let output = program::run(&mut treated.command(
                Program::Original(&oracle),
                day,
                &["collect", "stage", "encrypt", "split"],
            ));
            assert!(output.status.success(), "{}", describe(&output));
            days.push((day, treated.world.snapshot()));
            grow_only(&mut treated);
        }
        for (day, wanted) in days {
            // The original stores files and links only.
            let restored = treated.restored(day);
            for (path, object) in &restored.objects {
                let expected = &wanted.objects[path];
                if let redcedar_testing::compare::Kind::File(..) = object.kind {
                    assert_eq!(object.kind, expected.kind, "{}", String::from_utf8_lossy(path));
                }
            }
            let count = |snapshot: &Snapshot| {
                let is_file = |object: &&redcedar_testing::compare::Object| {
                    matches!(object.kind, redcedar_testing::compare::Kind::File(..))
                };
                snapshot.objects.values().filter(is_file).count()
            };
            assert_eq!(count(&restored), count(&wanted));
        }
    }
}

/// A new file: what was deleted stays in the original's chains.
fn grow_only(treated: &mut Treated) {
    let noise = treated.world.rng.bytes(50_000);
    fs_err::write(treated.world.tree().join("new on the second day"), noise).unwrap();
}

#[test]
fn an_original_that_was_interrupted_is_finished_by_us() {
    let Some(oracle) = Oracle::required() else { return };
    let treated = Treated::new(203, Cipher::Gpg);
    let day = Day::FIRST;
    treated.run(day, &["collect", "stage"]);
    let wanted = treated.world.snapshot();
    let staged = treated.staged(day);
    fs_err::write(staged.join("z.txt"), "the last").unwrap();
    // One file is done, the next is half done, and then the machine stops.
    let archive = fs_err::read_dir(&staged)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .unwrap();
    let mut sealed = archive.clone().into_os_string();
    sealed.push(".gpg");
    program::succeed(treated.public.gpg().args(["-e", "-r", NAME, "-o"]).arg(&sealed).arg(&archive));
    fs_err::remove_file(&archive).unwrap();
    fs_err::write(staged.join("z.txt.gpg"), &fs_err::read(&sealed).unwrap()[..500]).unwrap();
    treated.run(day, &["encrypt", "split"]);
    treated.assert_restores(&[(day, wanted)]);
    let names: Vec<_> = files(&staged).into_keys().collect();
    assert!(names.iter().all(|name| !name.as_bytes().ends_with(b".gpg.gpg")), "{names:?}");
    assert_eq!(program::succeed(treated.secret.gpg().arg("-d").arg(staged.join("z.txt.gpg"))), b"the last");
    // And it finds nothing left to do.
    let output = program::run(&mut treated.command(Program::Original(&oracle), day, &["encrypt", "split"]));
    assert!(output.status.success(), "{}", describe(&output));
    assert_eq!(files(&staged).into_keys().collect::<Vec<_>>(), names);
}

#[test]
fn cat_gpg_and_tar_are_enough_to_bring_it_back() {
    let treated = Treated::new(204, Cipher::Gpg);
    treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
    let staged = treated.staged(Day::FIRST);
    let scratch = tempfile::tempdir().unwrap();
    let script = "cd \"$1\" && cat *.tar.gz.gpg_????? | gpg --batch --quiet -d | tar -xzf - -C \"$2\"";
    let mut command = program::command("sh");
    command.env("GNUPGHOME", treated.secret.home()).args(["-euc", script, "sh"]);
    program::succeed(command.arg(&staged).arg(scratch.path()));
    let restored = below(scratch.path(), &treated.world.tree());
    let wanted = treated.world.snapshot();
    let files = |snapshot: &Snapshot| -> Vec<_> {
        let is_file = |kind: &redcedar_testing::compare::Kind| {
            matches!(kind, redcedar_testing::compare::Kind::File(..))
        };
        let objects = snapshot.objects.iter().filter(|(_, object)| is_file(&object.kind));
        objects.map(|(path, object)| (path.clone(), object.kind.clone())).collect()
    };
    assert_eq!(files(&restored), files(&wanted));
}
