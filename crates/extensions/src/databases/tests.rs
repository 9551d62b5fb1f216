use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use redcedar_engine::extension::ExtensionError;
use redcedar_system::command::{CommandError, OsRunner};
use redcedar_system::fake::{RecordingMonitor, ScriptedRunner};
use redcedar_system::interrupt::Interrupted;
use redcedar_system::{Environment, Interrupt, Level};

use crate::postgresql::Postgresql;
use crate::sample::{Machine, ended};

/// A machine whose `pg_dump` is `script`.
fn machine(script: &str, section: &str) -> Machine {
    let overrides = "<override><command>pg_dump</command><abs_path>DIR/pg_dump</abs_path></override>";
    let machine = Machine::new(overrides, &format!("<postgresql>{section}</postgresql>"));
    let program = machine.path("pg_dump");
    fs_err::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs_err::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    machine
}

fn real() -> Arc<OsRunner> {
    let environment = Environment::from_pairs([("PATH", "/usr/bin:/bin")]);
    Arc::new(OsRunner::new(&environment, Arc::new(RecordingMonitor::default()), Interrupt::new()))
}

const COMPLETE: &str = r"printf '%s\n' data -- '-- PostgreSQL database dump complete' -- ''";

#[test]
fn a_dump_is_a_file_that_only_the_backup_group_reads_named_as_by_the_originals() {
    let section = "<compress_mode>gzip</compress_mode><database>a/b</database><database>x</database>";
    let machine = machine(COMPLETE, section);
    let (outcome, _) = machine.run(&Postgresql, real());
    let outcome = outcome.unwrap();
    assert!(outcome.is_complete());
    assert_eq!(outcome.summary.bytes_in, 2 * 49);
    assert_eq!(machine.collected(), ["postgresqldump-a%2Fb.txt.gz", "postgresqldump-x.txt.gz"]);
    let mode =
        fs_err::metadata(machine.path("collect/postgresqldump-x.txt.gz")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn a_database_that_fails_leaves_no_file_and_the_others_are_dumped() {
    let script = format!(
        "case $1 in \
        gone) echo 'pg_dump: error: database \"gone\" does not exist' >&2; exit 1;; \
        killed) echo half; kill -9 $$;; \
        silent) exit 0;; \
        half) echo half; exit 0;; esac; {COMPLETE}"
    );
    let names =
        ["gone", "killed", "silent", "half", "good"].map(|name| format!("<database>{name}</database>"));
    let machine = machine(&script, &format!("<compress_mode>bzip2</compress_mode>{}", names.concat()));
    let (outcome, monitor) = machine.run(&Postgresql, real());
    let program = machine.path("pg_dump").display().to_string();
    let incomplete =
        format!("the dump does not end as a complete one does, although {program} ended with status 0");
    let expected = [
        format!(
            "Cannot dump PostgreSQL database [gone]: {program} ended with status 1: pg_dump: error: database \"gone\" does not exist"
        ),
        format!("Cannot dump PostgreSQL database [killed]: {program} was ended by signal 9"),
        format!("Cannot dump PostgreSQL database [silent]: {incomplete}"),
        format!("Cannot dump PostgreSQL database [half]: {incomplete}"),
    ];
    assert_eq!(outcome.unwrap().failures, expected);
    assert_eq!(monitor.at(Level::Error), expected);
    assert_eq!(machine.collected(), ["postgresqldump-good.txt.bz2"]);
}

#[test]
fn a_dump_may_take_a_day_or_as_configured_or_for_ever() {
    let limit = |more: &str| {
        let section = format!("<compress_mode>none</compress_mode><database>x</database>{more}");
        let machine = Machine::new("", &format!("<postgresql>{section}</postgresql>"));
        assert_eq!(machine.check(&Postgresql), Vec::<String>::new());
        machine.commands(&Postgresql, [])[0].timeout.map(|limit| limit.as_secs() / 60)
    };
    assert_eq!(limit(""), Some(24 * 60));
    assert_eq!(limit("<time_limit>90</time_limit>"), Some(90));
    assert_eq!(limit("<time_limit>0</time_limit>"), None);
    let section = "<compress_mode>none</compress_mode><database>slow</database><database>x</database>";
    let hung = CommandError::TimedOut { program: "pg_dump".into(), limit: Duration::from_mins(1) };
    let (outcome, _) =
        machine(COMPLETE, section).run(&Postgresql, Arc::new(ScriptedRunner::with_errors([Err(hung)])));
    let failures = outcome.unwrap().failures;
    assert_eq!(
        failures[0],
        "Cannot dump PostgreSQL database [slow]: pg_dump took longer than 60 s and was ended"
    );
}

#[test]
fn yesterdays_dump_stays_when_todays_fails_and_goes_when_it_has_another_compression() {
    let section = "<compress_mode>none</compress_mode><database>x</database>";
    let machine = machine("exit 1", section);
    for name in ["postgresqldump-x.txt", "postgresqldump-x.txt.gz", "postgresqldump-y.txt.gz"] {
        fs_err::write(machine.path("collect").join(name), "old").unwrap();
    }
    machine.run(&Postgresql, real()).0.unwrap();
    assert_eq!(fs_err::read(machine.path("collect/postgresqldump-x.txt")).unwrap(), b"old");
    assert_eq!(machine.collected().len(), 3);
    fs_err::write(machine.path("pg_dump"), format!("#!/bin/sh\n{COMPLETE}\n")).unwrap();
    machine.run(&Postgresql, real()).0.unwrap();
    assert_eq!(machine.collected(), ["postgresqldump-x.txt", "postgresqldump-y.txt.gz"]);
}

#[test]
fn an_interrupt_ends_everything_and_a_missing_program_is_told() {
    let section = "<compress_mode>gzip</compress_mode><database>x</database><database>y</database>";
    let machine = machine("", section);
    let runner = ScriptedRunner::with_errors([Err(CommandError::Interrupted(Interrupted))]);
    let (result, _) = machine.run(&Postgresql, Arc::new(runner));
    assert!(matches!(result, Err(ExtensionError::Interrupted(_))));
    let (outcome, _) =
        machine.run(&Postgresql, Arc::new(ScriptedRunner::new([ended(256, &["No such file"])])));
    let failures = outcome.unwrap().failures;
    assert!(failures[0].ends_with("pg_dump cannot be started: No such file"), "{failures:?}");
    assert_eq!(failures.len(), 2);
    assert_eq!(machine.collected(), Vec::<String>::new());
}

#[test]
fn what_is_wrong_in_a_section_is_found_before_anything_runs() {
    let check = |section: &str| Machine::new("", section).check(&Postgresql);
    assert_eq!(check(""), ["error: `cb_config` lacks `postgresql`"]);
    assert_eq!(
        check("<postgresql/>"),
        ["error: `postgresql` lacks `compress_mode`", "error: `postgresql` has nothing to dump"]
    );
    assert_eq!(
        check("<postgresql><compress_mode> gzip</compress_mode><all>yes</all></postgresql>"),
        [
            "error: `compress_mode` must be `none`, `gzip`, `bzip2` or (ours) `zstd`",
            "error: `all` must be `Y` or `N`",
        ]
    );
    assert_eq!(
        check(
            "<postgresql><compress_mode>gzip</compress_mode><all>Y</all><database>x</database></postgresql>"
        ),
        ["error: `database` cannot be given together with `<all>Y</all>`"]
    );
    assert_eq!(
        check(
            "<postgresql><compress_mode>gzip</compress_mode><database>x</database><database>x</database>\
            <passwort>x</passwort></postgresql>"
        ),
        [
            "warning: `postgresql` has no element `passwort`; it is ignored",
            "warning: database `x` is there twice; it is dumped once",
        ]
    );
}
