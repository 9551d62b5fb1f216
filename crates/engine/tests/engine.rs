//! The engine against the real world: Python's pickle, the original, real trees and archives.
#![allow(clippy::unwrap_used, reason = "tests")]

mod pickle;
