//! Wrong discs, damaged ones, failing drives, killed runs: what is reported as stored is, and what was there before is not
//! lost for nothing.

use std::os::unix::process::ExitStatusExt;

use super::machine::{Machine, SMALL, can_write, stdio, xorriso};
use redcedar_testing::program::{self, describe};

const KB: usize = 1024;

#[test]
fn nothing_is_written_over_that_is_not_ours() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/23", KB);
    fs_err::write(machine.disc(), "a novel").unwrap();
    for actions in
        [&["store"][..], &["rebuild"], &["initialize"], &["--full", "store"], &["--full", "initialize"]]
    {
        machine.run_badly("2026-11-23 03:00", actions, "is no image that we wrote");
        assert_eq!(fs_err::read_to_string(machine.disc()).unwrap(), "a novel");
    }
    fs_err::remove_file(machine.disc()).unwrap();
    program::succeed(
        xorriso()
            .arg("-outdev")
            .arg(stdio(&machine.disc()))
            .args(["-volid", "HOLIDAYS", "-mkdir", "/x", "--", "-commit"]),
    );
    machine.run_badly("2026-11-23 03:00", &["store"], "is no image that we wrote");
    assert_eq!(machine.label(), "HOLIDAYS");
}

#[test]
fn last_weeks_image_is_there_until_its_successor_is_proven() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/22", 100 * KB);
    machine.run_well("2026-11-22 03:00", &["store"]);
    let before = fs_err::read(machine.disc()).unwrap();
    machine.stage("2026/11/23", 200 * KB);
    // What is written is damaged at once, at a place that belongs to the archive.
    let spoil = r#"REAL "$@"; status=$?
case " $* " in *" -commit "*) for x in ROOT/.disc.iso.redcedar-new; do printf XXXX | dd of=$x bs=2048 seek=110 conv=notrunc 2>/dev/null; done;; esac
exit $status"#;
    machine.configure(&machine.stand_in("xorriso", spoil), SMALL, "");
    machine.run_badly("2026-11-23 03:00", &["store"], "does not hold what was written to it");
    assert!(!machine.is_stored("2026/11/23"));
    assert!(fs_err::read(machine.disc()).unwrap() == before, "the old image is untouched");
    machine.configure("", SMALL, "");
    machine.run_well("2026-11-23 04:00", &["store"]);
    assert_eq!(machine.days(), ["2026/11/23"]);
    let left = fs_err::read_dir(machine.root()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().contains("redcedar-new")).count(), 0);
}

#[test]
fn a_damaged_addition_is_not_counted_and_written_again() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/23", 100 * KB);
    machine.run_well("2026-11-23 03:00", &["store"]);
    machine.stage("2026/11/24", 200 * KB);
    let spoil = r#"REAL "$@"; status=$?
case " $* " in *" -commit "*) size=$(stat -c %s ROOT/disc.iso)
printf XXXX | dd of=ROOT/disc.iso bs=1 seek=$((size - 400000)) conv=notrunc 2>/dev/null;; esac
exit $status"#;
    machine.configure(&machine.stand_in("xorriso", spoil), SMALL, "");
    machine.run_badly("2026-11-24 03:00", &["store"], "MD5 MISMATCH");
    assert!(!machine.is_stored("2026/11/24"));
    machine.configure("", SMALL, "");
    machine.run_well("2026-11-24 04:00", &["store"]);
    assert!(machine.log().contains("is not as it should be; it is written again"));
    for day in ["2026/11/23", "2026/11/24"] {
        machine.assert_on_disc(day);
    }
}

#[test]
fn what_is_written_but_not_marked_is_looked_at_and_not_written_again() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/23", 100 * KB);
    machine.run_well("2026-11-23 03:00", &["store"]);
    for (checkpoint, day) in [("store-written", 24), ("store-before-indicator", 25)] {
        let date = format!("2026/11/{day}");
        machine.stage(&date, 100 * KB);
        let now = format!("2026-11-{day} 03:00");
        let output = program::run(machine.command(&now, &["store"]).env("REDCEDAR_CHECKPOINT", checkpoint));
        assert_eq!(output.status.signal(), Some(9), "{checkpoint}: {}", describe(&output));
        assert!(!machine.is_stored(&date));
        let size = fs_err::metadata(machine.disc()).unwrap().len();
        machine.run_well(&now, &["store"]);
        assert!(machine.is_stored(&date));
        assert_eq!(fs_err::metadata(machine.disc()).unwrap().len(), size, "{checkpoint}: written once");
    }
    for day in 23..=25 {
        machine.assert_on_disc(&format!("2026/11/{day}"));
    }
}

#[test]
fn a_run_that_is_killed_while_a_disc_begins_leaves_the_old_image_and_nothing_else_in_the_end() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/22", 100 * KB);
    machine.run_well("2026-11-22 03:00", &["store"]);
    machine.stage("2026/11/23", 100 * KB);
    let output = program::run(
        machine.command("2026-11-23 03:00", &["store"]).env("REDCEDAR_CHECKPOINT", "store-written"),
    );
    assert_eq!(output.status.signal(), Some(9), "{}", describe(&output));
    assert_eq!(machine.days(), ["2026/11/22"]);
    machine.run_well("2026-11-23 04:00", &["store"]);
    assert_eq!(machine.days(), ["2026/11/23"]);
    assert!(!machine.path(".disc.iso.redcedar-new").exists());
}

#[test]
fn a_burner_that_fails_or_says_nothing_has_not_stored_anything() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/23", 100 * KB);
    machine.run_well("2026-11-23 03:00", &["store"]);
    machine.stage("2026/11/24", 100 * KB);
    let failing = r#"case " $* " in *" -commit "*) echo 'libburn : SORRY : error: no more' >&2; exit 5;; esac; exec REAL "$@""#;
    machine.configure(&machine.stand_in("xorriso", failing), SMALL, "");
    machine.run_badly("2026-11-24 03:00", &["store"], "cannot write the disc");
    let silent = r#"case " $* " in *" -commit "*) exit 0;; esac; exec REAL "$@""#;
    machine.configure(&machine.stand_in("xorriso", silent), SMALL, "");
    machine.run_badly("2026-11-24 03:00", &["store"], "cannot write the disc");
    machine.configure(
        "<override><command>xorriso</command><abs_path>/nosuch/xorriso</abs_path></override>",
        SMALL,
        "",
    );
    machine.run_badly("2026-11-24 03:00", &["store"], "install it, or name it in an <override>");
    assert_eq!(machine.days(), ["2026/11/23"]);
    assert!(!machine.is_stored("2026/11/24"));
}

#[test]
fn clear_text_does_not_leave_the_machine_where_everything_is_to_be_encrypted() {
    if !can_write() {
        return;
    }
    let encrypt = "<encrypt><encrypt_mode>gpg</encrypt_mode><encrypt_target>x</encrypt_target></encrypt>";
    let machine = Machine::with("", SMALL, encrypt);
    machine.stage("2026/11/23", KB);
    for action in ["store", "rebuild"] {
        machine.run_badly("2026-11-23 03:00", &[action], "there is clear text in");
    }
    assert!(!machine.disc().exists());
}

#[test]
fn what_has_changed_since_it_was_staged_is_stored_and_told() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/23", KB);
    fs_err::write(machine.path("staging/2026/11/23/me/etc.tar.gz"), "rotten").unwrap();
    machine.run_well("2026-11-23 03:00", &["store"]);
    assert!(machine.log().contains("is not what was staged, says cback.sha256"), "{}", machine.log());
    machine.assert_on_disc("2026/11/23");
}
