//! There and back.

use super::*;

#[test]
fn days_that_gpg_encrypted_come_back_whatever_came_first() {
    there_and_back(101, Cipher::Gpg, "encrypt", "split");
    there_and_back(102, Cipher::Gpg, "split", "encrypt");
}

#[test]
fn days_that_age_encrypted_come_back_whatever_came_first() {
    there_and_back(103, Cipher::Age, "encrypt", "split");
    there_and_back(104, Cipher::Age, "split", "encrypt");
}

fn there_and_back(seed: u64, cipher: Cipher, first: &str, second: &str) {
    let mut treated = Treated::ordered(seed, cipher, first, second);
    let mut days = Vec::new();
    for day in [Day::FIRST, Day::FIRST.next()] {
        treated.run(day, &["collect", "stage", "encrypt", "split"]);
        treated.assert_done(day);
        days.push((day, treated.world.snapshot()));
        treated.world.change(20);
    }
    treated.assert_restores(&days);
    let verified = treated.verify();
    assert!(verified.status.success(), "{}", describe(&verified));
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(text.contains("all is well") && !text.contains("without"), "{text}");
}

#[test]
fn each_of_several_recipients_can_open_it() {
    let identities = [age::x25519::Identity::generate(), age::x25519::Identity::generate()];
    let element =
        |identity: &age::x25519::Identity| format!("<age_recipient>{}</age_recipient>", identity.to_public());
    let recipients = identities.each_ref().map(element).concat();
    let treated = Treated::configured(110, &recipients, "encrypt", "split");
    treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
    for identity in &identities {
        treated.write_identity(identity);
        treated.assert_restores(&[(Day::FIRST, treated.world.snapshot())]);
    }

    let other = Keyring::new();
    let both = format!(
        "<encrypt_mode>gpg</encrypt_mode><encrypt_target>{NAME}</encrypt_target><further_target>{}</further_target>",
        other.fingerprint()
    );
    let mut treated = Treated::configured(111, &both, "encrypt", "split");
    other.give_public_to(&treated.public);
    treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
    assert!(treated.world.log().contains("2 keys fit [Backup Test]"), "{}", treated.world.log());
    for secret in [None, Some(other)] {
        treated.secret = secret.unwrap_or(treated.secret);
        treated.assert_restores(&[(Day::FIRST, treated.world.snapshot())]);
    }
}

/// A pair of keys of SSH: the path of the private one, and the public one.
fn ssh_key(directory: &Path, kind: &str, passphrase: &str) -> (PathBuf, String) {
    let path = directory.join(kind);
    let mut command = program::command("ssh-keygen");
    program::succeed(command.args(["-q", "-a", "1", "-t", kind, "-N", passphrase, "-f"]).arg(&path));
    let public = fs_err::read_to_string(path.with_extension("pub")).unwrap();
    (path, format!("<age_recipient>{}</age_recipient>", public.trim()))
}

#[test]
fn keys_of_ssh_open_what_was_encrypted_for_them() {
    let directory = tempfile::tempdir().unwrap();
    let keys = ["ed25519", "rsa"].map(|kind| ssh_key(directory.path(), kind, ""));
    let recipients = keys.each_ref().map(|(_, recipient)| recipient.as_str()).concat();
    let treated = Treated::configured(112, &recipients, "encrypt", "split");
    treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
    for (key, _) in &keys {
        fs_err::copy(key, treated.identity()).unwrap();
        treated.assert_restores(&[(Day::FIRST, treated.world.snapshot())]);
    }
    let (other, _) = ssh_key(treated.world.pool.path(), "ed25519", "");
    fs_err::copy(other, treated.identity()).unwrap();
    let refused = treated.restore(&directory.path().join("restored"), Day::FIRST);
    assert_eq!(refused.status.code(), Some(6), "{}", describe(&refused));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("none of the secret keys"),
        "{}",
        describe(&refused)
    );
}

