//! Backups that lie in a bucket are listed, verified and restored.

use super::machine::Machine;

#[test]
fn what_was_sent_to_a_bucket_comes_back_from_there() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/report.odt", "final version");
    machine.write("home/deep/er/photo.jpg", vec![7; 3 << 20]);
    let home = machine.path("home").display().to_string();
    assert_eq!(machine.run(&["backup", &home, "--to", "backup"]).code, 0);
    assert_eq!(machine.run(&["sync", "backup", "s3://bucket/host"]).code, 0);
    let here = machine.run(&["list", "--from", "backup"]);
    let there = machine.run(&["list", "--from", "s3://bucket/host"]);
    assert_eq!((there.code, there.stdout), (0, here.stdout), "{}", there.stderr);
    let verified = machine.run(&["verify", "--from", "s3://bucket/host"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let restored = machine.run(&["restore", "--from", "s3://bucket/host", "--to", "restored"]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    let below = format!("restored/{home}");
    assert_eq!(machine.read(&format!("{below}/report.odt")), "final version");
    assert_eq!(fs_err::read(machine.path(&format!("{below}/deep/er/photo.jpg"))).unwrap(), vec![7; 3 << 20]);
}

#[test]
fn a_damaged_archive_in_a_bucket_is_found_and_a_bucket_without_backups_said() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/report.odt", "final version");
    let home = machine.path("home").display().to_string();
    assert_eq!(machine.run(&["backup", &home, "--to", "backup"]).code, 0);
    assert_eq!(machine.run(&["sync", "backup", "s3://bucket/host"]).code, 0);
    let keys = machine.server.keys();
    let archive = keys.iter().find(|key| key.ends_with(".tar.gz")).unwrap();
    let mut content = machine.server.object(archive).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    machine.server.store(archive, &content);
    assert_eq!(machine.run(&["verify", "--from", "s3://bucket/host"]).code, 6);
    let nothing = machine.run(&["list", "--from", "s3://bucket/elsewhere"]);
    assert_eq!(nothing.code, 6, "{}", nothing.stdout);
    assert!(nothing.stderr.contains("s3://bucket/elsewhere"), "{}", nothing.stderr);
}
