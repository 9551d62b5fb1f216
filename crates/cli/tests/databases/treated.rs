//! Encrypted and split: databases come back as they were on each day, and nothing of them is in clear on the way.

use age::secrecy::ExposeSecret;
use redcedar_testing::databases::{MariaDb, PostgreSql};
use redcedar_testing::keyring::{Keyring, NAME};
use redcedar_testing::program::{self, describe};

use super::machine::{Machine, elements};
use super::{mysql, postgresql};

/// In every dump, once it is decrypted.
const SECRET: &str = "nobody-elses-business";
const DAYS: [&str; 3] = ["2026-11-24", "2026-11-25", "2026-11-26"];

/// Has staged days treated in this order.
fn treat(machine: &Machine, order: [&str; 2], encrypt: &str) {
    let action = |(name, index): (&str, u32)| {
        format!(
            "<action><name>{name}</name><module>CedarBackup3.extend.{name}</module>
            <function>executeAction</function><index>{index}</index></action>"
        )
    };
    let actions: String = order.into_iter().zip([210, 220]).map(action).collect();
    let split = "<split><size_limit>3000</size_limit><split_size>3000</split_size></split>";
    machine.configure(&actions, &format!("<encrypt>{encrypt}</encrypt>{split}"));
}

#[track_caller]
fn run_on(machine: &Machine, day: &str, arguments: &[&str]) {
    let output = program::run(machine.redcedar(arguments).env("REDCEDAR_NOW", format!("{day}T02:00:00")));
    assert!(output.status.success(), "{day}: {}", describe(&output));
}

/// What can be done with the database `app` of a server.
struct Server<'a> {
    name: &'a str,
    ask: &'a dyn Fn(&str) -> String,
    look: &'a dyn Fn() -> String,
    /// Removes it.
    drop: &'a dyn Fn(),
    /// What connects as somebody who may do anything.
    options: &'a [&'a str],
}

/// Dumps, encrypts and splits a database that changes each day, and brings each day back.
fn there_and_back(
    machine: &mut Machine,
    server: &Server<'_>,
    order: [&str; 2],
    unlock: impl Fn(&mut Machine),
) {
    let mut days = Vec::new();
    for day in DAYS {
        (server.ask)(&format!("insert into t (v) values ('{SECRET} {day}')"));
        run_on(machine, day, &[&["run", server.name, "collect", "stage"], &order[..]].concat());
        days.push((day, (server.look)()));
        let staged = machine.names(&format!("staging/{}/me", day.replace('-', "/")));
        let is_treated =
            |name: &String| name.starts_with("cback.") || name.contains(".gpg") || name.contains(".age");
        assert!(staged.iter().all(is_treated), "{staged:?}");
        assert!(staged.iter().any(|name| name.contains("_00001")), "{staged:?}");
    }
    let found = program::run(program::command("grep").args(["-rlaF", SECRET]).arg(machine.path("staging")));
    assert_eq!(found.status.code(), Some(1), "{}", describe(&found));

    let restore = |machine: &Machine, day: &str, code| {
        let arguments = ["restore", "--database=app", "--into-server", "--as-of", day];
        machine.run(&[&arguments, server.options].concat(), code)
    };
    (server.drop)();
    let (_, locked) = restore(machine, DAYS[2], 6);
    assert!(locked.contains("key"), "{locked}");
    unlock(machine);
    for (day, wanted) in days {
        (server.drop)();
        restore(machine, day, 0);
        assert_eq!((server.look)(), wanted, "{day}");
    }
    machine.run(&["verify"], 0);
}

#[test]
fn what_gpg_encrypted_of_mariadb_comes_back_as_it_was_on_each_day() {
    let Some(server) = MariaDb::required() else { return };
    mysql::fill(&server);
    let dump = format!("{}<snapshot>Y</snapshot><compress_mode>none</compress_mode>", mysql::credentials());
    let mut machine = Machine::new("mysql", "", &format!("{dump}{}", elements(&["app"])));
    let (secret, order) = (Keyring::new(), ["encrypt", "split"]);
    let public = secret.public(true);
    let own_file = format!("!include {}\n", server.option_file().display());
    fs_err::write(machine.path("home/.my.cnf"), own_file).unwrap();
    machine.set("GNUPGHOME", public.home());
    treat(
        &machine,
        order,
        &format!("<encrypt_mode>gpg</encrypt_mode><encrypt_target>{NAME}</encrypt_target>"),
    );
    let option = format!("--server-option=--defaults-extra-file={}", server.option_file().display());
    let server = Server {
        name: "mysql",
        ask: &|sql| server.ask(&format!("use app; {sql}")),
        look: &|| server.ask("checksum table app.t; select count(*), max(v) from app.w"),
        drop: &|| drop(server.ask("drop database if exists app")),
        options: &[&option, "--server-option=--user=root"],
    };
    there_and_back(&mut machine, &server, order, |machine| machine.set("GNUPGHOME", secret.home()));
}

#[test]
fn what_age_encrypted_of_postgresql_comes_back_as_it_was_on_each_day() {
    let Some(server) = PostgreSql::required() else { return };
    server.ask("postgres", "create role owner login password 'secret'");
    postgresql::make(&server, "app");
    let section = format!("<compress_mode>none</compress_mode>{}", elements(&["app"]));
    let mut machine = postgresql::machine(&server, &section);
    let (identity, order) = (age::x25519::Identity::generate(), ["split", "encrypt"]);
    let file = machine.path("identity");
    fs_err::write(&file, identity.to_string().expose_secret()).unwrap();
    treat(&machine, order, &format!("<age_recipient>{}</age_recipient>", identity.to_public()));
    let server = Server {
        name: "postgresql",
        ask: &|sql| server.ask("app", &sql.replace("into t (v)", "into s.t (v, b)").replace("')", "', '')")),
        look: &|| postgresql::checksum(&server, "app"),
        drop: &|| drop(server.ask("postgres", "drop database if exists app")),
        options: &[postgresql::ADMINISTRATOR],
    };
    there_and_back(&mut machine, &server, order, |machine| machine.set("REDCEDAR_IDENTITY", &file));
}
