//! The action `amazons3`: staged days in a bucket.

use std::os::unix::process::CommandExt;
use std::path::Path;

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::oracle::Oracle;
use redcedar_testing::{program, s3};

use super::machine::{Answer, Machine, answer};

/// Who sends, where we can be somebody else.
fn backup_user() -> &'static str {
    if program::is_root() { "backup" } else { "" }
}

/// Writes a configuration. `DIR` is the machine's directory.
pub(crate) fn configure(machine: &Machine, name: &str, options: &str, section: &str) {
    let user = if backup_user().is_empty() { "root" } else { backup_user() };
    configure_for(machine, name, user, options, section);
}

fn configure_for(machine: &Machine, name: &str, user: &str, options: &str, section: &str) {
    let text = format!(
        "<cb_config>
  <extensions><order_mode>index</order_mode><action><name>amazons3</name><module>CedarBackup3.extend.amazons3</module>
    <function>executeAction</function><index>230</index></action></extensions>
  <options><starting_day>monday</starting_day><working_dir>DIR/work</working_dir><backup_user>{user}</backup_user>
    <backup_group>{user}</backup_group><rcp_command>/usr/bin/scp</rcp_command>{options}</options>
  <peers><peer><name>me</name><type>local</type><collect_dir>DIR/collect</collect_dir></peer></peers>
  <collect><collect_dir>DIR/collect</collect_dir><collect_mode>incr</collect_mode><archive_mode>targz</archive_mode>
    <ignore_file>.ignore</ignore_file><dir><abs_path>DIR/source</abs_path></dir></collect>
  <stage><staging_dir>DIR/stage</staging_dir></stage>
  <amazons3>{section}</amazons3>
</cb_config>
"
    );
    for directory in ["work", "collect", "source", "stage"] {
        let path = machine.path(directory);
        fs_err::create_dir_all(&path).unwrap();
        if program::is_root() {
            program::succeed(program::command("chown").arg(format!("{user}:{user}")).arg(&path));
        }
    }
    machine.write(name, text.replace("DIR", machine.path("").to_str().unwrap().trim_end_matches('/')));
}

/// Runs actions on a day of November.
pub(crate) fn run(machine: &Machine, day: u32, actions: &[&str]) -> Answer {
    let words = [&["--config", "cback3.conf", "run"][..], actions].concat();
    let mut command = machine.command(&words);
    answer(command.env("REDCEDAR_NOW", format!("2026-11-{day:02}T03:00:00")))
}

/// A day as a run of `stage` leaves it.
pub(crate) fn stage<C: AsRef<[u8]>>(machine: &Machine, day: u32, files: &[(&str, C)]) {
    machine.write(&format!("stage/2026/11/{day:02}/cback.stage"), "");
    for (name, content) in files {
        machine.write(&format!("stage/2026/11/{day:02}/{name}"), content);
    }
    if program::is_root() {
        let mut chown = program::command("chown");
        program::succeed(chown.args(["-R", "backup:backup"]).arg(machine.path("stage")));
    }
}

pub(crate) fn is_sent(machine: &Machine, day: u32) -> bool {
    machine.path(&format!("stage/2026/11/{day:02}/cback.amazons3")).exists()
}

