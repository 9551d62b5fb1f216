//! Real database servers, each with a directory and a socket of its own, that end with the value.

mod mariadb;
mod postgresql;

use crate::program;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub use mariadb::MariaDb;
pub use postgresql::PostgreSql;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server and where its files are.
#[derive(Debug)]
struct Server {
    child: Option<Child>,
    /// Ends it in its own way.
    signal: &'static str,
    dir: TempDir,
}

impl Server {
    /// A directory for a server that runs as `user`; as whoever runs the test where that is not root. Its path is short, because
    /// sockets have no long ones.
    fn prepare(user: &str, signal: &'static str) -> Self {
        let dir = TempDir::with_prefix_in("rcdb-", "/tmp").expect("a temporary directory can be made");
        let server = Self { child: None, signal, dir };
        program::succeed(program::command("chmod").arg("755").arg(server.path("")));
        fs_err::create_dir(server.path("server")).expect("the directory is empty");
        if program::is_root() {
            program::succeed(program::command("chown").arg(user).arg(server.path("server")));
        }
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts it, and waits until `answers` succeeds.
    fn start(&mut self, mut command: Command, mut answers: impl FnMut() -> bool) {
        let log = fs_err::File::create(self.path("log")).expect("the directory is ours").into_parts().0;
        command.stdout(log.try_clone().expect("a handle can be copied")).stderr(log);
        self.child = Some(command.spawn().expect("the server can be started"));
        let started = Instant::now();
        while !answers() {
            let log = || fs_err::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "the server does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let killed = program::run(program::command("kill").args([self.signal, &child.id().to_string()]));
        let ended = child.wait();
        assert!(
            std::thread::panicking() || (killed.status.success() && ended.is_ok()),
            "the server does not end"
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A command that runs as `user` if the test runs as root.
fn command_as(user: &str, program: &Path) -> Command {
    if !program::is_root() {
        return program::command(program);
    }
    let mut command = program::command("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]).arg(program);
    command
}
