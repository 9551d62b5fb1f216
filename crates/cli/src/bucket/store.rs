//! A place in a bucket, as backups are put there.

use std::io;
use std::path::{Path, PathBuf};

use redcedar_archive::Stored;
use redcedar_engine::backup::Store;
use redcedar_objectstore::sync::{Filter, Links, Request, SyncError, sync};
use redcedar_objectstore::{Address, Attributes, Bucket, Head, Object};
use redcedar_system::System;

use super::place::{io_error, reader};

/// A place in a bucket.
pub(crate) struct BucketStore<'a> {
    pub(crate) bucket: Bucket,
    pub(crate) address: Address,
    /// Where the next run learns what this one began, if it is killed.
    pub(crate) state: Option<PathBuf>,
    pub(crate) system: &'a System,
}

impl BucketStore<'_> {
    fn head(&self, name: &str) -> io::Result<Option<Head>> {
        self.bucket.head(&self.address.key(name)).map_err(io_error)
    }
}

impl Store for BucketStore<'_> {
    fn show(&self, name: &str) -> PathBuf {
        self.address.below(name).to_string().into()
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.head(name)?.map(|head| head.size))
    }

    fn open(&self, name: &str) -> io::Result<Option<Stored>> {
        let Some(Head { size, etag, modified, .. }) = self.head(name)? else { return Ok(None) };
        let object = Object { key: self.address.key(name), size, etag, modified };
        Ok(Some(reader(&self.bucket, object)))
    }

    fn names(&self, directory: &str) -> io::Result<Vec<String>> {
        let place = self.address.below(directory);
        let objects = self.bucket.list(place.prefix());
        let name = |object: Object| place.name(&object.key).map(str::to_owned);
        let names = objects.map(|object| object.map(name).map_err(io_error));
        names.filter_map(Result::transpose).collect()
    }

    fn keep(&self, files: &Path, directory: &str) -> io::Result<()> {
        let request = Request {
            source: files,
            target: &self.address.below(directory),
            acts: true,
            delete: false,
            limit: None,
            filter: &Filter::default(),
            links: Links::Skip,
            reread: true,
            attributes: Attributes::default(),
            state: self.state.as_deref(),
        };
        let outcome = sync(&self.bucket, &request, self.system, &mut |_, _, _| {});
        let outcome = outcome.map_err(|error| match error {
            SyncError::Bucket(error) => io_error(error),
            error => io::Error::other(error),
        })?;
        match outcome.problems.first() {
            Some(problem) => Err(io::Error::other(problem.to_string())),
            None => Ok(()),
        }
    }

    fn remove(&self, names: &[String]) -> io::Result<()> {
        let keys: Vec<_> = names.iter().map(|name| self.address.key(name)).collect();
        let failed = self.bucket.delete(&keys).map_err(io_error)?.failed;
        failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(io_error(error)))
    }
}
