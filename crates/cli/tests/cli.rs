//! The programs, from outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod cback3;
mod databases;
mod extensions;
mod redcedar;
