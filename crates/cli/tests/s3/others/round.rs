//! Everything that is done with a bucket, one thing after the other.

use std::collections::BTreeMap;
use std::path::Path;

use redcedar_testing::rng::Rng;
use serde_json::Value;

use super::super::machine::{Answer, Machine, answer};

/// Contents by their names.
pub(super) type Tree = BTreeMap<String, Vec<u8>>;

const PLACE: &str = "s3://bucket/p";

/// Files as they are anywhere, and two that are sent in parts.
pub(super) fn tree(names: &[&str]) -> Tree {
    let mut rng = Rng::new(9);
    let mut tree: Tree =
        (0..30).map(|number| (format!("d{}/f{number}", number % 4), rng.bytes(100 * number))).collect();
    tree.extend(names.iter().map(|name| (format!("odd/{name}"), name.as_bytes().to_vec())));
    tree.insert("two parts".to_owned(), rng.bytes(9 << 20));
    tree.insert("three parts".to_owned(), rng.bytes(17 << 20));
    tree
}

pub(super) fn write<S>(machine: &Machine<S>, directory: &str, tree: &Tree) {
    for (name, content) in tree {
        machine.write(&format!("{directory}/{name}"), content);
    }
}

pub(super) fn assert_same(directory: &Path, tree: &Tree) {
    let (mut count, mut left) = (0, vec![directory.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            count += 1;
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap();
            assert!(tree.get(name) == Some(&fs_err::read(&path).unwrap()), "{name} is another");
        }
    }
    assert_eq!(count, tree.len());
}

/// Runs `redcedar sync … --json`, which must succeed and leave nothing unproved. Returns how many files are new, changed,
/// unchanged (or were compared) and deleted.
pub(super) fn sync<S>(machine: &Machine<S>, words: &[&str]) -> [u64; 4] {
    let answer = machine.run(&[&["sync"], words, &["--json"]].concat());
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{words:?}: {answer:?}");
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(document["unproved"], 0, "{words:?}");
    let files = |name: &str| document[name]["files"].as_u64().unwrap();
    [files("new"), files("changed"), files("unchanged") + files("compared"), files("deleted")]
}

/// A directory goes to the bucket, is followed there, and comes back.
pub(super) fn directories<S>(machine: &Machine<S>, names: &[&str]) {
    let mut tree = tree(names);
    write(machine, "home", &tree);
    let all = tree.len() as u64;
    assert_eq!(sync(machine, &["home", PLACE]), [all, 0, 0, 0]);
    assert_eq!(sync(machine, &["home", PLACE]), [0, 0, all, 0]);
    // Without memory everything is compared with what the server says.
    fs_err::remove_dir_all(machine.path(".local")).unwrap();
    assert_eq!(sync(machine, &["home", PLACE]), [0, 0, all, 0]);
    let edited = tree.get_mut("d1/f9").unwrap();
    edited[0] ^= 1;
    let path = machine.write("home/d1/f9", &edited);
    let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
    file.file().set_modified(std::time::UNIX_EPOCH).unwrap();
    for name in ["d0/f0", "d2/f2", "two parts"] {
        tree.remove(name);
        fs_err::remove_file(machine.path("home").join(name)).unwrap();
    }
    tree.insert("new".to_owned(), b"new".to_vec());
    machine.write("home/new", "new");
    let left = tree.len() as u64;
    assert_eq!(sync(machine, &["home", PLACE, "--delete"]), [1, 1, left - 2, 3]);
    fs_err::create_dir(machine.path("back")).unwrap();
    machine.write("back/d1/f9", vec![7; 900]);
    machine.write("back/stale", "x");
    assert_eq!(sync(machine, &[PLACE, "back", "--delete"]), [left - 1, 1, 0, 1]);
    assert_same(&machine.path("back"), &tree);
    assert_eq!(sync(machine, &[PLACE, "back"]), [0, 0, left, 0]);
    // An empty source takes nothing.
    fs_err::create_dir(machine.path("unmounted")).unwrap();
    let unmounted = machine.run(&["sync", "unmounted", PLACE, "--delete"]);
    assert_eq!(unmounted.code, 7, "{unmounted:?}");
    assert_eq!(sync(machine, &[PLACE, "back"]), [0, 0, left, 0]);
}

/// Backups go to the bucket, are read from there by ranges, and old ones go.
pub(super) fn backups<S>(machine: &Machine<S>, names: &[&str]) {
    let mut tree = tree(names);
    write(machine, "source", &tree);
    let source = machine.path("source").display().to_string();
    let on = |day: &str, words: &[&str]| -> Answer {
        answer(machine.command(words).env("REDCEDAR_NOW", format!("2026-11-{day}T02:00:00")))
    };
    let place = "s3://bucket/b";
    let backup = |day: &str, words: &[&str]| {
        let answer = on(day, &[&["backup", &source, "--to", place], words].concat());
        assert_eq!(answer.code, 0, "{answer:?}");
    };
    let assert_restored = |as_of: &str, tree: &Tree| {
        let words = ["restore", "--from", place, "--to", "restored", "--as-of", as_of];
        let restored = on("30", &words);
        assert_eq!(restored.code, 0, "{restored:?}");
        assert_same(&machine.path("restored").join(source.trim_start_matches('/')), tree);
        fs_err::remove_dir_all(machine.path("restored")).unwrap();
    };
    backup("23", &[]);
    let first = tree.clone();
    tree.insert("d0/f4".to_owned(), b"changed".to_vec());
    tree.insert("added".to_owned(), b"added".to_vec());
    write(machine, "source", &tree);
    backup("24", &[]);
    let listed = machine.run(&["list", "--from", place]);
    assert!(
        listed.code == 0 && listed.stdout.contains("2026-11-23") && listed.stdout.contains("2026-11-24"),
        "{listed:?}"
    );
    let verified = machine.run(&["verify", "--from", place]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_restored("2026-11-23", &first);
    assert_restored("2026-11-24", &tree);
    backup("25", &["--full"]);
    let pruned = on("25", &["prune", place, "--keep-last", "1"]);
    assert_eq!(pruned.code, 0, "{pruned:?}");
    let listed = machine.run(&["list", "--from", place]);
    assert!(!listed.stdout.contains("2026-11-23") && listed.stdout.contains("2026-11-25"), "{listed:?}");
    assert_restored("2026-11-25", &tree);
}

/// Whoever has the wrong key is told so, and does nothing.
pub(super) fn wrong_keys<S>(machine: &Machine<S>, rejections: [&str; 2]) {
    machine.write("home/a", "a");
    let home = machine.path("home").display().to_string();
    let good = &machine.login;
    let (id, secret) = ("GK765432107654321076543210", "00000000000000000000000000000000");
    for ((id, secret), rejection) in [(&*good.id, secret), (id, &*good.secret)].into_iter().zip(rejections) {
        for words in [
            &["sync", "home", PLACE, "--delete"][..],
            &["sync", PLACE, "home", "--delete"],
            &["backup", &home, "--to", "s3://bucket/b"],
            &["list", "--from", "s3://bucket/b"],
            &["verify", "--from", "s3://bucket/b"],
        ] {
            let mut command = machine.command(words);
            command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
            let refused = answer(&mut command);
            assert_eq!(refused.code, 6, "{words:?}: {refused:?}");
            assert!(refused.stderr.contains(rejection), "{rejection}: {words:?}: {refused:?}");
            assert!(!refused.stderr.contains(secret), "{words:?}: it shows the secret: {refused:?}");
        }
    }
    assert_eq!(machine.read("home/a"), "a");
}
