//! Dumps that fail, and dumps that are no good.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use redcedar_testing::databases::{MariaDb, PostgreSql};
use redcedar_testing::faults::SmallFileSystem;
use redcedar_testing::program;

use super::Machine;
use super::machine::elements;

/// A dump program of our own in the place of `pg_dump`.
const OVERRIDE: &str = "<override><command>pg_dump</command><abs_path>DIR/dump</abs_path></override>";

#[test]
fn a_wrong_password_a_missing_database_and_a_stopped_server_are_told_and_nothing_is_ready_for_stage() {
    let Some(mut server) = MariaDb::required() else { return };
    server.ask("create database app; create user bk@localhost identified by 'right'; grant all on *.* to bk@localhost");
    let run = |password: &str, names: &[&str]| {
        let section = format!(
            "<user>bk</user><password>{password}</password><compress_mode>gzip</compress_mode>{}",
            elements(names)
        );
        let machine = Machine::new("mysql", "", &section);
        fs_err::copy(server.option_file(), machine.path("home/.my.cnf")).unwrap();
        let (_, said) = machine.run(&["run", "mysql", "collect"], 6);
        (said, machine.names("collect"))
    };
    let (said, collected) = run("wr0ng", &["app"]);
    assert!(said.contains("Cannot dump MySQL database [app]: mysqldump ended with status 2: "), "{said}");
    assert!(said.contains("Access denied"), "{said}");
    assert!(!said.contains("wr0ng"), "{said}");
    assert_eq!(collected, Vec::<String>::new());
    let (said, collected) = run("right", &["gone", "app"]);
    assert!(said.contains("Cannot dump MySQL database [gone]"), "{said}");
    assert!(said.contains("Unknown database 'gone'"), "{said}");
    assert_eq!(collected, ["mysqldump-app.txt.gz"]);
    server.stop();
    let (said, collected) = {
        let section = "<compress_mode>gzip</compress_mode><all>Y</all>";
        let machine = Machine::new("mysql", "", section);
        fs_err::copy(server.option_file(), machine.path("home/.my.cnf")).unwrap();
        (machine.run(&["run", "mysql", "collect"], 6).1, machine.names("collect"))
    };
    assert!(said.contains("Can't connect to local"), "{said}");
    assert_eq!(collected, Vec::<String>::new());
}

#[test]
fn a_server_that_refuses_or_is_stopped_is_told() {
    let Some(mut server) = PostgreSql::required() else { return };
    server.ask("postgres", "create role locked superuser login password 'right'");
    let section = "<user>locked</user><compress_mode>gzip</compress_mode><database>postgres</database>";
    let mut machine = Machine::new("postgresql", "", section);
    machine.set("PGHOST", server.host());
    fs_err::write(machine.path("home/.pgpass"), "*:*:*:*:wr0ng\n").unwrap();
    program::succeed(program::command("chmod").arg("600").arg(machine.path("home/.pgpass")));
    let (_, said) = machine.run(&["run", "postgresql"], 6);
    assert!(said.contains("password authentication failed"), "{said}");
    server.stop();
    let (_, said) = machine.run(&["run", "postgresql"], 6);
    assert!(said.contains("No such file or directory"), "{said}");
    assert_eq!(machine.names("collect"), Vec::<String>::new());
}

