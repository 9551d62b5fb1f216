//! A bucket, for everybody who does one thing after the other.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use redcedar_system::{Environment, Interrupt, Monitor};
use tokio::runtime::Runtime;

use crate::client::{Access, Client, CustomerKey, Deletion, Head, MOST_DELETED, Object, Rate};
use crate::client::{Attributes, Body, Part, Proof, Replace, Settings, Stored, Upload};
use crate::digest::Crc;
use crate::error::{Error, Kind};
use crate::listing::Listing;

/// How long it may take until somebody notices that the run is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// How many threads read files.
const READERS: usize = 4;

/// A bucket. Every method waits until it is done, and ends early when the run is interrupted; all may be called from any thread.
/// A clone shares connections.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    runtime: Arc<Runtime>,
    interrupt: Interrupt,
}

impl Bucket {
    /// Prepares for requests to the bucket `name`. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// When the configuration of the AWS CLI cannot be used.
    pub fn connect(
        name: &str,
        access: &Access,
        environment: &Environment,
        monitor: &dyn Monitor,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(READERS).build();
        let runtime = runtime
            .map_err(|error| Error::new(Kind::Other, format!("reach s3://{name}"), error.to_string()))?;
        let client = runtime.block_on(Client::connect(name, access, environment, monitor))?;
        Ok(Self { client, runtime: Arc::new(runtime), interrupt: interrupt.clone() })
    }

    /// Has every request that is about the content of an object carry a key, with which the server encrypts.
    ///
    /// # Errors
    /// When somebody between us and the server could read the key.
    pub fn with_customer_key(self, key: CustomerKey) -> Result<Self, Error> {
        Ok(Self { client: self.client.with_customer_key(key)?, ..self })
    }

    /// Sends and fetches no more than so much in a second.
    #[must_use]
    pub fn with_bandwidth(self, rate: Rate) -> Self {
        Self { client: self.client.with_bandwidth(rate.bytes_per_second()), ..self }
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.client.bucket()
    }

    /// What the user has configured.
    pub fn settings(&self) -> &Settings {
        self.client.settings()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for `work`, and gives up when the run is interrupted.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.runtime.block_on(async {
            tokio::pin!(work);
            loop {
                match tokio::time::timeout(GLANCE, &mut work).await {
                    Ok(done) => return done,
                    Err(_) if self.interrupt.is_raised() => {
                        return Err(Error::new(Kind::Interrupted, "go on", "interrupted"));
                    }
                    Err(_) => {}
                }
            }
        })
    }

    /// The same bucket for what has to be done even though the run is to stop.
    pub(crate) fn uninterrupted(&self) -> Self {
        Self { interrupt: Interrupt::new(), ..self.clone() }
    }

    /// Does work that minds interruptions itself.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// All objects whose keys begin with `prefix`, in the order of the server, which should be that of the bytes of their keys.
    pub fn list(&self, prefix: &str) -> impl Iterator<Item = Result<Object, Error>> + '_ {
        Listing::new(self, prefix, std::iter::empty())
    }

    /// Begins work that goes on whenever somebody waits for something.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// What an object is; nothing if there is none.
    ///
    /// # Errors
    /// When the server does not say.
    pub fn head(&self, key: &str) -> Result<Option<Head>, Error> {
        self.wait(self.client.head(key))
    }

    /// Some bytes of an object; fewer only where it ends. With an ETag, only as long as it is the object's.
    ///
    /// # Errors
    /// When they cannot be read; [`Kind::Precondition`] when the object is another by now.
    pub fn get(&self, key: &str, offset: u64, length: u64, etag: Option<&str>) -> Result<Bytes, Error> {
        self.wait(self.client.get(key, offset, length, etag))
    }

    /// Stores an object of one request, and proves that it arrived as it left.
    ///
    /// # Errors
    /// When it cannot be stored, or did not arrive as it left, however often it was sent.
    pub fn put(
        &self,
        key: &str,
        body: &Body,
        attributes: &Attributes,
        replace: Replace,
    ) -> Result<Stored, Error> {
        self.wait(self.client.put(key, body, attributes, replace))
    }

    /// Deletes objects, however many.
    ///
    /// # Errors
    /// When the server does not do it at all; some may be deleted by then.
    pub fn delete(&self, keys: &[String]) -> Result<Deletion, Error> {
        let mut all = Deletion::default();
        for some in keys.chunks(MOST_DELETED) {
            let Deletion { failed, kept } = self.wait(self.client.delete(some))?;
            all.failed.extend(failed);
            all.kept += kept;
        }
        Ok(all)
    }

    /// Begins an object that is sent in parts.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn begin(&self, key: &str, attributes: &Attributes) -> Result<Upload, Error> {
        self.wait(self.client.begin(key, attributes))
    }

    /// Sends a part, and says what proves that it arrived as it left.
    ///
    /// # Errors
    /// As [`Bucket::put`].
    pub fn send_part(&self, upload: &Upload, number: i32, body: &Bytes) -> Result<(Part, Proof), Error> {
        let crc = Crc::of(body);
        self.wait(self.client.send_part(upload, number, (body, crc)))
    }

    /// Makes an object of its parts, whose CRC is `crc`.
    ///
    /// # Errors
    /// When the server refuses, or has made something else of them.
    pub fn complete(&self, upload: &Upload, parts: &[Part], crc: Crc) -> Result<Stored, Error> {
        self.wait(self.client.complete(upload, parts, crc))
    }

    /// The parts that the server has already.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such upload any more.
    pub fn parts(&self, upload: &Upload) -> Result<Vec<Part>, Error> {
        self.wait(self.client.parts(upload))
    }

    /// Gives an upload up; what was sent of it goes.
    ///
    /// # Errors
    /// When the server refuses. That there is no such upload is no error.
    pub fn abort(&self, upload: &Upload) -> Result<(), Error> {
        self.wait(self.client.abort(upload))
    }

    /// Gives up every upload of a key, whoever began it.
    ///
    /// # Errors
    /// When the server does not say which there are, or refuses.
    pub fn abort_all(&self, key: &str) -> Result<(), Error> {
        self.wait(self.client.abort_all(key))
    }

    /// Uploads below a prefix that were begun and never completed, with the time of their beginning.
    ///
    /// # Errors
    /// When the server does not list them.
    pub fn uploads(&self, prefix: &str) -> Result<Vec<(Upload, Timestamp)>, Error> {
        self.wait(self.client.uploads(prefix))
    }

    /// Whether the bucket keeps versions of what is deleted or replaced.
    ///
    /// # Errors
    /// When the server does not say.
    pub fn is_versioned(&self) -> Result<bool, Error> {
        self.wait(self.client.is_versioned())
    }
}
