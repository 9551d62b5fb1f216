//! Stores as a whole: histories, faults, what other programs left.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod drill;
mod exact;
mod faults;
mod history;
mod original;
mod pruned;
mod world;
