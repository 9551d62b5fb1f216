//! Keys of one's own, locks and tags of objects; uploads that were left over.

use std::sync::{Arc, Mutex};

use redcedar_testing::s3::{Proxy, Request, Response, encode};

use super::machine::{Machine, answer};

/// A key, as it may lie in its file.
const KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";

/// The headers of an object.
fn headers(machine: &Machine, path: &str) -> Vec<(String, String)> {
    let found = machine.server.ask(&Request::new("HEAD", path, b"")).unwrap();
    assert_eq!(found.status, 200, "{path}");
    found.headers
}

fn header(machine: &Machine, path: &str, name: &str) -> Option<String> {
    let found = headers(machine, path);
    found.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Makes a bucket that locks objects.
fn locking_bucket(machine: &Machine) {
    let mut request = Request::new("PUT", "/locked", b"");
    request.headers.push(("x-amz-bucket-object-lock-enabled".to_owned(), "true".to_owned()));
    assert_eq!(machine.server.ask(&request).unwrap().status, 200);
}

#[test]
fn with_a_key_of_ones_own_nothing_is_sent_verified_or_fetched_without_it() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/small", "small");
    machine.write("home/large", vec![7; 9 << 20]);
    machine.write("key", KEY);
    fs_err::create_dir(machine.path("new")).unwrap();
    let with_key = |words: &[&str]| machine.run(&[words, &["--sse-c-key-file", "key"]].concat());
    let sent = with_key(&["sync", "home", "s3://bucket/p", "-vv"]);
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    assert!(!sent.stdout.contains("without a checksum"), "{}", sent.stdout);
    for said in [&sent.stdout, &sent.stderr] {
        assert!(!said.contains("a2tra2") && !said.contains("kkkkkk"), "{said}");
    }
    assert_eq!(machine.server.object("p/small"), None);
    let unchanged = with_key(&["sync", "home", "s3://bucket/p"]);
    assert!(unchanged.stdout.starts_with("0 new, 0 changed, 2 unchanged"), "{}", unchanged.stdout);
    assert_eq!(with_key(&["sync", "home", "s3://bucket/p", "--verify"]).code, 0);
    let fetched = with_key(&["sync", "s3://bucket/p", "new"]);
    assert_eq!((fetched.code, machine.read("new/small").as_str()), (0, "small"), "{}", fetched.stderr);
    fs_err::create_dir(machine.path("other")).unwrap();
    assert_eq!(machine.run(&["sync", "s3://bucket/p", "other"]).code, 6);
    assert!(!machine.path("other/small").exists());
    machine.write("wrong", "x");
    let wrong = machine.run(&["sync", "home", "s3://bucket/p", "--sse-c-key-file", "wrong"]);
    assert!(wrong.code == 6 && wrong.stderr.contains("32 bytes"), "{}", wrong.stderr);
}

#[test]
fn backups_under_a_key_of_ones_own_are_listed_verified_and_restored_with_it() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/report.odt", "final version");
    machine.write("key", KEY);
    let home = machine.path("home").display().to_string();
    let sent = machine.run(&["backup", &home, "--to", "s3://bucket/b", "--sse-c-key-file", "key"]);
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    let with_key = |words: &[&str]| {
        let mut command = machine.command(words);
        answer(command.env("REDCEDAR_SSE_C_KEY_FILE", machine.path("key")))
    };
    for words in [
        &["list", "--from", "s3://bucket/b"][..],
        &["verify", "--from", "s3://bucket/b"],
        &["restore", "--from", "s3://bucket/b", "--to", "restored"],
        &["backup", &home, "--to", "s3://bucket/b"],
        &["prune", "s3://bucket/b", "--keep-last", "1"],
    ] {
        let answer = with_key(words);
        assert_eq!(answer.code, 0, "{words:?}: {}", answer.stderr);
    }
    assert_eq!(machine.read(&format!("restored/{home}/report.odt")), "final version");
    assert_ne!(machine.run(&["verify", "--from", "s3://bucket/b"]).code, 0);
}

