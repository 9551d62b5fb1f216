//! Objects of many requests: begun, sent part by part, completed or given up.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use jiff::Timestamp;

use super::customer_key::with_customer_key;
use super::list::timestamp;
use super::put::{Attributes, Proof, Stored};
use super::{Client, Lock};
use crate::digest::{Crc, Md5Sum, unquoted};
use crate::error::{Error, Kind};

/// How often bytes are sent that do not arrive as they left.
const ATTEMPTS: usize = 3;

/// An object of which parts are being uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The key that it will have.
    pub key: String,
    /// What the server calls the upload.
    pub id: String,
}

/// A part that the server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Beginning with 1.
    pub number: i32,
    /// In bytes.
    pub size: u64,
    /// The ETag, without its quotes.
    pub etag: String,
    /// The CRC-64/NVME, as S3 writes it, where the server knows it.
    pub crc: Option<String>,
}

impl Client {
    /// Begins an object.
    pub(crate) async fn begin(&self, key: &str, attributes: &Attributes) -> Result<Upload, Error> {
        self.patiently(|| self.begin_once(key, attributes)).await
    }

    async fn begin_once(&self, key: &str, attributes: &Attributes) -> Result<Upload, Error> {
        let checksums = self.settings().checksums;
        let request = self
            .s3
            .create_multipart_upload()
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
            .set_checksum_algorithm(checksums.then_some(ChecksumAlgorithm::Crc64Nvme))
            .set_checksum_type(checksums.then_some(ChecksumType::FullObject));
        let request = with_customer_key!(self, request);
        let intent = || format!("begin to upload {}", self.show(key));
        let answer = request.send().await.map_err(|error| Error::from_sdk(intent(), &error))?;
        let id = answer.upload_id().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Error::new(Kind::Other, intent(), "the server gives the upload no id"))?;
        Ok(Upload { key: key.to_owned(), id: id.to_owned() })
    }

    /// Sends a part, whose CRC is given. What arrives otherwise than it left is sent again.
    pub(crate) async fn send_part(
        &self,
        upload: &Upload,
        number: i32,
        (body, crc): (&Bytes, Crc),
    ) -> Result<(Part, Proof), Error> {
        let mut attempt = 1;
        loop {
            match self.patiently(|| self.send_part_once(upload, number, body, crc)).await {
                Err(error) if error.kind() == Kind::Damaged && attempt < ATTEMPTS => attempt += 1,
                sent => return sent,
            }
        }
    }

    async fn send_part_once(
        &self,
        upload: &Upload,
        number: i32,
        body: &Bytes,
        crc: Crc,
    ) -> Result<(Part, Proof), Error> {
        let checksums = self.settings().checksums;
        let request = self
            .s3
            .upload_part()
            .bucket(self.bucket())
            .key(&upload.key)
            .upload_id(&upload.id)
            .part_number(number)
            .set_checksum_crc64_nvme(checksums.then(|| crc.base64()))
            .set_content_md5((!checksums).then(|| Md5Sum::of(body).base64()))
            .body(ByteStream::from(body.clone()));
        let request = with_customer_key!(self, request).customize();
        let request = if self.settings().sign_bodies { request } else { request.disable_payload_signing() };
        let intent = || format!("upload part {number} of {}", self.show(&upload.key));
        let _pass = self.gate.pass().await;
        let answer = request.send().await.map_err(|error| Error::from_sdk(intent(), &error))?;
        let etag = unquoted(answer.e_tag().unwrap_or_default()).to_owned();
        let proof = match (answer.checksum_crc64_nvme(), Md5Sum::from_etag(&etag)) {
            (Some(found), _) if found == crc.base64() => Proof::Checksum,
            (Some(_), _) => return Err(Error::new(Kind::Damaged, intent(), "it arrived damaged")),
            (None, Some(found)) if found == Md5Sum::of(body) => Proof::Etag,
            // Either it arrived damaged, or the ETags of this server mean something else: see `proof_of_parts`.
            (None, _) => Proof::Nothing,
        };
        let crc = answer.checksum_crc64_nvme().map(str::to_owned);
        Ok((Part { number, size: body.len() as u64, etag, crc }, proof))
    }

    /// Makes an object of its parts, whose CRC is `crc`.
    pub(crate) async fn complete(&self, upload: &Upload, parts: &[Part], crc: Crc) -> Result<Stored, Error> {
        let checksums = self.settings().checksums && parts.iter().all(|part| part.crc.is_some());
        let completed = self.patiently(|| self.complete_once(upload, parts, checksums.then_some(crc))).await;
        match completed {
            // Some servers compare it with a checksum of checksums. Each part is proved already; the whole is looked at.
            Err(error) if error.kind() == Kind::Damaged && checksums => {
                let stored = self.complete_once(upload, parts, None).await?;
                let head = self.head(&upload.key).await?;
                if head.and_then(|head| head.crc).is_some_and(|found| found != crc.base64()) {
                    return Err(error);
                }
                Ok(stored)
            }
            done => done,
        }
    }

    async fn complete_once(
        &self,
        upload: &Upload,
        parts: &[Part],
        crc: Option<Crc>,
    ) -> Result<Stored, Error> {
        let completed = parts.iter().map(|part| {
            let builder = CompletedPart::builder().part_number(part.number);
            let builder = builder.e_tag(format!("\"{}\"", part.etag));
            builder.set_checksum_crc64_nvme(part.crc.clone().filter(|_| self.settings().checksums)).build()
        });
        let completed = CompletedMultipartUpload::builder().set_parts(Some(completed.collect())).build();
        let request = self
            .s3
            .complete_multipart_upload()
            .bucket(self.bucket())
            .key(&upload.key)
            .upload_id(&upload.id)
            .multipart_upload(completed)
            .set_checksum_type(crc.map(|_| ChecksumType::FullObject))
            .set_checksum_crc64_nvme(crc.map(Crc::base64));
        let request = with_customer_key!(self, request);
        let intent = || format!("put the parts of {} together", self.show(&upload.key));
        let answer = request.send().await.map_err(|error| Error::from_sdk(intent(), &error))?;
        let proof = match (answer.checksum_crc64_nvme(), crc) {
            (Some(found), Some(crc)) if found == crc.base64() => Proof::Checksum,
            // Some servers have a checksum of checksums instead.
            (Some(found), Some(_)) if !found.contains('-') => {
                return Err(Error::new(Kind::Damaged, intent(), "the whole is not what was sent"));
            }
            _ => Proof::Nothing,
        };
        Ok(Stored { etag: unquoted(answer.e_tag().unwrap_or_default()).to_owned(), proof })
    }

    /// What shows that an object is there whose parts nothing proved.
    pub(crate) async fn proof_of_parts(
        &self,
        upload: &Upload,
        parts: &[Part],
        crc: Crc,
    ) -> Result<Proof, Error> {
        let is_md5 = |part: &Part| Md5Sum::from_etag(&part.etag).is_some();
        if self.has_opaque_etags() || !parts.iter().any(is_md5) {
            return Ok(Proof::Nothing);
        }
        match self.read_back(&upload.key, crc).await {
            // Whoever may only write is not told.
            Err(error) if error.kind() == Kind::Forbidden => Ok(Proof::Nothing),
            proof => proof,
        }
    }

    /// The parts that the server has already.
    pub(crate) async fn parts(&self, upload: &Upload) -> Result<Vec<Part>, Error> {
        let intent = || format!("list the parts of {}", self.show(&upload.key));
        let mut parts = Vec::new();
        let mut marker = None;
        loop {
            let request = self.s3.list_parts().bucket(self.bucket()).key(&upload.key).upload_id(&upload.id);
            let request = with_customer_key!(self, request.set_part_number_marker(marker.clone()));
            let answer = request.send().await;
            let answer = answer.map_err(|error| Error::from_sdk(intent(), &error))?;
            parts.extend(answer.parts().iter().filter_map(|part| {
                Some(Part {
                    number: part.part_number()?,
                    size: u64::try_from(part.size()?).ok()?,
                    etag: unquoted(part.e_tag()?).to_owned(),
                    crc: part.checksum_crc64_nvme().map(str::to_owned),
                })
            }));
            match answer.next_part_number_marker() {
                Some(next) if answer.is_truncated() == Some(true) && Some(next) != marker.as_deref() => {
                    marker = Some(next.to_owned());
                }
                _ => return Ok(parts),
            }
        }
    }

    /// Gives an upload up; what was sent of it goes.
    pub(crate) async fn abort(&self, upload: &Upload) -> Result<(), Error> {
        let request = self.s3.abort_multipart_upload().bucket(self.bucket()).key(&upload.key);
        match request.upload_id(&upload.id).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let intent = format!("give up the upload of {}", self.show(&upload.key));
                let error = Error::from_sdk(intent, &error);
                if error.kind() == Kind::NotFound { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Gives up every upload of a key, whoever began it.
    pub(crate) async fn abort_all(&self, key: &str) -> Result<(), Error> {
        for (upload, _) in self.uploads(key).await? {
            // Others begin with the key.
            if upload.key == key {
                self.abort(&upload).await?;
            }
        }
        Ok(())
    }

    /// Uploads that were begun below a prefix and never completed, with the time of their beginning.
    pub(crate) async fn uploads(&self, prefix: &str) -> Result<Vec<(Upload, Timestamp)>, Error> {
        let intent = || format!("list the unfinished uploads of {}", self.show(prefix));
        let mut uploads = Vec::new();
        let mut marker = (None, None);
        loop {
            let request = self.s3.list_multipart_uploads().bucket(self.bucket()).prefix(prefix);
            let request = request.set_key_marker(marker.0.clone()).set_upload_id_marker(marker.1.clone());
            let answer = request.send().await.map_err(|error| Error::from_sdk(intent(), &error))?;
            uploads.extend(answer.uploads().iter().filter_map(|upload| {
                let begun = upload.initiated().and_then(timestamp).unwrap_or_default();
                let (key, id) = (upload.key()?.to_owned(), upload.upload_id()?.to_owned());
                Some((Upload { key, id }, begun))
            }));
            let next = (
                answer.next_key_marker().map(str::to_owned),
                answer.next_upload_id_marker().map(str::to_owned),
            );
            if answer.is_truncated() != Some(true) || next.0.is_none() || next == marker {
                return Ok(uploads);
            }
            marker = next;
        }
    }
}
