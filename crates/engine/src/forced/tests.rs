//! What is allowed, and what is not.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn allowed(collect_dir: &Path) -> Permissions {
    Permissions {
        collect_dir: collect_dir.to_owned(),
        program: "sudo /usr/bin/cback3".to_owned(),
        actions: vec!["collect".to_owned(), "purge".to_owned()],
    }
}

fn ask(request: &str, directory: &Path) -> Result<String, String> {
    let answer = answer(Some(OsStr::new(request)), &allowed(directory));
    answer
        .map(|command| command.words().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join("|"))
        .map_err(|refusal| refusal.to_string())
}

#[test]
fn the_three_requests_of_a_master_are_answered_whatever_flags_scp_adds() {
    let rows = [
        ("scp -f /no/c/cback.collect", "scp|-f|--|/no/c/cback.collect"),
        ("scp -v -p -f /no/c/cback.collect", "scp|-v|-p|-f|--|/no/c/cback.collect"),
        ("scp -r -f /no/c/cback.collect", "scp|-f|--|/no/c/cback.collect"),
        ("scp -f /no/c/*", "scp|-f|--|/no/c/*"),
        ("scp -t /no/c/cback.stage", "scp|-t|--|/no/c/cback.stage"),
        ("scp -v -r -p -t /no/c/cback.stage", "scp|-t|--|/no/c/cback.stage"),
    ];
    for (request, words) in rows {
        assert_eq!(ask(request, Path::new("/no/c")).as_deref(), Ok(words), "{request}");
    }
}

#[test]
fn everything_else_is_refused() {
    let rows = [
        "scp -f /no/c/a.tar",
        "scp -f /no/c/\\*",
        "scp -f /no/c/*/x",
        "scp -f /no/c/../x/cback.collect",
        "scp -f /no/c/sub/cback.collect",
        "scp -f /no/cback.collect",
        "scp -f /no/c",
        "scp -f /no/c/",
        "scp -f /no/c/cback.stage",
        "scp -t /no/c/cback.collect",
        "scp -t /no/c/*",
        "scp -t /no/c",
        "scp -d -t /no/c/cback.stage",
        "scp -f -- /no/c/cback.collect",
        "scp -f /no/c/cback.collect /etc/passwd",
        "scp -f /no/c/cback.collect; id",
        "scp -f /no/c/cback.collect\n",
        "scp  -f /no/c/cback.collect",
        "scp -S /tmp/x -f /no/c/cback.collect",
        "/usr/bin/scp -f /no/c/cback.collect",
        "scp -f /no/c/cback.collect\\",
        "sudo /usr/bin/cback3",
        "sudo /usr/bin/cback3 --full",
        "sudo /usr/bin/cback3 stage",
        "sudo /usr/bin/cback3  collect",
        "sudo /usr/bin/cback3 collect purge",
        "sudo /usr/bin/cback3 collect; id",
        "sudo /usr/bin/cback3 --full --full collect",
        "sudo /usr/bin/cback3 --config /x collect",
        "cback3 collect",
        "sh -s",
        "",
    ];
    for request in rows {
        assert!(ask(request, Path::new("/no/c")).is_err(), "{request}");
    }
    assert!(matches!(answer(None, &allowed(Path::new("/no/c"))), Err(Refusal::NoRequest)));
}

#[test]
fn actions_are_run_only_as_configured_and_only_if_allowed() {
    let directory = Path::new("/no/c");
    assert_eq!(ask("sudo /usr/bin/cback3 collect", directory).unwrap(), "sudo|/usr/bin/cback3|collect");
    assert_eq!(
        ask("sudo /usr/bin/cback3 --full purge", directory).unwrap(),
        "sudo|/usr/bin/cback3|--full|purge"
    );
    let refusal = ask("sudo /usr/bin/cback3 store", directory).unwrap_err();
    assert_eq!(refusal, "the action store is not allowed for this key");
    let nothing = Permissions { actions: Vec::new(), ..allowed(directory) };
    assert!(answer(Some(OsStr::new("sudo /usr/bin/cback3 collect")), &nothing).is_err());
}

