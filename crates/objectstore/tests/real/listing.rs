//! Listings that cannot be believed, on the way there and on the way back: nothing is done after them.

use redcedar_objectstore::sync::{Change, Fetch, Filter, SyncError, fetch};
use redcedar_objectstore::{Address, Kind};
use redcedar_testing::s3::{BUCKET, Proxy, Request, Response};

use super::place::Place;

type Forward<'a> = &'a dyn Fn(&Request) -> Response;
type Fault = fn(&Request, Forward<'_>) -> Response;

/// What a listing is replaced by.
const FAULTS: [(&str, Fault); 11] = [
    ("the second page is refused", |request, forward| {
        if is_continued(request) { Response::error(403, "AccessDenied") } else { forward(request) }
    }),
    ("200, and an error", |_, _| Response { status: 200, ..Response::error(500, "InternalError") }),
    ("200, and nothing", |_, _| page(String::new())),
    ("200, and what a portal says", |_, _| page("<html><body>Log in first</body></html>".to_owned())),
    ("XML that ends early", |request, forward| {
        changed(request, forward, |text| text[..text.len() / 2].to_owned())
    }),
    ("XML that ends between two objects", |request, forward| {
        changed(request, forward, |text| {
            let end = text[..text.len() / 2].rfind("</Contents>").map_or(0, |at| at + "</Contents>".len());
            text[..end].to_owned()
        })
    }),
    ("fewer objects than are counted", |request, forward| {
        changed(request, forward, |text| {
            let (first, last) = (text.find("<Contents>"), text.find("</Contents>"));
            let (Some(first), Some(last)) = (first, last) else { return text.to_owned() };
            format!("{}{}", &text[..first], &text[last + "</Contents>".len()..])
        })
    }),
    ("objects without sizes", |request, forward| {
        changed(request, forward, |text| text.replace("<Size>", "<Length>").replace("</Size>", "</Length>"))
    }),
    ("more to come, and nobody says where", |request, forward| {
        changed(request, forward, |text| {
            text.replace("IsTruncated>false", "IsTruncated>true").replace("NextContinuationToken", "Nothing")
        })
    }),
    ("the first page for ever", |request, forward| {
        let mut first = request.clone();
        let is_place =
            |word: &str| word.starts_with("continuation-token=") || word.starts_with("start-after=");
        let query: Vec<_> = request.path.split('&').filter(|word| !is_place(word)).collect();
        first.path = query.join("&");
        // The token is another one each time.
        let count = request.path.len();
        changed(&first, forward, |text| {
            text.replace("<NextContinuationToken>", &format!("<NextContinuationToken>{}", "x".repeat(count)))
        })
    }),
    ("what is elsewhere in the bucket", |request, forward| {
        let mut other = request.clone();
        other.path = request.path.replace("prefix=p%2F", "prefix=other%2F");
        forward(&other)
    }),
];

fn is_continued(request: &Request) -> bool {
    request.path.contains("continuation-token=") || request.path.contains("start-after=")
}

fn page(text: String) -> Response {
    Response {
        status: 200,
        headers: vec![("Content-Type".to_owned(), "application/xml".to_owned())],
        body: text.into_bytes(),
    }
}

fn changed(request: &Request, forward: Forward<'_>, change: impl Fn(&str) -> String) -> Response {
    let mut answer = forward(request);
    answer.body = change(&String::from_utf8(answer.body).unwrap()).into_bytes();
    answer
}

fn proxy(place: &Place, fault: Fault) -> Proxy {
    place.proxy(move |request, forward| {
        Some(if request.is_listing() { fault(request, forward) } else { forward(request) })
    })
}

/// A page of objects, and a few more.
fn two_pages() -> Option<Place> {
    let place = Place::new()?;
    place.write_many(1010);
    place.server.store("other/f0000", b"x");
    assert_eq!(place.sync().outcome.new.files, 1010);
    Some(place)
}

#[test]
fn a_bucket_is_left_alone_by_whoever_cannot_believe_its_listing() {
    let Some(place) = two_pages() else { return };
    for name in ["f0010", "f0510", "f1005"] {
        place.remove(name);
    }
    place.write("f0500-new", "new");
    for (what, fault) in FAULTS {
        let proxy = proxy(&place, fault);
        let ran = place.try_sync_at(&proxy.url(), |_| {});
        let Err(SyncError::Bucket(error)) = ran else { panic!("{what}: it did not fail") };
        assert_ne!(error.kind(), Kind::Interrupted, "{what}: {error}");
        assert!(error.to_string().starts_with("cannot list s3://bucket/p"), "{what}: {error}");
        let did = proxy.count("PUT") + proxy.count("POST") + proxy.count("DELETE");
        assert_eq!((did, place.names().len()), (0, 1010), "{what}");
    }
    let ran = place.sync();
    assert_eq!(ran.told, ["New f0500-new", "Deleted f0010", "Deleted f0510", "Deleted f1005"]);
}

#[test]
fn a_directory_is_left_alone_by_whoever_cannot_believe_the_listing_of_its_bucket() {
    let Some(place) = two_pages() else { return };
    place.remove("f0010");
    place.write("f0500-mine", "mine");
    let get = |url: &str| {
        let (target, source, filter) = (place.source(), Address::new(BUCKET, "p"), Filter::default());
        let request = Fetch {
            source: &source,
            target: &target,
            acts: true,
            delete: true,
            limit: None,
            filter: &filter,
        };
        let mut told = Vec::new();
        let mut hear = |change: Change, name: &str, _size: u64| told.push(format!("{change:?} {name}"));
        fetch(&place.bucket_at(url), &request, &place.system, &mut hear).map(|_| told)
    };
    let count = || fs_err::read_dir(place.source()).unwrap().count();
    for (what, fault) in FAULTS {
        let proxy = proxy(&place, fault);
        let Err(SyncError::Bucket(error)) = get(&proxy.url()) else { panic!("{what}: it did not fail") };
        assert!(error.to_string().starts_with("cannot list s3://bucket/p"), "{what}: {error}");
        assert_eq!(
            (proxy.asked().iter().filter(|asked| !asked.contains("list-type")).count(), count()),
            (0, 1010),
            "{what}"
        );
    }
    assert_eq!(get(&place.server.url()).unwrap(), ["New f0010", "Deleted f0500-mine"]);
}