#[test]
fn a_key_of_ones_own_goes_to_no_server_that_others_could_listen_to() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a", "a");
    machine.write("key", KEY);
    let words = ["sync", "home", "s3://bucket/p", "--sse-c-key-file", "key", "--endpoint-url"];
    let refused = machine.run(&[&words[..], &["http://192.0.2.1:9000"]].concat());
    assert!(refused.code == 6 && refused.stderr.contains("not reached by https"), "{}", refused.stderr);
    // Wherever the server is named; a proxy finds it, so that it can be listed.
    let proxy = Proxy::start(&machine.server, |request, forward| Some(forward(request)));
    let config = "[default]\nservices = own\ns3 =\n  addressing_style = path\n\n[services own]\ns3 =\n  endpoint_url = http://store.invalid\n";
    machine.write("config", config);
    let mut command = machine.command(&words[..5]);
    command.env_remove("AWS_ENDPOINT_URL").env_remove("NO_PROXY").env("HTTP_PROXY", proxy.url());
    let refused = answer(command.env("AWS_CONFIG_FILE", machine.path("config")));
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("not reached by https"), "{}", refused.stderr);
    let asked = proxy.asked();
    assert!(asked.iter().any(|asked| asked.contains("list-type")), "{asked:?}");
    assert!(asked.iter().all(|asked| !asked.starts_with("PUT")), "{asked:?}");
}

#[test]
fn what_is_locked_and_tagged_is_so_from_the_moment_it_is_there() {
    let Some(machine) = Machine::new() else { return };
    locking_bucket(&machine);
    machine.write("home/small", "small");
    machine.write("home/large", vec![7; 9 << 20]);
    let lock = ["--lock-mode", "governance", "--lock-days", "3", "--tags", "kind=test&of=us"];
    let asked = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&asked);
    let proxy = Proxy::start(&machine.server, move |request, forward| {
        let says = |name: &str| request.headers.iter().any(|(own, _)| own == name);
        if says("x-amz-object-lock-mode") && says("x-amz-tagging") {
            let path = request.path.split('?').next().unwrap_or_default();
            own.lock().unwrap().push(format!("{} {path}", request.method));
        }
        Some(forward(request))
    });
    let url = proxy.url();
    let words = [&["sync", "home", "s3://locked/p", "--endpoint-url", &url][..], &lock].concat();
    let mut command = machine.command(&words);
    let sent = answer(command.env("REDCEDAR_NOW", "2100-01-01T00:00:00").env("TZ", "UTC"));
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    // The one in parts is begun so; MiniStack forgets it.
    assert_eq!(asked, ["POST /locked/p/large", "PUT /locked/p/small"]);
    let path = "/locked/p/small";
    assert_eq!(header(&machine, path, "x-amz-object-lock-mode").as_deref(), Some("GOVERNANCE"));
    let until = header(&machine, path, "x-amz-object-lock-retain-until-date").unwrap();
    assert!(until.starts_with("2100-01-04T00:00:00"), "{until}");
    let tags = machine.server.ask(&Request::new("GET", &format!("{path}?tagging"), b"")).unwrap();
    let tags = String::from_utf8(tags.body).unwrap();
    assert!(tags.contains("<Key>kind</Key><Value>test</Value>"), "{tags}");
    let half = machine.run(&["sync", "home", "s3://locked/p", "--lock-mode", "governance"]);
    assert_eq!(half.code, 2);
    // A bucket that cannot lock says so.
    machine.write("home/another", "another");
    let refused = machine.run(&[&["sync", "home", "s3://bucket/p"][..], &lock].concat());
    assert!(refused.code == 6 && refused.stderr.contains("ObjectLock"), "{}", refused.stderr);
}

