//! Killed, out of space, without a usable key.

use super::super::world::was_killed;
use super::*;
use redcedar_testing::faults::SmallFileSystem;

#[test]
fn killed_at_any_moment_nothing_is_lost_and_the_next_run_finishes() {
    for (seed, checkpoint) in (301..).zip([
        "encrypt-before-publish",
        "encrypt-published",
        "treat-noted",
        "treat-before-indicator",
        "split-part",
        "split-published",
    ]) {
        let cipher = if seed % 2 == 0 { Cipher::Gpg } else { Cipher::Age };
        let treated = Treated::new(seed, cipher);
        let day = Day::FIRST;
        treated.run(day, &["collect", "stage"]);
        let days = [(day, treated.world.snapshot())];
        let mut command = treated.command(ours(), day, &["encrypt", "split"]);
        let output = program::run(command.env("REDCEDAR_CHECKPOINT", checkpoint));
        assert!(was_killed(&output), "{checkpoint} is never reached: {}", describe(&output));
        treated.assert_restores(&days);
        let sums = program::run(
            program::command("sha256sum")
                .args(["--quiet", "-c", "cback.sha256"])
                .current_dir(treated.staged(day)),
        );
        assert!(sums.status.success(), "{checkpoint}: {}", describe(&sums));
        treated.run(day, &["encrypt", "split"]);
        treated.assert_done(day);
        treated.assert_restores(&days);
        assert!(treated.verify().status.success(), "{checkpoint}: {}", describe(&treated.verify()));
    }
}

#[test]
fn killed_again_and_again_while_splitting_what_was_encrypted() {
    let treated = Treated::new(310, Cipher::Gpg);
    let day = Day::FIRST;
    treated.run(day, &["collect", "stage", "encrypt"]);
    let days = [(day, treated.world.snapshot())];
    for _ in 0..3 {
        let mut command = treated.command(ours(), day, &["split"]);
        assert!(was_killed(&program::run(command.env("REDCEDAR_CHECKPOINT", "treat-noted"))));
        treated.assert_restores(&days);
        let mut command = treated.command(ours(), day, &["split"]);
        if !was_killed(&program::run(command.env("REDCEDAR_CHECKPOINT", "split-published"))) {
            break;
        }
        treated.assert_restores(&days);
    }
    treated.run(day, &["encrypt", "split"]);
    treated.assert_done(day);
    treated.assert_restores(&days);
}

#[test]
fn a_full_disk_is_said_and_everything_is_as_it_was() {
    let Some(small) = SmallFileSystem::mount(4_000) else { return };
    let mut treated = Treated::new(320, Cipher::Gpg);
    let staging = treated.world.pool.staging_dir();
    fs_err::remove_dir(&staging).unwrap();
    fs_err::os::unix::fs::symlink(small.path(), &staging).unwrap();
    let day = Day::FIRST;
    let noise = treated.world.rng.bytes(900_000);
    fs_err::write(treated.world.tree().join("noise"), noise).unwrap();
    treated.run(day, &["collect", "stage"]);
    let days = [(day, treated.world.snapshot())];
    let before = files(&treated.staged(day));
    small.fill("filler", 300_000);
    for actions in [&["encrypt"], &["split"]] {
        let output = treated.try_run(day, actions);
        assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
        let log = treated.world.log();
        assert!(log.contains("No space left on device") || log.contains("are free"), "{log}");
        let archive = |files: &BTreeMap<OsString, Vec<u8>>| {
            files
                .iter()
                .find(|(name, _)| name.as_bytes().ends_with(b".tar.gz"))
                .map(|(_, content)| content.clone())
        };
        assert!(archive(&files(&treated.staged(day))) == archive(&before), "the clear text is still there");
        assert!(!staging.join(day.path()).join(format!("cback.{}", actions[0])).exists());
        treated.assert_restores(&days);
    }
    fs_err::remove_file(small.path().join("filler")).unwrap();
    treated.run(day, &["encrypt", "split"]);
    treated.assert_done(day);
    treated.assert_restores(&days);
}

#[test]
fn a_key_that_cannot_be_used_is_noticed_before_anything_is_touched() {
    let treated = Treated::new(330, Cipher::Gpg);
    let day = Day::FIRST;
    treated.run(day, &["collect", "stage"]);
    let before = files(&treated.staged(day));
    let untrusted = treated.secret.public(false);
    let nobody = Keyring::new();
    let section = |target: &str| {
        let text = fs_err::read_to_string(treated.world.pool.config()).unwrap();
        let text = text.replace(&format!("<encrypt_target>{NAME}<"), &format!("<encrypt_target>{target}<"));
        fs_err::write(treated.world.pool.config(), text).unwrap();
    };
    let run = |home: &Path| {
        let mut command = treated.command(ours(), day, &["encrypt"]);
        program::run(command.env("GNUPGHOME", home))
    };
    let output = run(untrusted.home());
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    assert!(treated.world.log().contains("--import-ownertrust"), "{}", treated.world.log());
    section("Nobody At All");
    let output = run(nobody.home());
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    assert!(
        treated.world.log().contains("gpg cannot encrypt for [Nobody At All]"),
        "{}",
        treated.world.log()
    );
    assert_eq!(files(&treated.staged(day)), before);
}

#[test]
fn whoever_has_another_key_gets_nothing() {
    let treated = Treated::new(340, Cipher::Gpg);
    treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
    let other = Keyring::new();
    let target = tempfile::tempdir().unwrap();
    let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
    command.env("GNUPGHOME", other.home()).args(["restore", "--from"]).arg(treated.world.pool.staging_dir());
    let output = program::run(command.arg("--to").arg(target.path()));
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a secret key that is not here"));
}
