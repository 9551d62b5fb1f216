//! What an object is, and what is in it.

use std::collections::HashMap;

use aws_sdk_s3::types::{BucketVersioningStatus, ChecksumMode, ServerSideEncryption};
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;

use super::customer_key::with_customer_key;
use super::list::timestamp;
use super::{Client, Lock};
use crate::digest::unquoted;
use crate::error::{Error, Kind};

/// How often bytes are asked for of which none arrives.
const ATTEMPTS: usize = 3;
/// How much room is made at once for what comes.
const ROOM: u64 = 8 << 20;

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// In bytes.
    pub size: u64,
    /// The ETag, without its quotes.
    pub etag: String,
    /// When it was stored, by the clock of the server.
    pub modified: Timestamp,
    /// The CRC-64/NVME of the whole object, if the server knows one.
    pub crc: Option<String>,
    /// Whether its ETag may be an MD5: it is none where the server encrypts with a key of somebody's own.
    pub has_md5: bool,
    /// Whether and how it is locked, where we may know.
    pub lock: Option<Lock>,
    /// What the uploader said of it.
    pub metadata: HashMap<String, String>,
}

impl Client {
    /// What the object `key` is; nothing if there is none.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<Head>, Error> {
        self.patiently(|| self.head_once(key)).await
    }

    async fn head_once(&self, key: &str) -> Result<Option<Head>, Error> {
        let intent = format!("look at {}", self.show(key));
        let request = self.s3.head_object().bucket(self.bucket()).key(key);
        let request = with_customer_key!(self, request);
        let answer = match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let error = Error::from_sdk(intent, &error);
                return if error.kind() == Kind::NotFound { Ok(None) } else { Err(error) };
            }
        };
        Ok(Some(Head {
            size: answer.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            etag: unquoted(answer.e_tag().unwrap_or_default()).to_owned(),
            modified: answer.last_modified().and_then(timestamp).unwrap_or_default(),
            // One of parts only is followed by their number.
            crc: answer.checksum_crc64_nvme().filter(|crc| !crc.contains('-')).map(str::to_owned),
            has_md5: answer.sse_customer_algorithm().is_none()
                && !matches!(
                    answer.server_side_encryption(),
                    Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
                ),
            lock: Lock::read(answer.object_lock_mode(), answer.object_lock_retain_until_date()),
            metadata: answer.metadata().cloned().unwrap_or_default(),
        }))
    }

    /// The ETag of an object, also where listings have none.
    pub(crate) async fn etag(&self, key: &str, listed: &str) -> Result<String, Error> {
        if !listed.is_empty() {
            return Ok(listed.to_owned());
        }
        Ok(self.head(key).await?.map(|head| head.etag).unwrap_or_default())
    }

    /// Some bytes of an object. With an ETag, only as long as it is the object's. What is lacking is asked for again when the
    /// connection breaks while they come.
    pub(crate) async fn get(
        &self,
        key: &str,
        offset: u64,
        length: u64,
        etag: Option<&str>,
    ) -> Result<Bytes, Error> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        self.patiently(|| self.get_whole(key, offset, length, etag)).await
    }

    async fn get_whole(
        &self,
        key: &str,
        offset: u64,
        length: u64,
        etag: Option<&str>,
    ) -> Result<Bytes, Error> {
        let intent = || format!("read {}", self.show(key));
        let room = usize::try_from(length.min(ROOM)).unwrap_or_default();
        let (mut bytes, mut attempt) = (BytesMut::with_capacity(room), 1);
        loop {
            let here = bytes.len() as u64;
            let range = format!("bytes={}-{}", offset + here, offset + length - 1);
            let request = self.s3.get_object().bucket(self.bucket()).key(key).range(range);
            let request = request.set_if_match(etag.map(|etag| format!("\"{etag}\"")));
            let request = with_customer_key!(self, request);
            let _pass = self.gate.pass().await;
            let mut answer = request.send().await.map_err(|error| Error::from_sdk(intent(), &error))?;
            let broken = loop {
                match answer.body.next().await {
                    None => return Ok(bytes.freeze()),
                    Some(Ok(some)) if (bytes.len() + some.len()) as u64 > length => {
                        let reason = "the server sent more than was asked for";
                        return Err(Error::new(Kind::Damaged, intent(), reason));
                    }
                    Some(Ok(some)) => bytes.extend_from_slice(&some),
                    Some(Err(_)) if bytes.len() as u64 == length => return Ok(bytes.freeze()),
                    Some(Err(error)) => break error,
                }
            };
            if etag.is_none() {
                // What follows may be of another object.
                bytes.clear();
            }
            // It goes on where it broke. What brought something does not count.
            attempt = if bytes.len() as u64 > here { 1 } else { attempt + 1 };
            if attempt > ATTEMPTS {
                let reason = format!("the connection broke: {broken}");
                return Err(Error::new(Kind::Unreachable, intent(), reason));
            }
        }
    }

    /// Whether the bucket keeps versions of what is deleted or replaced.
    pub(crate) async fn is_versioned(&self) -> Result<bool, Error> {
        let intent = format!("ask s3://{} whether it keeps versions", self.bucket());
        let answer = self.s3.get_bucket_versioning().bucket(self.bucket()).send().await;
        let answer = answer.map_err(|error| Error::from_sdk(intent, &error))?;
        Ok(answer.status() == Some(&BucketVersioningStatus::Enabled))
    }
}
