//! The client: one request each, made with the SDK of Amazon, which nothing outside of this directory names.

mod connect;
mod customer_key;
mod delete;
mod gate;
mod get;
mod list;
mod lock;
mod parts;
mod patience;
mod put;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use connect::{Access, Key};
pub use customer_key::CustomerKey;
pub use delete::Deletion;
pub(crate) use delete::MOST_DELETED;
pub use get::Head;
pub use list::Object;
pub(crate) use list::{Next, Page};
pub use lock::{Lock, LockMode, LockModeError};
pub use parts::{Part, Upload};
pub use put::{Attributes, Body, Proof, Replace, Stored};
pub use settings::{Addressing, Rate, RateError, Settings};

use gate::Gate;

use redcedar_system::escape;

use crate::error::{Error, Kind};

/// A client of one bucket. A clone shares connections and credentials.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    s3: aws_sdk_s3::Client,
    bucket: Arc<str>,
    settings: Arc<Settings>,
    /// Whether the server is known by now to have ETags that are no MD5.
    opaque_etags: Arc<AtomicBool>,
    customer_key: Option<Arc<CustomerKey>>,
    /// Whether somebody in between could read along.
    is_in_the_clear: bool,
    gate: Gate,
}

impl Client {
    /// The name of the bucket.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What the user has configured.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Has every request that is about the content of an object carry a key.
    pub(crate) fn with_customer_key(self, key: CustomerKey) -> Result<Self, Error> {
        if self.is_in_the_clear {
            let intent = format!("use a key of your own for s3://{}", self.bucket);
            return Err(Error::new(Kind::Other, intent, customer_key::IN_THE_CLEAR));
        }
        Ok(Self { customer_key: Some(Arc::new(key)), ..self })
    }

    fn customer_key(&self) -> Option<&CustomerKey> {
        self.customer_key.as_deref()
    }

    /// Sends no more than so many bytes in a second.
    pub(crate) fn with_bandwidth(mut self, rate: u64) -> Self {
        Arc::make_mut(&mut self.settings).bandwidth = Some(rate);
        self
    }

    /// Shows an object in a message.
    pub(crate) fn show(&self, key: &str) -> String {
        format!("s3://{}/{}", self.bucket, escape::display_bytes(key.as_bytes()))
    }

    fn has_opaque_etags(&self) -> bool {
        self.opaque_etags.load(Ordering::Relaxed)
    }
}
