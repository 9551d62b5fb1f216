//! What a good run leaves behind.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use redcedar_testing::compare::Snapshot;
use redcedar_testing::program;
use redcedar_testing::sshd::Access;
use redcedar_testing::trees::{self, Growth};

use super::machine::{MONDAY, Machine, THURSDAY, TUESDAY, WEDNESDAY, generation, inode, untouched};

#[test]
fn every_generation_is_the_tree_and_what_did_not_change_is_shared() {
    let Some(mut machine) = Machine::grown(&Access::Free) else { return };
    machine.succeed(MONDAY);
    machine.assert_saved(&generation(MONDAY));
    let (monday, before) = (untouched(&machine.saved(&generation(MONDAY))), machine.look());
    trees::change(&machine.tree(), &mut machine.rng, &Growth::everything(), 30).unwrap();
    fs_err::write(machine.tree().join("same"), "content").unwrap();
    machine.succeed(TUESDAY);
    machine.assert_saved(&generation(TUESDAY));
    machine.succeed(WEDNESDAY);
    machine.assert_saved(&generation(WEDNESDAY));
    before.assert_same(&machine.copied_back(&generation(MONDAY)), || machine.log());
    assert_eq!(untouched(&machine.saved(&generation(MONDAY))), monday);
    let same = |day| inode(&machine.saved(&generation(day)).join("same"));
    assert_eq!(same(TUESDAY), same(WEDNESDAY));
    assert_eq!(
        fs_err::read_link(machine.store().join("latest")).unwrap().to_str(),
        Some(&*generation(WEDNESDAY))
    );
    assert_eq!(
        machine.names(),
        [&*generation(MONDAY), &generation(TUESDAY), &generation(WEDNESDAY), "latest"]
    );
    // One connection for everything.
    assert_eq!(machine.host.connections(), 3);
    assert!(machine.host.becomes_idle());
    let log = machine.log();
    for line in [
        "Backup version 1.0.21 started",
        "Last backup: 2026-11-24-02:00:00",
        "System-exempted files: ",
        "Terminating",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}

#[test]
fn odd_names_are_saved_as_they_are() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    for name in [&b"line\nbreak"[..], b"#comment", b";x", b" ", b"caf\xe9", b"-rf", b"x\n/etc/passwd"] {
        let path = machine.tree().join(std::ffi::OsStr::from_bytes(name));
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, name).unwrap();
    }
    machine.succeed(MONDAY);
    machine.assert_saved(&generation(MONDAY));
    assert!(!machine.store().join(generation(MONDAY)).join("etc").exists(), "nothing comes along by a trick");
}

#[test]
fn the_directory_may_be_called_anything() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    fs_err::write(machine.tree().join("file"), "x").unwrap();
    let odd = machine.dir.path().join("my 'store'; touch \"$HOME\" $(touch y) *");
    let quoted = odd.to_str().unwrap().replace('\\', "\\\\").replace('"', "\\\"");
    machine.write_config(&format!("directory: \"{quoted}\""), "");
    for day in [MONDAY, TUESDAY] {
        machine.succeed(day);
    }
    let files = [MONDAY, TUESDAY].map(|day| {
        inode(&odd.join(generation(day)).join(machine.tree().strip_prefix("/").unwrap()).join("file"))
    });
    assert_eq!(files[0], files[1]);
    assert_eq!(fs_err::metadata(&odd).unwrap().permissions().mode() & 0o7777, 0o700);
}

