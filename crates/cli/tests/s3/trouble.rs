//! What goes wrong with buckets, as whoever uses the programs sees it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use redcedar_testing::rng::Rng;
use redcedar_testing::s3::{Plan, Proxy, Response, Trouble, Whose, Wire};

use super::amazons3;
use super::machine::{Machine, answer};

/// Names that somebody, somewhere, has taken for something else than a name.
pub(crate) const ODD: [&str; 27] = [
    "plain",
    "a b",
    " a",
    "a ",
    "a+b",
    "a%20b",
    "a%2Fb",
    "a&b<c>\"'",
    "a\\b",
    "a?b=c#d",
    "new\nline",
    "new line\n",
    "re\rturn",
    "tab\t",
    "bell\u{7}",
    "one\u{1}",
    "delete\u{7f}",
    "caf\u{e9}",
    "cafe\u{301}",
    "\u{1f332}",
    "\u{feff}bom",
    "~",
    "*",
    "-rf",
    "...",
    "Case",
    "case",
];

#[test]
fn whatever_files_are_called_they_go_and_come_back() {
    let Some(machine) = Machine::new() else { return };
    // With the prefix, a key of 1,024 bytes.
    let longest = format!("{0}/{0}/{0}/{1}", "d".repeat(255), "k".repeat(1024 - 2 - 3 * 256));
    let names: Vec<String> = ODD
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("dir {name}/{name}")])
        .chain(["n".repeat(255), longest])
        .collect();
    for name in &names {
        machine.write(&format!("home/{name}"), name);
    }
    let sent = machine.run(&["sync", "home", "s3://bucket/p"]);
    assert_eq!((sent.code, sent.stderr.as_str()), (0, ""), "{sent:?}");
    let mut wanted = names.clone();
    wanted.sort_unstable();
    assert_eq!(machine.names("p/"), wanted);
    for words in
        [&["sync", "home", "s3://bucket/p", "--delete"][..], &["sync", "home", "s3://bucket/p", "--verify"]]
    {
        let again = machine.run(words);
        assert_eq!(again.code, 0, "{again:?}");
        let unchanged = format!("0 new, 0 changed, {} unchanged, 0 deleted", names.len());
        assert!(again.stdout.contains(&unchanged), "{again:?}");
    }
    fs_err::create_dir(machine.path("back")).unwrap();
    let fetched = machine.run(&["sync", "s3://bucket/p", "back"]);
    assert_eq!((fetched.code, fetched.stderr.as_str()), (0, ""), "{fetched:?}");
    for name in &names {
        assert_eq!(machine.read(&format!("back/{name}")), *name);
    }
    fs_err::remove_dir_all(machine.path("home")).unwrap();
    machine.write("home/only", "x");
    let deleted = machine.run(&["sync", "home", "s3://bucket/p", "--delete"]);
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert_eq!(machine.names("p/"), ["only"]);
}

#[test]
fn names_that_are_no_keys_are_said_and_the_rest_goes() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/fine", "x");
    fs_err::write(machine.path("home").join(OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
    let long = format!("{0}/{0}/{0}/{1}", "n".repeat(255), "k".repeat(1024 - 2 - 3 * 256 + 1));
    machine.write(&format!("home/{long}"), "x");
    let answer = machine.run(&["sync", "home", "s3://bucket/p", "--delete"]);
    assert_eq!(answer.code, 7, "{answer:?}");
    assert!(answer.stderr.contains("caf\\xe9: its name is not UTF-8"), "{answer:?}");
    assert!(answer.stderr.contains("its key would be longer than 1024 bytes"), "{answer:?}");
    assert_eq!(machine.names("p/"), ["fine"]);
}

/// A proxy that lets somebody do something while a request waits.
fn while_waiting(machine: &Machine, method: &'static str) -> (Proxy, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (arrived, arrivals) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let gate = Mutex::new(Some((arrived, goes)));
    let proxy = Proxy::start(&machine.server, move |request, forward| {
        let gate = if request.method == method { gate.lock().unwrap().take() } else { None };
        if let Some((arrived, goes)) = gate {
            arrived.send(()).unwrap();
            goes.recv().unwrap();
        }
        Some(forward(request))
    });
    (proxy, arrivals, go)
}

#[test]
fn the_second_of_two_runs_at_once_is_refused() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a", "a");
    let home = machine.path("home").display().to_string();
    for words in [&["sync", "home", "s3://bucket/p"][..], &["backup", &home, "--to", "s3://bucket/b"]] {
        let (proxy, arrivals, go) = while_waiting(&machine, "PUT");
        let command = || {
            let mut command = machine.command(words);
            proxy.environment(&mut command);
            command
        };
        let mut first = command();
        let mut first = first.stdout(std::process::Stdio::null()).spawn().unwrap();
        arrivals.recv().unwrap();
        let second = answer(&mut command());
        go.send(()).unwrap();
        assert_eq!(second.code, 6, "{second:?}");
        assert!(second.stderr.contains("another run is using"), "{second:?}");
        assert!(first.wait().unwrap().success());
        assert_eq!(answer(&mut command()).code, 0);
    }
}

