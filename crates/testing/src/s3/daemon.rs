//! Programs that serve, on loopback, and end with the values that stand for them.

use crate::program;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take until it serves.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that runs as long as this value lives.
#[derive(Debug)]
pub(super) struct Daemon(Child);

impl Daemon {
    /// Starts a program; what it prints goes to the file `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub(super) fn start(command: &mut Command, log: &Path) -> Self {
        let file =
            fs_err::OpenOptions::new().create(true).append(true).open(log).expect("a log can be written");
        let file = file.into_file();
        let errors = file.try_clone().expect("a file can be shared");
        let child = command.stdout(Stdio::from(file)).stderr(Stdio::from(errors)).spawn();
        Self(
            child.unwrap_or_else(|error| panic!("cannot start {}: {error}", command.get_program().display())),
        )
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        assert!(std::thread::panicking() || ended.is_ok(), "a server does not end");
    }
}

/// Waits until something is so.
///
/// # Panics
/// When it takes too long.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A program that is called `name`: where `variable` says, or else where `./check --slow` installs it. Says aloud that `what` cannot be
/// tested where it is missing.
///
/// # Panics
/// When it is missing where everything must be there (`CI` is set).
pub(super) fn find(what: &str, name: &str, variable: &str) -> Option<PathBuf> {
    let named = program::variable(variable).map(PathBuf::from);
    let installed = || {
        let home = PathBuf::from(program::variable("HOME")?);
        Some(home.join(".cache/redcedar-s3").join(name).join("bin").join(name))
    };
    let path = named.or_else(installed).filter(|path| path.is_file());
    if path.is_none() {
        let why = format!("{name} is not installed; ./check --slow installs it, {variable} says where it is");
        program::cannot_test(what, &why);
    }
    path
}
