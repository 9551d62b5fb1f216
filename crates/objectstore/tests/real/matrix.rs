//! Faults that other tools answer with lost objects, or with success.

use redcedar_objectstore::Kind;
use redcedar_objectstore::sync::{Refusal, SyncError};
use redcedar_testing::s3::{Request, Response};

use super::place::{Place, set_modified};

#[test]
fn the_server_stores_one_flipped_bit_and_answers_200() {
    let Some(place) = Place::new() else { return };
    place.write_many(20);
    let proxy = place.proxy(|request, forward| {
        request.drop_headers("x-amz-checksum");
        request.drop_headers("content-md5");
        if request.method == "PUT" {
            request.body[2] ^= 1;
        }
        Some(forward(request))
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!((ran.outcome.problems.len(), ran.told.len()), (20, 0));
    assert!(ran.outcome.problems.iter().all(|problem| problem.text.contains("it arrived damaged")));
}

#[test]
fn the_source_is_empty_because_its_disk_is_not_mounted() {
    let Some(place) = Place::new() else { return };
    place.write_many(20);
    place.sync();
    fs_err::rename(place.source(), place.root.path().join("unmounted")).unwrap();
    fs_err::create_dir(place.source()).unwrap();
    let ran = place.sync();
    assert_eq!(ran.outcome.refusal, Some(Refusal::Empty));
    assert_eq!((place.names().len(), ran.outcome.deleted.files), (20, 0));
}

#[test]
fn a_file_was_replaced_by_an_older_one_of_the_same_size() {
    let Some(place) = Place::new() else { return };
    place.write_many(20);
    place.sync();
    let path = place.write("f0007", "F0007");
    set_modified(&path, 1_000_000_000);
    assert_eq!(place.sync().told, ["Changed f0007"]);
    assert_eq!(place.object("f0007").unwrap(), "F0007");
    // And without any memory of what was there.
    let path = place.write("f0007", "f0007");
    set_modified(&path, 1_000_000_000);
    assert_eq!(place.sync_with(|request| request.state = None).told, ["Changed f0007"]);
}

#[test]
fn what_a_link_leads_to_has_vanished() {
    let Some(place) = Place::new() else { return };
    place.write_many(20);
    let outside = place.root.path().join("outside");
    fs_err::write(&outside, "linked").unwrap();
    std::os::unix::fs::symlink(&outside, place.source().join("link")).unwrap();
    place.sync();
    assert_eq!(place.names().len(), 21);
    fs_err::remove_file(&outside).unwrap();
    let ran = place.sync();
    assert_eq!((ran.outcome.problems.len(), ran.outcome.deleted.files), (1, 0));
    assert_eq!(place.object("link").unwrap(), "linked");
}

/// Three pages of objects; then a file of the first page and one of the third are gone, and one is new.
fn three_pages() -> Option<Place> {
    let place = Place::new()?;
    place.write_many(2100);
    assert_eq!(place.sync().outcome.new.files, 2100);
    place.remove("f0010");
    place.remove("f2050");
    place.write("f0500-new", "new");
    Some(place)
}

fn is_second_page(request: &Request) -> bool {
    request.is_listing()
        && (request.path.contains("continuation-token=") || request.path.contains("start-after="))
}

#[test]
fn the_second_page_of_the_listing_is_never_to_be_had() {
    let Some(place) = three_pages() else { return };
    let proxy = place.proxy(|request, forward| {
        Some(if is_second_page(request) { Response::error(500, "InternalError") } else { forward(request) })
    });
    let failed = place.try_sync_at(&proxy.url(), |_| {});
    let Err(SyncError::Bucket(error)) = failed else { panic!("it did not fail") };
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    assert_eq!((proxy.count("PUT"), proxy.count("POST"), proxy.count("DELETE")), (0, 0, 0));
    assert_eq!(place.names().len(), 2100);
}

#[test]
fn the_server_claims_that_the_first_page_is_all() {
    let Some(place) = three_pages() else { return };
    let proxy = place.proxy(|request, forward| {
        let mut answer = forward(request);
        if request.is_listing() {
            let text = String::from_utf8(answer.body).unwrap();
            let text = text.replace("<IsTruncated>true", "<IsTruncated>false");
            // Not even a word of how it goes on.
            let token = text.find("<NextContinuationToken>").zip(text.find("</NextContinuationToken>"));
            let text = token.map_or(text.clone(), |(from, to)| {
                format!("{}{}", &text[..from], &text[to + "</NextContinuationToken>".len()..])
            });
            answer.body = text.into_bytes();
        }
        Some(answer)
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!(ran.told, ["New f0500-new", "Deleted f0010", "Deleted f2050"]);
    assert_eq!((proxy.count("PUT"), proxy.count("POST")), (1, 1));
    assert_eq!(place.names().len(), 2099);
}

#[test]
fn the_listing_is_out_of_order() {
    let Some(place) = Place::new() else { return };
    place.write_many(20);
    place.sync();
    place.remove("f0003");
    let proxy = place.proxy(|request, forward| {
        let mut answer = forward(request);
        if request.is_listing() {
            let text = String::from_utf8(answer.body).unwrap();
            let first = text.find("<Contents>").unwrap();
            let end = text.rfind("</Contents>").unwrap() + "</Contents>".len();
            let mut objects: Vec<&str> = text[first..end].split_inclusive("</Contents>").collect();
            let half = objects.len() / 2;
            objects.rotate_left(half);
            answer.body = format!("{}{}{}", &text[..first], objects.concat(), &text[end..]).into_bytes();
        }
        Some(answer)
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!((ran.told, ran.outcome.unchanged.files), (vec!["Deleted f0003".to_owned()], 19));
    assert_eq!(place.names().len(), 19);
}

#[test]
fn a_listing_that_is_cut_off_is_no_listing() {
    let Some(place) = Place::new() else { return };
    place.write_many(20);
    place.sync();
    place.remove("f0003");
    let proxy = place.proxy(|request, forward| {
        let mut answer = forward(request);
        if request.is_listing() {
            answer.body.truncate(answer.body.len() / 2);
        }
        Some(answer)
    });
    assert!(matches!(place.try_sync_at(&proxy.url(), |_| {}), Err(SyncError::Bucket(_))));
    assert_eq!((proxy.count("PUT"), place.names().len()), (0, 20));
}

#[test]
fn an_upload_that_fails_keeps_everything_from_being_deleted() {
    let Some(place) = Place::new() else { return };
    place.write_many(20);
    place.sync();
    place.remove("f0003");
    place.write("f0004", "something longer");
    let proxy = place.proxy(|request, forward| {
        Some(if request.method == "PUT" { Response::error(403, "AccessDenied") } else { forward(request) })
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!(ran.outcome.refusal, Some(Refusal::Failed));
    assert_eq!((place.names().len(), ran.outcome.deleted.files), (20, 0));
}

#[test]
fn the_key_expires_in_the_middle_of_a_run() {
    let Some(place) = Place::new() else { return };
    place.write_many(200);
    let sent = std::sync::atomic::AtomicUsize::new(0);
    let proxy = place.proxy(move |request, forward| {
        let is_late =
            request.method == "PUT" && sent.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= 100;
        Some(if is_late { Response::error(400, "ExpiredToken") } else { forward(request) })
    });
    let Err(SyncError::Bucket(error)) = place.try_sync_at(&proxy.url(), |_| {}) else {
        panic!("it did not fail")
    };
    assert_eq!(error.kind(), Kind::Credentials, "{error}");
    assert!(proxy.count("PUT") < 200, "it goes on though nothing can succeed");
    let ran = place.sync();
    assert_eq!((ran.outcome.unchanged.files + ran.outcome.compared.files, ran.outcome.new.files), (100, 100));
    assert_eq!(place.names().len(), 200);
}
