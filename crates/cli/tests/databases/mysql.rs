//! MariaDB, dumped by `mysqldump`.

use std::io::Write;
use std::process::Stdio;

use redcedar_testing::databases::MariaDb;
use redcedar_testing::{pool, program};

use super::Machine;
use super::machine::elements;

/// Names that some of the layers between would take for something else.
const HOSTILE: [&str; 4] = ["-x", "a/b", "it's; `drop`", "%2F <ü>"];

const PASSWORD: &str = "it's \"#\\ x%; ";

pub(super) fn fill(server: &MariaDb) {
    let sql = "create database app; use app;
        create table t (id int auto_increment primary key, v varchar(64), b blob) engine=innodb;
        insert into t (v, b) select concat('row\r\n', seq), unhex(md5(seq)) from seq_1_to_3000;
        create view w as select v from t;
        create trigger before_insert before insert on t for each row set new.v = upper(new.v);
        create procedure p() select 1;
        create event e on schedule every 1 day do delete from t where id < 0;";
    server.ask(sql);
    for name in HOSTILE {
        let name = name.replace('`', "``");
        server.ask(&format!(
            "create database `{name}`; create table `{name}`.t (v int); insert into `{name}`.t values (7)"
        ));
    }
    let password = PASSWORD.replace('\\', r"\\").replace('\'', "''");
    server.ask(&format!(
        "create user bk@localhost identified by '{password}';
        grant select, lock tables, show view, event, trigger, reload, process on *.* to bk@localhost"
    ));
}

pub(super) fn checksum(server: &MariaDb) -> String {
    let mut sums = server.ask(
        "checksum table app.t; select count(*) from app.w;
        select trigger_name, action_statement from information_schema.triggers where trigger_schema = 'app'",
    );
    for name in HOSTILE {
        sums += &server.ask(&format!("select v from `{}`.t", name.replace('`', "``")));
    }
    sums
}

pub(super) fn credentials() -> String {
    format!("<user>bk</user><password>{}</password>", pool::xml(PASSWORD))
}

#[test]
fn single_databases_come_back_whatever_their_names_and_only_where_nothing_is() {
    let Some(server) = MariaDb::required() else { return };
    fill(&server);
    let before = checksum(&server);
    let names = [&["app"], &HOSTILE[..]].concat();
    let own = "<snapshot>Y</snapshot><routines>Y</routines><hex_blob>Y</hex_blob><compress_mode>gzip</compress_mode>";
    let section = format!("{}{own}{}", credentials(), elements(&names));
    let machine = Machine::new("mysql", "", &section);
    // What is in the invoker's own file counts less than the configuration, and is still used.
    let own_file =
        format!("!include {}\n[client]\nuser=nobody\npassword=wrong\n", server.option_file().display());
    fs_err::write(machine.path("home/.my.cnf"), own_file).unwrap();
    let (_, said) = machine.run(&["run", "mysql", "collect", "stage"], 0);
    assert!(said.contains("The events of [app] (1) are not dumped"), "{said}");
    assert!(!said.contains("routines"), "{said}");

    machine.run(&["verify"], 0);
    let (listed, _) = machine.run(&["list"], 0);
    assert!(listed.contains("mysqldump-a%2Fb.txt.gz"), "{listed}");
    let option = format!("--server-option=--defaults-extra-file={}", server.option_file().display());
    let root = "--server-option=--user=root";
    fs_err::remove_file(machine.path("home/.my.cnf")).unwrap();
    let load = |name: &str, code| {
        machine.run(&["restore", &format!("--database={name}"), "--into-server", &option, root], code)
    };
    let (_, refused) = load("app", 6);
    assert!(refused.contains("there is a database [app] with tables in it on the server"), "{refused}");
    for name in names {
        server.ask(&format!("drop database `{}`", name.replace('`', "``")));
        load(name, 0);
    }
    assert_eq!(checksum(&server), before);
    assert_eq!(server.ask("call app.p()"), "1\n");

    server.ask("delete from app.t");
    let app = ["restore", "--database=mysql:app", "--into-server", &option, root, "--overwrite=always"];
    machine.run(&app, 0);
    assert_eq!(checksum(&server), before);
}

#[test]
fn a_whole_server_comes_back_with_its_users() {
    let Some(server) = MariaDb::required() else { return };
    fill(&server);
    let before = checksum(&server);
    let section = format!("{}<compress_mode>bzip2</compress_mode><all>Y</all>", credentials());
    let machine = Machine::new("mysql", "", &section);
    fs_err::copy(server.option_file(), machine.path("home/.my.cnf")).unwrap();
    machine.run(&["run", "mysql", "-q"], 0);
    assert_eq!(machine.names("collect"), ["mysqldump.txt.bz2"]);
    let Some(other) = MariaDb::required() else { return };
    fs_err::copy(other.option_file(), machine.path("home/.my.cnf")).unwrap();
    let collected = machine.path("collect").display().to_string();
    let root = "--server-option=--user=root";
    let (said, _) =
        machine.run(&["restore", "--all-databases", "--from", &collected, "--into-server", root], 0);
    assert!(said.starts_with("collect: restored all databases of mysql of 20"), "{said}");
    assert_eq!(checksum(&other), before);
    assert_eq!(other.ask("call app.p()"), "1\n");
    let mut login = program::command("mariadb");
    login.arg(format!("--defaults-file={}", other.option_file().display())).args([
        "--user=bk",
        "-e",
        "select 1",
    ]);
    program::succeed(login.env("MYSQL_PWD", PASSWORD));
    let (_, refused) =
        machine.run(&["restore", "--all-databases=mysql", "--from", &collected, "--into-server", root], 6);
    assert!(refused.contains("there are databases with tables in them on the server"), "{refused}");
}

#[test]
fn a_dump_is_sql_that_goes_to_a_file_or_to_standard_output() {
    let Some(server) = MariaDb::required() else { return };
    fill(&server);
    let before = checksum(&server);
    let machine = Machine::new(
        "mysql",
        "",
        "<user>root</user><compress_mode>zstd</compress_mode><database>app</database>",
    );
    fs_err::copy(server.option_file(), machine.path("home/.my.cnf")).unwrap();
    machine.run(&["run", "mysql", "-q"], 0);
    let from = machine.path("collect").display().to_string();
    let sql = machine.path("app.sql");
    let to_file = ["restore", "--database", "app", "--from", &from, "--to-file", sql.to_str().unwrap()];
    machine.run(&to_file, 0);
    let (_, refused) = machine.run(&to_file, 6);
    assert!(refused.contains("app.sql is there already"), "{refused}");
    let output = program::succeed(&mut machine.redcedar(&[
        "restore",
        "--database",
        "app",
        "--from",
        &from,
        "--to-file",
        "-",
    ]));
    assert!(output == fs_err::read(&sql).unwrap());
    server.ask("drop database app");
    let mut client = server.client().stdin(Stdio::piped()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(&output).unwrap();
    assert!(client.wait().unwrap().success());
    assert_eq!(checksum(&server), before);
}
