//! What extensions share that back up one thing after the other: what is configured, what is remembered, how programs are asked.

pub(crate) mod bundle;
pub(crate) mod memory;
pub(crate) mod program;
pub(crate) mod session;
pub(crate) mod settings;
mod source;

pub(crate) use source::OwnSource;
