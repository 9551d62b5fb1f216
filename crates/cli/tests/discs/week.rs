//! What gets onto which disc, day by day.

use super::machine::{Machine, SMALL, can_write};
use redcedar_testing::disc::LoopDevice;
use redcedar_testing::program;

const KB: usize = 1024;

#[test]
fn a_week_is_a_disc_and_the_next_one_begins_another() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    let mut expected = Vec::new();
    for day in 23..=27 {
        let date = format!("2026/11/{day}");
        machine.stage(&date, 300 * KB);
        machine.run_well(&format!("2026-11-{day} 03:00"), &["store"]);
        assert!(machine.is_stored(&date));
        expected.push(date);
        assert_eq!(machine.days(), expected);
        assert_eq!(machine.label(), format!("CEDAR BACKUP {day}-NOV-2026"));
    }
    for day in &expected {
        machine.assert_on_disc(day);
    }
    machine.run_badly("2026-11-27 04:00", &["store"], "Unable to find a staged day that has not been stored");
    machine.stage("2026/11/30", KB);
    machine.run_well("2026-11-30 03:00", &["store"]);
    assert_eq!(machine.days(), ["2026/11/30"]);
    let index = machine.read("/INDEX.txt");
    assert!(index.contains("Disc     CEDAR BACKUP 30-NOV-2026"), "{index}");
    assert!(index.contains("me/etc.tar.gz"), "{index}");
    let earlier = "CEDAR BACKUP 27-NOV-2026  ";
    let days = "2026/11/23 2026/11/24 2026/11/25 2026/11/26 2026/11/27";
    assert!(index.lines().any(|line| line.starts_with(earlier) && line.ends_with(days)), "{index}");
    assert!(machine.read("/README.txt").contains("sha256sum -c cback.sha256"));
}

#[test]
fn days_that_were_missed_are_stored_together_and_a_missed_starting_day_begins_the_disc_late() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/20", KB);
    machine.run_well("2026-11-20 03:00", &["store"]);
    // Saturday to Monday the drive was not there; on Tuesday it is again.
    for day in ["2026/11/21", "2026/11/23", "2026/11/24"] {
        machine.stage(day, 10 * KB);
    }
    machine.run_well("2026-11-24 03:00", &["store"]);
    assert_eq!(machine.days(), ["2026/11/21", "2026/11/23", "2026/11/24"]);
    machine.stage("2026/11/25", KB);
    machine.run_well("2026-11-25 03:00", &["store"]);
    assert_eq!(machine.days().len(), 4);
}

#[test]
fn the_day_that_is_stored_decides_and_not_the_one_on_which_that_happens() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    // Every run is after midnight, and stores the day before.
    for (day, now, on_disc) in [
        ("2026/11/21", "2026-11-22 00:30", 1),
        ("2026/11/22", "2026-11-23 00:30", 2),
        ("2026/11/23", "2026-11-24 00:30", 1),
        ("2026/11/24", "2026-11-25 00:30", 2),
    ] {
        machine.stage(day, KB);
        machine.run_well(now, &["store"]);
        assert_eq!(machine.days().len(), on_disc, "{day}");
        machine.assert_on_disc(day);
    }
}

#[test]
fn the_oldest_days_stay_behind_when_not_all_have_room_and_the_run_fails() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    for day in 23..=25 {
        machine.stage(&format!("2026/11/{day}"), 3 * KB * KB);
    }
    machine.run_badly(
        "2026-11-25 03:00",
        &["store"],
        "the day 2026-11-23 is not stored, there is no room for it",
    );
    assert_eq!(machine.days(), ["2026/11/24", "2026/11/25"]);
    assert!(!machine.is_stored("2026/11/23") && machine.is_stored("2026/11/24"));
    // One day alone that does not fit leaves the disc as it is.
    machine.run_badly("2026-11-25 04:00", &["store"], "there is room for");
    assert_eq!(machine.days().len(), 2);
}

#[test]
fn a_full_run_stores_today_again_on_a_new_disc() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    for day in ["2026/11/23", "2026/11/24"] {
        machine.stage(day, KB);
        machine.run_well(&format!("{} 03:00", day.replace('/', "-")), &["store"]);
    }
    machine.run_well("2026-11-24 04:00", &["--full", "store"]);
    assert_eq!(machine.days(), ["2026/11/24"]);
    machine.run_badly("2026-11-25 04:00", &["--full", "store"], "Unable to find a staged day of today");
}

