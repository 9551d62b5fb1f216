//! One remote peer: what arrives, what is refused, what is told.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use redcedar_testing::faults::SmallFileSystem;

use super::network::Network;
use super::*;
use PeerStatus::{Failed, NotReady, Staged};

const TIME: &str = "2026-11-24T00:30:00Z";

fn gzip(content: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), content).unwrap();
    program::succeed(program::command("gzip").arg("-c").arg(file.path()))
}

fn tar_gz() -> Vec<u8> {
    let root = tempfile::tempdir().unwrap();
    fs_err::write(root.path().join("file"), vec![7; 30_000]).unwrap();
    let mut tar = program::command("tar");
    program::succeed(tar.args(["-czf", "-", "file"]).current_dir(root.path()))
}

#[test]
fn a_remote_peer_is_fetched_proven_and_told() {
    let network = Network::new(&["far"]);
    let archive = tar_gz();
    network.collect("far", &[("etc.tar.gz", &archive), ("dump.txt", b"data")]);
    write_manifest(&network.far("far"), "run", None, Some(("home.tar.gz", b"x")));
    let announced = said("run", TIME);
    fs_err::write(network.far("far").join(indicator::COLLECT), &announced).unwrap();
    let result = network.stage_well();
    assert_eq!((result.status, result.files), (Staged, 5));
    let day = network.staged("far");
    assert_eq!(
        names(&day),
        ["cback.collect", "cback.sha256", "dump.txt", "etc.manifest.jsonl.zst", "etc.tar.gz", "home.tar.gz"]
    );
    assert!(proven(&day));
    assert_eq!(fs_err::read(day.join("etc.tar.gz")).unwrap(), archive);
    assert_eq!(fs_err::read(day.join(indicator::COLLECT)).unwrap(), announced);
    assert_eq!(fs_err::read(network.far("far").join(indicator::STAGE)).unwrap(), announced);
    assert_eq!(fs_err::metadata(day.join("dump.txt")).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(network.log("far"), ["indicator", "files", "indicator", "told"]);
    network.assert_nothing_left();
}

#[test]
fn staging_again_gives_the_same_day_and_mends_a_half_staged_one() {
    let network = Network::new(&["far"]);
    network.collect("far", &[("a.txt", b"a"), ("b.txt", b"b")]);
    network.stage_well();
    let day = network.staged("far");
    fs_err::remove_file(day.join("a.txt")).unwrap();
    fs_err::remove_file(day.join("cback.collect")).unwrap();
    fs_err::write(day.join("b.txt"), "half").unwrap();
    fs_err::create_dir_all(day.parent().unwrap().join(".redcedar-fetch-0/files")).unwrap();
    fs_err::write(day.parent().unwrap().join(".redcedar-fetch-7"), "left over").unwrap();
    for _ in 0..2 {
        assert_eq!(network.stage_well().files, 3);
        assert_eq!(names(&day), ["a.txt", "b.txt", "cback.collect", "cback.sha256"]);
        assert!(proven(&day));
        network.assert_nothing_left();
    }
}

#[test]
fn left_overs_of_earlier_days_go_too() {
    let network = Network::new(&["far"]);
    let yesterday = network.pool.root.path().join("staging/2026/11/23");
    fs_err::create_dir_all(yesterday.join(".redcedar-fetch-0/files/deep")).unwrap();
    fs_err::create_dir_all(yesterday.join("far")).unwrap();
    network.collect("far", &[]);
    network.stage_well();
    assert_eq!(names(&yesterday), ["far"]);
}

#[test]
fn a_peer_that_has_not_collected_or_cannot_be_reached_is_not_ready_and_says_why() {
    let network = Network::new(&["far"]);
    assert_eq!(network.stage_badly(), (NotReady, "it has not collected".to_owned()));
    for (script, expected) in [
        ("echo ssh: connect to host far port 22: Connection refused >&2; exit 255", "cannot be reached"),
        ("echo 'u@far: Permission denied (publickey).' >&2; exit 255", "cannot be asked"),
        ("echo 'strange weather' >&2; exit 3", "ended with 3: strange weather"),
        ("exit 0", "copied nothing"),
    ] {
        network.hook("far", script);
        let (status, error) = network.stage_badly();
        assert_eq!(status, NotReady);
        assert!(error.contains(expected), "{error}");
    }
    assert!(names(&network.staged("far")).is_empty());
}

#[test]
fn a_copy_command_that_is_not_there_is_said() {
    let mut network = Network::new(&["far"]);
    network.pool.config.options.rcp_command.value = "/nonexistent/scp".to_owned();
    let (_, error) = network.stage_badly();
    assert!(error.contains("cannot be started"), "{error}");
}

#[test]
fn a_peer_that_begins_to_collect_again_is_not_published() {
    for script in [
        "if [ $what = files ]; then rm $base/far/c/cback.collect; fi",
        "if [ $what = files ]; then echo next >$base/far/c/cback.collect; fi",
    ] {
        let network = Network::new(&["far"]);
        network.collect("far", &[("a.txt", b"a")]);
        network.hook("far", script);
        let (status, error) = network.stage_badly();
        assert_eq!(status, Failed);
        assert!(error.contains("began to collect again"), "{error}");
        assert!(names(&network.staged("far")).is_empty());
        assert!(!network.log("far").contains(&"told".to_owned()));
    }
}

#[test]
fn a_copy_that_breaks_off_publishes_nothing() {
    let network = Network::new(&["far"]);
    network.collect("far", &[("a.txt", b"a")]);
    network.hook("far", "if [ $what = files ]; then echo half >$to/a.txt; echo lost connection; exit 1; fi");
    let (status, error) = network.stage_badly();
    assert_eq!(status, Failed);
    assert!(error.contains("lost connection"), "{error}");
    assert!(names(&network.staged("far")).is_empty());
}

#[test]
fn what_is_cut_off_unnoticed_is_refused_and_the_rest_is_staged() {
    let archive = tar_gz();
    let rows: [(&str, &[u8]); 6] = [
        ("x.tar.gz", &archive[..archive.len() - 9]),
        ("x.tar.gz", b""),
        ("x.tar", &[b'x'; 2000]),
        ("x.tar.bz2", b"garbage"),
        ("x.txt.gz", &gzip(b"dump")[..20]),
        ("x.tar.zst", b"(\xb5/\xfd"),
    ];
    for (name, content) in rows {
        let network = Network::new(&["far"]);
        network.collect("far", &[("good.tar.gz", &archive), (name, content)]);
        let (status, error) = network.stage_badly();
        assert_eq!(status, Failed);
        assert!(error.contains(name) && error.contains("is damaged"), "{error}");
        assert_eq!(names(&network.staged("far")), ["cback.sha256", "good.tar.gz"]);
        assert!(!network.far("far").join(indicator::STAGE).exists());
    }
}

#[test]
fn what_does_not_fit_a_manifest_of_ours_is_refused() {
    let network = Network::new(&["far"]);
    write_manifest(&network.far("far"), "run", None, Some(("etc.tar.gz", b"what was collected")));
    network.collect("far", &[("etc.tar.gz", &tar_gz())]);
    fs_err::write(network.far("far").join(indicator::COLLECT), said("run", TIME)).unwrap();
    let (_, error) = network.stage_badly();
    assert!(error.contains("not what its manifest says"), "{error}");
    assert_eq!(names(&network.staged("far")), ["cback.sha256"]);

    fs_err::remove_file(network.far("far").join("etc.tar.gz")).unwrap();
    let (_, error) = network.stage_badly();
    assert!(error.contains("is not there, though"), "{error}");
    assert!(!network.far("far").join(indicator::STAGE).exists());
}

#[test]
fn a_manifest_that_the_original_has_outlived_is_left_behind() {
    let network = Network::new(&["far"]);
    write_manifest(&network.far("far"), "run", None, Some(("etc.tar.gz", b"ours")));
    network.collect("far", &[("etc.tar.gz", &tar_gz())]);
    let (report, monitor) = network.stage();
    assert!(report.outcome.is_complete(), "{report:?}");
    assert!(monitor.at(Level::Warning)[0].contains("newer archive without a manifest"));
    assert_eq!(names(&network.staged("far")), ["cback.collect", "cback.sha256", "etc.tar.gz"]);

    network.collect("far", &[("etc.tar.gz", b"neither")]);
    let (_, error) = network.stage_badly();
    assert!(error.contains("is damaged"), "{error}");
}

#[test]
fn directories_and_dangling_links_of_the_peer_are_left_out_and_told() {
    use crate::OmissionKind::{Skipped, Vanished};
    let network = Network::new(&["far"]);
    network.collect("far", &[("a.txt", b"a")]);
    fs_err::create_dir(network.far("far").join("sub")).unwrap();
    std::os::unix::fs::symlink("/nonexistent", network.far("far").join("dangling")).unwrap();
    let (report, monitor) = network.stage();
    report.result.unwrap();
    assert_eq!(report.outcome.peers[0].status, Staged);
    let kinds: Vec<_> = report.outcome.omissions.iter().map(|omission| omission.kind).collect();
    assert_eq!(kinds, [Vanished, Skipped]);
    let errors = monitor.at(Level::Error);
    assert!(errors[0].contains("Peer [far]") && errors[0].contains("dangling"), "{errors:?}");
    assert_eq!(names(&network.staged("far")), ["a.txt", "cback.collect", "cback.sha256"]);
}

#[test]
fn whatever_arrives_only_regular_files_with_harmless_names_are_published() {
    let network = Network::new(&["far"]);
    network.collect(
        "far",
        &[("a.txt", b"a"), ("cback.encrypt", b""), ("cback.result", b"{}"), ("-rf", b"dash")],
    );
    for name in [&b"new\nline"[..], b"not utf8 \xff", b"*", b"$(reboot)"] {
        fs_err::write(network.far("far").join(OsStr::from_bytes(name)), "x").unwrap();
    }
    let secret = network.pool.root.path().join("secret");
    fs_err::write(&secret, "secret").unwrap();
    network.hook(
        "far",
        "if [ $what = files ]; then ln -s $base/secret $to/link; ln $base/secret $to/hard; mkdir $to/sub; touch $to/sub/x; \
         mkfifo $to/fifo; touch $to/.redcedar-x; fi",
    );
    let (report, monitor) = network.stage();
    report.result.unwrap();
    let published = fs_err::read_dir(network.staged("far")).unwrap();
    let mut published: Vec<_> = published.map(|entry| entry.unwrap().file_name()).collect();
    published.sort();
    let expected = [
        &b"$(reboot)"[..],
        b"*",
        b"-rf",
        b"a.txt",
        b"cback.collect",
        b"cback.sha256",
        b"new\nline",
        b"not utf8 \xff",
    ];
    assert_eq!(published, expected.map(OsStr::from_bytes));
    assert!(proven(&network.staged("far")));
    let errors = monitor.at(Level::Error).join("\n");
    for name in ["cback.encrypt", "cback.result", "fifo", "hard", "link", "sub"] {
        assert!(errors.contains(&format!("/{name}] is not staged")), "{name}: {errors}");
    }
    assert_eq!(report.outcome.omissions.len(), 6);
    assert_eq!(fs_err::metadata(&secret).unwrap().nlink(), 1);
    network.assert_nothing_left();
}

#[test]
fn clear_text_never_comes_back_beside_its_encrypted_form() {
    let network = Network::new(&["far"]);
    network.collect("far", &[("etc.tar.gz", &tar_gz())]);
    network.stage_well();
    let day = network.staged("far");
    fs_err::rename(day.join("etc.tar.gz"), day.join("etc.tar.gz.gpg")).unwrap();
    network.stage_well();
    assert_eq!(names(&day), ["cback.collect", "cback.sha256", "etc.tar.gz.gpg"]);
    network.collect("far", &[("etc.tar.gz", &gzip(b"other"))]);
    assert_eq!(network.stage_badly().0, Failed);
    assert_eq!(names(&day), ["cback.collect", "cback.sha256", "etc.tar.gz.gpg"]);
}

#[test]
fn a_peer_that_cannot_be_told_is_staged_and_an_error() {
    let network = Network::new(&["far"]);
    network.collect("far", &[("a.txt", b"a")]);
    network.hook("far", "if [ $what = told ]; then echo 'scp: /c/cback.stage: Read-only' >&2; exit 1; fi");
    let (report, monitor) = network.stage();
    report.result.unwrap();
    let peer = &report.outcome.peers[0];
    assert_eq!((peer.status, peer.files, peer.is_fine()), (Staged, 2, false));
    assert!(peer.error.as_ref().unwrap().contains("could not be told that it was picked up"));
    assert!(monitor.at(Level::Error)[0].contains("Read-only"));
    assert_eq!(names(&network.staged("far")), ["a.txt", "cback.collect", "cback.sha256"]);
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing_behind() {
    let Some(small) = SmallFileSystem::mount(1000) else { return };
    let mut network = Network::new(&["far"]);
    network.pool.config.stage.as_mut().unwrap().staging_dir = small.path().join("staging").into();
    network.collect("far", &[("a.txt", b"a"), ("large.txt", &vec![b'x'; 2_000_000])]);
    let (report, _) = network.stage();
    let peer = &report.outcome.peers[0];
    assert_eq!(peer.status, Failed);
    assert!(peer.error.as_ref().unwrap().contains("No space left on device"), "{peer:?}");
    let day = small.path().join("staging/2026/11/24");
    assert_eq!(names(&day), ["cback.result", "far"]);
    assert!(names(&day.join("far")).is_empty());
}

#[test]
fn an_interrupt_ends_a_copy_at_once_and_leaves_nothing_behind() {
    let network = Network::new(&["far"]);
    network.collect("far", &[("a.txt", b"a")]);
    network.hook("far", "if [ $what = files ]; then touch $base/started; sleep 600; fi");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !network.pool.root.path().join("started").exists() && begun.elapsed().as_secs() < 20 {
                std::thread::sleep(Duration::from_millis(10));
            }
            network.interrupt.raise();
        });
        let (report, _) = network.stage();
        assert!(matches!(report.result, Err(StageError::Interrupted(_))), "{report:?}");
    });
    assert!(begun.elapsed() < Duration::from_secs(15));
    network.assert_nothing_left();
    assert!(names(&network.staged("far")).is_empty());
}

