//! Encrypted and split: repositories, databases and mail come back as they were on each day, and nothing of them is in clear
//! anywhere on the way.

use std::io::Write;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use redcedar_testing::keyring::{Keyring, NAME};
use redcedar_testing::program::{self, describe};

use crate::machine::{Machine, required};
use crate::{git, mercurial, sqlite, subversion};

/// What nobody should find.
const SECRET: &str = "nobody-elses-business";

/// What is restored, and by which words.
const KINDS: [(&str, &str); 6] = [
    ("svn", "--repository ROOT/svn/a"),
    ("git", "--repository ROOT/git/a"),
    ("hg", "--repository ROOT/hg/a"),
    ("app.db", "--sqlite ROOT/app.db"),
    ("inbox", "--mailbox ROOT/inbox"),
    ("mail", "--mailbox ROOT/mail"),
];

/// Nothing is compressed, so that what is in clear is found.
fn sections(encrypt: &str, order: [&str; 2], part: u32) -> String {
    let actions = ["subversion", "mbox"].into_iter().zip([98, 99]).chain(order.into_iter().zip([210, 220]));
    let action = |(name, index): (&str, u32)| {
        format!(
            "<action><name>{name}</name><module>CedarBackup3.extend.{name}</module>
            <function>executeAction</function><index>{index}</index></action>"
        )
    };
    let actions: String = actions.map(action).collect();
    let modes = "<collect_mode>incr</collect_mode><compress_mode>none</compress_mode>";
    let repository = |kind: &str, path: &str| {
        format!("<{kind}>{modes}<repository><abs_path>ROOT/{path}</abs_path></repository></{kind}>")
    };
    let repositories =
        [("subversion", "svn/a"), ("mercurial", "hg/a")].map(|(kind, path)| repository(kind, path));
    format!(
        "<extensions>{actions}</extensions>{}
        <git><collect_mode>incr</collect_mode><repository><abs_path>ROOT/git/a</abs_path></repository></git>
        <sqlite><collect_mode>daily</collect_mode><compress_mode>none</compress_mode>
          <database><abs_path>ROOT/app.db</abs_path></database></sqlite>
        <mbox>{modes}<file><abs_path>ROOT/inbox</abs_path></file><dir><abs_path>ROOT/mail</abs_path></dir></mbox>
        <encrypt>{encrypt}</encrypt><split><size_limit>{part}</size_limit><split_size>{part}</split_size></split>",
        repositories.concat()
    )
}

/// Makes everything.
fn create(machine: &Machine) {
    subversion::create(&machine.path("svn/a"));
    git::create(&machine.path("git/a"), &[]);
    mercurial::create(&machine.path("hg/a"));
    fs_err::create_dir(machine.path("mail")).unwrap();
}

/// Changes everything.
fn change(machine: &Machine) {
    let day = machine.date();
    let text = format!("{SECRET} {day}\n");
    subversion::commit_each(&machine.path("svn/a"), &[&text]);
    git::commit(&machine.path("git/a"), &text);
    mercurial::commit(&machine.path("hg/a"), &text);
    let table = day.replace('-', "_");
    sqlite::sql(&machine.path("app.db"), &format!("CREATE TABLE t{table} AS SELECT '{SECRET}' AS x"));
    let letter = format!(
        "From a@b Mon Mar  3 00:00:00 2031\nMessage-Id: <{day}@x>\nDate: Mon, 3 Mar 2031 00:00:00 +0000\n\n{SECRET}\n\n"
    );
    for mailbox in ["inbox", "mail/one"] {
        let mut options = fs_err::OpenOptions::new();
        let mut file = options.create(true).append(true).open(machine.path(mailbox)).unwrap();
        file.write_all(letter.as_bytes()).unwrap();
    }
}

/// Everything there is to compare. `place` says where each kind is.
fn look(place: impl Fn(&str) -> PathBuf) -> [Vec<u8>; 6] {
    [
        subversion::everything(&place("svn")),
        git::refs(&place("git")).into_bytes(),
        mercurial::everything(&place("hg")).into_bytes(),
        sqlite::sql(&place("app.db"), ".dump").into_bytes(),
        fs_err::read(place("inbox")).unwrap(),
        fs_err::read(place("mail").join("one")).unwrap(),
    ]
}

