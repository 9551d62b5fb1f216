//! Buckets of S3: a client, and directories kept equal to what is in them.
//!
//! This is the only crate that knows of asynchronous work and TLS, and none of its public names has anything to do with
//! either. [`Bucket`] is for whoever does one thing after the other; [`sync`] does many at a time.

pub mod digest;
pub mod sync;

mod address;
mod bucket;
mod client;
mod error;
mod listing;

pub use address::{Address, AddressError, LONGEST_KEY};
pub use bucket::Bucket;
pub use client::{
    Access, Addressing, Attributes, Body, CustomerKey, Deletion, Head, Key, Lock, LockMode, LockModeError,
    Object, Part, Proof, Rate, RateError, Replace, Settings, Stored, Upload,
};
pub use error::{Error, Kind};
