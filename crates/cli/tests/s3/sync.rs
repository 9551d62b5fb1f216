//! `redcedar sync`.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::machine::Machine;

const TARGET: &str = "s3://bucket/p";

#[test]
fn a_directory_is_looked_at_sent_verified_and_followed() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a.txt", "one");
    machine.write("home/b/c.txt", "three");
    let planned = machine.run(&["sync", "home", TARGET, "--dry-run"]);
    assert_eq!((planned.code, planned.stderr.as_str()), (0, ""));
    assert!(planned.stdout.starts_with("new     a.txt (3 B)\nnew     b/c.txt (5 B)\n"), "{}", planned.stdout);
    assert!(planned.stdout.contains("would send 8 B"), "{}", planned.stdout);
    assert_eq!(machine.names("p/"), [""; 0]);

    let sent = machine.run(&["sync", "home", TARGET]);
    assert_eq!((sent.code, sent.stderr.as_str()), (0, ""));
    assert!(sent.stdout.starts_with("2 new, 0 changed, 0 unchanged, 0 deleted, 0 only in the bucket\n"));
    assert_eq!(machine.run(&["sync", "home", TARGET, "--verify"]).code, 0);

    machine.server.store("p/a.txt", b"two");
    machine.server.store("p/stale", b"x");
    let verified = machine.run(&["sync", "home", TARGET, "--verify"]);
    assert_eq!(verified.code, 6);
    assert!(verified.stdout.starts_with("changed a.txt (3 B)\nextra   stale (1 B)\n"), "{}", verified.stdout);
    let followed = machine.run(&["sync", "home", TARGET, "--delete"]);
    assert!(followed.stdout.starts_with("0 new, 1 changed, 1 unchanged, 1 deleted"), "{}", followed.stdout);
    assert_eq!(machine.names("p/"), ["a.txt", "b/c.txt"]);
    assert_eq!(machine.server.object("p/a.txt").unwrap(), b"one");
}

#[test]
fn a_bucket_comes_back_into_a_directory() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/b/c.txt", "three");
    assert_eq!(machine.run(&["sync", "home", TARGET]).code, 0);
    fs_err::create_dir(machine.path("new")).unwrap();
    machine.write("new/mine", "m");
    let answer = machine.run(&["sync", TARGET, "new"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert!(
        answer
            .stdout
            .starts_with("1 new, 0 changed, 0 unchanged, 0 deleted, 1 only in the directory\nfetched 5 B")
    );
    assert_eq!(machine.read("new/b/c.txt"), "three");
}

#[test]
fn the_document_has_the_documented_keys() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a.txt", "one");
    std::os::unix::fs::symlink("nowhere", machine.path("home/link")).unwrap();
    let answer = machine.run(&["sync", "home", TARGET, "--json"]);
    assert_eq!(answer.code, 7, "{}", answer.stderr);
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(document["result"], "incomplete");
    assert_eq!(document["new"]["files"], 1);
    assert_eq!(document["changes"][0]["path"], "a.txt");
    assert_eq!(document["problems"][0]["path"], "link");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let documentation = fs_err::read_to_string(path).unwrap();
    let mut keys = BTreeSet::new();
    collect_keys(&document, &mut keys);
    for key in keys {
        assert!(documentation.contains(&format!("`{key}`")), "{key} is not documented");
    }
}

fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            collect_keys(value, keys);
        }),
        Value::Array(list) => list.iter().for_each(|value| collect_keys(value, keys)),
        _ => {}
    }
}

#[test]
fn a_file_became_unreadable_and_its_object_stays() {
    let Some(machine) = Machine::new() else { return };
    for number in 0..20 {
        machine.write(&format!("home/f{number:02}"), "x");
    }
    assert_eq!(machine.unprivileged(&["sync", "home", TARGET, "--delete"]).code, 0);
    let path = machine.write("home/f07", "longer");
    fs_err::remove_file(machine.path("home/f08")).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let answer = machine.unprivileged(&["sync", "home", TARGET, "--delete"]);
    assert_eq!(answer.code, 6);
    assert!(answer.stderr.contains("f07: cannot read"), "{}", answer.stderr);
    assert!(
        answer.stderr.contains("nothing is deleted: something could not be uploaded"),
        "{}",
        answer.stderr
    );
    assert_eq!(machine.names("p/").len(), 20);
}

