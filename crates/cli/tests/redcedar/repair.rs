//! Days with recovery data.

use std::path::PathBuf;

use redcedar_testing::{disc, program};

use super::Sandbox;

const DAY: &str = "/staging/2026/11/23";

/// A staged day of two machines on `/disc.iso`, with so much recovery data that a fifth of it may be lost.
fn protected() -> Sandbox {
    let sandbox = Sandbox::new();
    let root = sandbox.root().display();
    sandbox.write(
        "/etc/redcedar.conf",
        format!(
            "<cb_config><options><starting_day>monday</starting_day><working_dir>{root}/work</working_dir>\
            <backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>scp</rcp_command></options>\
            <store><source_dir>{root}/staging</source_dir><media_type>cdrw-74</media_type>\
            <target_device>{root}/disc.iso</target_device><media_size>10 MB</media_size>\
            <redundancy>20</redundancy></store></cb_config>"
        ),
    );
    fs_err::create_dir(sandbox.path("/work")).unwrap();
    for machine in ["mail", "web"] {
        sandbox.write("/home/file", noise(400_000));
        let dest = format!("/backup-{machine}");
        assert_eq!(sandbox.run(&format!("backup /home --to {dest} -q")).code, 0);
        let day = sandbox.path(&format!("{dest}/2026/11/23"));
        let machines = fs_err::read_dir(day).unwrap().map(|entry| entry.unwrap().path());
        let from = machines.into_iter().find(|path| path.is_dir()).unwrap();
        fs_err::create_dir_all(sandbox.path(DAY)).unwrap();
        fs_err::rename(from, sandbox.path(DAY).join(machine)).unwrap();
    }
    sandbox.write(&format!("{DAY}/cback.stage"), "");
    let span = sandbox.run("span --yes");
    assert_eq!((span.code, span.stderr.as_str()), (0, ""));
    sandbox
}

/// Nothing that could be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn archive(sandbox: &Sandbox, machine: &str) -> PathBuf {
    let files = fs_err::read_dir(sandbox.path(DAY).join(machine)).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.to_string_lossy().ends_with(".tar.gz")).unwrap()
}

#[test]
fn a_damaged_and_a_missing_file_of_a_staging_directory_are_whole_again() {
    let sandbox = protected();
    let (web, mail) = (archive(&sandbox, "web"), sandbox.path(DAY).join("mail/cback.sha256"));
    let (content, digests) = (fs_err::read(&web).unwrap(), fs_err::read(&mail).unwrap());
    disc::damage(&web, 100_000, 50_000);
    fs_err::remove_file(&mail).unwrap();
    assert_eq!(sandbox.run("verify --from /staging").code, 6);
    let answer = sandbox.run("verify --from /staging --repair");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{}", answer.stdout);
    assert!(answer.stdout.contains("2 files repaired, 1 day with recovery data\n"), "{}", answer.stdout);
    assert_eq!((fs_err::read(&web).unwrap(), fs_err::read(&mail).unwrap()), (content, digests));
    let left_over =
        program::succeed(program::command("find").arg(sandbox.path("/staging")).args(["-name", ".red*"]));
    assert_eq!(left_over, b"");
    let again = sandbox.run("verify --from /staging --repair --json");
    assert!(again.code == 0 && again.stdout.contains("\"repaired\": []"), "{}", again.stdout);
}

#[test]
fn a_damaged_disc_gives_a_repaired_copy_and_stays_as_it_is() {
    let sandbox = protected();
    let web = fs_err::read(archive(&sandbox, "web")).unwrap();
    let image = fs_err::read(sandbox.path("/disc.iso")).unwrap();
    let place = image.windows(64).position(|window| window == &web[..64]).unwrap();
    disc::damage(&sandbox.path("/disc.iso"), place as u64 + 4096, 60_000);
    let damaged = fs_err::read(sandbox.path("/disc.iso")).unwrap();
    let refused = sandbox.run("verify --from /disc.iso --repair");
    assert!(refused.code == 6 && refused.stderr.contains("hint: --to DIR"), "{}", refused.stderr);
    let answer = sandbox.run("verify --from /disc.iso --repair --to /copy");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{}", answer.stdout);
    assert!(answer.stdout.contains("1 file repaired, 1 day with recovery data\n"), "{}", answer.stdout);
    assert_eq!(fs_err::read(sandbox.path("/disc.iso")).unwrap(), damaged);
    let mut compare = program::command("diff");
    compare.args(["-r", "--exclude=cback.store"]).arg(sandbox.path("/copy")).arg(sandbox.path("/staging"));
    program::succeed(&mut compare);
    let there = sandbox.run("verify --from /disc.iso --repair --to /copy");
    assert!(there.code == 6 && there.stderr.contains("is there already"), "{}", there.stderr);
}

#[test]
fn what_cannot_be_repaired_stays_as_it_is() {
    let sandbox = protected();
    let web = archive(&sandbox, "web");
    disc::damage(&web, 0, 300_000);
    let damaged = fs_err::read(&web).unwrap();
    let answer = sandbox.run("verify --from /staging --repair");
    assert!(answer.code == 6 && answer.stderr.contains("2026-11-23 cannot be repaired"), "{}", answer.stderr);
    assert_eq!(fs_err::read(&web).unwrap(), damaged);
    assert!(!sandbox.path(DAY).join(".redcedar-repair").exists());
    for name in fs_err::read_dir(sandbox.path(DAY)).unwrap().map(|entry| entry.unwrap().file_name()) {
        if name.to_string_lossy().contains("recovery") {
            fs_err::remove_file(sandbox.path(DAY).join(name)).unwrap();
        }
    }
    let answer = sandbox.run("verify --from /staging --repair");
    assert!(answer.code == 6 && answer.stderr.contains("there is no recovery data"), "{}", answer.stderr);
}

#[test]
fn recovery_data_that_names_files_outside_of_the_day_is_not_used() {
    let sandbox = protected();
    let mut packet = b"PAR2\0PKT".to_vec();
    packet.extend_from_slice(&136_u64.to_le_bytes());
    packet.extend_from_slice(&[1; 32]);
    packet.extend_from_slice(b"PAR 2.0\0FileDesc");
    packet.extend_from_slice(&[2; 56]);
    packet.extend_from_slice(b"../../etc/passwd");
    sandbox.write(&format!("{DAY}/cback.recovery.vol9+1.par2"), packet);
    let answer = sandbox.run("verify --from /staging --repair");
    assert!(answer.code == 6 && answer.stderr.contains("(../../etc/passwd)"), "{}", answer.stderr);
}
