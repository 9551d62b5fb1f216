//! Objects go.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::Client;
use crate::error::{Error, Kind};

/// How many objects can be deleted by one request.
pub(crate) const MOST_DELETED: usize = 1000;

impl Client {
    /// Deletes objects, at most [`MOST_DELETED`] of them. Returns those that could not be deleted, and why.
    pub(crate) async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Error)>, Error> {
        // XML has no way to write control characters.
        let (odd, plain): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.chars().any(char::is_control));
        let mut failed = Vec::new();
        if !plain.is_empty() {
            failed = self.patiently(|| self.delete_plain(&plain)).await?;
        }
        for key in odd {
            let answer = self.s3.delete_object().bucket(self.bucket()).key(key).send().await;
            if let Err(error) = answer {
                failed.push((key.clone(), Error::from_sdk(self.intent(key), &error)));
            }
        }
        Ok(failed)
    }

    async fn delete_plain(&self, keys: &[&String]) -> Result<Vec<(String, Error)>, Error> {
        let intent = || format!("delete {} objects of s3://{}", keys.len(), self.bucket());
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key.as_str()).build());
        let delete = objects
            .collect::<Result<Vec<_>, _>>()
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
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
        Ok(failed.collect())
    }

    fn intent(&self, key: &str) -> String {
        format!("delete {}", self.show(key))
    }
}
