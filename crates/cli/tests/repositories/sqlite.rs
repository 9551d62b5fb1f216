//! SQLite.

use crate::machine::{Machine, required, tool};
use redcedar_testing::program::describe;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

const SECTION: &str = "<sqlite><collect_mode>daily</collect_mode><compress_mode>gzip</compress_mode>
    <database><abs_path>ROOT/app.db</abs_path></database></sqlite>";

const NIGHT: [&str; 2] = ["collect", "stage"];

pub(crate) fn sql(database: &Path, text: &str) -> String {
    tool(Path::new("/"), &["sqlite3".as_ref(), database.as_os_str(), text.as_ref()])
}

#[test]
fn a_database_comes_back_as_it_was_on_each_day_and_keeps_its_journal_mode() {
    if !required("sqlite3") {
        return;
    }
    let mut machine = Machine::new(SECTION);
    let database = machine.path("app.db");
    let mut days = Vec::new();
    for mode in ["delete", "wal", "wal"] {
        let count = days.len();
        sql(&database, &format!("PRAGMA journal_mode={mode}; CREATE TABLE t{count} AS SELECT {count} AS x"));
        machine.run(&NIGHT);
        days.push((machine.date(), mode, sql(&database, ".dump")));
        machine.next_day();
    }
    let name = format!("sqlitedump-{}.sqlite.gz", "app.db");
    assert_eq!(machine.collected("sqlitedump"), [name]);
    for (day, mode, wanted) in &days {
        let said = machine.redcedar_well(&format!(
            "restore --sqlite ROOT/app.db --from ROOT/staging --to ROOT/{day}.db --as-of {day}"
        ));
        assert!(said.contains(&format!("of {day}")), "{said}");
        let back = machine.path(&format!("{day}.db"));
        assert_eq!(fs_err::metadata(&back).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(sql(&back, ".dump"), *wanted, "{day}");
        assert_eq!(sql(&back, "PRAGMA journal_mode").trim(), *mode);
    }
    let drilled = machine.redcedar_well("drill --sqlite ROOT/app.db --from ROOT/staging");
    assert!(drilled.contains(": 3 tables, "), "{drilled}");
    let again = machine.redcedar("restore --sqlite ROOT/app.db --from ROOT/staging --to ROOT/app.db");
    assert_eq!(again.status.code(), Some(6), "{}", describe(&again));
    assert!(machine.redcedar_well("verify --from ROOT/staging").contains("all is well"));
    let working = fs_err::read_dir(machine.pool.working_dir()).unwrap();
    let left: Vec<_> = working.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("sqlite")), "{left:?}");
}

#[test]
fn a_copy_made_while_somebody_writes_is_as_the_database_was_at_one_moment() {
    if !required("sqlite3") {
        return;
    }
    let machine = Machine::new(SECTION);
    for mode in ["delete", "wal"] {
        let database = machine.path("app.db");
        // Two tables that are the same at every moment, and large enough that copying takes several steps.
        let filler = "zeroblob(20000)";
        sql(
            &database,
            &format!(
                "PRAGMA journal_mode={mode}; CREATE TABLE a(x, y); CREATE TABLE z(x, y);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                INSERT INTO a SELECT i, {filler} FROM n; INSERT INTO z SELECT * FROM a"
            ),
        );
        let changes = "BEGIN; UPDATE a SET x = x + 1; UPDATE z SET x = x + 1; COMMIT;\n".repeat(20_000);
        let script = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(script.path(), format!(".timeout 60000\n{changes}")).unwrap();
        let mut writer = crate::machine::command(Path::new("/"), &["sqlite3".as_ref(), database.as_os_str()])
            .stdin(fs_err::File::open(script.path()).unwrap().into_file())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let before = sql(&database, ".timeout 60000\nSELECT min(x) FROM a");
        machine.run(&["collect"]);
        let is_writing = writer.try_wait().unwrap().is_none();
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert!(is_writing, "the writer must outlive the backup");
        machine.redcedar_well("restore --sqlite ROOT/app.db --from ROOT/collect --to ROOT/back.db");
        let differences = "SELECT count(*) FROM a JOIN z ON a.rowid = z.rowid WHERE a.x <> z.x";
        assert_eq!(sql(&machine.path("back.db"), differences), "0\n");
        assert!(sql(&machine.path("back.db"), "SELECT min(x) FROM a") >= before);
        for name in ["app.db", "app.db-wal", "app.db-shm", "app.db-journal", "back.db"] {
            let _gone = fs_err::remove_file(machine.path(name));
        }
    }
}