#[test]
fn generations_of_the_original_are_continued_and_removed_in_turn_and_no_mode_changes() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    for (name, mode) in [("secret", 0o600), ("setuid", 0o4755), ("plain", 0o644)] {
        fs_err::write(machine.tree().join(name), name).unwrap();
        fs_err::set_permissions(machine.tree().join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    let old = ["2014-02-12-03:12:26", "2014-02-13-03:12:26"];
    for name in old {
        fs_err::create_dir_all(machine.store().join(name)).unwrap();
        let list = format!(
            "{}\n",
            ["secret", "setuid", "plain"]
                .map(|name| machine.tree().join(name).display().to_string())
                .join("\n")
        );
        fs_err::write(machine.dir.path().join("list"), list).unwrap();
        // The command of the original.
        program::succeed(
            program::command("rsync")
                .args(["--archive", "--partial", "--files-from"])
                .arg(machine.dir.path().join("list"))
                .arg(format!("--link-dest={}", machine.store().join(old[0]).display()))
                .arg("/")
                .arg(machine.store().join(name)),
        );
    }
    fs_err::create_dir(machine.store().join("not a generation")).unwrap();
    machine.configure("  generations: 2\n");
    machine.succeed(MONDAY);
    let secret = |name: &str| machine.saved(name).join("secret");
    assert_eq!(machine.names(), [old[1], &*generation(MONDAY), "latest", "not a generation"]);
    assert_eq!(
        inode(&secret(old[1])),
        inode(&secret(&generation(MONDAY))),
        "what the original copied is shared"
    );
    machine.succeed(TUESDAY);
    assert_eq!(machine.names(), [&*generation(MONDAY), &generation(TUESDAY), "latest", "not a generation"]);
    for (name, mode) in [("secret", 0o600), ("setuid", 0o4755), ("plain", 0o644)] {
        let metadata = fs_err::metadata(machine.saved(&generation(TUESDAY)).join(name)).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.nlink()), (mode, 2), "{name}");
    }
}

#[test]
fn the_original_goes_on_with_generations_of_ours_and_we_with_its() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    let file = machine.tree().join("file");
    fs_err::write(&file, "x").unwrap();
    machine.succeed(MONDAY);
    let (ours, its) = (generation(MONDAY), generation(TUESDAY));
    // What the original does: it takes the last of these names, and removes the first.
    let list = format!("ls -d {}/????-??-??-??:??:??", machine.store().display());
    let listed = String::from_utf8(program::succeed(program::command("sh").arg("-c").arg(list))).unwrap();
    assert_eq!(listed.trim_end(), machine.store().join(&ours).to_str().unwrap());
    fs_err::write(machine.dir.path().join("list"), format!("{}\n", file.display())).unwrap();
    program::succeed(
        program::command("rsync")
            .args(["--archive", "--partial", "--files-from"])
            .arg(machine.dir.path().join("list"))
            .arg(format!("--link-dest={}", machine.store().join(&ours).display()))
            .arg("/")
            .arg(machine.store().join(&its)),
    );
    let place = |name: &str| inode(&machine.saved(name).join("file"));
    assert_eq!(place(&ours), place(&its), "what we copied is shared");
    program::succeed(program::command("rm").arg("-r").arg(machine.store().join(&ours)));
    machine.succeed(WEDNESDAY);
    assert_eq!(place(&its), place(&generation(WEDNESDAY)), "what the original shared is shared on");
    machine.assert_saved(&generation(WEDNESDAY));
    assert_eq!(
        machine.names(),
        [&*its, &generation(WEDNESDAY), "latest"],
        "no manifest is left without its tree"
    );
}

#[test]
fn a_store_that_others_can_enter_is_written_to_with_all_care() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    fs_err::write(machine.tree().join("file"), "x").unwrap();
    machine.succeed(MONDAY);
    let is_spared = |machine: &Machine| machine.log().matches("--insecure-links").count();
    let can_be_spared = program::run(program::command("rsync").arg("--help")).stdout;
    let expected = usize::from(String::from_utf8_lossy(&can_be_spared).contains("--insecure-links"));
    assert_eq!(is_spared(&machine), expected, "nobody else can enter the store that we made");
    fs_err::set_permissions(machine.store(), PermissionsExt::from_mode(0o711)).unwrap();
    machine.succeed(TUESDAY);
    assert_eq!(is_spared(&machine), expected, "{}", machine.log());
    fs_err::set_permissions(machine.store(), PermissionsExt::from_mode(0o700)).unwrap();
    fs_err::set_permissions(machine.dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    machine.succeed(WEDNESDAY);
    assert_eq!(is_spared(&machine), expected, "{}", machine.log());
}

