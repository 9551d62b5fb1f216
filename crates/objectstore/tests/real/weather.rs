//! Servers with too much to do, and connections that break: everything arrives all the same, or it is said that it did not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redcedar_objectstore::sync::{Change, Fetch, Filter, Outcome, SyncError, fetch};
use redcedar_objectstore::{Address, Kind};
use redcedar_testing::rng::Rng;
use redcedar_testing::s3::{BUCKET, Plan, Response, Trouble, Whose, Wire};

use super::place::Place;

/// A part and a bit.
const LARGE: usize = 9 << 20;

fn get(place: &Place, url: &str) -> Result<(Outcome, Vec<String>), SyncError> {
    let (target, source, filter) = (place.source(), Address::new(BUCKET, "p"), Filter::default());
    let request =
        Fetch { source: &source, target: &target, acts: true, delete: true, limit: None, filter: &filter };
    let mut told = Vec::new();
    let mut hear = |change: Change, name: &str, _size: u64| told.push(format!("{change:?} {name}"));
    fetch(&place.bucket_at(url), &request, &place.system, &mut hear).map(|outcome| (outcome, told))
}

#[test]
fn a_server_that_refuses_everything_for_some_seconds_gets_everything_after_that() {
    let Some(place) = Place::new() else { return };
    place.write_many(200);
    let begin = Arc::new(std::sync::OnceLock::new());
    let proxy = place.proxy(move |request, forward| {
        let is_first = request.is_listing() && begin.get().is_none();
        let is_busy = begin.get_or_init(Instant::now).elapsed() < Duration::from_secs(4);
        Some(if is_busy && !is_first { Response::error(503, "SlowDown") } else { forward(request) })
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!((ran.outcome.problems, ran.outcome.new.files), (Vec::new(), 200));
    assert_eq!(place.names().len(), 200);
}

#[test]
fn connections_that_are_cut_while_something_is_sent_cost_nothing_but_time() {
    let Some(place) = Place::new() else { return };
    let content = Rng::new(1).bytes(LARGE);
    place.write("large", &content);
    place.write("small", vec![7; 2 << 20]);
    let plan = Plan { from: Whose::Client, after: 1 << 20, trouble: Trouble::Cut, times: 4 };
    let wire = Wire::start(&place.server, plan);
    let ran = place.try_sync_at(&wire.url(), |_| {}).unwrap();
    assert_eq!((ran.told, ran.outcome.unproved), (vec!["New large".to_owned(), "New small".to_owned()], 0));
    assert_eq!(wire.troubles(), 4);
    assert_eq!(place.server.object("p/large").unwrap(), content);
    assert_eq!(place.server.object("p/small").unwrap(), vec![7; 2 << 20]);
    assert_eq!(place.bucket().uploads("").unwrap().len(), 0);
}

#[test]
fn connections_that_are_cut_while_something_is_fetched_cost_nothing_but_time() {
    let Some(place) = Place::new() else { return };
    let content = Rng::new(2).bytes(LARGE);
    place.server.store("p/large", &content);
    place.server.store("p/small", &vec![7; 2 << 20]);
    // No connection ever lasts.
    let plan = Plan { from: Whose::Server, after: 1 << 20, trouble: Trouble::Cut, times: 1000 };
    let wire = Wire::start(&place.server, plan);
    let (outcome, told) = get(&place, &wire.url()).unwrap();
    assert_eq!((told, outcome.problems), (vec!["New large".to_owned(), "New small".to_owned()], Vec::new()));
    assert!(wire.troubles() >= 9, "{}", wire.troubles());
    assert_eq!(fs_err::read(place.source().join("large")).unwrap(), content);
}

#[test]
fn what_never_arrives_gives_no_file_and_takes_none() {
    let Some(place) = Place::new() else { return };
    place.server.store("p/large", &vec![7; 3 << 20]);
    place.server.store("p/small", b"small");
    place.write("mine", "mine");
    let proxy = place.proxy(
        |request, forward| {
            if request.path.contains("large") { None } else { Some(forward(request)) }
        },
    );
    let (outcome, told) = get(&place, &proxy.url()).unwrap();
    assert_eq!(told, ["New small", "Extra mine"]);
    assert_eq!(outcome.problems.len(), 1, "{:?}", outcome.problems);
    assert!(outcome.problems[0].text.contains("cannot read s3://bucket/p/large"), "{:?}", outcome.problems);
    let mut names: Vec<_> =
        fs_err::read_dir(place.source()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["mine", "small"]);
}

#[test]
fn a_part_that_the_server_damages_is_noticed_whatever_it_checks() {
    let Some(place) = Place::new() else { return };
    place.write("large", vec![7; LARGE]);
    place.server.store("p/stale", b"x");
    // It checks nothing, and has nothing to say but an ETag.
    let damaging = |checksums: bool, damages: bool| {
        place.proxy(move |request, forward| {
            if !checksums {
                request.drop_headers("x-amz-checksum");
                request.drop_headers("x-amz-sdk-checksum");
                request.drop_headers("content-md5");
            }
            if damages && request.path.contains("partNumber=2") {
                request.body[1000] ^= 1;
            }
            let mut answer = forward(request);
            if !checksums {
                answer.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-checksum"));
            }
            Some(answer)
        })
    };
    for checksums in [true, false] {
        let proxy = damaging(checksums, true);
        let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
        assert_eq!(
            (ran.told, ran.outcome.problems.len()),
            (vec!["Extra stale".to_owned()], 1),
            "{checksums}"
        );
        assert!(ran.outcome.has_failed(), "{:?}", ran.outcome.problems);
    }
    let proxy = damaging(false, false);
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!(
        (ran.told, ran.outcome.unproved),
        (vec!["Changed large".to_owned(), "Deleted stale".to_owned()], 0)
    );
    assert_eq!(place.server.object("p/large").unwrap(), vec![7; LARGE]);
}

#[test]
fn parts_of_a_server_whose_etags_are_no_md5_are_read_back_once() {
    let Some(place) = Place::new() else { return };
    for name in ["a", "b"] {
        place.write(name, vec![7; LARGE]);
    }
    // What it calls a part is what it would be called elsewhere, read backwards.
    let backwards = |etag: &str| -> String { etag.chars().rev().collect() };
    let may_read = Arc::new(AtomicBool::new(true));
    let may = Arc::clone(&may_read);
    let proxy = place.proxy(move |request, forward| {
        if request.method == "GET" && !request.is_listing() && !may.load(Ordering::SeqCst) {
            return Some(Response::error(403, "AccessDenied"));
        }
        if request.method == "POST" && request.path.contains("uploadId=") {
            let body = String::from_utf8(request.body.clone()).unwrap();
            let mut parts = body.split("&quot;");
            let mut turned = parts.next().unwrap().to_owned();
            while let (Some(etag), Some(rest)) = (parts.next(), parts.next()) {
                turned = format!("{turned}&quot;{}&quot;{rest}", backwards(etag));
            }
            request.body = turned.into_bytes();
        }
        request.drop_headers("x-amz-checksum");
        let mut answer = forward(request);
        answer.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-checksum"));
        for (name, value) in &mut answer.headers {
            if name.eq_ignore_ascii_case("etag") && request.path.contains("partNumber=") {
                *value = backwards(value);
            }
        }
        Some(answer)
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!((ran.told.len(), ran.outcome.problems), (2, Vec::new()));
    let read = proxy
        .asked()
        .iter()
        .filter(|asked| asked.starts_with("GET ") && !asked.contains("list-type"))
        .count();
    assert!((2..=4).contains(&read), "{:?}", proxy.asked());
    // Whoever may only write has no proof, and is told so.
    may_read.store(false, Ordering::SeqCst);
    place.write("c", vec![8; LARGE]);
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!((ran.told.len(), ran.outcome.problems, ran.outcome.unproved), (1, Vec::new(), 1));
}

#[test]
fn an_answer_of_200_that_is_an_error_is_an_error() {
    let Some(place) = Place::new() else { return };
    place.write("large", vec![7; LARGE]);
    place.server.store("p/large", b"before");
    place.server.store("p/stale", b"x");
    let completing = |times: usize| {
        let asked = AtomicUsize::new(0);
        place.proxy(move |request, forward| {
            let completes = request.method == "POST" && request.path.contains("uploadId=");
            let fails = completes && asked.fetch_add(1, Ordering::SeqCst) < times;
            Some(if fails {
                Response { status: 200, ..Response::error(500, "InternalError") }
            } else {
                forward(request)
            })
        })
    };
    let ran = place.try_sync_at(&completing(usize::MAX).url(), |_| {}).unwrap();
    assert_eq!(ran.told, ["Extra stale"]);
    assert!(ran.outcome.problems[0].text.contains("InternalError"), "{:?}", ran.outcome.problems);
    assert_eq!(place.object("large").unwrap(), "before");
    let ran = place.try_sync_at(&completing(1).url(), |_| {}).unwrap();
    assert_eq!(
        (ran.told, ran.outcome.problems),
        (vec!["Changed large".to_owned(), "Deleted stale".to_owned()], Vec::new())
    );
    assert_eq!(place.server.object("p/large").unwrap(), vec![7; LARGE]);
    assert_eq!(place.bucket().uploads("").unwrap().len(), 0);
}

#[test]
fn whoever_does_not_hear_that_an_object_is_complete_looks() {
    let Some(place) = Place::new() else { return };
    place.write("large", vec![7; LARGE]);
    // Done, and then an error, or nothing at all.
    for answer in [Some(Response::error(500, "InternalError")), None] {
        let asked = AtomicUsize::new(0);
        let proxy = place.proxy(move |request, forward| {
            let completes = request.method == "POST" && request.path.contains("uploadId=");
            let done = forward(request);
            if completes && asked.fetch_add(1, Ordering::SeqCst) == 0 { answer.clone() } else { Some(done) }
        });
        let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
        assert_eq!((ran.told.len(), ran.outcome.problems, ran.outcome.unproved), (1, Vec::new(), 0));
        assert_eq!(place.sync().outcome.unchanged.files, 1);
        place.write("large", vec![8; LARGE]);
    }
}

#[test]
fn a_clock_that_is_wrong_and_a_key_that_expires_end_the_run_and_say_so() {
    let Some(place) = Place::new() else { return };
    place.write("mine", "mine");
    for number in 0..60 {
        place.server.store(&format!("p/f{number:02}"), b"x");
    }
    for (code, kind) in [("RequestTimeTooSkewed", Kind::Clock), ("ExpiredToken", Kind::Credentials)] {
        let asked = AtomicUsize::new(0);
        let proxy = place.proxy(move |request, forward| {
            let reads = request.method == "GET" && !request.is_listing();
            let is_late = reads && asked.fetch_add(1, Ordering::SeqCst) >= 20;
            Some(if is_late { Response::error(403, code) } else { forward(request) })
        });
        let Err(SyncError::Bucket(error)) = get(&place, &proxy.url()) else {
            panic!("{code}: it did not fail")
        };
        assert_eq!((error.kind(), error.hint().is_some()), (kind, true), "{error}");
        assert!(place.source().join("mine").exists());
        for entry in fs_err::read_dir(place.source()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name == "mine" || name.starts_with('f'), "{name}");
        }
    }
    let (outcome, told) = get(&place, &place.server.url()).unwrap();
    assert_eq!(told.last().unwrap(), "Deleted mine");
    assert_eq!(outcome.new.files + outcome.compared.files, 60);
}

#[test]
fn a_key_that_expires_between_two_parts_leaves_what_the_next_run_goes_on_with() {
    let Some(place) = Place::new() else { return };
    let content = Rng::new(3).bytes(LARGE);
    place.write("large", &content);
    let proxy = place.proxy(|request, forward| {
        let is_second = request.path.contains("partNumber=2");
        Some(if is_second { Response::error(400, "ExpiredToken") } else { forward(request) })
    });
    let Err(SyncError::Bucket(error)) = place.try_sync_at(&proxy.url(), |_| {}) else {
        panic!("it did not fail")
    };
    assert_eq!(error.kind(), Kind::Credentials, "{error}");
    assert_eq!((place.names(), place.bucket().uploads("").unwrap().len()), (Vec::new(), 1));
    assert_eq!(place.sync().told, ["New large"]);
    assert_eq!(place.server.object("p/large").unwrap(), content);
    assert_eq!(place.bucket().uploads("").unwrap().len(), 0);
}

#[test]
fn nothing_may_be_deleted_and_everything_else_is_done() {
    let Some(place) = Place::new() else { return };
    place.write("new", "new");
    place.server.store("p/stale", b"x");
    let proxy = place.proxy(|request, forward| {
        let deletes = request.method == "DELETE" || request.path.contains("?delete");
        Some(if deletes { Response::error(403, "AccessDenied") } else { forward(request) })
    });
    let Err(SyncError::Bucket(error)) = place.try_sync_at(&proxy.url(), |_| {}) else {
        panic!("it did not fail")
    };
    assert_eq!((error.kind(), error.hint().is_some()), (Kind::Forbidden, true), "{error}");
    assert_eq!(place.names(), ["new", "stale"]);
    assert_eq!(place.sync().told, ["Deleted stale"]);
}

mod slow {
    use super::*;

    #[test]
    fn a_server_that_falls_silent_is_asked_again() {
        let Some(place) = Place::new() else { return };
        place.write("large", vec![7; LARGE]);
        for from in [Whose::Client, Whose::Server] {
            let plan = Plan { from, after: 1 << 20, trouble: Trouble::Silence, times: 2 };
            let wire = Wire::start(&place.server, plan);
            if from == Whose::Client {
                let ran = place.try_sync_at(&wire.url(), |_| {}).unwrap();
                assert_eq!((ran.told, ran.outcome.problems), (vec!["New large".to_owned()], Vec::new()));
            } else {
                place.remove("large");
                let (outcome, told) = get(&place, &wire.url()).unwrap();
                assert_eq!((told, outcome.problems), (vec!["New large".to_owned()], Vec::new()));
            }
            assert_eq!(wire.troubles(), 2);
        }
        // It takes connections, and never says a word.
        let plan = Plan { from: Whose::Client, after: 0, trouble: Trouble::Silence, times: i64::MAX };
        let wire = Wire::start(&place.server, plan);
        let Err(SyncError::Bucket(error)) = place.try_sync_at(&wire.url(), |_| {}) else {
            panic!("it did not fail")
        };
        assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    }

    #[test]
    fn a_server_that_never_has_time_ends_the_run_and_loses_nothing() {
        let Some(place) = Place::new() else { return };
        place.write_many(100);
        place.server.store("p/stale", b"x");
        let proxy = place.proxy(|request, forward| {
            let is_last = request.method == "PUT" && *request.path > *"/bucket/p/f0050?";
            Some(if is_last { Response::error(503, "SlowDown") } else { forward(request) })
        });
        let began = Instant::now();
        let Err(SyncError::Bucket(error)) = place.try_sync_at(&proxy.url(), |_| {}) else {
            panic!("it did not fail")
        };
        assert_eq!(error.kind(), Kind::Busy, "{error}");
        assert!(began.elapsed() < Duration::from_mins(4), "{:?}", began.elapsed());
        assert!(place.names().contains(&"stale".to_owned()));
        let ran = place.sync();
        assert_eq!(
            (ran.outcome.unchanged.files + ran.outcome.compared.files, ran.outcome.new.files),
            (50, 50)
        );
    }
}