#[test]
fn what_is_no_whole_database_is_an_error_and_the_others_are_copied() {
    if !required("sqlite3") {
        return;
    }
    let entries = ["missing", "text", "damaged", "empty", "good"]
        .map(|name| format!("<database><abs_path>ROOT/{name}.db</abs_path></database>"));
    let section = SECTION.replace("<database><abs_path>ROOT/app.db</abs_path></database>", &entries.concat());
    let machine = Machine::new(&section);
    fs_err::write(machine.path("text.db"), "this is no database".repeat(100)).unwrap();
    fs_err::write(machine.path("empty.db"), "").unwrap();
    sql(&machine.path("good.db"), "CREATE TABLE t AS SELECT 1 AS x");
    let damaged = machine.path("damaged.db");
    sql(
        &damaged,
        "CREATE TABLE t(x); CREATE INDEX i ON t(x); INSERT INTO t SELECT value FROM generate_series(1, 5000)",
    );
    let mut bytes = fs_err::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 3000].fill(0xaa);
    fs_err::write(&damaged, bytes).unwrap();
    let output = machine.cback3(&NIGHT);
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    for expected in ["missing.db]: unable to open", "text.db]: file is not a database", "damaged.db]: "] {
        assert!(machine.log().contains(expected), "{expected}\n{}", machine.log());
    }
    assert_eq!(
        machine.collected("sqlitedump"),
        ["sqlitedump-empty.db.sqlite.gz", "sqlitedump-good.db.sqlite.gz"]
    );
    machine.redcedar_well("restore --sqlite ROOT/empty.db --from ROOT/collect --to ROOT/back.db");
    assert_eq!(sql(&machine.path("back.db"), "SELECT count(*) FROM sqlite_schema"), "0\n");
}

#[test]
fn a_weekly_database_waits_for_its_day_and_what_nobody_picked_up_stays() {
    if !required("sqlite3") {
        return;
    }
    let mut machine = Machine::new(&SECTION.replace("daily", "weekly"));
    sql(&machine.path("app.db"), "CREATE TABLE t AS SELECT 1 AS x");
    machine.run(&NIGHT);
    assert_eq!(machine.collected("sqlitedump"), [""; 0]);
    while machine.date() != "2031-03-09" {
        machine.next_day();
    }
    machine.run(&["collect"]);
    machine.next_day();
    machine.run(&NIGHT);
    assert_eq!(machine.staged("sqlitedump").len(), 1);
    machine.next_day();
    machine.run(&NIGHT);
    assert_eq!(machine.staged("sqlitedump"), [""; 0]);
}

#[test]
fn a_database_that_needs_what_only_its_program_has_is_copied_with_a_warning() {
    if !required("sqlite3") {
        return;
    }
    let machine = Machine::new(SECTION);
    let database = machine.path("app.db");
    sql(
        &database,
        "CREATE TABLE t(x COLLATE NOCASE); CREATE INDEX i ON t(x); INSERT INTO t VALUES('a'), ('b')",
    );
    sql(
        &database,
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'OURS')",
    );
    machine.run(&NIGHT);
    assert!(machine.log().contains("could not be checked: "), "{}", machine.log());
    assert_eq!(machine.staged("sqlitedump"), ["sqlitedump-app.db.sqlite.gz"]);
}

#[test]
fn nothing_but_a_section_of_ours_is_enough_to_collect() {
    if !required("sqlite3") {
        return;
    }
    let machine = Machine::new(SECTION);
    sql(&machine.path("app.db"), "CREATE TABLE t AS SELECT 1 AS x");
    machine.configure_collect("", SECTION);
    machine.run(&NIGHT);
    assert_eq!(machine.staged(""), ["cback.collect", "cback.sha256", "sqlitedump-app.db.sqlite.gz"]);
    machine.redcedar_well("run collect --config ROOT/cback3.conf");
    machine.configure_collect("", "");
    let output = machine.cback3(&["collect"]);
    assert!(machine.log().contains("There must be at least one collect file or collect directory."));
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
}
