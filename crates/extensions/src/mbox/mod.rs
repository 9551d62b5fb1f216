//! Mailboxes (mbox), whole or what is new in them: what the originals do with grepmail.
//!
//! An increment holds what the original would have chosen, by date, and whatever else is not in the backup yet ([`copy`],
//! [`memory`]).

mod config;
mod copy;
mod memory;
mod run;
#[cfg(test)]
mod tests;
mod timestamp;

use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind};

/// The extension.
pub(crate) struct Mbox;

impl Extension for Mbox {
    fn name(&self) -> &'static str {
        config::SECTION
    }

    fn kind(&self) -> Kind {
        Kind::Source
    }

    fn check(&self, document: &Document, _: &Config) -> Vec<Diagnostic> {
        config::check(document)
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        run::run(call)
    }
}