#[test]
fn two_machines_that_send_the_same_and_two_runs_that_fetch_it_do_not_hurt_each_other() {
    let Some(machine) = Machine::new() else { return };
    for number in 0..10 {
        machine.write(&format!("home/f{number}"), format!("{number}"));
        machine.server.store(&format!("p/stale{number}"), b"x");
    }
    machine.write("home/large", vec![7; 9 << 20]);
    let run_both = |words: [&[&str]; 2]| {
        let start = |(number, words): (usize, &[&str])| {
            let mut command = machine.command(words);
            command.env("HOME", machine.path(&format!("home of {number}")));
            command.stdout(std::process::Stdio::null()).spawn().unwrap()
        };
        let children: Vec<_> = words.into_iter().enumerate().map(start).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success(), "{words:?}");
        }
    };
    let send: &[&str] = &["sync", "home", "s3://bucket/p", "--delete"];
    run_both([send, send]);
    assert_eq!(machine.names("p/").len(), 11);
    assert_eq!(machine.run(&["sync", "home", "s3://bucket/p", "--verify"]).code, 0);
    fs_err::create_dir(machine.path("back")).unwrap();
    let get: &[&str] = &["sync", "s3://bucket/p", "back"];
    run_both([get, get]);
    assert_eq!(machine.run(&["sync", "back", "s3://bucket/p", "--verify"]).code, 0);
    assert_eq!(fs_err::read_dir(machine.path("back")).unwrap().count(), 11);
}

#[test]
fn a_key_that_expires_during_a_backup_leaves_a_day_that_the_next_run_completes() {
    let Some(machine) = Machine::new() else { return };
    machine.write("one/a", "first");
    machine.write("two/a", "second");
    let (one, two) = (machine.path("one").display().to_string(), machine.path("two").display().to_string());
    let words = ["backup", &one, &two, "--to", "s3://bucket/b"];
    let sent = AtomicUsize::new(0);
    let proxy = Proxy::start(&machine.server, move |request, forward| {
        let is_late = request.method == "PUT" && sent.fetch_add(1, Ordering::SeqCst) >= 2;
        Some(if is_late { Response::error(400, "ExpiredToken") } else { forward(request) })
    });
    let mut command = machine.command(&words);
    proxy.environment(&mut command);
    let failed = answer(&mut command);
    assert_eq!(failed.code, 6, "{failed:?}");
    assert!(failed.stderr.contains("ExpiredToken"), "{failed:?}");
    assert!(!machine.names("b/").iter().any(|name| name.ends_with("cback.collect")));
    assert_eq!(machine.run(&words).code, 0);
    assert_eq!(machine.run(&["verify", "--from", "s3://bucket/b"]).code, 0);
    // A disk that is not mounted takes nothing from the days before.
    fs_err::remove_file(machine.path("one/a")).unwrap();
    let mut command = machine.command(&words);
    let empty = answer(command.env("REDCEDAR_NOW", "2100-01-01T00:00:00"));
    assert_eq!(empty.code, 0, "{empty:?}");
    let found = machine.run(&["find", "a", "--from", "s3://bucket/b"]);
    assert!(found.stdout.contains("one/a"), "{found:?}");
}

