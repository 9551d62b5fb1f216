//! Mailboxes, backed up and brought back, by us and by the original with grepmail.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod days;
mod machine;
mod original;
mod post;
