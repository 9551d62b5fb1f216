//! Dumps that something happens to while they are made, and programs that would ask.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use redcedar_testing::databases::{MariaDb, PostgreSql};
use redcedar_testing::program;

use super::Machine;
use super::machine::{elements, said};

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is so.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a command whose output can be waited for.
fn start(machine: &Machine, arguments: &[&str]) -> Child {
    machine.redcedar(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Databases `a` and `b`, and a dump of the server that waits for a table in `a` while `meanwhile` happens. Returns what the run
/// said, and what it collected.
fn dump_while(server: &MariaDb, meanwhile: impl Fn(&MariaDb, &str)) -> (String, Vec<String>) {
    server.ask("create or replace database a; create table a.t select 1 v; create or replace database b; create table b.t select 2 v");
    let machine =
        Machine::new("mysql", "", "<user>root</user><compress_mode>none</compress_mode><all>Y</all>");
    fs_err::copy(server.option_file(), machine.path("home/.my.cnf")).unwrap();
    let mut holder = server.client().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut locking = holder.stdin.take().unwrap();
    locking.write_all(b"lock tables a.t write;\n").unwrap();
    let is_locked = "select count(*) from information_schema.processlist where command = 'Sleep'";
    wait_for("locking", || server.ask(is_locked) == "1\n");
    let run = start(&machine, &["run", "mysql", "collect"]);
    let waiting = "select id from information_schema.processlist where state like 'Waiting for table%' and info not like '%processlist%'";
    let mut id = String::new();
    wait_for("the dump", || {
        id = server.ask(waiting);
        !id.is_empty()
    });
    meanwhile(server, id.trim());
    drop(locking);
    assert!(holder.wait().unwrap().success());
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", program::describe(&output));
    (said(&output).1, machine.names("collect"))
}

#[test]
fn a_database_that_is_dropped_after_it_was_listed_and_a_dump_that_is_killed_leave_nothing() {
    let Some(server) = MariaDb::required() else { return };
    let (said, collected) = dump_while(&server, |server, _| {
        server.ask("drop database b");
    });
    assert!(said.contains("Cannot dump all databases of MySQL: mysqldump ended with status 2: "), "{said}");
    assert!(said.contains("Unknown database 'b'"), "{said}");
    assert_eq!(collected, [""; 0]);
    let (said, collected) = dump_while(&server, |server, id| {
        server.ask(&format!("kill {id}"));
    });
    assert!(said.contains("Cannot dump all databases of MySQL: mysqldump ended with status 2: "), "{said}");
    assert_eq!(collected, [""; 0]);
}

#[test]
fn a_missing_database_and_a_connection_that_is_ended_are_told_and_the_others_are_dumped() {
    let Some(server) = PostgreSql::required() else { return };
    for name in ["first", "second"] {
        server.ask("postgres", &format!("create database {name}"));
        server.ask(name, "create table t as select 1 as v");
    }
    let section = "<user>postgres</user><compress_mode>none</compress_mode>";
    let mut machine =
        Machine::new("postgresql", "", &format!("{section}{}", elements(&["gone", "first", "second"])));
    machine.set("PGHOST", server.host());
    let mut holder = server.client("first").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut locking = holder.stdin.take().unwrap();
    locking.write_all(b"begin; lock table t;\n").unwrap();
    let is_locked = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted";
    wait_for("locking", || server.ask("postgres", is_locked) == "1\n");
    let run = start(&machine, &["run", "postgresql", "collect"]);
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity where wait_event_type = 'Lock'";
    wait_for("the dump", || server.ask("postgres", end) == "1\n");
    drop(locking);
    assert!(holder.wait().unwrap().success());
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", program::describe(&output));
    let (_, said) = said(&output);
    assert!(said.contains("database \"gone\" does not exist"), "{said}");
    assert!(
        said.contains("Cannot dump PostgreSQL database [first]: pg_dump ended with status 1: "),
        "{said}"
    );
    assert_eq!(machine.names("collect"), ["postgresqldump-second.txt"]);
}

/// What is left of a secret below a directory.
fn traces(secret: &str, directory: &Path) -> String {
    let mut command = program::command("grep");
    command.args(["-rlaF", "--exclude=cback3.conf", secret]).arg(directory);
    String::from_utf8(program::run(&mut command).stdout).unwrap()
}

#[test]
fn killed_in_the_middle_of_a_dump_nothing_is_left_of_the_password() {
    let overrides = "<override><command>mysqldump</command><abs_path>DIR/dump</abs_path></override>";
    let section = "<user>bk</user><password>s3cret</password><routines>Y</routines><events>Y</events>
        <compress_mode>none</compress_mode><database>app</database>";
    let mut machine = Machine::new("mysql", overrides, section);
    fs_err::create_dir(machine.path("tmp")).unwrap();
    machine.set("TMPDIR", machine.path("tmp"));
    machine.script("dump", "echo half; cat \"${1#*=}\" | wc -l >login; echo $$ >pid; exec sleep 600");
    let mut run = start(&machine, &["run", "mysql"]);
    let pid = machine.path("pid");
    wait_for("the dump", || fs_err::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n')));
    assert_ne!(fs_err::read_to_string(machine.path("login")).unwrap(), "0\n", "it has got the password");
    run.kill().unwrap();
    run.wait().unwrap();
    program::succeed(program::command("kill").arg(fs_err::read_to_string(&pid).unwrap().trim()));
    assert_eq!(traces("s3cret", &machine.path("")), "");
    assert_eq!(machine.names("tmp"), [""; 0]);

    machine.script("dump", "echo '-- Dump completed'");
    machine.run(&["run", "mysql", "collect"], 0);
    let left: Vec<_> = machine.names("collect");
    assert!(left.contains(&"mysqldump-app.txt".to_owned()), "{left:?}");
    assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
}

/// Runs `redcedar` on a terminal of its own, where nobody answers, and returns what it said.
fn on_a_terminal(machine: &Machine, arguments: &str) -> String {
    let line = format!("{} {arguments}", assert_cmd::cargo::cargo_bin!("redcedar").display());
    let mut command = machine.complete(program::command("timeout"));
    command.env("REDCEDAR_CONFIG", machine.path("cback3.conf"));
    command.args(["60", "script", "-qec", &line, "/dev/null"]);
    // It stays open, and nothing comes.
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let _nobody = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", program::describe(&output));
    said(&output).0
}

#[test]
fn a_server_that_wants_a_password_hangs_no_run_though_there_is_a_terminal() {
    let (Some(mariadb), Some(postgresql)) = (MariaDb::required(), PostgreSql::required()) else { return };
    postgresql.ask("postgres", "create role locked superuser login password 'right'");
    let section = "<user>locked</user><compress_mode>gzip</compress_mode><database>postgres</database>";
    let mut machine = Machine::new("postgresql", "", section);
    machine.set("PGHOST", postgresql.host());
    let said = on_a_terminal(&machine, "run postgresql");
    assert!(said.contains("Cannot dump PostgreSQL database [postgres]"), "{said}");

    mariadb.ask("create database app; create user bk@localhost identified by 'right'; grant all on *.* to bk@localhost");
    let section = "<user>bk</user><compress_mode>gzip</compress_mode><database>app</database>";
    let machine = Machine::new("mysql", "", section);
    // An empty option lets the client ask.
    let options = format!("!include {}\n[client]\npassword\n", mariadb.option_file().display());
    fs_err::write(machine.path("home/.my.cnf"), options).unwrap();
    let said = on_a_terminal(&machine, "run mysql");
    assert!(said.contains("Cannot dump MySQL database [app]"), "{said}");
    assert!(said.contains("Access denied"), "{said}");
}