#[test]
fn root_lets_the_backup_user_copy_and_takes_only_what_that_user_has_fetched() {
    if !account::is_root() {
        return program::cannot_test("copying as the backup user", "only root can be somebody else");
    }
    let mut network = Network::new(&["far"]);
    "nobody".clone_into(&mut network.pool.config.options.backup_user.value);
    "nogroup".clone_into(&mut network.pool.config.options.backup_group.value);
    let nobody = account::owner("nobody", "nogroup").unwrap();
    for directory in [network.far("far"), network.pool.root.path().join("far")] {
        std::os::unix::fs::chown(directory, Some(nobody.uid), Some(nobody.gid)).unwrap();
    }
    network.collect("far", &[("a.txt", b"a")]);
    // A file of root that the backup user has moved there, so that it would get it as its own.
    network
        .hook("far", "id -u >>$base/far/user; if [ $what = files ]; then mv $base/far/secret $to/secret; fi");
    fs_err::write(network.pool.root.path().join("far/secret"), "secret").unwrap();
    let (report, monitor) = network.stage();
    report.result.unwrap();
    assert_eq!(names(&network.staged("far")), ["a.txt", "cback.collect", "cback.sha256"]);
    assert!(monitor.at(Level::Error)[0].contains("secret] is not staged"), "{:?}", monitor.messages());
    assert_eq!(fs_err::metadata(network.staged("far").join("a.txt")).unwrap().uid(), nobody.uid);
    let users = fs_err::read_to_string(network.pool.root.path().join("far/user")).unwrap();
    assert!(users.lines().all(|user| user == nobody.uid.to_string()), "{users}");
    assert!(network.far("far").join(indicator::STAGE).exists());
}
