//! PostgreSQL.

use std::ffi::OsString;
use std::path::PathBuf;

use redcedar_system::System;
use redcedar_system::command::Command;

use super::super::scratch::Scratch;
use super::{Home, Made, Server, directories, program};

/// What the server makes in the directory of sockets.
const SOCKET: &str = ".s.PGSQL.5432";

pub(super) fn start(scratch: &Scratch, system: &System) -> Made<Server> {
    let programs = programs();
    let (Some(install), Some(daemon)) = (program("initdb", &programs), program("postgres", &programs)) else {
        return Ok(Err("the server of PostgreSQL (initdb, postgres) is not installed here".to_owned()));
    };
    let home = match Home::make(scratch, &["postgres", "nobody"], SOCKET) {
        Ok(home) => home,
        Err(reason) => return Ok(Err(reason)),
    };
    let data = home.path("data");
    let install = home
        .command(&install)
        .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
        .arg(&data);
    if let Err(reason) = Home::run(&install, system)? {
        return Ok(Err(reason));
    }
    let mut sockets = OsString::from("unix_socket_directories=");
    sockets.push(&home.directory);
    let server = home
        .command(&daemon)
        .arg("-D")
        .arg(data)
        .args(["-c", "listen_addresses=", "-c", "port=5432", "-c", "fsync=off", "-c"])
        .arg(sockets);
    let mut host = OsString::from("--host=");
    host.push(&home.directory);
    let options = vec![host, "--port=5432".into(), "--username=postgres".into()];
    let question =
        Command::new("psql").args(&options).args(["--no-psqlrc", "--command=SELECT 1", "postgres"]);
    let question = question.run_as(home.account.clone());
    home.serve(&server, &question, options, system)
}

/// Where the programs of the newest version are: Debian and others have them in no `PATH`.
fn programs() -> Vec<PathBuf> {
    let below = |root: &str, name: &str| -> Vec<PathBuf> {
        let entries = fs_err::read_dir(root).into_iter().flatten().flatten();
        let fitting = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(name));
        fitting.map(|entry| entry.path().join("bin")).collect()
    };
    let mut versions = [below("/usr/lib/postgresql", ""), below("/usr", "pgsql-")].concat();
    let number = |path: &PathBuf| {
        let name =
            path.parent().and_then(|version| version.file_name()).unwrap_or_default().to_string_lossy();
        name.trim_start_matches("pgsql-").parse::<u32>().unwrap_or_default()
    };
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    versions.extend(directories());
    versions
}
