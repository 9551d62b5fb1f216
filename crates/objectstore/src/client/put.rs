//! Objects of one request, proved.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use bytes::Bytes;

use super::customer_key::with_customer_key;
use super::{Client, Lock};
use crate::digest::{Crc, Md5Sum, unquoted};
use crate::error::{Error, Kind};

/// How often bytes are sent that do not arrive as they left.
const ATTEMPTS: usize = 3;
/// How much is read back at a time.
const PIECE: u64 = 8 << 20;

/// What is said of an object when it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// What is in it; none: bytes.
    pub content_type: Option<String>,
    /// How it is stored, such as `STANDARD_IA`; none: as the bucket has it.
    pub storage_class: Option<String>,
    /// How the server encrypts it: `AES256` or `aws:kms`; none: as the bucket has it.
    pub encryption: Option<String>,
    /// The key of `aws:kms`; none: that of the account.
    pub kms_key: Option<String>,
    /// How long nobody can delete or change it; none: as the bucket has it.
    pub lock: Option<Lock>,
    /// `key=value&key=value`.
    pub tags: Option<String>,
    /// What the uploader says of it.
    pub metadata: HashMap<String, String>,
}

impl Attributes {
    pub(super) fn content_type(&self) -> &str {
        // What Amazon says of objects of which nothing is said; the SDK would say something else.
        self.content_type.as_deref().unwrap_or("binary/octet-stream")
    }

    pub(super) fn storage_class(&self) -> Option<StorageClass> {
        self.storage_class.as_deref().map(StorageClass::from)
    }

    pub(super) fn encryption(&self) -> Option<ServerSideEncryption> {
        self.encryption.as_deref().map(ServerSideEncryption::from)
    }

    pub(super) fn metadata(&self) -> Option<HashMap<String, String>> {
        (!self.metadata.is_empty()).then(|| self.metadata.clone())
    }
}

/// What is to be stored, with what proves that it arrived.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Bytes,
    crc: Crc,
    md5: Md5Sum,
}

impl Body {
    /// Computes the proofs.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { crc: Crc::of(&bytes), md5: Md5Sum::of(&bytes), bytes }
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// What shows that the server has what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its ETag is the MD5 of what was sent.
    Etag,
    /// It computed the same CRC.
    Checksum,
    /// It was read back.
    ReadBack,
    /// Nothing but that it said so.
    Nothing,
}

/// An object that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The ETag, without its quotes.
    pub etag: String,
    /// What shows that it is there as it was sent.
    pub proof: Proof,
}

/// Whether an object may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// Whatever is there.
    Anything,
    /// Only when there is none. Some servers do not care and answer as if they did.
    Nothing,
}

impl Client {
    /// Stores an object. What arrives otherwise than it left is sent again.
    pub(crate) async fn put(
        &self,
        key: &str,
        body: &Body,
        attributes: &Attributes,
        replace: Replace,
    ) -> Result<Stored, Error> {
        let mut attempt = 1;
        loop {
            let stored = self.patiently(|| self.put_once(key, body, attributes, replace)).await;
            match stored {
                Err(error) if error.kind() == Kind::Damaged && attempt < ATTEMPTS => attempt += 1,
                stored => return stored,
            }
        }
    }

    async fn put_once(
        &self,
        key: &str,
        Body { bytes, crc, md5 }: &Body,
        attributes: &Attributes,
        replace: Replace,
    ) -> Result<Stored, Error> {
        let request = self
            .s3
            .put_object()
            .bucket(self.bucket())
            .key(key)
            .content_type(attributes.content_type())
            .set_storage_class(attributes.storage_class())
            .set_server_side_encryption(attributes.encryption())
            .set_ssekms_key_id(attributes.kms_key.clone())
            .set_tagging(attributes.tags.clone())
            .set_object_lock_mode(attributes.lock.map(Lock::mode))
            .set_object_lock_retain_until_date(attributes.lock.map(Lock::until))
            .set_metadata(attributes.metadata())
            .set_if_none_match((replace == Replace::Nothing).then(|| "*".to_owned()))
            .content_md5(md5.base64())
            .set_checksum_crc64_nvme(self.settings().checksums.then(|| crc.base64()))
            .body(ByteStream::from(bytes.clone()));
        let request = with_customer_key!(self, request).customize();
        let request = if self.settings().sign_bodies { request } else { request.disable_payload_signing() };
        let intent = || format!("upload {}", self.show(key));
        let pass = self.gate.pass().await;
        let answer = request.send().await.map_err(|error| Error::from_sdk(intent(), &error))?;
        drop(pass);
        let etag = unquoted(answer.e_tag().unwrap_or_default()).to_owned();
        let is_md5 = !matches!(
            answer.server_side_encryption(),
            Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
        ) && self.customer_key().is_none()
            && !self.has_opaque_etags();
        let proof = match (Md5Sum::from_etag(&etag), answer.checksum_crc64_nvme()) {
            (Some(found), _) if is_md5 && found == *md5 => Proof::Etag,
            (Some(_), _) if is_md5 => self.read_back(key, *crc).await?,
            (_, Some(found)) if found == crc.base64() => Proof::Checksum,
            (_, Some(_)) => return Err(Error::new(Kind::Damaged, intent(), "it arrived damaged")),
            (_, None) => self.proof_by_head(key, *crc).await?,
        };
        Ok(Stored { etag, proof })
    }

    /// Some servers tell the checksum only to whoever asks.
    async fn proof_by_head(&self, key: &str, crc: Crc) -> Result<Proof, Error> {
        let head = match self.head(key).await {
            // Whoever may only write is not told.
            Err(error) if error.kind() == Kind::Forbidden => None,
            head => head?,
        };
        match head.and_then(|head| head.crc) {
            None => Ok(Proof::Nothing),
            Some(found) if found == crc.base64() => Ok(Proof::Checksum),
            Some(_) => {
                Err(Error::new(Kind::Damaged, format!("upload {}", self.show(key)), "it arrived damaged"))
            }
        }
    }

    /// The ETag is not the MD5 of what was sent: either that arrived damaged, or the ETags of this server mean something else.
    pub(super) async fn read_back(&self, key: &str, crc: Crc) -> Result<Proof, Error> {
        let mut arrived = Crc::default();
        while arrived.length() < crc.length() {
            let offset = arrived.length();
            let bytes = self.get(key, offset, PIECE.min(crc.length() - offset), None).await?;
            if bytes.is_empty() {
                break;
            }
            arrived = arrived.followed_by(Crc::of(&bytes));
        }
        if arrived != crc {
            let intent = format!("upload {}", self.show(key));
            return Err(Error::new(Kind::Damaged, intent, "it arrived damaged"));
        }
        self.opaque_etags.store(true, Ordering::Relaxed);
        Ok(Proof::ReadBack)
    }
}
