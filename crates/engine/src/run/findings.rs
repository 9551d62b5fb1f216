//! The action `validate`.

use redcedar_system::{Level, System};

use super::{RunError, RunRequest};
use crate::validate::{self, Severity};

/// Tells what is wrong with the configuration, and whether it is valid.
pub(super) fn report(request: &RunRequest<'_>, system: &System) -> Result<(), RunError> {
    system.monitor.debug("Executing the 'validate' action.");
    let level = if request.quiet { Level::Info } else { Level::Error };
    let in_file = validate::sections(request.config, request.document, request.extensions, system)?;
    if !in_file.is_empty() {
        system.monitor.log(level, in_file.to_string().trim_end());
    }
    let findings = validate::validate(request.config);
    for finding in &findings {
        system.monitor.log(level, &finding.to_string());
    }
    let is_wrong = in_file.iter().any(|finding| finding.severity == redcedar_config::Severity::Error);
    if is_wrong || findings.iter().any(|finding| finding.severity == Severity::Error) {
        system.monitor.log(level, "Configuration is not valid.");
        return Err(RunError::NotValid);
    }
    system.monitor.log(level, "Configuration is valid.");
    Ok(())
}
