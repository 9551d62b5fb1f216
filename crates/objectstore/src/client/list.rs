//! What is in a bucket.

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::EncodingType;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::Client;
use crate::digest::unquoted;
use crate::error::{Error, Kind};

/// How many keys a server returns at a time.
const PAGE: i32 = 1000;

/// An object, as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The whole key.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// The ETag, without its quotes.
    pub etag: String,
    /// When it was stored, by the clock of the server.
    pub modified: Timestamp,
}

/// Where a listing goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// At the beginning.
    Start,
    /// Where the server says.
    Token(String),
    /// Behind a key.
    After(String),
}

/// A part of a listing.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) objects: Vec<Object>,
    /// Nothing when this was all.
    pub(crate) next: Option<Next>,
}

impl Client {
    /// One page of the objects whose keys begin with `prefix`.
    pub(crate) async fn page(&self, prefix: &str, from: Next) -> Result<Page, Error> {
        self.patiently(|| self.page_once(prefix, &from)).await
    }

    async fn page_once(&self, prefix: &str, from: &Next) -> Result<Page, Error> {
        let intent = || format!("list {}", self.show(prefix));
        let mut request = self
            .s3
            .list_objects_v2()
            .bucket(self.bucket())
            .prefix(prefix)
            .max_keys(PAGE)
            .encoding_type(EncodingType::Url);
        let is_continued = *from != Next::Start;
        request = match from {
            Next::Start => request,
            Next::Token(token) => request.continuation_token(token),
            Next::After(key) => request.start_after(key),
        };
        let answer = request.send().await.map_err(|error| match Error::from_sdk(intent(), &error) {
            // Nothing else than the bucket can be missing.
            error if error.kind() == Kind::NotFound => error.of_kind(Kind::NoBucket),
            error => error,
        })?;
        let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
        let objects = answer.contents().iter().map(|object| read(object, is_encoded));
        let objects = objects.collect::<Option<Vec<_>>>();
        let objects = objects.ok_or_else(|| {
            Error::new(Kind::Other, intent(), "the answer of the server lacks keys or sizes, or has odd ones")
        })?;
        if objects.iter().any(|object| !object.key.starts_with(prefix)) {
            let reason = "the answer of the server has other keys than were asked for";
            return Err(Error::new(Kind::Other, intent(), reason));
        }
        // Whatever is lacking would be taken for deleted.
        if let Some(counted) = answer.key_count()
            && usize::try_from(counted).is_ok_and(|counted| counted > objects.len())
        {
            let reason = format!("the server counts {counted} keys, and {} arrived", objects.len());
            return Err(Error::new(Kind::Other, intent(), reason));
        }
        let next = match answer.next_continuation_token() {
            Some(token) => Some(Next::Token(token.to_owned())),
            None if answer.is_truncated() == Some(true) => {
                let reason = "the server says that there is more, and not where";
                return Err(Error::new(Kind::Other, intent(), reason));
            }
            // A full page that claims to be the last may be a lie.
            None => objects
                .last()
                .filter(|_| objects.len() >= PAGE.unsigned_abs() as usize)
                .map(|last| Next::After(last.key.clone())),
        };
        if is_continued && next.as_ref() == Some(from) {
            return Err(Error::new(Kind::Other, intent(), "the server lists the same again and again"));
        }
        Ok(Page { objects, next })
    }
}

fn read(object: &aws_sdk_s3::types::Object, is_encoded: bool) -> Option<Object> {
    let key = object.key()?;
    let key = if is_encoded { decode(key)? } else { key.to_owned() };
    Some(Object {
        key,
        size: u64::try_from(object.size()?).ok()?,
        etag: unquoted(object.e_tag().unwrap_or_default()).to_owned(),
        modified: object.last_modified().and_then(timestamp).unwrap_or_default(),
    })
}

/// What `encoding-type=url` makes of keys.
fn decode(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let text = text.replace('+', " ");
    Some(percent_decode_str(&text).decode_utf8().ok()?.into_owned())
}

pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_keys_are_decoded() {
        assert_eq!(decode("a/b").as_deref(), Some("a/b"));
        assert_eq!(decode("a+b%2Bc%0A%C3%A9").as_deref(), Some("a b+c\n\u{e9}"));
        assert_eq!(decode("%ff"), None);
    }
}
