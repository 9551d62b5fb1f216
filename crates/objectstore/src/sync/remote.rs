//! What is in a bucket below a prefix, by its names there.

use std::collections::BTreeMap;

use super::PlanError;
use crate::address::Address;
use crate::bucket::Bucket;
use crate::client::Object;
use crate::error::{Error, Kind};
use crate::listing::Listing;

/// An object below the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) etag: String,
    /// Seconds since 1970, by the clock of the server.
    pub(crate) modified: i64,
}

/// What a bucket for the quick is called: it has no order, and nothing can be listed from the middle on.
const DIRECTORY_BUCKET: &str = "--x-s3";

/// As the server lists them, page by page; it is an error when that is not in the order of their bytes. Names of earlier runs,
/// in order, make it quicker.
pub(crate) fn streamed<'a>(
    bucket: &'a Bucket,
    place: &'a Address,
    bounds: impl Iterator<Item = String> + 'a,
) -> impl Iterator<Item = Result<Remote, PlanError>> + 'a {
    let bounds = bounds.filter(|_| !bucket.name().ends_with(DIRECTORY_BUCKET)).map(|name| place.key(&name));
    let mut last: Option<String> = None;
    below(place, Listing::new(bucket, place.prefix(), bounds)).map(move |object| {
        let object = object.map_err(|error| match error.kind() {
            Kind::Disorder => PlanError::Disorder,
            _ => error.into(),
        })?;
        if last.as_ref().is_some_and(|last| *last >= object.name) {
            return Err(PlanError::Disorder);
        }
        last.get_or_insert_default().clone_from(&object.name);
        Ok(object)
    })
}

/// All at once, sorted: for servers that list in an order of their own.
pub(crate) fn sorted(bucket: &Bucket, place: &Address) -> Result<Vec<Remote>, Error> {
    let mut all = BTreeMap::new();
    let mut repeated = 0;
    for object in below(place, bucket.list(place.prefix())) {
        let object = object?;
        repeated += usize::from(all.insert(object.name.clone(), object).is_some());
        // A few are listed twice when somebody stores them meanwhile; never most of them.
        if repeated > all.len() {
            let (intent, reason) = (format!("list {place}"), "the server lists the same again and again");
            return Err(Error::new(Kind::Other, intent, reason));
        }
    }
    Ok(all.into_values().collect())
}

/// What stands for a directory (`name/`, without content) is left out, as the AWS CLI does.
fn below(
    place: &Address,
    objects: impl Iterator<Item = Result<Object, Error>>,
) -> impl Iterator<Item = Result<Remote, Error>> {
    objects.filter_map(move |object| match object {
        Ok(Object { key, size: 0, .. }) if key.ends_with('/') => None,
        Ok(Object { key, size, etag, modified }) => {
            let name = place.name(&key)?.to_owned();
            Some(Ok(Remote { name, size, etag, modified: modified.as_second() }))
        }
        Err(error) => Some(Err(error)),
    })
}
