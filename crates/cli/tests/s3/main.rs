//! Buckets, as seen from the command line, against a real server.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod amazons3;
mod backup;
mod credentials;
mod keys;
mod killed;
mod machine;
mod network;
mod original;
mod others;
mod persona;
mod prune;
mod reading;
mod sync;
mod trouble;
