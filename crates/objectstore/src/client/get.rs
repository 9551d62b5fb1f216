//! What an object is, and what is in it.

use std::collections::HashMap;

use aws_sdk_s3::types::{BucketVersioningStatus, ChecksumMode, ServerSideEncryption};
use bytes::Bytes;
use jiff::Timestamp;

use super::customer_key::with_customer_key;
use super::list::timestamp;
use super::{Client, Lock};
use crate::digest::unquoted;
use crate::error::{Error, Kind};

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

    /// Some bytes of an object. With an ETag, only as long as it is the object's.
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
        let intent = || format!("read {}", self.show(key));
        let range = format!("bytes={offset}-{}", offset + length - 1);
        let request = self.s3.get_object().bucket(self.bucket()).key(key).range(range);
        let request = request.set_if_match(etag.map(|etag| format!("\"{etag}\"")));
        let request = with_customer_key!(self, request);
        let _pass = self.gate.pass().await;
        let answer = request.send().await.map_err(|error| Error::from_sdk(intent(), &error))?;
        let broken = |error: &dyn std::error::Error| {
            Error::new(Kind::Unreachable, intent(), format!("the connection broke: {error}"))
        };
        let body = answer.body.collect().await.map_err(|error| broken(&error))?.into_bytes();
        if body.len() as u64 > length {
            return Err(Error::new(Kind::Damaged, intent(), "the server sent more than was asked for"));
        }
        Ok(body)
    }

    /// Whether the bucket keeps versions of what is deleted or replaced.
    pub(crate) async fn is_versioned(&self) -> Result<bool, Error> {
        let intent = format!("ask s3://{} whether it keeps versions", self.bucket());
        let answer = self.s3.get_bucket_versioning().bucket(self.bucket()).send().await;
        let answer = answer.map_err(|error| Error::from_sdk(intent, &error))?;
        Ok(answer.status() == Some(&BucketVersioningStatus::Enabled))
    }
}
