//! Days in the life of a directory and its bucket.

use std::os::unix::fs::{MetadataExt, symlink};

use redcedar_objectstore::sync::{Filter, Limit, Links, Refusal, SyncError};
use redcedar_testing::s3::Response;

use super::place::{Place, set_modified};

#[test]
fn a_bucket_follows_its_directory() {
    let Some(place) = Place::new() else { return };
    place.write("a/x.txt", "one");
    place.write("a-b", "two");
    place.write("empty", "");
    place.server.store("p2/other", b"not ours");
    let first = place.sync();
    assert_eq!(first.told, ["New a-b", "New a/x.txt", "New empty"]);
    assert_eq!((first.outcome.new.bytes, first.outcome.unproved), (6, 0));
    assert_eq!(place.names(), ["a-b", "a/x.txt", "empty"]);

    let second = place.sync();
    assert_eq!((second.told.len(), second.outcome.unchanged.files), (0, 3));

    place.write("a/x.txt", "changed");
    place.remove("a-b");
    place.write("new", "n");
    let third = place.sync();
    assert_eq!(third.told, ["Changed a/x.txt", "New new", "Deleted a-b"]);
    assert_eq!(place.names(), ["a/x.txt", "empty", "new"]);
    assert_eq!(place.object("a/x.txt").unwrap(), "changed");
    assert_eq!(place.server.object("p2/other").unwrap(), b"not ours");
}

#[test]
fn nothing_is_deleted_unless_that_is_asked_for() {
    let Some(place) = Place::new() else { return };
    place.write("a", "a");
    place.server.store("p/b", b"b");
    let ran = place.sync_with(|request| request.delete = false);
    assert_eq!(ran.told, ["New a", "Extra b"]);
    assert_eq!(place.names(), ["a", "b"]);
}

#[test]
fn a_run_that_only_looks_says_what_differs_and_does_nothing() {
    let Some(place) = Place::new() else { return };
    place.write("same", "same");
    place.write("edited", "new");
    place.write("missing", "m");
    place.server.store("p/same", b"same");
    place.server.store("p/edited", b"old");
    place.server.store("p/extra", b"e");
    let watch = place.proxy(|request, forward| Some(forward(request)));
    let ran = place.try_sync_at(&watch.url(), |request| request.acts = false).unwrap();
    assert_eq!(ran.told, ["Changed edited", "New missing", "Deleted extra"]);
    assert_eq!(ran.outcome.compared.files, 1);
    assert_eq!(watch.count("PUT") + watch.count("POST") + watch.count("DELETE"), 0);
    assert!(!place.root.path().join("state").exists());
}

#[test]
fn what_was_only_touched_is_read_but_not_sent() {
    let Some(place) = Place::new() else { return };
    place.write("a", "a");
    place.sync();
    set_modified(&place.source().join("a"), 1_000_000_000);
    let watch = place.proxy(|request, forward| Some(forward(request)));
    let ran = place.try_sync_at(&watch.url(), |_| {}).unwrap();
    assert_eq!((ran.outcome.compared.files, watch.count("PUT")), (1, 0));
    assert_eq!(place.sync().outcome.unchanged.files, 1);
}

#[test]
fn an_object_that_somebody_else_replaced_is_put_right() {
    let Some(place) = Place::new() else { return };
    place.write("a", "mine");
    place.sync();
    place.server.store("p/a", b"evil");
    assert_eq!(place.sync().told, ["Changed a"]);
    assert_eq!(place.object("a").unwrap(), "mine");
}

#[test]
fn everything_is_read_when_that_is_asked_for() {
    let Some(place) = Place::new() else { return };
    let path = place.write("a", "aaaa");
    place.sync();
    // As a disk does that returns something else than was written: nothing but the content has changed.
    let before = fs_err::metadata(&path).unwrap();
    fs_err::write(&path, "bbbb").unwrap();
    let state = place.root.path().join("state/files");
    let after = fs_err::metadata(&path).unwrap();
    let time = |seconds: i64, nanoseconds: i64| format!("{seconds}.{nanoseconds:09}");
    let text = fs_err::read_to_string(&state).unwrap();
    let text = text
        .replace(&time(before.mtime(), before.mtime_nsec()), &time(after.mtime(), after.mtime_nsec()))
        .replace(&time(before.ctime(), before.ctime_nsec()), &time(after.ctime(), after.ctime_nsec()));
    fs_err::write(&state, text).unwrap();
    assert_eq!(place.sync().told, [""; 0]);
    assert_eq!(place.sync_with(|request| request.reread = true).told, ["Changed a"]);
}

