//! MariaDB, else MySQL.

use std::ffi::OsString;

use redcedar_system::System;
use redcedar_system::command::Command;

use super::super::scratch::Scratch;
use super::{Home, Made, Server, directories, program};

const SOCKET: &str = "socket";

pub(super) fn start(scratch: &Scratch, system: &System) -> Made<Server> {
    let find = |names: &[&str]| names.iter().find_map(|name| program(name, &directories()));
    let Some(daemon) = find(&["mariadbd", "mysqld"]) else {
        return Ok(Err("neither mariadbd nor mysqld is installed here".to_owned()));
    };
    let home = match Home::make(scratch, &["mysql", "nobody"], SOCKET) {
        Ok(home) => home,
        Err(reason) => return Ok(Err(reason)),
    };
    let option = |name: &str, value: &str| {
        let mut option = OsString::from(name);
        option.push(home.path(value));
        option
    };
    let data = option("--datadir=", "data");
    // MySQL does it itself.
    let install = match find(&["mariadb-install-db", "mysql_install_db"]) {
        Some(install) => home.command(&install).args(["--no-defaults"]).arg(&data).args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]),
        None => home.command(&daemon).args(["--no-defaults", "--initialize-insecure"]).arg(&data),
    };
    if let Err(reason) = Home::run(&install, system)? {
        return Ok(Err(reason));
    }
    // Nothing in a dump reaches files of this machine, or other machines.
    let server = home
        .command(&daemon)
        .arg("--no-defaults")
        .args([data, option("--socket=", SOCKET), option("--pid-file=", "pid"), option("--tmpdir=", "")])
        .arg(option("--secure-file-priv=", "data"))
        .args([
            "--skip-networking",
            "--local-infile=0",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",
        ]);
    let options = vec!["--no-defaults".into(), option("--socket=", SOCKET), "--user=root".into()];
    let client = program("mariadb", &directories()).unwrap_or_else(|| "mysql".into());
    let question = Command::new(client).args(&options).args(["--execute", "SELECT 1"]);
    let question = question.run_as(home.account.clone());
    home.serve(&server, &question, options, system)
}