#[test]
fn a_directory_became_unreadable_and_its_objects_stay() {
    let Some(machine) = Machine::new() else { return };
    for number in 0..20 {
        machine.write(&format!("home/d{}/f{number:02}", number / 5), "x");
    }
    assert_eq!(machine.unprivileged(&["sync", "home", TARGET, "--delete"]).code, 0);
    fs_err::remove_file(machine.path("home/d0/f00")).unwrap();
    fs_err::set_permissions(machine.path("home/d1"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let answer = machine.unprivileged(&["sync", "home", TARGET, "--delete"]);
    fs_err::set_permissions(machine.path("home/d1"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(answer.code, 6);
    assert!(answer.stderr.contains("d1/: cannot read directory"), "{}", answer.stderr);
    assert!(
        answer.stderr.contains("nothing is deleted: part of the source cannot be read"),
        "{}",
        answer.stderr
    );
    assert_eq!(machine.names("p/").len(), 20);
}

#[test]
fn wrong_words_and_servers_that_refuse_have_their_exit_codes_and_hints() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a", "a");
    assert_eq!(machine.run(&["sync", "home", "bucket/p"]).code, 2);
    assert_eq!(machine.run(&["sync", TARGET, TARGET]).code, 2);
    assert_eq!(machine.run(&["sync", "home", "s3:///p"]).code, 2);
    assert_eq!(machine.run(&["sync", "home", TARGET, "--exclude", "a["]).code, 2);
    assert_eq!(machine.run(&["sync", "home", TARGET, "--max-delete", "10"]).code, 2);
    assert_eq!(machine.run(&["sync", "nowhere", TARGET]).code, 6);
    let nobody = machine.run(&["sync", "home", "s3://nosuchbucket/p"]);
    assert_eq!(nobody.code, 6);
    assert!(nobody.stderr.contains("NoSuchBucket") && nobody.stderr.contains("hint: "), "{}", nobody.stderr);
    let mut command = machine.command(&["sync", "home", TARGET]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(text.contains("credentials are looked for as the AWS CLI does"), "{text}");
}

#[test]
fn a_profile_says_where_the_server_is_and_who_we_are() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a", "a");
    let config = format!(
        "[profile ours]\nregion = us-east-1\nendpoint_url = {}\ns3 =\n  addressing_style = path\n  \
         max_concurrent_requests = 2\n",
        machine.server.url()
    );
    machine.write(".aws/config", config);
    machine
        .write(".aws/credentials", "[ours]\naws_access_key_id = testing\naws_secret_access_key = testing\n");
    let mut command = machine.command(&["sync", "home", TARGET, "--profile", "ours"]);
    for name in ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(machine.names("p/"), ["a"]);
}

#[test]
fn a_dry_run_says_what_it_would_cost_by_the_prices_of_the_user() {
    let Some(machine) = Machine::new() else { return };
    machine.write("src/small", "x");
    machine.write("src/large", vec![1; 17 << 20]);
    let words = ["sync", "src", "s3://bucket/p", "--dry-run"];
    let answer = machine.run(&words);
    let expected = "would make 7 requests that write or list, 0 that read, 0 that delete; 17 MiB would be in the bucket then";
    assert!(answer.stdout.contains(expected), "{answer:?}");
    assert!(!answer.stdout.contains("a month"), "{answer:?}");
    machine.write("prices", "currency = EUR\nwrite = 1000\nSTANDARD = 1024\nSTANDARD_IA = 10.24\n");
    let answer = machine.run(&[&words[..], &["--prices", "prices"]].concat());
    let expected = "about 7.00 EUR for requests, then 17.00 EUR a month for storage, by prices";
    assert!(answer.stdout.contains(expected), "{answer:?}");
    let answer = machine
        .run(&[&words[..], &["--prices", "prices", "--storage-class", "STANDARD_IA", "--json"]].concat());
    assert!(
        answer.stdout.contains("\"monthly\": 0.17") || answer.stdout.contains("\"monthly\":0.17"),
        "{answer:?}"
    );
    assert!(machine.server.keys().is_empty());
}