#[test]
fn days_are_neither_removed_nor_read_after_half_a_listing_and_restored_over_a_bad_line() {
    let Some(mut machine) = Machine::new() else { return };
    machine.write("one/a", vec![7; 100]);
    machine.write("one/large", Rng::new(4).bytes(3 << 20));
    let one = machine.path("one").display().to_string();
    for day in ["23", "24"] {
        let mut command = machine.command(&["backup", &one, "--to", "s3://bucket/b", "--full"]);
        let backup = answer(command.env("REDCEDAR_NOW", format!("2026-11-{day}T02:00:00")));
        assert_eq!(backup.code, 0, "{backup:?}");
    }
    let count = machine.server.keys().len();
    let proxy = Proxy::start(&machine.server, |request, forward| {
        let mut answer = forward(request);
        if request.is_listing() {
            answer.body.truncate(answer.body.len() / 2);
        }
        Some(answer)
    });
    for words in [
        &["prune", "s3://bucket/b", "--keep-last", "1"][..],
        &["list", "--from", "s3://bucket/b"],
        &["verify", "--from", "s3://bucket/b"],
        &["restore", "--from", "s3://bucket/b", "--to", "restored"],
    ] {
        let mut command = machine.command(words);
        proxy.environment(&mut command);
        let refused = answer(command.env("REDCEDAR_NOW", "2026-11-24T03:00:00"));
        assert_eq!(refused.code, 6, "{words:?}: {refused:?}");
        assert!(refused.stderr.contains("cannot list s3://bucket/b"), "{words:?}: {refused:?}");
    }
    assert_eq!((machine.server.keys().len(), proxy.count("DELETE") + proxy.count("POST")), (count, 0));
    assert!(!machine.path("restored").exists());
    let plan = Plan { from: Whose::Server, after: 500 << 10, trouble: Trouble::Cut, times: 1000 };
    let wire = Wire::start(&machine.server, plan);
    machine.login.url = wire.url();
    let restored = machine.run(&["restore", "--from", "s3://bucket/b", "--to", "restored"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(wire.troubles() > 4, "{}", wire.troubles());
    let large = machine.path("restored").join(one.trim_start_matches('/')).join("large");
    assert_eq!(fs_err::read(large).unwrap(), Rng::new(4).bytes(3 << 20));
}

#[test]
fn a_staged_day_that_is_empty_or_not_to_be_sent_takes_nothing_from_the_bucket() {
    let Some(machine) = Machine::new() else { return };
    amazons3::configure(&machine, "cback3.conf", "", "<s3_bucket>bucket/pool</s3_bucket>");
    machine.server.store("pool/2026/11/24/me/a.tar", b"old");
    machine.server.store("pool/2026/11/24/me/gone.tar", b"old");
    amazons3::stage::<&str>(&machine, 24, &[]);
    let empty = amazons3::run(&machine, 24, &["amazons3"]);
    assert_eq!(empty.code, 6, "{empty:?}");
    assert!(empty.stderr.contains("there is nothing in it"), "{empty:?}");
    amazons3::stage(&machine, 24, &[("me/a.tar", "new"), ("me/b.tar", "new")]);
    let proxy = Proxy::start(&machine.server, |request, forward| {
        let is_b = request.method == "PUT" && request.path.contains("b.tar");
        Some(if is_b { Response::error(403, "AccessDenied") } else { forward(request) })
    });
    let mut command = machine.command(&["--config", "cback3.conf", "run", "amazons3"]);
    proxy.environment(&mut command);
    let refused = answer(command.env("REDCEDAR_NOW", "2026-11-24T03:00:00"));
    assert_eq!(refused.code, 6, "{refused:?}");
    assert!(refused.stderr.contains("AccessDenied"), "{refused:?}");
    assert!(!amazons3::is_sent(&machine, 24));
    assert_eq!(machine.names("pool/2026/11/24/"), ["me/a.tar", "me/gone.tar"]);
    let sent = amazons3::run(&machine, 24, &["amazons3"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert_eq!(machine.names("pool/2026/11/24/"), ["me/a.tar", "me/b.tar"]);
}