#[test]
fn what_a_bucket_locks_by_itself_goes_from_sight_only_and_that_is_said() {
    let Some(machine) = Machine::new() else { return };
    locking_bucket(&machine);
    let rule = b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>\
        <DefaultRetention><Mode>COMPLIANCE</Mode><Days>2</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    let answer = machine.server.ask(&Request::new("PUT", "/locked?object-lock", rule)).unwrap();
    assert_eq!(answer.status, 200);
    machine.write("home/a", "a");
    machine.write("home/b", "b");
    assert_eq!(machine.run(&["sync", "home", "s3://locked/p"]).code, 0);
    assert_eq!(header(&machine, "/locked/p/a", "x-amz-object-lock-mode").as_deref(), Some("COMPLIANCE"));
    fs_err::remove_file(machine.path("home/a")).unwrap();
    let deleted = machine.run(&["sync", "home", "s3://locked/p", "--delete"]);
    assert!(deleted.code == 0 && deleted.stdout.contains("1 deleted"), "{}", deleted.stdout);
    assert!(deleted.stderr.contains("1 object that went from sight stay"), "{}", deleted.stderr);
}

#[test]
fn an_object_that_cannot_be_deleted_because_it_is_locked_is_said_to_be_so_with_the_date() {
    let Some(machine) = Machine::new() else { return };
    locking_bucket(&machine);
    machine.write("home/a", "a");
    machine.write("home/b", "b");
    let lock = ["--lock-mode", "compliance", "--lock-days", "3"];
    assert_eq!(machine.run(&[&["sync", "home", "s3://locked/p"][..], &lock].concat()).code, 0);
    fs_err::remove_file(machine.path("home/a")).unwrap();
    // Some servers refuse where others hide the object.
    let proxy = Proxy::start(&machine.server, |request, forward| {
        if request.method != "POST" {
            return Some(forward(request));
        }
        let body = b"<DeleteResult><Error><Key>p/a</Key><Code>AccessDenied</Code></Error></DeleteResult>";
        let headers = vec![("Content-Type".to_owned(), "application/xml".to_owned())];
        Some(Response { status: 200, headers, body: body.to_vec() })
    });
    let words = ["sync", "home", "s3://locked/p", "--delete", "--endpoint-url", &proxy.url()];
    let refused = machine.run(&words);
    assert_eq!(refused.code, 6, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("cannot delete s3://locked/p/a: it is locked until 2"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("(compliance)"), "{}", refused.stderr);
}

#[test]
fn uploads_that_were_left_over_are_listed_and_given_up_when_they_are_old() {
    let Some(machine) = Machine::new() else { return };
    for key in ["p/a b", "q/c"] {
        let path = format!("/bucket/{}?uploads", encode(key));
        assert_eq!(machine.server.ask(&Request::new("POST", &path, b"")).unwrap().status, 200);
    }
    let listed = machine.run(&["uploads", "s3://bucket/p"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert!(listed.stdout.contains("left  p/a b") && !listed.stdout.contains("q/c"), "{}", listed.stdout);
    // Somebody may be at work on what is young.
    let kept = machine.run(&["uploads", "s3://bucket", "--abort"]);
    assert_eq!((kept.code, kept.stdout.contains("given up")), (0, false), "{}", kept.stdout);
    let looked = machine.run(&["uploads", "s3://bucket", "--abort", "--older-than", "0", "--dry-run"]);
    assert_eq!(looked.stdout.matches("would be given up").count(), 2, "{}", looked.stdout);
    let gone = machine.run(&["uploads", "s3://bucket", "--abort", "--older-than", "0", "--json"]);
    assert_eq!(gone.stdout.matches("\"given_up\": true").count(), 2, "{}", gone.stdout);
    let nothing = machine.run(&["uploads", "s3://bucket", "--json"]);
    assert!(nothing.stdout.contains("\"uploads\": []"), "{}", nothing.stdout);
}

#[test]
fn no_more_goes_over_the_line_than_is_allowed() {
    let Some(machine) = Machine::new() else { return };
    for name in ["a", "b", "c"] {
        machine.write(&format!("home/{name}"), vec![7; 100 << 10]);
    }
    fs_err::create_dir(machine.path("new")).unwrap();
    for (from, to) in [("home", "s3://bucket/p"), ("s3://bucket/p", "new")] {
        let began = std::time::Instant::now();
        let answer = machine.run(&["sync", from, to, "--max-bandwidth", "200KB/s"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(began.elapsed().as_millis() >= 900, "{:?}", began.elapsed());
    }
    assert_eq!(machine.run(&["sync", "home", "s3://bucket/p", "--max-bandwidth", "much"]).code, 2);
}
