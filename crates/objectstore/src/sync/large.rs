//! Files that are sent in parts: several at a time, each proved, none twice after an interruption.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::plan::Task;
use super::read::{Opened, ReadError};
use super::work::{Failure, Sent, Shared, blocking};
use crate::client::{Attributes, Head, Part, Proof, Stored, Upload};
use crate::digest::{Crc, Md5Sum, etag_of_parts};
use crate::error::{Error, Kind};

/// Sends a file in parts.
pub(super) async fn send(shared: Arc<Shared>, task: &Task, path: PathBuf) -> Result<Sent, Failure> {
    let links = shared.links;
    let opened = Arc::new(blocking(move || Opened::open(&path, links)).await??);
    let key = shared.place.key(&task.name);
    let attributes = shared.attributes(&task.name);
    let (upload, there) = begin(&shared, &key, &attributes).await?;
    let sent = send_parts(&shared, &opened, &upload, there).await;
    match sent {
        Ok((parts, crc, proof)) => {
            let stored = complete(&shared, &upload, &parts, crc).await?;
            shared.unfinished.ended(&key).map_err(Failure::State)?;
            let proof = match (stored.proof, proof) {
                (Proof::Nothing, Proof::Nothing) => {
                    shared.client.proof_of_parts(&upload, &parts, crc).await?
                }
                (Proof::Nothing, proof) | (proof, _) => proof,
            };
            Ok(Sent { etag: stored.etag, proof, stamp: opened.stamp })
        }
        Err(failure) => {
            // What cannot be continued costs money for nothing.
            let is_over = matches!(failure, Failure::Read(_)) || !shared.unfinished.is_kept();
            if is_over {
                shared.client.abort(&upload).await?;
                shared.unfinished.ended(&key).map_err(Failure::State)?;
            }
            Err(failure)
        }
    }
}

/// Goes on with an upload of an earlier run, or begins one. With it come the parts that the server has.
async fn begin(
    shared: &Shared,
    key: &str,
    attributes: &Attributes,
) -> Result<(Upload, HashMap<i32, Part>), Failure> {
    if let Some(upload) = shared.unfinished.of(key) {
        match shared.client.parts(&upload).await {
            Ok(parts) => return Ok((upload, parts.into_iter().map(|part| (part.number, part)).collect())),
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    shared.unfinished.begins(key).map_err(Failure::State)?;
    let upload = shared.client.begin(key, attributes).await?;
    shared.unfinished.begun(&upload).map_err(Failure::State)?;
    Ok((upload, HashMap::new()))
}

/// Sends all parts that are not there. Returns them, with the CRC of the whole, and what proves the least proved of them.
async fn send_parts(
    shared: &Arc<Shared>,
    opened: &Arc<Opened>,
    upload: &Upload,
    mut there: HashMap<i32, Part>,
) -> Result<(Vec<Part>, Crc, Proof), Failure> {
    let size = opened.stamp.size;
    let part_size = shared.client.settings().part_size_of(size);
    let mut sending = JoinSet::new();
    let mut parts = Vec::new();
    for (number, offset) in (1..).zip((0..size).step_by(usize::try_from(part_size).unwrap_or(usize::MAX))) {
        let length = part_size.min(size - offset);
        let permit = shared.budget.take(length).await;
        let there = there.remove(&number);
        let (shared, opened, upload) = (Arc::clone(shared), Arc::clone(opened), upload.clone());
        sending.spawn(async move {
            let _room = permit;
            send_part(&shared, opened, &upload, number, (offset, length), there).await
        });
        while let Some(done) = sending.try_join_next() {
            parts.push(done??);
        }
    }
    while let Some(done) = sending.join_next().await {
        parts.push(done??);
    }
    parts.sort_unstable_by_key(|(part, ..)| part.number);
    let is_as_it_was = Arc::clone(opened);
    if !blocking(move || is_as_it_was.is_as_it_was()).await?? {
        return Err(ReadError::Changing.into());
    }
    let crc = parts.iter().fold(Crc::default(), |crc, (_, part, _)| crc.followed_by(*part));
    let is_proved = parts.iter().all(|(.., proof)| *proof != Proof::Nothing);
    let proof = if is_proved { Proof::Checksum } else { Proof::Nothing };
    Ok((parts.into_iter().map(|(part, ..)| part).collect(), crc, proof))
}

async fn send_part(
    shared: &Shared,
    opened: Arc<Opened>,
    upload: &Upload,
    number: i32,
    (offset, length): (u64, u64),
    there: Option<Part>,
) -> Result<(Part, Crc, Proof), Failure> {
    let length = usize::try_from(length).map_err(|_| ReadError::Changing)?;
    let buffers = shared.buffers.clone();
    let read = blocking(move || {
        let mut buffer = buffers.take(length);
        opened.read_piece(&mut buffer, offset)?;
        let bytes = Bytes::from_owner(buffer);
        let crc = Crc::of(&bytes);
        // What an earlier run sent counts when it is what is here now.
        let is_there = there.filter(|part| match &part.crc {
            _ if part.size != length as u64 => false,
            Some(found) => *found == crc.base64(),
            None => Md5Sum::from_etag(&part.etag) == Some(Md5Sum::of(&bytes)),
        });
        Ok::<_, ReadError>((bytes, crc, is_there))
    });
    let (bytes, crc, is_there) = read.await??;
    if let Some(part) = is_there {
        return Ok((part, crc, Proof::Checksum));
    }
    shared.pace.wait(bytes.len() as u64).await;
    let (part, proof) = shared.client.send_part(upload, number, (&bytes, crc)).await?;
    shared.count_bytes(part.size);
    Ok((part, crc, proof))
}

/// Whoever does not hear that it is complete looks whether it is.
async fn complete(shared: &Shared, upload: &Upload, parts: &[Part], crc: Crc) -> Result<Stored, Error> {
    match shared.client.complete(upload, parts, crc).await {
        Err(error)
            if matches!(
                error.kind(),
                Kind::NotFound | Kind::Unreachable | Kind::Unavailable | Kind::Busy
            ) =>
        {
            match shared.client.head(&upload.key).await? {
                Some(head) if head.crc.as_deref() == Some(&crc.base64()) => {
                    Ok(Stored { etag: head.etag, proof: Proof::Checksum })
                }
                Some(head) if is_made_of(&head, parts) => {
                    Ok(Stored { etag: head.etag, proof: Proof::Nothing })
                }
                _ => Err(error),
            }
        }
        done => done,
    }
}

/// Whether an object is what the server makes of these parts.
fn is_made_of(head: &Head, parts: &[Part]) -> bool {
    let sums: Option<Vec<_>> = parts.iter().map(|part| Md5Sum::from_etag(&part.etag)).collect();
    sums.is_some_and(|sums| etag_of_parts(&sums) == head.etag)
}
