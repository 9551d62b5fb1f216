//! The original and we, with the same configuration.

use redcedar_testing::databases::{MariaDb, PostgreSql};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;

use super::Machine;
use super::machine::names;

fn original(machine: &Machine, oracle: &Oracle, action: &str) {
    let mut command = machine.complete(oracle.command("2026-11-24 02:00:00"));
    command.args(["--config", "cback3.conf", "--logfile", "log", "--owner", "root:root", action]);
    program::succeed(&mut command);
}

fn ours(machine: &Machine, action: &str) {
    machine.run(&["run", action, "-q"], 0);
}

/// Programs that write down how they were called, and print what ends every dump.
fn recording(programs: &[&str]) -> (String, impl Fn(&Machine)) {
    let element = |name: &&str| {
        format!("<override><command>{name}</command><abs_path>DIR/{name}</abs_path></override>")
    };
    let overrides: String = programs.iter().map(element).collect();
    let names: Vec<_> = programs.iter().map(ToString::to_string).collect();
    let plant = move |machine: &Machine| {
        for name in &names {
            let calls = machine.path("calls");
            let end = match name.as_str() {
                "mysqldump" => "Dump completed on",
                "pg_dump" => "PostgreSQL database dump complete",
                _ => "PostgreSQL database cluster dump complete",
            };
            let script = format!(
                "{{ printf '%s|' {name} \"$@\"; echo; env | grep -c '^LC_'; }} >>{}; echo '-- {end}'",
                calls.display()
            );
            machine.script(name, &script);
        }
    };
    (overrides, plant)
}

/// How programs were called and which files came of it.
fn calls(name: &str, section: &str, by: impl Fn(&Machine, &str)) -> (String, Vec<String>) {
    let (overrides, plant) = recording(&["mysqldump", "pg_dump", "pg_dumpall"]);
    let machine = Machine::new(name, &overrides, section);
    plant(&machine);
    by(&machine, name);
    let calls = fs_err::read_to_string(machine.path("calls")).unwrap();
    (calls, names(&machine.path("collect")))
}

#[test]
fn programs_are_called_and_files_named_as_by_the_original() {
    let Some(oracle) = Oracle::required() else { return };
    for (name, section) in [
        ("mysql", "<compress_mode>gzip</compress_mode><database>one</database><database>a b</database>"),
        ("mysql", "<compress_mode>bzip2</compress_mode><all>Y</all>"),
        (
            "postgresql",
            "<user>bk</user><compress_mode>none</compress_mode><database>a b</database><database>x</database>",
        ),
        ("postgresql", "<compress_mode>gzip</compress_mode><all>Y</all>"),
        ("postgresql", "<user>bk</user><compress_mode>gzip</compress_mode><all>y</all>"),
    ] {
        let theirs = calls(name, section, |machine, name| original(machine, &oracle, name));
        assert_eq!(calls(name, section, ours), theirs, "{section}");
    }
}

#[test]
fn of_user_and_password_nothing_is_left_in_the_arguments() {
    let Some(oracle) = Oracle::required() else { return };
    let section = "<user>bk</user><password>s3cret</password><compress_mode>gzip</compress_mode><database>one</database>";
    let (theirs, _) = calls("mysql", section, |machine, name| original(machine, &oracle, name));
    assert!(theirs.contains("|--user=bk|--password=s3cret|one|"), "{theirs}");
    let (ours, _) = calls("mysql", section, ours);
    let (_, rest) =
        ours.strip_prefix("mysqldump|--defaults-extra-file=/proc/self/fd/").unwrap().split_once('|').unwrap();
    assert_eq!(rest.lines().next(), Some("--databases|-all|--flush-logs|--opt|one|"));
    assert!(!ours.contains("s3cret"));
}

#[test]
fn dumps_of_the_original_come_back_through_us() {
    let Some(oracle) = Oracle::required() else { return };
    let (Some(mariadb), Some(postgresql)) = (MariaDb::required(), PostgreSql::required()) else { return };
    mariadb.ask("create database app; create table app.t (v int); insert into app.t values (1), (2)");
    postgresql.ask("postgres", "create database app");
    postgresql.ask("app", "create table t as select generate_series(1, 2) as v");
    let section = "<user>root</user><compress_mode>bzip2</compress_mode><database>app</database>";
    let mysql = Machine::new("mysql", "", section);
    fs_err::copy(mariadb.option_file(), mysql.path("home/.my.cnf")).unwrap();
    original(&mysql, &oracle, "mysql");
    let section = "<user>postgres</user><compress_mode>gzip</compress_mode><database>app</database>";
    let mut pg = Machine::new("postgresql", "", section);
    pg.set("PGHOST", postgresql.host());
    original(&pg, &oracle, "postgresql");
    mariadb.ask("drop database app");
    postgresql.ask("postgres", "drop database app");

    // Both together in one directory, as on a machine with both servers.
    let name = "postgresqldump-app.txt.gz";
    fs_err::copy(pg.path("collect").join(name), mysql.path("collect").join(name)).unwrap();
    let from = format!("--from={}", mysql.path("collect").display());
    mysql.run(&["verify", &from], 0);
    let (_, refused) = mysql.run(&["restore", &from, "--database=app", "--into-server"], 6);
    assert!(refused.contains("both mysql and postgresql have a dump of app"), "{refused}");
    mysql.run(&["restore", &from, "--database=mysql:app", "--into-server", "--server-option=--user=root"], 0);
    let user = "--server-option=--username=postgres";
    let host = format!("--server-option=--host={}", postgresql.host().display());
    mysql.run(&["restore", &from, "--database=postgresql:app", "--into-server", user, &host], 0);
    assert_eq!(mariadb.ask("select sum(v) from app.t"), "3\n");
    assert_eq!(postgresql.ask("app", "select sum(v) from t"), "3\n");
}
