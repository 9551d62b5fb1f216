//! Listings of which several stretches are asked for at a time, and requests that become fewer when the server asks for that.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redcedar_testing::s3::Response;

use super::place::Place;

/// How many objects make a listing of three stretches.
const MANY: usize = 2100;

#[test]
fn what_is_remembered_divides_the_listing_and_nothing_is_missed_or_seen_twice() {
    let Some(place) = Place::new() else { return };
    place.write_many(MANY);
    assert_eq!(place.sync().outcome.new.files, MANY as u64);
    // Bounds that are no more, and what is new beside them.
    for name in ["f0000", "f0949", "f1500"] {
        place.remove(name);
    }
    place.write("f0949x", "new");
    for name in ["f0949y", "f1899z", "zzz"] {
        place.server.store(&format!("p/{name}"), b"of somebody else");
    }
    let proxy = place.proxy(|request, forward| Some(forward(request)));
    let told = place.try_sync_at(&proxy.url(), |_| {}).unwrap().told;
    let deleted =
        ["f0000", "f0949", "f0949y", "f1500", "f1899z", "zzz"].map(|name| format!("Deleted {name}"));
    assert_eq!(told, [&["New f0949x".to_owned()][..], &deleted].concat());
    let listings = proxy.asked().into_iter().filter(|asked| asked.contains("list-type=2"));
    let mut listings: Vec<_> =
        listings.filter_map(|asked| Some(asked.split_once("start-after=")?.1[..9].to_owned())).collect();
    listings.sort();
    assert_eq!(listings, ["p%2Ff0949", "p%2Ff1899"]);
    assert!(place.sync().told.is_empty());
}

#[test]
fn a_server_that_cannot_list_from_the_middle_on_is_listed_from_the_beginning() {
    let Some(place) = Place::new() else { return };
    place.write_many(MANY);
    place.sync();
    place.remove("f1999");
    let proxy = place.proxy(|request, forward| {
        if request.is_listing() {
            let parts = request.path.split('&').filter(|part| !part.starts_with("start-after="));
            request.path = parts.collect::<Vec<_>>().join("&");
        }
        Some(forward(request))
    });
    assert_eq!(place.try_sync_at(&proxy.url(), |_| {}).unwrap().told, ["Deleted f1999"]);
}

#[test]
fn a_failure_in_any_stretch_ends_the_run_before_anything_is_done() {
    let Some(place) = Place::new() else { return };
    place.write_many(MANY);
    place.sync();
    place.remove("f0000");
    let proxy = place.proxy(|request, forward| {
        let is_last = request.is_listing() && request.path.contains("f1899");
        Some(if is_last { Response::error(403, "AccessDenied") } else { forward(request) })
    });
    assert!(place.try_sync_at(&proxy.url(), |_| {}).is_err());
    assert_eq!(place.names().len(), MANY);
}

#[test]
fn there_are_fewer_requests_at_a_time_after_the_server_asked_for_that() {
    let Some(place) = Place::new() else { return };
    place.write_many(150);
    let under_way = Arc::new(AtomicUsize::new(0));
    // How many were under way when each came.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&seen);
    let proxy = place.proxy(move |request, forward| {
        if request.method != "PUT" {
            return Some(forward(request));
        }
        let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
        let number = {
            let mut seen = own.lock().unwrap();
            seen.push(now);
            seen.len()
        };
        std::thread::sleep(Duration::from_millis(150));
        // All of the first come at once.
        let answer = if number <= 32 { Response::error(503, "SlowDown") } else { forward(request) };
        under_way.fetch_sub(1, Ordering::SeqCst);
        Some(answer)
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!((ran.outcome.new.files, place.names().len()), (150, 150));
    let seen = seen.lock().unwrap();
    let most = |range: std::ops::Range<usize>| seen[range].iter().max().copied().unwrap();
    assert!(most(0..32) > 26, "{seen:?}");
    assert!(most(80..110) < 24, "{seen:?}");
}
