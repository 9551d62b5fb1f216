//! Dumps are loaded into servers of their own.

use std::os::unix::fs::PermissionsExt;

use redcedar_testing::databases::{MariaDb, PostgreSql};

use super::Machine;
use super::machine::names;

/// Drills, and returns the report. Nothing is left in the scratch directory.
fn drill(machine: &Machine, database: &str, code: i32) -> serde_json::Value {
    let scratch = tempfile::Builder::new().prefix("rcdr-").tempdir_in("/tmp").unwrap();
    // The server is somebody else.
    fs_err::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let at = format!("--scratch={}", scratch.path().display());
    let (said, _) = machine.run(&["drill", &format!("--database={database}"), &at, "--json"], code);
    assert_eq!(names(scratch.path()), [""; 0]);
    serde_json::from_str(&said).unwrap()
}

#[test]
fn a_dump_of_mariadb_is_loaded_counted_and_thrown_away() {
    let Some(server) = MariaDb::required() else { return };
    server
        .ask("create database app; create table app.t as select 1 as v; create table app.u as select 2 as v");
    let machine = Machine::new(
        "mysql",
        "",
        "<user>root</user><compress_mode>none</compress_mode><database>app</database>",
    );
    let own_file = format!("!include {}\n", server.option_file().display());
    fs_err::write(machine.path("home/.my.cnf"), own_file).unwrap();
    machine.run(&["run", "mysql", "collect", "stage", "-q"], 0);
    let report = drill(&machine, "app", 0);
    let drilled = &report["drilled"][0];
    assert_eq!((&drilled["verdict"], &drilled["content"]), (&"good".into(), &"2 tables".into()), "{report}");
    assert_eq!(report["rpo"]["age"], 0);

    // With it, damage is seen without a server.
    fs_err::remove_file(machine.path("staging/2026/11/24/me/cback.sha256")).unwrap();
    let dump = machine.path("staging/2026/11/24/me/mysqldump-app.txt");
    let text = fs_err::read_to_string(&dump).unwrap();
    fs_err::write(&dump, text.replacen("CREATE TABLE", "CREATE CHAOS", 1)).unwrap();
    let report = drill(&machine, "app", 7);
    assert_eq!(report["drilled"][0]["verdict"], "different", "{report}");
    fs_err::write(&dump, &text[..text.len() / 2]).unwrap();
    let report = drill(&machine, "app", 7);
    assert!(report["drilled"][0]["differences"][0].as_str().unwrap().contains("complete"), "{report}");
}

#[test]
fn a_dump_of_postgresql_is_loaded_with_the_roles_that_it_needs() {
    let Some(server) = PostgreSql::required() else { return };
    server.ask("postgres", "create role \"own er\"");
    server.ask("postgres", "create database app");
    server.ask("app", "create table t as select 1 as v; alter table t owner to \"own er\"");
    for (globals, remarks) in [("", 1), ("<globals>Y</globals>", 0)] {
        let section = format!(
            "<user>postgres</user><compress_mode>none</compress_mode>{globals}<database>app</database>"
        );
        let mut machine = Machine::new("postgresql", "", &section);
        machine.set("PGHOST", server.host());
        machine.run(&["run", "postgresql", "collect", "stage", "-q"], 0);
        machine.set("PGHOST", "/nowhere");
        let report = drill(&machine, "postgresql:app", 0);
        let drilled = &report["drilled"][0];
        assert_eq!(
            (&drilled["verdict"], &drilled["content"]),
            (&"good".into(), &"1 tables".into()),
            "{report}"
        );
        assert_eq!(drilled["remarks"].as_array().unwrap().len(), remarks, "{report}");
    }
}