#[test]
fn a_refusal_says_what_was_asked_in_one_short_line() {
    let refusal = |request: &[u8]| {
        answer(Some(OsStr::from_bytes(request)), &allowed(Path::new("/c"))).unwrap_err().to_string()
    };
    assert_eq!(refusal(b"id\n\xff\x1b[2J"), r"the request [id\n\xff\u{1b}[2J] is not allowed for this key");
    assert!(refusal(&vec![b'x'; 100_000]).len() < 300);
    for request in [&b"/usr/lib/openssh/sftp-server"[..], b"internal-sftp"] {
        assert!(refusal(request).contains("SFTP"), "{request:?}");
    }
}

#[test]
fn the_star_means_plain_files_that_are_not_hidden_in_order() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("my c");
    fs_err::create_dir_all(directory.join("sub")).unwrap();
    for name in ["b.tar", "-rf", "a b.tar", "cback.collect", ".hidden", "*"] {
        fs_err::write(directory.join(name), "x").unwrap();
    }
    symlink("/etc/passwd", directory.join("link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, directory.join("fifo"), rustix::fs::Mode::RUSR).unwrap();
    let answer = ask(&format!("scp -f {}/my\\ c/*", root.path().display()), &directory).unwrap();
    let names: Vec<_> = answer.split('|').skip(3).map(|path| path.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["*", "-rf", "a b.tar", "b.tar", "cback.collect"]);
    assert!(answer.starts_with("scp|-f|--|"), "{answer}");
}

#[test]
fn indicators_that_are_no_plain_files_are_refused() {
    let root = tempfile::tempdir().unwrap();
    symlink("/etc/passwd", root.path().join("cback.collect")).unwrap();
    fs_err::create_dir(root.path().join("cback.stage")).unwrap();
    for request in ["scp -f D/cback.collect", "scp -t D/cback.stage"] {
        let request = request.replace('D', root.path().to_str().unwrap());
        assert!(ask(&request, root.path()).unwrap_err().ends_with("is no plain file"));
    }
}

#[test]
fn a_collect_directory_of_any_name_is_recognised() {
    for (name, escaped) in [("it's $x", r"it\'s\ \$x"), ("*", r"\*"), (r"a\b", r"a\\b")] {
        let directory = Path::new("/no").join(name);
        let answer = ask(&format!("scp -t /no/{escaped}/cback.stage"), &directory).unwrap();
        assert_eq!(answer, format!("scp|-t|--|/no/{name}/cback.stage"));
    }
}

/// A request that is allowed, with up to two things put into it that somebody would try who wants more.
fn requests() -> impl Strategy<Value = String> {
    const ALLOWED: [&str; 5] = [
        "scp -f /no/c/*",
        "scp -v -p -f /no/c/cback.collect",
        "scp -t /no/c/cback.stage",
        "sudo /usr/bin/cback3 collect",
        "sudo /usr/bin/cback3 --full purge",
    ];
    const PIECES: [&str; 21] = [
        " ", "-f ", "-t ", "-r ", "-p ", "-d ", "-S x ", "-- ", "/", "*", "/..", "\\", "a.tar", ";", "\n",
        "'", "$(id)", "--full ", "stage", " collect", "/no/c/",
    ];
    let insertions =
        prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&PIECES[..])), 0..3);
    (prop::sample::select(&ALLOWED[..]), insertions).prop_map(|(request, insertions)| {
        insertions.into_iter().fold(request.to_owned(), |mut request, (at, piece)| {
            request.insert_str(at.index(request.len() + 1), piece);
            request
        })
    })
}

proptest! {
    #[test]
    fn whatever_is_put_into_a_request_nothing_else_is_run(request in requests()) {
        if let Ok(answer) = ask(&request, Path::new("/no/c")) {
            let words: Vec<_> = answer.split('|').collect();
            let is_copy = matches!(
                words[..],
                ["scp", .., "-f", "--", "/no/c/*" | "/no/c/cback.collect"] | ["scp", "-t", "--", "/no/c/cback.stage"]
            );
            let is_action = matches!(
                words[..],
                ["sudo", "/usr/bin/cback3", "collect" | "purge"]
                    | ["sudo", "/usr/bin/cback3", "--full", "collect" | "purge"]
            );
            prop_assert!(is_copy || is_action, "{request:?}: {answer}");
            prop_assert!(words[..words.len() - 1].iter().all(|word| !["-r", "-S", "-d"].contains(word)));
        }
    }
}
