//! `cback3-amazons3-sync` and `cback-amazons3-sync`.

use std::os::unix::ffi::OsStrExt;

use super::machine::Machine;

const TOOL: &str = "cback3-amazons3-sync";
const TARGET: &str = "s3://bucket/p";

#[test]
fn a_good_run_is_silent_and_logs_what_it_does() {
    let Some(machine) = Machine::new() else { return };
    machine.write("src/caf\u{e9} \u{1f332}", "x");
    machine.server.store("p/stale", b"x");
    let answer = machine.persona(TOOL, &["-l", "log", "-m", "644", "src", TARGET]);
    assert_eq!((answer.code, answer.stdout.as_str(), answer.stderr.as_str()), (0, "", ""));
    assert_eq!(machine.names("p/"), ["caf\u{e9} \u{1f332}"]);
    let log = machine.read("log");
    let messages: Vec<&str> =
        log.lines().filter_map(|line| line.split_once("] ")).map(|(_, text)| text).collect();
    assert_eq!(messages[1], "Options were [--logfile \"log\" --mode 644 \"src\" \"s3://bucket/p\" ]");
    let mut wanted = [
        "Cedar Backup Amazon S3 sync run started.",
        "Logfile is [log]",
        "Completed checking source filename encoding (no problems found).",
        "Synchronizing local source directory up to Amazon S3.",
        "This will be a full sync process, removing any S3 files that do not exist in the source",
        "Completed verifying Amazon S3 bucket contents (no problems found).",
        "Cedar Backup Amazon S3 sync run completed with status 0.",
    ]
    .iter();
    assert!(wanted.all(|line| messages.contains(line)), "{log}");
    assert_eq!(machine.persona(TOOL, &["-v", "-l", "log", "src", TARGET]).code, 0);
}

#[test]
fn verification_compares_contents_and_changes_nothing() {
    let Some(machine) = Machine::new() else { return };
    machine.write("src/a", "new");
    machine.write("src/b", "b");
    machine.server.store("p/a", b"old");
    machine.server.store("p/extra", b"x");
    let answer = machine.persona(TOOL, &["-v", "-l", "log", "src/", TARGET]);
    assert_eq!(answer.code, 6);
    assert_eq!(
        answer.stdout,
        "File differs from what is in S3: [src/a]\n\
         File was apparently not uploaded: [src/b]\n\
         There were differences between source directory and target S3 bucket.\n\
         Error executing backup: There were differences between source directory and target S3 bucket.\n"
    );
    assert_eq!(machine.names("p/"), ["a", "extra"]);
    assert_eq!(machine.persona(TOOL, &["-qv", "-l", "log", "src", TARGET]).stdout, "");
}

#[test]
fn upload_only_removes_nothing_and_an_empty_source_neither() {
    let Some(machine) = Machine::new() else { return };
    machine.write("src/a", "a");
    machine.server.store("p/old", b"x");
    assert_eq!(machine.persona(TOOL, &["-u", "-l", "log", "src", TARGET]).code, 0);
    assert_eq!(machine.names("p/"), ["a", "old"]);
    fs_err::create_dir(machine.path("unmounted")).unwrap();
    let answer = machine.persona(TOOL, &["-l", "log", "unmounted", TARGET]);
    assert_eq!(answer.code, 6);
    assert!(answer.stdout.contains("nothing is deleted: the source is empty"), "{}", answer.stdout);
    assert_eq!(machine.names("p/"), ["a", "old"]);
}

#[test]
fn a_name_that_is_no_key_is_refused_before_anything_is_done_unless_warnings_are_ignored() {
    let Some(machine) = Machine::new() else { return };
    machine.write("src/a", "a");
    let odd = machine.path("src").join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs_err::write(odd, "x").unwrap();
    let answer = machine.persona(TOOL, &["-l", "log", "src", TARGET]);
    assert_eq!(answer.code, 6);
    assert!(answer.stdout.starts_with("Inconsistent encoding for [src/caf\\xe9]: "), "{}", answer.stdout);
    assert_eq!(machine.names("p/"), [""; 0]);
    let answer = machine.persona(TOOL, &["-w", "-l", "log", "src", TARGET]);
    assert_eq!(answer.code, 6);
    assert!(answer.stdout.contains("Not in S3: caf\\xe9: "), "{}", answer.stdout);
    assert_eq!(machine.names("p/"), ["a"]);
}

#[test]
fn wrong_words_are_2_and_what_can_only_be_seen_later_is_6() {
    let Some(machine) = Machine::new() else { return };
    machine.write("src/a", "a");
    for words in
        [&["src"][..], &["src", TARGET, "-v"], &["-m", "9", "src", TARGET], &["--ver", "src", TARGET]]
    {
        let answer = machine.persona(TOOL, words);
        assert_eq!(answer.code, 2, "{words:?}");
        assert!(answer.stderr.contains("\n *** Error: "), "{}", answer.stderr);
    }
    assert_eq!(machine.persona("cback-amazons3-sync", &["-u", "src", TARGET]).code, 2);
    assert_eq!(machine.persona(TOOL, &["-l", "nowhere/log", "src", TARGET]).code, 3);
    let answer = machine.persona(TOOL, &["-l", "log", "nowhere", TARGET]);
    let expected = "Error executing backup: Source directory does not exist on disk.\n";
    assert_eq!((answer.code, answer.stdout.as_str()), (6, expected));
    assert_eq!(machine.persona(TOOL, &["-l", "log", "src", "bucket/p"]).code, 6);
    let version = machine.persona(TOOL, &["-V"]);
    assert_eq!(version.code, 0);
    assert!(version.stdout.starts_with("\n Cedar Backup Amazon S3 sync tool.\n"), "{}", version.stdout);
}
