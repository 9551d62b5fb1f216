//! Objects go.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::Client;
use crate::error::{Error, Kind};

/// How many objects can be deleted by one request.
pub(crate) const MOST_DELETED: usize = 1000;

/// What became of objects that were to be deleted.
#[derive(Debug, Default)]
pub struct Deletion {
    /// Those that are still there, and why.
    pub failed: Vec<(String, Error)>,
    /// How many are still there as old versions, because the bucket keeps them.
    pub kept: u64,
}

impl Client {
    /// Deletes objects, at most [`MOST_DELETED`] of them.
    pub(crate) async fn delete(&self, keys: &[String]) -> Result<Deletion, Error> {
        // XML has no way to write control characters.
        let (odd, plain): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.chars().any(char::is_control));
        let mut deletion = Deletion::default();
        if !plain.is_empty() {
            deletion = self.patiently(|| self.delete_plain(&plain)).await?;
        }
        for key in odd {
            let answer = self.s3.delete_object().bucket(self.bucket()).key(key).send().await;
            match answer {
                Ok(answer) => deletion.kept += u64::from(answer.delete_marker() == Some(true)),
                Err(error) => deletion.failed.push((key.clone(), Error::from_sdk(self.intent(key), &error))),
            }
        }
        let mut explained = Vec::new();
        for (key, error) in deletion.failed {
            let error = self.explain_refusal(&key, error).await;
            explained.push((key, error));
        }
        Ok(Deletion { failed: explained, ..deletion })
    }

    async fn delete_plain(&self, keys: &[&String]) -> Result<Deletion, Error> {
        let intent = || format!("delete {} objects of s3://{}", keys.len(), self.bucket());
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key.as_str()).build());
        let delete = objects
            .collect::<Result<Vec<_>, _>>()
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).build());
        let delete = delete.map_err(|error| Error::new(Kind::Other, intent(), error.to_string()))?;
        let answer = self.s3.delete_objects().bucket(self.bucket()).delete(delete).send().await;
        let answer = answer.map_err(|error| Error::from_sdk(intent(), &error))?;
        let failed = answer.errors().iter().map(|error| {
            let key = error.key().unwrap_or_default();
            let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
            let kind = if code == "AccessDenied" { Kind::Forbidden } else { Kind::Other };
            let reason = format!("the server answers {code}: {message}");
            (key.to_owned(), Error::new(kind, self.intent(key), reason.trim_end_matches([':', ' '])))
        });
        let marked = answer.deleted().iter().filter(|deleted| deleted.delete_marker() == Some(true));
        Ok(Deletion { failed: failed.collect(), kept: marked.count() as u64 })
    }

    fn intent(&self, key: &str) -> String {
        format!("delete {}", self.show(key))
    }
}