#[test]
fn a_disc_that_may_hold_the_last_good_days_is_added_to_and_not_blanked_where_that_is_wanted() {
    if !can_write() {
        return;
    }
    for (mode, days, is_told) in
        [("hold", 6, true), ("warn", 1, true), ("ignore", 1, false), ("full", 1, false)]
    {
        let anomaly = if mode == "full" { "hold" } else { mode };
        let machine = Machine::with("", SMALL, &format!("<purge><anomaly>{anomaly}</anomaly></purge>"));
        let arguments = if mode == "full" { &["--full", "store"][..] } else { &["store"] };
        for day in 18..=23 {
            if day == 23 {
                machine.run_well("2026-11-22 03:00", &["store"]);
            }
            let date = format!("2026/11/{day}");
            machine.stage(&date, if day == 23 { KB } else { 100 * KB });
            fs_err::write(machine.path("staging").join(date).join("me/cback.collect"), "").unwrap();
        }
        machine.run_well("2026-11-23 03:00", arguments);
        assert_eq!(machine.days().len(), days, "{mode}");
        let told = machine.log().contains("What peer [me] staged is unusual");
        assert_eq!(told, is_told, "{mode}");
    }
}

#[test]
fn a_disc_whose_turn_it_is_not_is_not_blanked() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(&format!("{SMALL}<min_disc_age>2</min_disc_age>"));
    machine.stage("2026/11/22", KB);
    machine.run_well("2026-11-22 03:00", &["store"]);
    machine.stage("2026/11/23", KB);
    machine.run_badly(
        "2026-11-23 03:00",
        &["store"],
        "was written to on 2026-11-22, which is less than 2 days ago",
    );
    assert_eq!(machine.days(), ["2026/11/22"]);
    assert!(!machine.is_stored("2026/11/23"));
    machine.run_well("2026-11-24 03:00", &["store"]);
    assert_eq!(machine.days(), ["2026/11/23"]);
}

#[test]
fn a_block_device_of_the_exact_size_is_a_disc_that_is_filled_listed_verified_and_read() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    let Some(device) = LoopDevice::attach(&machine.path("device"), 4 << 20) else { return };
    machine.put_in(device.path());
    for day in ["2026/11/23", "2026/11/24"] {
        machine.stage_archive(day, 1500 * KB);
        machine.run_well(&format!("{} 03:00", day.replace('/', "-")), &["store"]);
        machine.assert_on(device.path(), day);
    }
    machine.stage("2026/11/25", 1500 * KB);
    machine.run_badly("2026-11-25 03:00", &["store"], "there is room for 832.00 kB on the disc");
    assert!(!machine.is_stored("2026/11/25"));
    for day in ["2026/11/23", "2026/11/24"] {
        machine.assert_on(device.path(), day);
    }
    let from = device.path().to_str().unwrap();
    let listed = machine.redcedar(&["list", "--from", from]);
    assert!(listed.contains("2026-11-23") && listed.contains("2026-11-24"), "{listed}");
    machine.redcedar(&["verify", "--from", from]);
    // The next week takes the place of this one.
    machine.stage("2026/11/30", KB);
    machine.run_well("2026-11-30 03:00", &["store"]);
    machine.assert_on(device.path(), "2026/11/30");
    assert_eq!(machine.on(device.path(), "2026/11/24"), None);
}

#[test]
fn rebuild_writes_the_week_again_whatever_has_been_stored() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(SMALL);
    for day in 22..=25 {
        machine.stage(&format!("2026/11/{day}"), KB);
    }
    machine.run_well("2026-11-24 03:00", &["store"]);
    fs_err::remove_file(machine.disc()).unwrap();
    machine.run_well("2026-11-25 03:00", &["rebuild"]);
    assert_eq!(machine.days(), ["2026/11/23", "2026/11/24", "2026/11/25"]);
    assert!(machine.is_stored("2026/11/25"));
    for day in ["2026/11/23", "2026/11/25"] {
        machine.assert_on_disc(day);
    }
}

#[test]
fn a_disc_has_to_be_initialized_where_labels_are_checked() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(&format!("{SMALL}<check_media>Y</check_media>"));
    machine.stage("2026/11/23", KB);
    machine.run_badly("2026-11-23 03:00", &["store"], "has no label, and check_media is set");
    machine.run_well("2026-11-22 03:00", &["initialize"]);
    assert_eq!(machine.label(), "CEDAR BACKUP 22-NOV-2026");
    machine.run_well("2026-11-23 03:00", &["store"]);
    assert_eq!(machine.days(), ["2026/11/23"]);
}

