//! Tests of reading, judging and writing whole files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acceptance;
mod cases;
mod diagnostics;
mod oracle;
mod render;
