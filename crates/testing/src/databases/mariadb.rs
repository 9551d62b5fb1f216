//! MariaDB.

use super::{Server, command_as};
use crate::program;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server whose administrator is `root`, without a password.
#[derive(Debug)]
pub struct MariaDb(Server);

impl MariaDb {
    /// A server without databases; none after having said aloud that this cannot be tested here.
    ///
    /// # Panics
    /// When it cannot be started, or is missing where everything must be there (`CI` is set).
    pub fn required() -> Option<Self> {
        let programs = ["mariadb-install-db", "mariadbd", "mariadb", "mysqldump"];
        if let Some(missing) = programs.into_iter().find(|name| program::find(name).is_none()) {
            program::cannot_test("MariaDB", &format!("{missing} is not installed; ./check does it"));
            return None;
        }
        let mut server = Self(Server::prepare("mysql", "-TERM"));
        let mut install = command_as("mysql", Path::new("mariadb-install-db"));
        install.arg("--no-defaults").arg(format!("--datadir={}", server.path("server/data").display()));
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.arg(format!("--tmpdir={}", server.path("server").display()));
        program::succeed(&mut install);
        let options = format!("[client]\nsocket={}\n", server.socket().display());
        fs_err::write(server.path("client.cnf"), options).expect("the directory is ours");
        server.start();
        Some(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("server/socket")
    }

    /// An option file that says where the server is.
    pub fn option_file(&self) -> PathBuf {
        self.path("client.cnf")
    }

    fn start(&mut self) {
        let mut command = command_as("mysql", Path::new("mariadbd"));
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.path("server/data").display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--pid-file={}", self.path("server/pid").display()))
            // A server that starts deletes temporary tables that it finds, those of another one as well.
            .arg(format!("--tmpdir={}", self.path("server").display()))
            .args([
                "--skip-networking",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=32M",
            ]);
        let client = self.option_file();
        self.0.start(command, || program::run(client_of(&client).args(["-e", "select 1"])).status.success());
    }

    /// Stops it.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// A client of the administrator.
    pub fn client(&self) -> Command {
        client_of(&self.option_file())
    }

    /// What the server answers to the administrator, column by column and line by line.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn ask(&self, sql: &str) -> String {
        let answer = program::succeed(self.client().args(["--batch", "--skip-column-names", "-e", sql]));
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn client_of(option_file: &Path) -> Command {
    let mut command = program::command("mariadb");
    command.arg(format!("--defaults-file={}", option_file.display())).arg("--user=root");
    command
}
