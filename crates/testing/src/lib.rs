//! Trees, faults and oracles for the tests of Redcedar. Never published.
//!
//! It depends on none of the crates it serves, so that each of them can use it, and so that what it says about a tree
//! or an archive is a second opinion.

#![expect(clippy::missing_panics_doc, reason = "helpers of tests panic where a test would")]

pub mod compare;
pub mod databases;
pub mod debian;
pub mod disc;
pub mod faults;
pub mod keyring;
pub mod members;
pub mod oracle;
pub mod pool;
pub mod program;
pub mod rng;
pub mod s3;
pub mod sshd;
pub mod trees;
pub mod trusted;
