//! The pool: plan, collect, stage, purge, validate.

pub mod outcome;

pub use outcome::{Omission, OmissionKind, Outcome, Summary};
