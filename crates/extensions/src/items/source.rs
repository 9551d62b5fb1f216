//! What the extensions of ours are to a run.

use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind};

use super::settings::{Rules, Settings};

/// An extension of ours, which belongs to `collect`: its section, and what is done with what is configured there.
pub(crate) struct OwnSource {
    pub(crate) rules: &'static Rules,
    pub(crate) run: fn(&Call<'_>) -> Result<Outcome, ExtensionError>,
}

impl Extension for OwnSource {
    fn name(&self) -> &'static str {
        self.rules.section
    }

    fn kind(&self) -> Kind {
        Kind::Source
    }

    fn belongs_to_collect(&self) -> bool {
        true
    }

    fn check(&self, document: &Document, _config: &Config) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        Settings::read(document, self.rules, &mut findings);
        findings
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        (self.run)(call)
    }
}
