//! Starting programs from tests, with nothing inherited that could change what they do.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A command for `program` with a clean environment: a `PATH`, a UTF-8 locale, the zone UTC, and no more.
#[expect(clippy::disallowed_methods, reason = "tests start programs here and nowhere else")]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command.env("PATH", variable("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into()));
    command.env("LANG", "C.UTF-8").env("TZ", "UTC");
    // Nobody can make that, so nothing that one test leaves there can matter to another.
    command.env("HOME", "/proc/nonexistent").env("XDG_CACHE_HOME", "/proc/nonexistent");
    command.stdin(std::process::Stdio::null());
    command
}

/// Runs `command` to its end.
///
/// # Panics
/// When it cannot be started.
pub fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", command.get_program().display()))
}

/// Runs `command`, which must succeed, and returns what it printed.
///
/// # Panics
/// When it cannot be started or does not succeed.
pub fn succeed(command: &mut Command) -> Vec<u8> {
    let output = run(command);
    assert!(output.status.success(), "{command:?} failed: {}", describe(&output));
    output.stdout
}

/// Status, standard output and standard error, for messages of tests.
pub fn describe(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The value of an environment variable of the test, if it is set to anything.
#[expect(clippy::disallowed_methods, reason = "tests read their environment here and nowhere else")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Where `name` is in `PATH`.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|program| is_program(program))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Whether the test runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says aloud that a test cannot do its work here, and fails it where everything must be there (`CI` is set).
///
/// # Panics
/// When `CI` is set.
#[expect(clippy::print_stderr, reason = "whoever runs the tests has to see what was not tested")]
pub fn cannot_test(what: &str, why: &str) {
    assert!(variable("CI").is_none(), "cannot test {what}: {why}");
    eprintln!("NOT TESTED: {what}: {why}");
}
