//! PostgreSQL, dumped by `pg_dump` and `pg_dumpall`.

use redcedar_testing::databases::PostgreSql;

use super::Machine;
use super::machine::elements;

/// Names that some of the layers between would take for something else.
const HOSTILE: [&str; 3] = ["-x", "../a/b 'it' \\; %2F", "host=evil \"<ü>\""];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn make(server: &PostgreSql, database: &str) {
    server.ask("postgres", &format!("create database {}", quoted(database)));
    let sql = "create schema s; create table s.t (id serial primary key, v text, b bytea);
        insert into s.t (v, b) select 'row '||g, decode(md5(g::text), 'hex') from generate_series(1, 500) g;
        alter table s.t owner to owner; create function f() returns int language sql as 'select 42';
        select lo_create(77)";
    server.ask(database, sql);
}

pub(super) fn checksum(server: &PostgreSql, database: &str) -> String {
    let sql = "select count(*), md5(string_agg(id||v||encode(b, 'hex'), ',' order by id)), f(),
        (select tableowner from pg_tables where schemaname = 's'), (select count(*) from pg_largeobject_metadata) from s.t";
    server.ask(database, sql)
}

pub(super) fn machine(server: &PostgreSql, section: &str) -> Machine {
    let mut machine = Machine::new("postgresql", "", &format!("<user>postgres</user>{section}"));
    machine.set("PGHOST", server.host());
    machine
}

pub(super) const ADMINISTRATOR: &str = "--server-option=--username=postgres";

#[test]
fn single_databases_come_back_whatever_their_names_and_only_where_nothing_is() {
    let Some(server) = PostgreSql::required() else { return };
    server.ask("postgres", "create role owner login password 'secret'");
    let names = [&["app"], &HOSTILE[..]].concat();
    for name in &names {
        make(&server, name);
    }
    let before = checksum(&server, "app");
    let section = format!("<compress_mode>gzip</compress_mode><globals>Y</globals>{}", elements(&names));
    let mut machine = machine(&server, &section);
    machine.run(&["run", "postgresql", "collect", "stage", "-q"], 0);
    machine.run(&["verify"], 0);
    let staged = machine.names("staging/2026/11/24/me");
    assert!(staged.contains(&"postgresqlglobals.txt.gz".to_owned()), "{staged:?}");

    let load = |name: &str, code| {
        machine.run(&["restore", &format!("--database={name}"), "--into-server", ADMINISTRATOR], code)
    };
    let (_, refused) = load("app", 6);
    assert!(refused.contains("there is a database [app] that is not empty on the server"), "{refused}");
    for name in &names {
        server.ask("postgres", &format!("drop database {}", quoted(name)));
        load(name, 0);
        assert_eq!(checksum(&server, name), before, "{name}");
    }

    // A second server knows none of the roles: nothing of the database is left there, until it does.
    let Some(other) = PostgreSql::required() else { return };
    machine.set("PGHOST", other.host());
    let load = |what: &[&str], code| {
        machine.run(&[&["restore", "--into-server", ADMINISTRATOR], what].concat(), code)
    };
    let (_, refused) = load(&["--database=app"], 6);
    assert!(refused.contains(r#"role "owner" does not exist"#), "{refused}");
    assert_eq!(other.ask("app", "select count(*) from pg_namespace where nspname = 's'"), "0\n");
    load(&["--globals", "--database=app"], 0);
    assert_eq!(checksum(&other, "app"), before);
}

#[test]
fn a_whole_server_comes_back_and_what_is_refused_is_told() {
    let Some(server) = PostgreSql::required() else { return };
    server.ask("postgres", "create role owner");
    make(&server, "app");
    let before = checksum(&server, "app");
    let mut machine = machine(&server, "<compress_mode>none</compress_mode><all>Y</all>");
    machine.run(&["run", "postgresql", "-q"], 0);
    assert_eq!(machine.names("collect"), ["postgresqldump.txt"]);
    let Some(other) = PostgreSql::required() else { return };
    machine.set("PGHOST", other.host());
    let from = machine.path("collect").display().to_string();
    let load = ["restore", "--all-databases", "--from", &from, "--into-server", ADMINISTRATOR];
    machine.run(&load, 0);
    assert_eq!(checksum(&other, "app"), before);
    let (_, refused) = machine.run(&load, 6);
    assert!(refused.contains("there are databases on the server"), "{refused}");
    let (_, told) = machine.run(&[&load[..], &["--overwrite=always"]].concat(), 7);
    assert!(told.contains(r#"the server refused: schema "s" already exists"#), "{told}");
}

#[test]
fn the_newest_dump_up_to_a_day_is_taken_and_what_there_is_not_is_told() {
    let Some(server) = PostgreSql::required() else { return };
    server.ask("postgres", "create database app");
    server.ask("app", "create table t as select 1 as v");
    let machine = machine(&server, "<compress_mode>gzip</compress_mode><database>app</database>");
    machine.run(&["run", "postgresql", "collect", "stage", "-q"], 0);
    server.ask("app", "update t set v = 2");
    let mut second = machine.redcedar(&["run", "postgresql", "collect", "stage", "-q"]);
    assert!(second.env("REDCEDAR_NOW", "2026-11-25T02:00:00").output().unwrap().status.success());
    let value = |as_of: &[&str]| {
        let (sql, _) = machine.run(&[&["restore", "--database=app", "--to-file=-"], as_of].concat(), 0);
        let (_, copied) = sql.split_once("COPY public.t (v) FROM stdin;\n").unwrap();
        copied.lines().next().unwrap().to_owned()
    };
    assert_eq!(value(&[]), "2");
    assert_eq!(value(&["--as-of=2026-11-24"]), "1");
    let (_, told) = machine.run(&["restore", "--database=web", "--to-file=-"], 6);
    assert!(told.contains("there is no dump of web; there are dumps of postgresql:app"), "{told}");
    let (_, told) = machine.run(&["restore", "--database=app", "--as-of=2026-11-20", "--to-file=-"], 6);
    assert!(
        told.contains("there is no dump of app up to 2026-11-20; there are no dumps of databases"),
        "{told}"
    );
}
