//! The pool: plan, collect, stage, purge, validate.

pub mod checksums;
pub mod daily_dir;
pub mod outcome;
pub mod plan;
#[cfg(test)]
mod sample;
pub mod schedule;
pub mod stage;
pub mod state;

pub use outcome::{Omission, OmissionKind, Outcome, Summary};
pub use stage::{StageError, StageRequest, stage};
