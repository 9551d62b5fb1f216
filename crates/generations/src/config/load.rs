//! From a file to a configuration.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use redcedar_config::yaml::Node;
use redcedar_config::{Diagnostic, Diagnostics, Severity, Source, Span};
use redcedar_system::Environment;

use super::Config;
use super::read::Reading;

/// A configuration and what is doubtful about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The checked values.
    pub config: Config,
    /// What its author should look at again.
    pub warnings: Diagnostics,
}

/// Why a file gives no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read the configuration: {0}")]
    Unreadable(#[source] std::io::Error),
    /// It can be read, and is wrong.
    #[error("{} is not a valid configuration:\n{diagnostics}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All that is wrong and doubtful.
        diagnostics: Diagnostics,
    },
}

impl Config {
    /// Reads and checks a configuration file. `environment` is where `{NAME}` and some defaults come from.
    ///
    /// # Errors
    /// When it cannot be read, and when it is wrong; all reasons are reported together.
    pub fn load(path: &Path, environment: &Environment) -> Result<Loaded, LoadError> {
        let mut file = fs_err::File::open(path).map_err(LoadError::Unreadable)?;
        let mode = file.metadata().map_err(LoadError::Unreadable)?.mode();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(LoadError::Unreadable)?;
        let invalid = |diagnostics| LoadError::Invalid { path: path.to_owned(), diagnostics };
        let source = Source::decode(path, &bytes).map_err(invalid)?;
        Self::parse(source, mode, environment).map_err(invalid)
    }

    /// Checks a configuration that is in memory; `mode` is the mode of its file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(source: Source, mode: u32, environment: &Environment) -> Result<Loaded, Diagnostics> {
        let mut findings = Vec::new();
        if mode & 0o022 != 0 {
            let finding = Diagnostic::warning(Span::default(), "others than its owner can change this file");
            findings.push(finding.with_hint("whoever can decides what is backed up and what is run"));
        }
        let config = match Node::parse(&source, &mut findings) {
            Ok(node) => Reading { environment, mode, findings: &mut findings }.config(&node),
            Err(error) => {
                findings.push(error);
                None
            }
        };
        let is_wrong = findings.iter().any(|finding| finding.severity == Severity::Error);
        let diagnostics = Diagnostics::new(source, findings);
        match config {
            Some(config) if !is_wrong => Ok(Loaded { config, warnings: diagnostics }),
            _ => Err(diagnostics),
        }
    }
}
