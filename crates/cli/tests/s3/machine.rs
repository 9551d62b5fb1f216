//! A machine of its own and a server of S3.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::program;
use redcedar_testing::s3::{Login, Server};

/// A directory with everything, and a server.
pub(crate) struct Machine<S = Server> {
    pub(crate) server: S,
    pub(crate) login: Login,
    root: tempfile::TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Machine {
    /// Nothing where this cannot be tested.
    pub(crate) fn new() -> Option<Self> {
        let server = Server::required()?;
        let login = server.login();
        Some(Self::at(server, login))
    }

    /// The keys below `prefix`, without it.
    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let keys = self.server.keys();
        keys.iter().filter_map(|key| key.strip_prefix(prefix)).map(str::to_owned).collect()
    }
}

impl<S> Machine<S> {
    /// One that uses a server of any kind.
    pub(crate) fn at(server: S, login: Login) -> Self {
        let root = tempfile::Builder::new().prefix("redcedar").tempdir().unwrap();
        fs_err::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { server, login, root }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn complete(&self, mut command: Command, words: &[&str]) -> Command {
        self.login.environment(&mut command);
        command.env("HOME", self.root.path()).env("COLUMNS", "100").current_dir(self.root.path());
        command.args(words);
        command
    }

    /// `redcedar` in the root of the machine.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        self.complete(program::command(cargo_bin!("redcedar")), words)
    }

    pub(crate) fn run(&self, words: &[&str]) -> Answer {
        answer(&mut self.command(words))
    }

    /// The same by another of its names.
    pub(crate) fn persona(&self, name: &str, words: &[&str]) -> Answer {
        let link = self.path(name);
        if !link.exists() {
            std::os::unix::fs::symlink(cargo_bin!("redcedar"), &link).unwrap();
        }
        answer(&mut self.complete(program::command(link), words))
    }

    /// `redcedar` as somebody who is not root, whom permissions hold back, and to whom everything here belongs.
    pub(crate) fn unprivileged(&self, words: &[&str]) -> Answer {
        if !program::is_root() {
            return self.run(words);
        }
        let copy = self.path("redcedar");
        fs_err::copy(cargo_bin!("redcedar"), &copy).unwrap();
        program::succeed(program::command("chown").arg("-R").arg("65534:65534").arg(self.root.path()));
        let mut command = program::command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(copy);
        answer(&mut self.complete(command, words))
    }

    /// The original's tool, with the AWS CLI that it runs.
    pub(crate) fn original(&self, tool: &Path, aws: &Path, words: &[&str]) -> Answer {
        let mut command = program::command(tool);
        let mut path = OsString::from(aws);
        path.push(":/usr/bin:/bin");
        command.env("PATH", path);
        answer(&mut self.complete(command, words))
    }
}

/// Runs a command to its end.
pub(crate) fn answer(command: &mut Command) -> Answer {
    let output = command.output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