#[test]
fn passphrases_are_asked_for_on_the_terminal_only() {
    const PASSPHRASE: &str = "open sesame";
    let directory = tempfile::tempdir().unwrap();
    let (ssh, recipient) = ssh_key(directory.path(), "ed25519", PASSPHRASE);
    let native = age::x25519::Identity::generate();
    let recipients = format!("{recipient}<age_recipient>{}</age_recipient>", native.to_public());
    let treated = Treated::configured(113, &recipients, "encrypt", "split");
    treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
    let protected = directory.path().join("age");
    let mut recipient = age::scrypt::Recipient::new(PASSPHRASE.into());
    recipient.set_work_factor(4);
    let sealed = age::encrypt_and_armor(&recipient, native.to_string().expose_secret().as_bytes()).unwrap();
    fs_err::write(&protected, sealed).unwrap();
    for key in [&ssh, &protected] {
        let line = format!(
            "{} verify --from {} --identity {}",
            env!("CARGO_BIN_EXE_redcedar"),
            treated.world.pool.staging_dir().display(),
            key.display()
        );
        let ask = |answer: &str| {
            let typed = directory.path().join("typed");
            fs_err::write(&typed, format!("{answer}\n")).unwrap();
            let mut command = program::command("script");
            command.args(["-qec", &line, "/dev/null"]).stdin(fs_err::File::open(typed).unwrap().into_file());
            let output = program::run(&mut command);
            (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let (code, said) = ask(PASSPHRASE);
        assert!(code == Some(0) && said.contains("all is well") && !said.contains("without a key"), "{said}");
        assert!(said.contains(&format!("Passphrase of {}: ", key.display())), "{said}");
        let (code, said) = ask("something else");
        assert!(code == Some(6) && said.contains("that is not its passphrase"), "{said}");
        let alone = program::run(program::command("setsid").args(["--wait", "sh", "-c", &line]));
        assert_eq!(alone.status.code(), Some(6));
        assert!(String::from_utf8_lossy(&alone.stderr).contains("no terminal"), "{}", describe(&alone));
    }
}

#[test]
fn nothing_in_clear_is_left_behind_by_a_restore() {
    let treated = Treated::new(105, Cipher::Gpg);
    treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("target");
    let temporary = scratch.path().join("tmp");
    fs_err::create_dir(&temporary).unwrap();
    let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
    command.env("TMPDIR", &temporary).env("GNUPGHOME", treated.secret.home());
    command.args(["restore", "--from"]).arg(treated.world.pool.staging_dir()).arg("--to").arg(&target);
    program::succeed(&mut command);
    assert!(files(&temporary).is_empty());
    assert_eq!(fs_err::read_dir(scratch.path()).unwrap().count(), 2);
}

#[test]
fn without_a_key_the_items_are_named_and_nothing_more() {
    for cipher in [Cipher::Gpg, Cipher::Age] {
        let treated = Treated::new(106, cipher);
        treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
        let staging = treated.world.pool.staging_dir();
        let without_keys = |line: &[&OsStr]| {
            let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
            program::run(command.env("GNUPGHOME", treated.public.home()).args(line))
        };
        let listed = without_keys(&["list".as_ref(), "--from".as_ref(), staging.as_os_str()]);
        assert!(listed.status.success());
        let (text, said) = (String::from_utf8_lossy(&listed.stdout), String::from_utf8_lossy(&listed.stderr));
        assert!(text.contains("tree") && text.contains("encrypted"), "{text}");
        assert_eq!(said.matches("could not be opened").count(), 1, "{said}");
        let verified = without_keys(&["verify".as_ref(), "--from".as_ref(), staging.as_os_str()]);
        let text = String::from_utf8_lossy(&verified.stdout);
        assert!(verified.status.success() && text.contains("2 encrypted files without a key"), "{text}");
        let target = tempfile::tempdir().unwrap();
        let restored = without_keys(&[
            "restore".as_ref(),
            "--from".as_ref(),
            staging.as_os_str(),
            "--to".as_ref(),
            target.path().as_os_str(),
        ]);
        assert_eq!(restored.status.code(), Some(6), "{}", describe(&restored));
        assert!(String::from_utf8_lossy(&restored.stderr).contains("secret key"), "{}", describe(&restored));
        assert_eq!(fs_err::read_dir(target.path()).unwrap().count(), 0);
    }
}

#[test]
fn what_is_done_is_not_done_again_and_permissions_stay() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let treated = Treated::new(107, Cipher::Gpg);
    treated.run(Day::FIRST, &["collect", "stage"]);
    let staged = treated.staged(Day::FIRST);
    for entry in fs_err::read_dir(&staged).unwrap() {
        fs_err::set_permissions(entry.unwrap().path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let look = || -> BTreeMap<OsString, (u64, u32)> {
        let entries = fs_err::read_dir(&staged).unwrap().map(|entry| entry.unwrap());
        let metadata = entries.map(|entry| (entry.file_name(), entry.metadata().unwrap()));
        metadata.map(|(name, metadata)| (name, (metadata.ino(), metadata.mode() & 0o7777))).collect()
    };
    treated.run(Day::FIRST, &["encrypt", "split"]);
    let before = look();
    assert!(
        before.iter().all(|(name, (_, mode))| *mode == 0o600 || name.as_bytes().ends_with(b".sha256")),
        "{before:?}"
    );
    treated.run(Day::FIRST, &["encrypt", "split"]);
    assert_eq!(look(), before);
    // Nor when the indicators are lost, as when they are purged before the data.
    for indicator in ["cback.encrypt", "cback.split"] {
        fs_err::remove_file(staged.parent().unwrap().join(indicator)).unwrap();
    }
    treated.run(Day::FIRST, &["encrypt", "split"]);
    assert_eq!(look(), before);
    treated.assert_done(Day::FIRST);
}

#[test]
fn what_is_staged_later_in_the_day_is_encrypted_too() {
    let mut treated = Treated::new(108, Cipher::Gpg);
    let day = Day::FIRST;
    treated.run(day, &["collect", "stage", "encrypt", "split"]);
    let first = treated.world.snapshot();
    // Nothing comes back that is there already.
    treated.run(day, &["stage", "encrypt", "split"]);
    treated.assert_done(day);
    treated.assert_restores(&[(day, first.clone())]);
    // Something new comes, and clear text comes back as the original brings it back.
    let staged = treated.staged(day);
    fs_err::write(treated.world.pool.collect_dir().join("late.txt"), vec![7; 30_000]).unwrap();
    treated.run(day, &["stage"]);
    fs_err::write(staged.join("again.txt"), "once").unwrap();
    treated.run(day, &["encrypt", "split"]);
    fs_err::write(staged.join("again.txt"), "twice").unwrap();
    treated.run(day, &["encrypt", "split"]);
    treated.assert_done(day);
    treated.assert_restores(&[(day, first)]);
    let again = program::succeed(treated.secret.gpg().arg("-d").arg(staged.join("again.txt.gpg")));
    assert_eq!(again, b"twice");
    assert!(treated.verify().status.success());
    treated.world.change(3);
}

#[test]
fn other_days_and_names_that_are_no_days() {
    let treated = Treated::new(109, Cipher::Gpg);
    let staging = treated.world.pool.staging_dir();
    for path in ["2030/01/05/me", "2030/02/30/me", "misc/x/y"] {
        fs_err::create_dir_all(staging.join(path)).unwrap();
        fs_err::write(staging.join(path).join("old.txt"), "x").unwrap();
    }
    fs_err::os::unix::fs::symlink("old.txt", staging.join("2030/01/05/me/link")).unwrap();
    treated.run(Day::FIRST, &["encrypt"]);
    assert!(staging.join("2030/01/05/me/old.txt.gpg").exists());
    assert!(!staging.join("2030/01/05/me/old.txt").exists());
    assert!(staging.join("2030/02/30/me/old.txt").exists());
    assert!(staging.join("misc/x/y/old.txt").exists());
    assert!(treated.world.log().contains("misc/x/y] is left alone"), "{}", treated.world.log());
    assert!(treated.world.log().contains("link] is left as it is"), "{}", treated.world.log());
}