#[test]
fn a_full_disk_ends_the_dump_at_once_and_leaves_nothing() {
    let Some(small) = SmallFileSystem::mount(512) else { return };
    let section = "<compress_mode>none</compress_mode><database>app</database>";
    let machine = Machine::new("postgresql", OVERRIDE, section);
    machine.script("dump", "trap '' PIPE; while :; do head -c 65536 /dev/zero; done");
    fs_err::remove_dir(machine.path("collect")).unwrap();
    fs_err::os::unix::fs::symlink(small.path(), machine.path("collect")).unwrap();
    let started = Instant::now();
    let (_, said) = machine.run(&["run", "postgresql"], 6);
    assert!(said.contains("No space left on device"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(machine.names("collect"), Vec::<String>::new());
}

#[test]
fn a_dump_that_is_cut_damaged_or_replaced_is_found_and_loaded_into_no_server() {
    let machine =
        Machine::new("postgresql", OVERRIDE, "<compress_mode>gzip</compress_mode><database>app</database>");
    machine.script("dump", r"seq 100000; printf '%s\n' -- '-- PostgreSQL database dump complete' -- ''");
    machine.run(&["run", "postgresql", "collect", "stage", "-q"], 0);
    machine.run(&["verify"], 0);
    let stored = machine.path("staging/2026/11/24/me/postgresqldump-app.txt.gz");
    let whole = fs_err::read(&stored).unwrap();
    // No client is there to be started: an attempt would be another error.
    let restore = |way: &str| machine.run(&["restore", "--database=app", way], 6).1;
    let to_file = format!("--to-file={}", machine.path("app.sql").display());

    fs_err::write(&stored, &whole[..whole.len() - 1000]).unwrap();
    let (_, said) = machine.run(&["verify"], 6);
    assert!(said.contains("postgresqldump-app.txt.gz: its SHA-256 is not that of cback.sha256"), "{said}");
    let list = machine.path("staging/2026/11/24/me/cback.sha256");
    let digests = fs_err::read(&list).unwrap();
    fs_err::remove_file(&list).unwrap();
    for said in [said, restore("--into-server"), restore(&to_file)] {
        assert!(said.contains("the file ends in the middle of its compressed data"), "{said}");
    }

    fs_err::write(&stored, compress(b"half of it\n")).unwrap();
    for said in [machine.run(&["verify"], 6).1, restore("--into-server"), restore(&to_file)] {
        assert!(said.contains("it does not end as a complete dump does"), "{said}");
    }

    // Whole, but another one.
    let text = b"something else\n--\n-- PostgreSQL database dump complete\n--\n";
    fs_err::write(&stored, compress(text)).unwrap();
    machine.run(&["verify"], 0);
    fs_err::write(&list, digests).unwrap();
    for said in [restore("--into-server"), restore(&to_file), restore("--to-file=-")] {
        assert!(
            said.contains("the SHA-256 of postgresqldump-app.txt.gz is not that of cback.sha256"),
            "{said}"
        );
    }
    assert!(!machine.path("app.sql").exists());
    fs_err::write(&stored, whole).unwrap();
    machine.run(&["restore", "--database=app", &to_file], 0);
}

/// What `gzip` makes of a text.
fn compress(text: &[u8]) -> Vec<u8> {
    let mut gzip = program::command("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gzip.stdin.take().unwrap().write_all(text).unwrap();
    gzip.wait_with_output().unwrap().stdout
}

#[test]
fn a_wrong_section_is_shown_with_its_line_before_anything_runs() {
    let machine = Machine::new("postgresql", "", "<compress_mode>gz</compress_mode><database>x</database>");
    let (_, said) = machine.run(&["run", "collect", "postgresql"], 4);
    assert!(said.contains("`compress_mode` must be `none`, `gzip`, `bzip2` or (ours) `zstd`"), "{said}");
    assert!(said.contains("<compress_mode>gz</compress_mode>"), "{said}");
    assert_eq!(machine.names("collect"), Vec::<String>::new());
}

#[test]
fn what_belongs_to_databases_is_asked_for_together() {
    let machine = Machine::new("postgresql", "", "<compress_mode>gzip</compress_mode><all>Y</all>");
    for line in [
        &["--database=x"][..],
        &["--into-server"],
        &["--to-file=x"],
        &["--database=x", "--to=x"],
        &["--database=x", "--into-server", "--to-file=x"],
        &["--database=x", "--all-databases", "--into-server"],
        &["--database=x", "--to-file=x", "--server-option=-x"],
        &["--all-databases=oracle", "--into-server"],
        &["--database=x", "--into-server", "/etc"],
        &[],
    ] {
        machine.run(&[&["restore", "--from=/"], line].concat(), 2);
    }
}
