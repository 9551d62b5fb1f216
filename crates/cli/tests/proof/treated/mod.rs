//! Encrypted and split days: everything comes back, nothing is left in clear, and nothing is lost on the way.

mod damaged;
mod faults;
mod names;
mod original;
mod rounds;

use age::secrecy::ExposeSecret;

use super::world::{Day, World, below, ours};
use redcedar_testing::compare::Snapshot;
use redcedar_testing::keyring::{Keyring, NAME};
use redcedar_testing::pool::Program;
use redcedar_testing::program::{self, describe};
use redcedar_testing::trees::Growth;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A pool whose days are encrypted and split.
struct Treated {
    world: World,
    /// The one with the secret key.
    secret: Keyring,
    /// The one on the machine that encrypts.
    public: Keyring,
}

/// How files are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Gpg,
    Age,
}

/// The extensions, encrypting first or splitting first.
fn extensions(first: &str, second: &str) -> String {
    let action = |name: &str, index: u32| {
        format!(
            "<action><name>{name}</name><module>CedarBackup3.extend.{name}</module>\
             <function>executeAction</function><index>{index}</index></action>"
        )
    };
    format!("<extensions>{}{}</extensions>", action(first, 210), action(second, 220))
}

impl Treated {
    fn new(seed: u64, cipher: Cipher) -> Self {
        Self::ordered(seed, cipher, "encrypt", "split")
    }

    fn ordered(seed: u64, cipher: Cipher, first: &str, second: &str) -> Self {
        let identity = age::x25519::Identity::generate();
        let encrypt = match cipher {
            Cipher::Gpg => {
                format!("<encrypt_mode>gpg</encrypt_mode><encrypt_target>{NAME}</encrypt_target>")
            }
            Cipher::Age => format!("<age_recipient>{}</age_recipient>", identity.to_public()),
        };
        let treated = Self::configured(seed, &encrypt, first, second);
        treated.write_identity(&identity);
        treated
    }

    fn configured(seed: u64, encrypt: &str, first: &str, second: &str) -> Self {
        let growth = Growth { backslashes: false, ..Growth::everything() };
        let world = World::grown(seed, growth);
        let secret = Keyring::new();
        let public = secret.public(true);
        world
            .pool
            .add_sections(&format!(
                "{}<encrypt>{encrypt}</encrypt>\
                 <split><size_limit>20 KB</size_limit><split_size>7 KB</split_size></split>",
                extensions(first, second)
            ))
            .unwrap();
        Self { world, secret, public }
    }

    fn write_identity(&self, identity: &age::x25519::Identity) {
        fs_err::write(self.identity(), identity.to_string().expose_secret()).unwrap();
    }

    fn identity(&self) -> PathBuf {
        self.world.pool.path().join("identity")
    }

    fn command(&self, program: Program<'_>, day: Day, actions: &[&str]) -> Command {
        let mut command = self.world.pool.command(program, &day.time(), actions);
        command.env("GNUPGHOME", self.public.home());
        command
    }

    fn try_run(&self, day: Day, actions: &[&str]) -> Output {
        program::run(&mut self.command(ours(), day, actions))
    }

    #[track_caller]
    fn run(&self, day: Day, actions: &[&str]) {
        let output = self.try_run(day, actions);
        assert!(output.status.success(), "{}\n{}", describe(&output), self.world.log());
    }

    /// The files of a day.
    fn staged(&self, day: Day) -> PathBuf {
        self.world.pool.daily_dir(&day.path())
    }

    /// Runs a command on the backups, with the secret keys.
    fn with_keys(&self, line: &[&OsStr]) -> Output {
        let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
        command.env("REDCEDAR_NOW", "2031-03-31T02:00:00").env("GNUPGHOME", self.secret.home());
        if self.identity().exists() {
            command.env("REDCEDAR_IDENTITY", self.identity());
        }
        program::run(command.args(line))
    }

    /// What a restore brings back of a day.
    #[track_caller]
    fn restored(&self, day: Day) -> Snapshot {
        let target = tempfile::tempdir().unwrap();
        let target = target.path().join("restored");
        let output = self.restore(&target, day);
        assert!(output.status.success(), "{}\n{}", describe(&output), self.world.log());
        below(&target, &self.world.tree())
    }

    fn restore(&self, target: &Path, day: Day) -> Output {
        let date = day.date();
        self.with_keys(&[
            "restore".as_ref(),
            "--from".as_ref(),
            self.world.pool.staging_dir().as_os_str(),
            "--to".as_ref(),
            target.as_os_str(),
            "--as-of".as_ref(),
            date.as_ref(),
        ])
    }

    fn verify(&self) -> Output {
        self.with_keys(&["verify".as_ref(), "--from".as_ref(), self.world.pool.staging_dir().as_os_str()])
    }

    #[track_caller]
    fn assert_restores(&self, days: &[(Day, Snapshot)]) {
        for (day, wanted) in days {
            wanted.assert_same(&self.restored(*day), || format!("{}\n{}", day.date(), self.world.log()));
        }
    }

    /// Everything in a day is encrypted, digests are right, and no temporary file is left.
    #[track_caller]
    fn assert_done(&self, day: Day) {
        let staged = self.staged(day);
        for indicator in ["cback.encrypt", "cback.split"] {
            assert!(staged.parent().unwrap().join(indicator).exists(), "{indicator}\n{}", self.world.log());
        }
        for (name, content) in files(&staged) {
            if name.as_bytes().starts_with(b"cback.") {
                continue;
            }
            let shown = name.display();
            assert!(!name.as_bytes().starts_with(b"."), "{shown}");
            assert!(content.len() <= 20 << 10, "{shown} is too large");
            let text = name.to_str().unwrap();
            assert!(text.contains(".gpg") || text.contains(".age"), "{shown} is in clear");
            assert!(!text.contains(".gpg.gpg") && !text.contains(".gpg_00000.gpg"), "{shown}");
        }
        assert_digests(&staged);
    }
}

/// What `sha256sum -c` says of a day, by which every file is known.
#[track_caller]
fn assert_digests(staged: &Path) {
    let output = program::run(
        program::command("sha256sum").args(["--strict", "--quiet", "-c", "cback.sha256"]).current_dir(staged),
    );
    assert!(output.status.success(), "{}", describe(&output));
    let listed = fs_err::read(staged.join("cback.sha256")).unwrap();
    let listed = listed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let there = files(staged).into_keys().filter(|name| !name.as_bytes().starts_with(b"cback.")).count();
    assert_eq!(listed, there);
}

/// The files of a directory, by name.
fn files(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name(), fs_err::read(entry.path()).unwrap())).collect()
}
