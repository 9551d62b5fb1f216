//! The client: one request each, made with the SDK of Amazon, which nothing outside of this directory names.

mod connect;
mod delete;
mod get;
mod list;
mod parts;
mod patience;
mod put;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use connect::{Access, Key};
pub(crate) use delete::MOST_DELETED;
pub use get::Head;
pub(crate) use list::Next;
pub use list::Object;
pub use parts::{Part, Upload};
pub use put::{Attributes, Body, Proof, Replace, Stored};
pub use settings::{Addressing, Settings};

use redcedar_system::escape;

/// A client of one bucket. A clone shares connections and credentials.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    s3: aws_sdk_s3::Client,
    bucket: Arc<str>,
    settings: Arc<Settings>,
    /// Whether the server is known by now to have ETags that are no MD5.
    opaque_etags: Arc<AtomicBool>,
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

    /// Shows an object in a message.
    pub(crate) fn show(&self, key: &str) -> String {
        format!("s3://{}/{}", self.bucket, escape::display_bytes(key.as_bytes()))
    }

    fn has_opaque_etags(&self) -> bool {
        self.opaque_etags.load(Ordering::Relaxed)
    }
}
