//! Objects in parts.

use redcedar_objectstore::digest::Crc;
use redcedar_objectstore::{Attributes, Proof};
use redcedar_testing::s3::Response;

use super::place::Place;

/// Two parts and a bit.
fn large() -> Vec<u8> {
    (0..(17_u32 << 20)).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn an_object_is_made_of_parts_or_given_up() {
    let Some(place) = Place::new() else { return };
    let bucket = place.bucket();
    let pieces = [vec![b'a'; 5 << 20], vec![b'b'; 10]];
    let upload = bucket.begin("x", &Attributes::default()).unwrap();
    let mut parts = Vec::new();
    let mut crc = Crc::default();
    for (number, piece) in (1..).zip(&pieces) {
        crc = crc.followed_by(Crc::of(piece));
        let (part, proof) = bucket.send_part(&upload, number, &piece.clone().into()).unwrap();
        assert_ne!(proof, Proof::Nothing);
        parts.push(part);
    }
    let there: Vec<_> = bucket.parts(&upload).unwrap().iter().map(|part| (part.number, part.size)).collect();
    assert_eq!(there, [(1, 5 << 20), (2, 10)]);
    assert_eq!(bucket.uploads("").unwrap().len(), 1);
    bucket.complete(&upload, &parts, crc).unwrap();
    assert_eq!(place.server.object("x").unwrap(), pieces.concat());
    let given_up = bucket.begin("y", &Attributes::default()).unwrap();
    bucket.abort(&given_up).unwrap();
    assert_eq!(bucket.uploads("").unwrap().len(), 0);
}

#[test]
fn a_large_file_is_sent_in_parts_and_not_again() {
    let Some(place) = Place::new() else { return };
    let content = large();
    place.write("large", &content);
    let ran = place.sync();
    assert_eq!(ran.told, ["New large"]);
    assert_eq!((ran.outcome.unproved, ran.outcome.problems.len()), (0, 0));
    assert_eq!(place.server.object("p/large").unwrap(), content);
    assert_eq!(place.sync().outcome.unchanged.files, 1);
    // Nothing is remembered: its parts are compared with the ETag.
    let ran = place.sync_with(|request| request.state = None);
    assert_eq!((ran.outcome.compared.files, ran.told.len()), (1, 0));
    assert_eq!(place.bucket().uploads("").unwrap().len(), 0);
}

#[test]
fn an_interrupted_large_file_is_continued_and_what_nobody_needs_is_given_up() {
    let Some(place) = Place::new() else { return };
    let content = large();
    place.write("large", &content);
    let refuse = place.proxy(|request, forward| {
        let is_second = request.path.contains("partNumber=2");
        Some(if is_second { Response::error(403, "AccessDenied") } else { forward(request) })
    });
    let ran = place.try_sync_at(&refuse.url(), |_| {}).unwrap();
    assert!(ran.outcome.has_failed());
    assert_eq!(place.names(), [""; 0]);
    let bucket = place.bucket();
    let [(upload, _)] = &bucket.uploads("").unwrap()[..] else { panic!("it is not kept") };
    bucket.send_part(upload, 3, &b"something else".to_vec().into()).unwrap();
    let forgotten = bucket.begin("p/other", &Attributes::default()).unwrap();
    let path = place.root.path().join("state/uploads");
    let noted = fs_err::read_to_string(&path).unwrap() + &format!("{}\t{}\n", forgotten.id, forgotten.key);
    fs_err::write(&path, noted).unwrap();

    let watch = place.proxy(|request, forward| Some(forward(request)));
    let ran = place.try_sync_at(&watch.url(), |_| {}).unwrap();
    assert_eq!(ran.told, ["New large"]);
    // Whether the first part had been sent when the second was refused, is up to both.
    assert!((2..=3).contains(&watch.count("PUT")), "{:?}", watch.asked());
    assert_eq!(place.server.object("p/large").unwrap(), content);
    assert_eq!(bucket.uploads("").unwrap().len(), 0);
}

#[test]
fn a_connection_that_is_cut_in_the_middle_of_a_part_costs_that_part_only() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let Some(place) = Place::new() else { return };
    let content = large();
    place.write("large", &content);
    let cut = AtomicUsize::new(0);
    let proxy = place.proxy(move |request, forward| {
        let is_second = request.path.contains("partNumber=2");
        if is_second && cut.fetch_add(1, Ordering::SeqCst) == 0 { None } else { Some(forward(request)) }
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!((ran.told, ran.outcome.problems.len()), (vec!["New large".to_owned()], 0));
    assert_eq!(place.server.object("p/large").unwrap(), content);
    assert_eq!(proxy.count("PUT"), 4);
}

#[test]
fn a_file_that_changes_while_its_parts_are_sent_is_never_stored_torn() {
    let Some(place) = Place::new() else { return };
    let path = place.write("large", large());
    place.write("calm", "calm");
    let proxy = place.proxy(move |request, forward| {
        if request.path.contains("partNumber=2") {
            let mut file = fs_err::OpenOptions::new().append(true).open(&path).unwrap();
            std::io::Write::write_all(&mut file, b"more").unwrap();
        }
        Some(forward(request))
    });
    let ran = place.try_sync_at(&proxy.url(), |_| {}).unwrap();
    assert_eq!(ran.told, ["New calm"]);
    assert_eq!(ran.outcome.problems[0].text, "it changes while it is read");
    assert!(ran.outcome.has_failed());
    assert_eq!(place.names(), ["calm"]);
    assert_eq!(place.bucket().uploads("").unwrap().len(), 0);
}
