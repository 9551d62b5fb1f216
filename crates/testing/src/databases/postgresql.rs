//! PostgreSQL.

use super::{Server, command_as};
use crate::program;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server whose administrator is `postgres`, without a password. `locked` is nobody it knows without one.
#[derive(Debug)]
pub struct PostgreSql {
    server: Server,
    programs: PathBuf,
}

impl PostgreSql {
    /// A server without databases; none after having said aloud that this cannot be tested here.
    ///
    /// # Panics
    /// When it cannot be started, or is missing where everything must be there (`CI` is set).
    pub fn required() -> Option<Self> {
        let Some(programs) = find_programs() else {
            program::cannot_test("PostgreSQL", "postgresql is not installed; ./check does it");
            return None;
        };
        let mut postgresql = Self { server: Server::prepare("postgres", "-INT"), programs };
        let mut init = command_as("postgres", &postgresql.programs.join("initdb"));
        init.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "-D",
        ]);
        program::succeed(init.arg(postgresql.data()));
        let access = "local all locked scram-sha-256\nlocal all all trust\n";
        fs_err::write(postgresql.data().join("pg_hba.conf"), access).expect("the server has a configuration");
        postgresql.start();
        Some(postgresql)
    }

    fn data(&self) -> PathBuf {
        self.server.path("server/data")
    }

    fn start(&mut self) {
        let mut command = command_as("postgres", &self.programs.join("postgres"));
        command.arg("-D").arg(self.data()).args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"]);
        command.arg(format!("unix_socket_directories={}", self.host().display()));
        let mut client = self.client("postgres");
        client.args(["-c", "select 1"]);
        self.server.start(command, || program::run(&mut client).status.success());
    }

    /// Stops it.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// The value of `PGHOST` that leads to it.
    pub fn host(&self) -> PathBuf {
        self.server.path("server")
    }

    /// A client of the administrator.
    pub fn client(&self, database: &str) -> Command {
        let database = database.replace('\\', r"\\").replace('\'', r"\'");
        let mut command = program::command("psql");
        command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--username=postgres"]);
        command.args(["--set=ON_ERROR_STOP=1", &format!("--dbname=dbname='{database}'")]);
        command.env("PGHOST", self.host());
        command
    }

    /// What the server answers to the administrator.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn ask(&self, database: &str, sql: &str) -> String {
        String::from_utf8_lossy(&program::succeed(self.client(database).args(["-c", sql]))).into_owned()
    }
}

/// Where the server's own programs are: Debian has them in no `PATH`.
fn find_programs() -> Option<PathBuf> {
    program::find("psql")?;
    if let Some(initdb) = program::find("initdb") {
        return initdb.parent().map(Path::to_path_buf);
    }
    let versions = fs_err::read_dir("/usr/lib/postgresql").ok()?;
    let mut directories: Vec<_> = versions.flatten().map(|version| version.path().join("bin")).collect();
    directories.retain(|directory| directory.join("initdb").is_file());
    directories.sort();
    directories.pop()
}
