//! The pool: plan, collect, stage, purge, validate.

pub mod outcome;
pub mod plan;
#[cfg(test)]
mod sample;
pub mod schedule;
pub mod state;

pub use outcome::{Omission, OmissionKind, Outcome, Summary};
