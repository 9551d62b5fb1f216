//! Discs: weeks of staged days on images that `xorriso` writes, and the classic programs as the original calls them.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod faults;
mod machine;
mod original;
mod quarter;
mod week;