#[test]
fn directories_that_nobody_may_write_to_are_removed_all_the_same() {
    let Some(machine) = Machine::required(&unprivileged()) else { return };
    let dir = machine.tree().join("closed");
    fs_err::create_dir_all(&dir).unwrap();
    fs_err::write(dir.join("file"), "x").unwrap();
    fs_err::set_permissions(&dir, PermissionsExt::from_mode(0o500)).unwrap();
    open_to_others(&machine);
    machine.configure("  generations: 1\n  fake_super: no\n");
    for day in [MONDAY, TUESDAY] {
        machine.succeed(day);
    }
    assert_eq!(machine.names(), [&*generation(TUESDAY), "latest"]);
    let file = machine.saved(&generation(TUESDAY)).join("closed/file");
    assert_eq!(fs_err::metadata(file).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn a_receiver_that_is_not_root_keeps_owners_and_devices_in_attributes() {
    let Some(machine) = Machine::grown(&unprivileged()) else { return };
    open_to_others(&machine);
    machine.succeed(MONDAY);
    machine.succeed(TUESDAY);
    let saved = machine.saved(&generation(TUESDAY));
    assert_eq!(fs_err::metadata(&saved).unwrap().uid(), NOBODY);
    let back = machine.dir.path().join("back");
    program::succeed(
        program::command("rsync")
            .args([
                "-aHAX",
                "--numeric-ids",
                "--rsh",
                &machine.network.ssh(),
                "--rsync-path=rsync --fake-super",
            ])
            .arg(format!("far:{}/", saved.display()))
            .arg(&back),
    );
    machine.look().assert_same(&Snapshot::take(&back).unwrap(), || machine.log());
}

#[test]
fn keep_thins_out_by_days_and_an_earlier_clock_removes_nothing() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    machine.configure("keep: {daily: 2}\n");
    let noon = TUESDAY.replace("T02", "T12");
    for day in [MONDAY, TUESDAY, &noon, WEDNESDAY] {
        machine.succeed(day);
    }
    assert_eq!(machine.names(), [&*generation(&noon), &generation(WEDNESDAY), "latest"]);
    let said = machine.fail(&MONDAY.replace("23T", "20T"));
    assert!(said.contains("1 thing(s) went wrong"), "{said}");
    assert!(machine.log().contains("one of the clocks is wrong"), "{}", machine.log());
    assert_eq!(machine.names().len(), 4);
    machine.succeed(THURSDAY);
    machine.succeed(THURSDAY);
    assert!(machine.names().contains(&format!("{}.1", generation(THURSDAY))), "{:?}", machine.names());
}

const NOBODY: u32 = 65534;

/// Whoever logs in is nobody.
fn unprivileged() -> Access {
    Access::Command(format!(
        "exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups env HOME=/ sh -c \"$SSH_ORIGINAL_COMMAND\""
    ))
}

/// Lets nobody make the store.
fn open_to_others(machine: &Machine) {
    fs_err::set_permissions(machine.dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
}

#[test]
fn the_far_side_can_list_verify_and_restore_by_the_manifest() {
    let Some(machine) = Machine::grown(&Access::Free) else { return };
    machine.succeed(MONDAY);
    let redcedar = |args: &[&str]| {
        let mut command = program::command(assert_cmd::cargo::cargo_bin!("redcedar"));
        String::from_utf8(program::succeed(command.current_dir(machine.dir.path()).args(args))).unwrap()
    };
    let listed = redcedar(&["snapshot", "list", "--from", "store"]);
    assert!(listed.contains(&generation(MONDAY)), "{listed}");
    redcedar(&["snapshot", "verify", "--from", "store"]);
    redcedar(&["snapshot", "restore", "--from", "store", "--to", "back"]);
    let back = machine.dir.path().join("back").join(machine.tree().strip_prefix("/").unwrap());
    machine.look().assert_same(&Snapshot::take(&back).unwrap(), || machine.log());
}

#[test]
fn without_a_host_generations_are_made_here() {
    let Some(machine) = Machine::grown(&Access::Free) else { return };
    let config = fs_err::read_to_string(machine.config()).unwrap().replace("host: far", "generations: 2");
    fs_err::write(machine.config(), config).unwrap();
    for day in [MONDAY, TUESDAY, WEDNESDAY] {
        machine.succeed(day);
    }
    machine.assert_saved(&generation(WEDNESDAY));
    let names = machine.names();
    assert!(!names.contains(&generation(MONDAY)) && names.contains(&generation(TUESDAY)), "{names:?}");
    assert_eq!(machine.host.connections(), 0);
}
