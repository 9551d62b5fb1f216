//! Clients that are awkward, or mean: whatever they offer under whatever names, nothing leaves their directory of the day.

use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[test]
fn names_that_are_no_names() {
    let Some(master) = Master::new() else { return };
    let mut clients = vec![
        master.client("modern", 601, |_| Access::Free),
        master.client("legacy", 602, |_| Access::Free).copied_by(&master.network.scp_legacy()),
    ];
    master.configure(&master.network.scp(), &clients.iter().collect::<Vec<_>>());
    let harmless: [&[u8]; 6] = [b"-rf", b"a b", b"*", b"$(touch pwned)", b"`id`; :", b"\xc3\xa4"];
    let awkward: [&[u8]; 5] = [b"new\nline", b"\xff\xfe", b".hidden", b".redcedar-1.tmp", b"cback.sha256"];
    for client in &mut clients {
        client.collect(Day::FIRST);
        for name in harmless.iter().chain(&awkward) {
            let path = client.world.pool.collect_dir().join(OsStr::from_bytes(name));
            fs_err::write(path, b"planted").unwrap();
        }
    }
    let output = master.run(ours(), Day::FIRST, &["stage"]);
    let said = format!("{}\n{}", describe(&output), master.log());
    for client in &clients {
        let staged = master.staged(client, Day::FIRST);
        for name in harmless {
            let path = staged.join(OsStr::from_bytes(name));
            assert_eq!(
                fs_err::read(&path).ok().as_deref(),
                Some(&b"planted"[..]),
                "{}\n{said}",
                path.display()
            );
        }
        assert_ne!(fs_err::read(staged.join("cback.sha256")).unwrap(), b"planted");
        master.assert_restores(client, &[(Day::FIRST, client.world.snapshot())]);
    }
    assert_only(&master, Day::FIRST, &["legacy", "modern"]);
}

#[test]
fn a_collect_directory_with_blanks_in_its_path() {
    let Some(master) = Master::new() else { return };
    let place = |name: &str| Pool::at(&master.pool.path().join(format!("{name}'s pool"))).unwrap();
    let modern = master.client_at(place("one"), "modern", 603, |_| Access::Free);
    let legacy = master
        .client_at(place("another"), "legacy", 604, |_| Access::Free)
        .copied_by(&master.network.scp_legacy());
    master.configure(&master.network.scp(), &[&modern, &legacy]);
    let mut day = Day::FIRST;
    for _ in 0..2 {
        for client in [&modern, &legacy] {
            client.collect(day);
        }
        master.run_well(ours(), day, &["stage"]);
        for client in [&modern, &legacy] {
            master.assert_staged(client, day);
            master.assert_restores(client, &[(day, client.world.snapshot())]);
        }
        day = day.next();
    }
}

#[test]
fn what_is_no_file_in_a_collect_directory() {
    let Some(master) = Master::new() else { return };
    let clients = [
        master.client("modern", 605, |_| Access::Free),
        master.client("legacy", 606, |_| Access::Free).copied_by(&master.network.scp_legacy()),
    ];
    master.configure(&master.network.scp(), &[&clients[0], &clients[1]]);
    for client in &clients {
        client.collect(Day::FIRST);
        let collect_dir = client.world.pool.collect_dir();
        fs_err::create_dir(collect_dir.join("a directory")).unwrap();
        fs_err::write(collect_dir.join("a directory/in it"), "in it").unwrap();
        fs_err::os::unix::fs::symlink("/nonexistent", collect_dir.join("a link")).unwrap();
    }
    let said = master.stage(Day::FIRST, 7);
    for client in &clients {
        assert!(said.contains("a directory"), "{said}");
        assert!(!master.staged(client, Day::FIRST).join("a directory").exists());
        assert!(client.world.pool.collect_dir().join("cback.stage").exists(), "{} {said}", client.name);
        master.assert_restores(client, &[(Day::FIRST, client.world.snapshot())]);
    }
    assert_only(&master, Day::FIRST, &["legacy", "modern"]);
}

#[test]
fn a_host_that_sends_files_to_other_places() {
    let Some(mut master) = Master::new() else { return };
    "<retries>0</retries>".clone_into(&mut master.stage);
    let well = master.client("well", 607, |_| Access::Free);
    well.collect(Day::FIRST);
    let offers = [
        ("up", r"C0644 5 ../evil\nhello\0"),
        ("root", r"C0644 5 /tmp/redcedar-evil\nhello\0"),
        ("directory", r"D0755 0 evil\nC0644 5 evil\nhello\0E\n"),
        ("lie", r"C0644 999999999 evil.tar.gz\nhello"),
        ("noise", r"\0\0\0\377\377"),
    ];
    let mut hosts = Vec::new();
    for (name, offer) in offers {
        let script = master.pool.path().join(format!("offer-{name}"));
        let ready = r"C0644 0 cback.collect\n\0";
        let text = format!(
            "#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in\n*cback.collect) printf '{ready}' ;;\n*) printf '{offer}' ;;\nesac\n"
        );
        fs_err::write(&script, text).unwrap();
        fs_err::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        hosts.push(master.network.host(name, &Access::Command(script.display().to_string())));
        master.stranger(name, "/c".as_ref(), "");
    }
    master.configure(&master.network.scp_legacy(), &[&well]);
    let said = master.stage(Day::FIRST, 7);
    master.assert_staged(&well, Day::FIRST);
    for (name, _) in offers {
        assert!(said.contains(name), "{name}: {said}");
        let staged = master.pool.staging_dir().join(Day::FIRST.path()).join(name);
        let files = if staged.exists() { names(&staged) } else { Vec::new() };
        assert!(
            !files.iter().any(|file| file.contains("evil") || file == "cback.collect"),
            "{name}: {files:?}\n{said}"
        );
    }
    let mut expected: Vec<_> = offers.iter().map(|(name, _)| *name).collect();
    expected.extend(["well"]);
    expected.sort_unstable();
    assert_only(&master, Day::FIRST, &expected);
    assert!(!Path::new("/tmp/redcedar-evil").exists());
}

#[test]
fn a_peer_whose_name_is_a_path() {
    let Some(mut master) = Master::new() else { return };
    let well = master.client("well", 608, |_| Access::Free);
    well.collect(Day::FIRST);
    for name in ["../up", "a/b", ".."] {
        master.stranger(name, &well.world.pool.collect_dir(), "");
        master.network.alias(name, well.host.port());
    }
    master.configure(&master.network.scp(), &[&well]);
    let said = master.stage(Day::FIRST, 7);
    master.assert_staged(&well, Day::FIRST);
    for name in ["../up", "a/b", ".."] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert_only(&master, Day::FIRST, &["well"]);
}

/// The day has directories for these peers, beside indicators, and the staging directory nothing beside the day.
#[track_caller]
fn assert_only(master: &Master, day: Day, peers: &[&str]) {
    let mut directory = master.pool.staging_dir();
    for part in day.path().split('/') {
        assert_eq!(names(&directory), [part]);
        directory.push(part);
    }
    let found: Vec<_> = names(&directory).into_iter().filter(|name| !name.starts_with("cback.")).collect();
    assert_eq!(found, peers);
}