fn original(machine: &Machine, kind: &str) -> PathBuf {
    machine.path(match kind {
        "svn" => "svn/a",
        "git" => "git/a",
        "hg" => "hg/a",
        other => other,
    })
}

/// Nothing of the secret is in a directory, which exists.
#[track_caller]
fn assert_nothing_in_clear(directory: &Path) {
    assert!(directory.is_dir());
    let found = program::run(program::command("grep").args(["-rlaF", SECRET]).arg(directory));
    assert_eq!(found.status.code(), Some(1), "{}", describe(&found));
}

#[track_caller]
fn assert_empty(directory: &Path) {
    let left: Vec<_> = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Three days there and back; `set_keys` makes it possible to open them.
fn there_and_back(machine: &mut Machine, order: [&str; 2], set_keys: impl Fn(&mut Machine)) {
    if !["svnadmin", "git", "hg", "sqlite3"].into_iter().all(required) {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    machine.set("TMPDIR", temporary.path());
    create(machine);
    let mut days = Vec::new();
    for _ in 0..3 {
        change(machine);
        machine.run(&[&["subversion", "mbox", "collect", "stage"], &order[..]].concat());
        let staged = machine.staged("");
        let is_treated =
            |name: &String| name.starts_with("cback.") || name.contains(".gpg") || name.contains(".age");
        assert!(staged.iter().all(is_treated), "{staged:?}");
        assert!(staged.iter().any(|name| name.contains("_00001")), "{staged:?}");
        assert_empty(temporary.path());
        assert_nothing_in_clear(&machine.pool.staging_dir());
        assert_nothing_in_clear(&machine.pool.working_dir());
        days.push((machine.date(), look(|kind| original(machine, kind))));
        machine.next_day();
    }

    let locked =
        machine.redcedar("restore --repository ROOT/svn/a --from ROOT/staging --to ROOT/back/locked");
    assert_eq!(locked.status.code(), Some(6), "{}", describe(&locked));
    assert!(String::from_utf8_lossy(&locked.stderr).contains("secret key"), "{}", describe(&locked));
    assert_empty(&machine.path("back"));

    set_keys(machine);
    for (day, wanted) in &days {
        for (kind, words) in KINDS {
            machine.redcedar_well(&format!(
                "restore {words} --from ROOT/staging --to ROOT/back/{day}/{kind} --as-of {day}"
            ));
        }
        assert_empty(temporary.path());
        let back = machine.path("back").join(day);
        let mut there: Vec<_> =
            fs_err::read_dir(&back).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        there.sort();
        assert_eq!(there, ["app.db", "git", "hg", "inbox", "mail", "svn"]);
        let found = look(|kind| back.join(kind));
        for ((kind, _), (found, wanted)) in KINDS.iter().zip(found.iter().zip(wanted)) {
            assert!(found == wanted, "{kind} of {day}: {}", found.escape_ascii());
        }
    }
    let verified = machine.redcedar_well("verify --from ROOT/staging");
    assert!(verified.contains("all is well") && !verified.contains("without"), "{verified}");
    assert_empty(temporary.path());
}

#[test]
fn what_gpg_encrypted_comes_back_as_it_was_on_each_day() {
    let secret = Keyring::new();
    let public = secret.public(true);
    let order = ["encrypt", "split"];
    let encrypt = format!("<encrypt_mode>gpg</encrypt_mode><encrypt_target>{NAME}</encrypt_target>");
    let mut machine = Machine::new(&sections(&encrypt, order, 300));
    machine.set("GNUPGHOME", public.home());
    there_and_back(&mut machine, order, |machine| machine.set("GNUPGHOME", secret.home()));
}

#[test]
fn what_age_encrypted_comes_back_as_it_was_on_each_day() {
    let identity = age::x25519::Identity::generate();
    let order = ["split", "encrypt"];
    let encrypt = format!("<age_recipient>{}</age_recipient>", identity.to_public());
    let mut machine = Machine::new(&sections(&encrypt, order, 2000));
    let file = machine.path("identity");
    fs_err::write(&file, identity.to_string().expose_secret()).unwrap();
    there_and_back(&mut machine, order, |machine| machine.set("REDCEDAR_IDENTITY", &file));
}