#[test]
fn what_is_collected_and_staged_comes_back_from_the_bucket() {
    let Some(machine) = Machine::new() else { return };
    configure(&machine, "cback3.conf", "", "<s3_bucket>bucket/pool</s3_bucket>");
    machine.write("source/file", "first");
    let answer = run(&machine, 23, &["collect", "stage", "amazons3"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    machine.write("source/file", "second, and longer");
    let answer = run(&machine, 24, &["collect", "stage", "amazons3"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let names = machine.names("pool/2026/11/24/");
    assert!(names.iter().any(|name| name.ends_with(".manifest.jsonl.zst")), "{names:?}");
    assert!(names.contains(&"me/cback.sha256".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with("cback.stage") || name.ends_with("cback.collect")));
    assert!(is_sent(&machine, 23) && is_sent(&machine, 24));
    assert!(fs_err::read_dir(machine.path("work/redcedar.amazons3")).unwrap().next().is_none());
    let verified = machine.run(&["verify", "--from", "s3://bucket/pool"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let restored = machine.run(&["restore", "--from", "s3://bucket/pool", "--to", "restored"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    let source = machine.path("source").strip_prefix("/").unwrap().join("file");
    let restored = machine.read(Path::new("restored").join(source).to_str().unwrap());
    assert_eq!(restored, "second, and longer");
}

#[test]
fn what_is_in_the_bucket_stays_until_something_else_is_and_missed_days_are_caught_up_with() {
    let Some(machine) = Machine::new() else { return };
    configure(&machine, "cback3.conf", "", "<s3_bucket>bucket/pool</s3_bucket>");
    stage(&machine, 20, &[("me/a.tar", "abc"), ("me/my-cback.sql", "1")]);
    machine.server.store("pool/2026/11/20/me/a.tar", b"old");
    machine.server.store("pool/2026/11/20/me/gone.tar", b"old");
    machine.server.store("pool/2026/11/201/x", b"other");
    // What cannot be read cannot be sent.
    fs_err::create_dir(machine.path("stage/2026/11/20/me/cback.split")).unwrap();
    let answer = run(&machine, 20, &["amazons3"]);
    assert_eq!(answer.code, 6, "{answer:?}");
    assert!(answer.stderr.contains("has the name of an indicator"), "{answer:?}");
    assert_eq!(machine.server.object("pool/2026/11/20/me/a.tar").unwrap(), b"old");
    fs_err::remove_dir(machine.path("stage/2026/11/20/me/cback.split")).unwrap();
    configure(&machine, "cback3.conf", "", "<s3_bucket>nowhere/pool</s3_bucket>");
    let answer = run(&machine, 20, &["amazons3"]);
    assert_eq!(answer.code, 6, "{answer:?}");
    assert!(answer.stderr.contains("2026-11-20") && answer.stderr.contains("nowhere"), "{answer:?}");
    assert!(!is_sent(&machine, 20));
    configure(&machine, "cback3.conf", "", "<s3_bucket>bucket/pool</s3_bucket>");
    stage(&machine, 23, &[("me/a.tar", "b")]);
    stage(&machine, 24, &[("me/a.tar", "c")]);
    let answer = run(&machine, 24, &["amazons3"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(machine.names("pool/2026/11/20/"), ["me/a.tar", "me/my-cback.sql"]);
    assert_eq!(machine.server.object("pool/2026/11/20/me/a.tar").unwrap(), b"abc");
    assert_eq!(machine.server.object("pool/2026/11/24/me/a.tar").unwrap(), b"c");
    assert_eq!(machine.names("pool/2026/11/201/"), ["x"]);
    assert!(machine.names("pool/2026/11/23/").is_empty(), "nobody asked for it");
    configure(&machine, "cback3.conf", "", "<s3_bucket>bucket/pool</s3_bucket><catch_up>Y</catch_up>");
    assert_eq!(run(&machine, 24, &["amazons3"]).code, 0);
    assert_eq!(machine.names("pool/2026/11/23/"), ["me/a.tar"]);
    let answer = run(&machine, 24, &["amazons3"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stderr.contains("nothing to do"), "{answer:?}");
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_what_would_become_of_each_day_in_the_bucket() {
    let Some(machine) = Machine::new() else { return };
    let section = "<s3_bucket>bucket/pool</s3_bucket><keep_last>2</keep_last>";
    configure(&machine, "cback3.conf", "", section);
    stage(&machine, 24, &[("me/etc.tar.gz", "abc"), ("me/home.tar.gz", "de")]);
    // The 23rd is a Monday. What the original made on a Sunday builds on everything back to the Monday before.
    for day in ["15", "22", "23"] {
        machine.server.store(&format!("pool/2026/11/{day}/me/etc.tar.gz"), b"abc");
    }
    let answer = run(&machine, 24, &["amazons3", "--dry-run"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    for line in [
        "2026-11-24 would go to s3://bucket/pool/2026/11/24: 2 files, 5 bytes",
        "3 requests that write or list, 0 that read",
        "2026-11-15 stays in the bucket: 2026-11-22 builds on it",
        "2026-11-22 stays in the bucket: one of the last",
    ] {
        assert!(answer.stdout.contains(line), "{line}: {answer:?}");
    }
    assert_eq!(machine.server.keys().len(), 3);
    assert!(!machine.path("work/redcedar.amazons3").exists() && !is_sent(&machine, 24));
    assert_eq!(run(&machine, 24, &["amazons3"]).code, 0);
    assert_eq!(machine.names("pool/2026/11/"), ["23/me/etc.tar.gz", "24/me/etc.tar.gz", "24/me/home.tar.gz"]);
}

#[test]
fn files_are_encrypted_by_the_backup_user_whatever_they_are_called() {
    let Some(machine) = Machine::new() else { return };
    let section = "<s3_bucket>bucket/p</s3_bucket><encrypt>(id -un; cat ${input}) &gt; ${output}</encrypt>";
    configure(&machine, "cback3.conf", "", section);
    let names = ["me/a;touch x", "me/b c", "me/$(touch x)", "me/it's \"so\"", "empty.first/deep/er/z"];
    let files: Vec<_> =
        names.iter().map(|name| (*name, "content")).chain([("empty.first/none", "")]).collect();
    stage(&machine, 24, &files);
    let answer = run(&machine, 24, &["amazons3"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    for name in names {
        let content = machine.server.object(&format!("p/2026/11/24/{name}")).unwrap();
        let content = String::from_utf8(content).unwrap();
        let (user, content) = content.split_once('\n').unwrap();
        assert!(backup_user().is_empty() || user == backup_user(), "{user}");
        assert_eq!(content, "content");
    }
    assert_eq!(machine.server.object("p/2026/11/24/empty.first/none").unwrap(), b"");
    assert!(!machine.path("x").exists());
}

#[test]
fn the_original_with_the_cli_we_with_the_cli_and_we_ourselves_fill_the_bucket_alike() {
    let (Some(machine), Some(oracle)) = (Machine::new(), Oracle::required()) else { return };
    let Some(aws) = s3::aws() else {
        program::cannot_test("against the original", "the AWS CLI is not installed; ./check installs it");
        return;
    };
    if !program::is_root() {
        program::cannot_test("against the original", "it wants to be root");
        return;
    }
    let files = [
        ("me/a.tar.gz", "abc"),
        ("me/sub/b", "1"),
        ("you/gr\u{fc}n", "2"),
        ("you/empty", ""),
        ("me/a+b", "3"),
    ];
    let overrides =
        format!("<override><command>aws</command><abs_path>{}</abs_path></override>", aws.display());
    for encrypt in ["", "<encrypt>/usr/bin/sort -r -o ${output} ${input}</encrypt>"] {
        for (prefix, options) in [("theirs", &*overrides), ("cli", &*overrides), ("ours", "")] {
            let section = format!("<s3_bucket>bucket/{prefix}</s3_bucket>{encrypt}");
            configure_for(&machine, "cback3.conf", "root", options, &section);
            fs_err::remove_dir_all(machine.path("stage")).unwrap();
            stage(&machine, 24, &files);
            machine.server.store(&format!("{prefix}/2026/11/24/stale"), b"x");
            let words = ["--config", "cback3.conf", "--logfile", "log", "--owner", "root:root", "amazons3"];
            let program = if prefix == "theirs" {
                oracle.command("2026-11-24 03:00:00")
            } else {
                let mut cback3 = program::command(cargo_bin!("redcedar"));
                cback3.arg0("cback3").env("REDCEDAR_NOW", "2026-11-24T03:00:00");
                cback3
            };
            let answer = answer(&mut machine.complete(program, &words));
            assert_eq!(answer.code, 0, "{prefix}: {answer:?}\n{}", machine.read("log"));
            assert!(is_sent(&machine, 24));
        }
        let names = machine.names("theirs/");
        assert_eq!(names.len(), files.len());
        for prefix in ["cli", "ours"] {
            assert_eq!(machine.names(&format!("{prefix}/")), names);
            for name in &names {
                let object = |prefix: &str| machine.server.object(&format!("{prefix}/{name}"));
                assert_eq!(object(prefix), object("theirs"), "{prefix}/{name}");
            }
        }
    }
}
