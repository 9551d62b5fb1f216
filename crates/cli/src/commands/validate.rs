//! `redcedar validate`: what is wrong with a configuration.

use std::io::Write;

use redcedar_config::{Config, Diagnostic, Diagnostics, LoadError, Severity};
use redcedar_system::escape;
use serde::Serialize;

use super::{CommandResult, Context, Out, configuration};
use crate::exit::Exit;
use crate::output::human::Counted;
use crate::output::json::{Document, JsonPath};

/// Check the configuration
///
/// Shows all errors and warnings in one go, with the lines they are about, then whether directories, programs and accounts are
/// there. Exits with 4 when the configuration is not valid.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar validate
  redcedar validate --config /etc/cback3.conf --json")]
pub(crate) struct Args {}

#[derive(Serialize)]
struct Verdict {
    path: JsonPath,
    valid: bool,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    severity: &'static str,
    line: Option<u64>,
    column: Option<u64>,
    message: String,
    hint: Option<String>,
}

pub(crate) fn run(_args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let path = configuration::find(context)?;
    let (config, diagnostics) = match Config::load(&path) {
        Ok(loaded) => (Some(loaded.config), loaded.warnings),
        Err(LoadError::Invalid { diagnostics, .. }) => (None, diagnostics),
        Err(error) => return Err(configuration::refusal(&path, error)),
    };
    let valid = config.is_some();
    if context.global.json {
        let findings = diagnostics.iter().map(|finding| in_file(&diagnostics, finding)).collect();
        out.json(&Document::new("validate", Verdict { path: JsonPath(path), valid, findings }))?;
    } else {
        show(&diagnostics, context, out)?;
        let verdict = if valid { "is valid" } else { "is not valid" };
        writeln!(out, "{} {verdict}{}", escape::display(&path), counts(&diagnostics))?;
    }
    Ok(if valid { Exit::Done } else { Exit::Configuration })
}

fn show(diagnostics: &Diagnostics, context: &Context, out: &mut Out) -> std::io::Result<()> {
    if diagnostics.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", diagnostics.render(context.colored))
}

/// `: 2 errors, 1 warning`
fn counts(diagnostics: &Diagnostics) -> String {
    let count = |severity| diagnostics.iter().filter(|finding| finding.severity == severity).count() as u64;
    let counts = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| Counted(count, noun).to_string())
        .collect();
    if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) }
}

fn in_file(diagnostics: &Diagnostics, finding: &Diagnostic) -> Finding {
    let position = diagnostics.source().position(finding.span.start);
    Finding {
        severity: word(finding.severity),
        line: Some(position.line as u64),
        column: Some(position.column as u64),
        message: finding.message.clone(),
        hint: finding.hint.clone(),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
