//! GnuPG keyrings of their own.

use crate::program;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Whose key it is.
pub const NAME: &str = "Backup Test";

/// A keyring in a temporary directory. Its agent ends with it.
#[derive(Debug)]
pub struct Keyring(TempDir);

impl Keyring {
    /// An empty one.
    fn empty() -> Self {
        // Sockets of the agent have to have short names.
        let home = TempDir::with_prefix_in("g", "/tmp").expect("a temporary directory can be made");
        fs_err::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).expect("it is ours");
        Self(home)
    }

    /// One with a new key pair that nothing protects.
    ///
    /// # Panics
    /// When gpg is not there or makes no key.
    pub fn new() -> Self {
        let keyring = Self::empty();
        let identity = format!("{NAME} <backup@example.invalid>");
        let arguments =
            ["--passphrase", "", "--quick-gen-key", &identity, "future-default", "default", "never"];
        program::succeed(keyring.gpg().args(arguments));
        keyring
    }

    /// One with only the public key of this, as the backed-up machine has it. Only what is trusted can be used in batch mode.
    ///
    /// # Panics
    /// When gpg does not take it.
    #[must_use]
    pub fn public(&self, trusted: bool) -> Self {
        let other = Self::empty();
        self.give_public_to(&other);
        if !trusted {
            feed(other.gpg().arg("--import-ownertrust"), self.trust(2).as_bytes());
        }
        other
    }

    /// Gives the public key to another keyring, which will trust it.
    ///
    /// # Panics
    /// When gpg does not take it.
    pub fn give_public_to(&self, other: &Self) {
        let key = program::succeed(self.gpg().arg("--export"));
        feed(other.gpg().arg("--import"), &key);
        feed(other.gpg().arg("--import-ownertrust"), self.trust(6).as_bytes());
    }

    /// How much the key is trusted, as gpg imports it.
    fn trust(&self, level: u8) -> String {
        format!("{}:{level}:\n", self.fingerprint())
    }

    /// The fingerprint of its key.
    ///
    /// # Panics
    /// When it has none.
    pub fn fingerprint(&self) -> String {
        let list = program::succeed(self.gpg().args(["--with-colons", "-k"]));
        let list = String::from_utf8_lossy(&list).into_owned();
        let line = list.lines().find(|line| line.starts_with("fpr:")).expect("there is a key");
        line.split(':').nth(9).expect("a line of gpg has fields").to_owned()
    }

    /// `gpg --batch` with this keyring.
    pub fn gpg(&self) -> Command {
        let mut command = program::command("gpg");
        command.env("GNUPGHOME", self.home()).args(["--batch", "--quiet"]);
        command
    }

    /// What `GNUPGHOME` has to be.
    pub fn home(&self) -> &Path {
        self.0.path()
    }
}

impl Default for Keyring {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        // There may be no agent.
        program::run(program::command("gpgconf").env("GNUPGHOME", self.home()).args(["--kill", "gpg-agent"]));
    }
}

fn feed(command: &mut Command, input: &[u8]) {
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("gpg can be started");
    child.stdin.take().expect("it has an input").write_all(input).expect("gpg reads");
    assert!(child.wait().expect("gpg ends").success(), "{command:?} failed");
}
