//! A directory that stands for the root of a machine, and a clean environment with a clock that stands still.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::program;

/// A machine of its own: everything happens below one temporary directory.
pub(crate) struct Sandbox {
    directory: tempfile::TempDir,
    now: String,
}

/// What a command said.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("redcedar").tempdir().unwrap();
        fs_err::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { directory, now: "2026-11-23T02:00:00".to_owned() }
    }

    /// Sets the clock.
    pub(crate) fn at(&mut self, now: &str) {
        now.clone_into(&mut self.now);
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Where `path`, which begins with `/`, is in here.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.path(path)).unwrap()
    }

    /// `redcedar` in the root of the sandbox. Words that begin with `/` mean paths in here.
    pub(crate) fn command(&self, line: &str) -> Command {
        self.complete(program::command(cargo_bin!("redcedar")), line)
    }

    /// The same as somebody who is not root, whom permissions hold back.
    pub(crate) fn unprivileged(&self, line: &str) -> Command {
        if !program::is_root() {
            return self.command(line);
        }
        // That user need not be able to reach the original.
        let copy = self.root().join("redcedar");
        fs_err::copy(cargo_bin!("redcedar"), &copy).unwrap();
        let mut command = program::command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(copy);
        self.complete(command, line)
    }

    fn complete(&self, mut command: Command, line: &str) -> Command {
        command
            .env("HOME", self.root())
            .env("XDG_STATE_HOME", self.root().join(".local/state"))
            .env("XDG_CACHE_HOME", self.root().join(".cache"))
            .env("COLUMNS", "100")
            .env("REDCEDAR_NOW", &self.now)
            .env("REDCEDAR_CONFIG", self.path("/etc/redcedar.conf"))
            .current_dir(self.root());
        for word in words(line) {
            command.arg(if word.starts_with('/') { self.path(&word).into_os_string() } else { word.into() });
        }
        command
    }

    /// Runs `redcedar`, see [`Sandbox::command`].
    pub(crate) fn run(&self, line: &str) -> Answer {
        let output = self.command(line).output().unwrap();
        Answer {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `redcedar` and shows the conversation, with everything taken out that differs from machine to machine.
    pub(crate) fn talk(&self, line: &str) -> String {
        let answer = self.run(line);
        let mut text = format!("$ redcedar {line}\n{}", answer.stdout);
        if !answer.stderr.is_empty() {
            let _infallible = write!(text, "--- stderr\n{}", answer.stderr);
        }
        let _infallible = writeln!(text, "--- exit {}", answer.code);
        self.redact(&text)
    }

    /// Takes out of a text what differs from machine to machine.
    pub(crate) fn redact(&self, text: &str) -> String {
        let program = cargo_bin!("redcedar").display().to_string();
        let root = self.root().display().to_string();
        let host = redcedar_system::account::host_name();
        let normalised = root.trim_start_matches('/').replace('/', "-") + "-";
        let text = text.replace(&program, "redcedar").replace(&format!("{root}/"), "/").replace(&root, "/");
        let mut text = text.replace(&normalised, "");
        for (pattern, replacement) in [
            // What a stopwatch says.
            (r"in [0-9.]+ s\b".to_owned(), "in TIME"),
            (r"[0-9.]+ [KMG]?i?B per second".to_owned(), "RATE per second"),
            // How long names are, and how well they compress, depends on the sandbox.
            (r"wrote [0-9.]+ [KMG]?i?B".to_owned(), "wrote SIZE"),
            // What is left on the disk.
            (r"[0-9.]+ [KMGTPE]?i?B of [0-9.]+ [KMGTPE]?i?B free".to_owned(), "SIZE of SIZE free"),
            (r"read ([0-9]+ files), [0-9.]+ [KMG]?i?B".to_owned(), "read $1, SIZE"),
            (r"(staged .*, )[0-9.]+ [KMG]?i?B".to_owned(), "${1}SIZE"),
            (r"(full|increment|unknown) +[0-9.]+ [KMG]?i?B".to_owned(), "$1  SIZE"),
            (format!(r"(?m)(^| ){}( |:)", regex::escape(&host)), "${1}HOST$2"),
            (r"(MACHINE|HOST|ITEM|KIND|/anna) {2,}".to_owned(), "$1  "),
        ] {
            text = regex::Regex::new(&pattern).unwrap().replace_all(&text, replacement).into_owned();
        }
        text
    }
}

/// Splits a command line as a shell does, as far as examples go.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
