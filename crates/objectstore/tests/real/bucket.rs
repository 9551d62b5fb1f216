//! One request after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redcedar_objectstore::{Attributes, Body, Kind, Proof, Replace};
use redcedar_testing::s3::Response;

use super::place::Place;

#[test]
fn an_object_is_stored_proved_listed_read_and_deleted() {
    let Some(place) = Place::new() else { return };
    let bucket = place.bucket();
    let body = Body::new(b"0123456789".to_vec());
    let stored = bucket.put("a/x", &body, &Attributes::default(), Replace::Anything).unwrap();
    assert_eq!(stored.proof, Proof::Etag);
    let listed: Vec<_> = bucket.list("a/").map(Result::unwrap).collect();
    assert_eq!((listed.len(), &*listed[0].key, listed[0].size), (1, "a/x", 10));
    assert_eq!(listed[0].etag, stored.etag);
    let head = bucket.head("a/x").unwrap().unwrap();
    assert_eq!((head.size, head.etag), (10, stored.etag.clone()));
    assert!(head.crc.is_some());
    assert_eq!(bucket.head("a/y").unwrap(), None);
    assert_eq!(bucket.get("a/x", 3, 4, Some(&stored.etag)).unwrap(), "3456");
    assert_eq!(bucket.get("a/x", 8, 100, None).unwrap(), "89");
    let another = bucket.get("a/x", 0, 1, Some("00000000000000000000000000000000")).unwrap_err();
    assert_eq!(another.kind(), Kind::Precondition, "{another}");
    let refused = bucket.put("a/x", &body, &Attributes::default(), Replace::Nothing).unwrap_err();
    assert_eq!(refused.kind(), Kind::Precondition, "{refused}");
    assert_eq!(bucket.delete(&["a/x".to_owned(), "absent".to_owned()]).unwrap().failed.len(), 0);
    assert_eq!(place.server.keys(), [""; 0]);
}

#[test]
fn odd_keys_come_back_as_they_are_and_go() {
    let Some(place) = Place::new() else { return };
    let bucket = place.bucket();
    let long = "k".repeat(1024);
    let mut keys = [
        "plain",
        "a b",
        "a+b",
        "a%20b",
        "a&b<c>\"'",
        "a//b",
        "/leading",
        "..",
        "a/./b",
        "new\nline",
        "re\rturn",
        "tab\t",
        "bell\u{7}",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{1f332}",
        "trailing ",
        "~",
        &long,
    ];
    for key in keys {
        let body = Body::new(key.as_bytes().to_vec());
        bucket.put(key, &body, &Attributes::default(), Replace::Anything).unwrap();
    }
    keys.sort_unstable();
    let listed: Vec<String> = bucket.list("").map(|object| object.unwrap().key).collect();
    assert_eq!(listed, keys);
    for key in keys {
        assert_eq!(bucket.get(key, 0, 2000, None).unwrap(), key.as_bytes());
    }
    assert_eq!(bucket.delete(&listed).unwrap().failed.len(), 0);
    assert_eq!(bucket.list("").count(), 0);
}

#[test]
fn what_arrives_damaged_is_sent_again_and_never_taken_for_the_whole() {
    let Some(place) = Place::new() else { return };
    let sent = Arc::new(AtomicUsize::new(0));
    // A server that checks nothing, behind a line that flips a bit: once, or always.
    let flip = |always: bool| {
        let sent = Arc::clone(&sent);
        place.proxy(move |request, forward| {
            request.drop_headers("x-amz-checksum");
            request.drop_headers("content-md5");
            if request.method == "PUT" && (sent.fetch_add(1, Ordering::SeqCst) == 0 || always) {
                request.body[0] ^= 1;
            }
            Some(forward(request))
        })
    };
    let body = Body::new(b"precious".to_vec());
    let proxy = flip(false);
    let stored = place.bucket_at(&proxy.url()).put("x", &body, &Attributes::default(), Replace::Anything);
    assert_eq!(stored.unwrap().proof, Proof::Etag);
    assert_eq!(place.server.object("x").unwrap(), b"precious");
    let proxy = flip(true);
    let error =
        place.bucket_at(&proxy.url()).put("x", &body, &Attributes::default(), Replace::Anything).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged, "{error}");
    assert_eq!(proxy.count("PUT"), 3);
}

#[test]
fn a_server_whose_etags_are_no_md5_is_found_out_by_reading_once() {
    let Some(place) = Place::new() else { return };
    let proxy = place.proxy(|request, forward| {
        let mut answer = forward(request);
        for (name, value) in &mut answer.headers {
            if name.eq_ignore_ascii_case("etag") {
                *value = "\"0123456789abcdef0123456789abcdef\"".to_owned();
            }
        }
        Some(answer)
    });
    let bucket = place.bucket_at(&proxy.url());
    let put = |key: &str| {
        let body = Body::new(key.as_bytes().to_vec());
        bucket.put(key, &body, &Attributes::default(), Replace::Anything).unwrap().proof
    };
    assert_eq!([put("a"), put("b")], [Proof::ReadBack, Proof::Checksum]);
    assert_eq!(proxy.count("GET"), 1);
}

#[test]
fn a_server_that_has_too_much_to_do_is_asked_again() {
    let Some(place) = Place::new() else { return };
    let asked = AtomicUsize::new(0);
    let proxy = place.proxy(move |request, forward| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Some(Response::error(503, "SlowDown")),
        1 => None,
        2 => Some(Response::error(500, "InternalError")),
        _ => Some(forward(request)),
    });
    let body = Body::new(b"x".to_vec());
    place.bucket_at(&proxy.url()).put("x", &body, &Attributes::default(), Replace::Anything).unwrap();
    assert_eq!(place.server.object("x").unwrap(), b"x");
}

#[test]
fn failures_say_what_is_wrong_and_what_to_try() {
    let Some(place) = Place::new() else { return };
    let refuse = |status: u16, code: &'static str| {
        let proxy = place.proxy(move |_, _| Some(Response::error(status, code)));
        let error = place.bucket_at(&proxy.url()).list("p/").next().unwrap().unwrap_err();
        assert!(error.to_string().starts_with("cannot list s3://bucket/p/: "), "{error}");
        (error.kind(), error.hint().is_some())
    };
    assert_eq!(refuse(404, "NoSuchBucket"), (Kind::NoBucket, true));
    assert_eq!(refuse(403, "AccessDenied"), (Kind::Forbidden, true));
    assert_eq!(refuse(403, "RequestTimeTooSkewed"), (Kind::Clock, true));
    assert_eq!(refuse(400, "ExpiredToken"), (Kind::Credentials, true));
    assert_eq!(refuse(301, "PermanentRedirect"), (Kind::OtherRegion, true));
    assert_eq!(refuse(418, "Teapot"), (Kind::Other, false));
    let nobody = place.bucket_at("http://127.0.0.1:1").list("").next().unwrap().unwrap_err();
    assert_eq!(nobody.kind(), Kind::Unreachable, "{nobody}");
}