#[test]
fn optimised_blanking_begins_a_disc_when_there_is_too_little_room_for_what_may_come() {
    if !can_write() {
        return;
    }
    let blanking = "<blank_behavior><mode>daily</mode><factor>1.3</factor></blank_behavior>";
    let machine = Machine::new(&format!("{SMALL}{blanking}"));
    for (day, on_disc) in [(23, 1), (24, 2), (25, 1)] {
        machine.stage(&format!("2026/11/{day}"), 2300 * KB);
        machine.run_well(&format!("2026-11-{day} 03:00"), &["store"]);
        assert_eq!(machine.days().len(), on_disc, "{day}");
    }
}

#[test]
fn a_program_for_restoring_comes_along_and_the_modern_command_line_stores_too() {
    if !can_write() {
        return;
    }
    let machine = Machine::new(&format!("{SMALL}<disc_program>ROOT/tool</disc_program>"));
    fs_err::write(machine.path("tool"), "a program").unwrap();
    machine.stage("2026/11/23", KB);
    let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
    command.env("REDCEDAR_NOW", "2026-11-23T03:00").arg("--config").arg(machine.path("cback3.conf"));
    program::succeed(command.args(["run", "store"]));
    assert_eq!(machine.days(), ["2026/11/23"]);
    assert_eq!(machine.read("/tool"), "a program");
}

#[test]
fn a_disc_that_is_nearly_full_is_told_and_fails_the_run_only_where_that_is_wanted() {
    if !can_write() {
        return;
    }
    let action = "<extensions><action><name>capacity</name><module>CedarBackup3.extend.capacity</module>
        <function>executeAction</function><index>299</index></action></extensions>";
    let section = |section: &str| format!("{action}<capacity>{section}</capacity>");
    let machine = Machine::with("", SMALL, &section("<max_percentage>40</max_percentage>"));
    machine.run_well("2026-11-23 02:00", &["capacity"]);
    machine.stage("2026/11/23", 4096 * KB);
    machine.run_well("2026-11-23 03:00", &["capacity", "store"]);
    assert!(!machine.log().contains("Media has reached capacity limit"));
    machine.run_well("2026-11-23 04:00", &["capacity"]);
    assert!(
        machine.log().contains("[ERROR  ] Media has reached capacity limit of 40.00%"),
        "{}",
        machine.log()
    );
    machine.configure("", SMALL, &section("<min_bytes>6 MB</min_bytes><fail>Y</fail>"));
    machine.stage("2026/11/24", KB);
    machine.run_badly(
        "2026-11-24 03:00",
        &["capacity", "store"],
        "Media has reached capacity limit of 6.00 MB",
    );
    assert!(machine.is_stored("2026/11/24"), "that is no reason not to store");
}

#[test]
fn a_disc_that_growisofs_has_continued_is_continued_by_us() {
    if !can_write() {
        return;
    }
    if program::find("genisoimage").is_none() {
        return program::cannot_test("discs of the original", "genisoimage is not installed");
    }
    let machine = Machine::new(SMALL);
    machine.stage("2026/11/23", 100 * KB);
    machine.run_well("2026-11-23 03:00", &["store"]);
    // libisofs cannot read very small sessions of genisoimage behind others.
    machine.stage("2026/11/24", 4 << 20);
    // What growisofs does to a disc that can be written over: a session behind the others, and its descriptors in front.
    fs_err::write(machine.path("staging/2026/11/24/cback.store"), "").unwrap();
    let script = r"next=$(( ($(stat -c %s disc.iso) / 2048 + 15) / 16 * 16 ))
genisoimage -quiet -r -V 'CEDAR BACKUP 24-NOV-2026' -graft-points -C 0,$next -M disc.iso -o next.iso 2026/11/24/=staging/2026/11/24
dd if=next.iso of=disc.iso bs=2048 seek=$next conv=notrunc
dd if=next.iso of=disc.iso bs=2048 skip=16 seek=16 count=2 conv=notrunc";
    program::succeed(program::command("sh").current_dir(machine.root()).args(["-ec", script]));
    machine.stage("2026/11/25", 100 * KB);
    machine.run_well("2026-11-25 03:00", &["store"]);
    assert_eq!(machine.days(), ["2026/11/23", "2026/11/24", "2026/11/25"]);
    machine.assert_on_disc("2026/11/23");
    machine.assert_on_disc("2026/11/25");
    assert!(machine.read("/INDEX.txt").contains("2026/11/24"));
}
