//! From a bucket into a directory.

use std::os::unix::fs::{MetadataExt, symlink};

use redcedar_objectstore::Address;
use redcedar_objectstore::sync::{Change, Fetch, Filter, Outcome, Refusal, SyncError, fetch};
use redcedar_testing::s3::BUCKET;

use super::place::Place;

fn run(
    place: &Place,
    url: &str,
    change: impl FnOnce(&mut Fetch<'_>),
) -> Result<(Outcome, Vec<String>), SyncError> {
    let (target, source, filter) = (place.source(), Address::new(BUCKET, "p"), Filter::default());
    let mut request =
        Fetch { source: &source, target: &target, acts: true, delete: false, limit: None, filter: &filter };
    change(&mut request);
    let mut told = Vec::new();
    let mut hear = |change: Change, name: &str, _size: u64| told.push(format!("{change:?} {name}"));
    fetch(&place.bucket_at(url), &request, &place.system, &mut hear).map(|outcome| (outcome, told))
}

fn fetched(place: &Place, change: impl FnOnce(&mut Fetch<'_>)) -> (Outcome, Vec<String>) {
    run(place, &place.server.url(), change).unwrap()
}

#[test]
fn a_directory_becomes_what_is_in_the_bucket() {
    let Some(place) = Place::new() else { return };
    place.server.store("p/a", b"one");
    place.server.store("p/b/c/d", b"two");
    place.server.store("p/empty", b"");
    place.server.store("p2/other", b"x");
    place.write("a", "old");
    place.write("mine", "m");
    let (outcome, told) = fetched(&place, |request| request.acts = false);
    assert_eq!(told, ["Changed a", "New b/c/d", "New empty", "Extra mine"]);
    assert_eq!((outcome.new.files, place.source().join("b").exists()), (2, false));
    let (outcome, told) = fetched(&place, |_| {});
    assert_eq!(told, ["Changed a", "New b/c/d", "New empty", "Extra mine"]);
    assert_eq!((outcome.unproved, outcome.problems.len()), (0, 0));
    let path = place.source().join("b/c/d");
    assert_eq!(fs_err::read(&path).unwrap(), b"two");
    assert_eq!(fs_err::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let (outcome, told) = fetched(&place, |request| request.delete = true);
    assert_eq!((outcome.compared.files, told), (3, vec!["Deleted mine".to_owned()]));
    assert!(!place.source().join("mine").exists());
}

#[test]
fn a_bucket_that_is_empty_deletes_no_file() {
    let Some(place) = Place::new() else { return };
    place.write("mine", "m");
    let (outcome, _) = fetched(&place, |request| request.delete = true);
    assert_eq!(outcome.refusal, Some(Refusal::Empty));
    assert!(place.source().join("mine").exists());
}

#[test]
fn what_arrives_damaged_gets_no_name() {
    let Some(place) = Place::new() else { return };
    place.server.store("p/a", b"precious");
    let proxy = place.proxy(|request, forward| {
        let mut answer = forward(request);
        if request.method == "GET" && !request.is_listing() {
            answer.body[3] ^= 1;
        }
        Some(answer)
    });
    let (outcome, _) = run(&place, &proxy.url(), |_| {}).unwrap();
    assert!(outcome.problems[0].text.contains("it arrived damaged"), "{:?}", outcome.problems);
    assert_eq!(fs_err::read_dir(place.source()).unwrap().count(), 0);
}

#[test]
fn no_link_leads_out_and_no_key_either() {
    let Some(place) = Place::new() else { return };
    let outside = place.root.path().join("outside");
    fs_err::create_dir(&outside).unwrap();
    symlink(&outside, place.source().join("link")).unwrap();
    for key in ["p/link/x", "p/../escaped", "p/a//b", "p/fine"] {
        place.server.store(key, b"x");
    }
    let (outcome, told) = fetched(&place, |_| {});
    assert_eq!(told, ["New fine"]);
    assert!(outcome.has_failed());
    assert_eq!(fs_err::read_dir(&outside).unwrap().count(), 0);
    assert!(!place.root.path().join("escaped").exists());
}