#[test]
fn what_is_excluded_is_neither_sent_nor_deleted() {
    let Some(place) = Place::new() else { return };
    place.write("a", "a");
    place.write("b.tmp", "b");
    place.server.store("p/c.tmp", b"c");
    let filter = Filter::new(&[], &["*.tmp".to_owned()]).unwrap();
    let (source, target) = (place.source(), redcedar_objectstore::Address::new("bucket", "p"));
    let request = redcedar_objectstore::sync::Request {
        source: &source,
        target: &target,
        acts: true,
        delete: true,
        limit: None,
        filter: &filter,
        links: Links::Follow,
        reread: false,
        attributes: redcedar_objectstore::Attributes::default(),
        state: None,
    };
    redcedar_objectstore::sync::sync(&place.bucket(), &request, &place.system, &mut |_, _, _| {}).unwrap();
    assert_eq!(place.names(), ["a", "c.tmp"]);
}

#[test]
fn links_are_what_they_lead_to_and_what_is_no_file_is_said_and_protected() {
    let Some(place) = Place::new() else { return };
    place.write("dir/x", "x");
    symlink("dir", place.source().join("link")).unwrap();
    symlink("nowhere", place.source().join("gone")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(place.source().join("socket")).unwrap();
    for name in ["gone", "gone/below", "socket", "stale"] {
        place.server.store(&format!("p/{name}"), b"kept");
    }
    let ran = place.sync();
    drop(socket);
    assert_eq!(ran.told, ["New dir/x", "New link/x", "Deleted stale"]);
    let problems: Vec<String> = ran.outcome.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["gone: it is a link that leads nowhere", "socket: it is a socket"]);
    assert!(!ran.outcome.has_failed());
    assert_eq!(place.names(), ["dir/x", "gone", "gone/below", "link/x", "socket"]);
}

#[test]
fn more_than_half_of_many_objects_go_only_if_a_limit_allows_it() {
    let Some(place) = Place::new() else { return };
    place.write_many(250);
    place.sync();
    for number in 0..200 {
        place.remove(&format!("f{number:04}"));
    }
    let ran = place.sync();
    assert_eq!(ran.outcome.refusal, Some(Refusal::TooMany { doomed: 200, of: 250 }));
    assert_eq!((place.names().len(), ran.outcome.extra.files), (250, 200));
    let ran = place.sync_with(|request| request.limit = Some(Limit::Count(200)));
    assert_eq!((ran.outcome.refusal, ran.outcome.deleted.files), (None, 200));
    assert_eq!(place.names().len(), 50);
}

#[test]
fn what_may_not_be_deleted_is_said_one_by_one() {
    let Some(place) = Place::new() else { return };
    place.write("a", "a");
    place.server.store("p/locked", b"x");
    let proxy = place.proxy(|request, forward| {
        if request.method == "POST" && request.path.contains("delete") {
            let body = "<DeleteResult><Error><Key>p/locked</Key><Code>AccessDenied</Code>\
                        <Message>locked</Message></Error></DeleteResult>";
            return Some(Response { status: 200, headers: Vec::new(), body: body.into() });
        }
        Some(forward(request))
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert!(ran.outcome.has_failed());
    assert_eq!(
        ran.outcome.problems[0].text,
        "cannot delete s3://bucket/p/locked: the server answers AccessDenied: locked"
    );
}

#[test]
fn two_runs_at_once_are_one_too_many() {
    let Some(place) = Place::new() else { return };
    place.write("a", "a");
    let state = place.root.path().join("state");
    fs_err::create_dir(&state).unwrap();
    let held = redcedar_system::fs::Lock::acquire(&state).unwrap();
    assert!(matches!(place.try_sync_at(&place.server.url(), |_| {}), Err(SyncError::Busy(_))));
    drop(held);
    place.sync();
}

#[test]
fn an_interruption_ends_everything_and_what_was_done_is_remembered() {
    let Some(place) = Place::new() else { return };
    place.write_many(300);
    let interrupt = place.system.interrupt.clone();
    let sent = std::sync::atomic::AtomicUsize::new(0);
    let proxy = place.proxy(move |request, forward| {
        if request.method == "PUT" && sent.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 100 {
            interrupt.raise();
        }
        Some(forward(request))
    });
    let interrupted = place.try_sync_at(&proxy.url(), |_| {});
    assert!(matches!(interrupted, Err(SyncError::Interrupted)));
    let remembered = fs_err::read_to_string(place.root.path().join("state/files")).unwrap().lines().count();
    assert!(remembered > 50, "{remembered}");
    assert!(place.names().len() < 300);
}
