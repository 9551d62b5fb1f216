//! `redcedar validate`: what is wrong with a configuration.

use std::io::Write;

use redcedar_config::{Config, Diagnostic, Diagnostics, LoadError, Loaded, Severity};
use redcedar_engine::validate as engine;
use redcedar_system::escape;
use serde::Serialize;

use super::{CommandResult, Context, Out, configuration};
use crate::exit::Exit;
use crate::output::human::Counted;
use crate::output::json::{Document, JsonPath};
use crate::output::style::Style;

const ERROR: &str = "error";
const WARNING: &str = "warning";

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
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    hint: Option<String>,
}

pub(crate) fn run(_args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let path = configuration::find(context)?;
    let (config, diagnostics) = match Config::load(&path) {
        Ok(Loaded { config, warnings, document }) => {
            let sections = engine::sections(&document, &config, redcedar_extensions::ALL);
            let all = warnings.iter().cloned().chain(sections).collect();
            (Some(config), document.diagnostics(all))
        }
        Err(LoadError::Invalid { diagnostics, .. }) => (None, diagnostics),
        Err(error) => return Err(configuration::refusal(&path, error)),
    };
    let in_file = diagnostics.iter().map(|finding| Finding::in_file(&diagnostics, finding));
    // Whether directories and programs are there can be asked only once the file says which.
    let on_machine = config.iter().flat_map(|config| engine::validate(config, redcedar_extensions::ALL));
    let on_machine = on_machine.map(Finding::on_machine);
    let findings: Vec<_> = in_file.chain(on_machine).collect();
    let valid = findings.iter().all(|finding| finding.severity != ERROR);
    if context.global.json {
        out.json(&Document::new("validate", Verdict { path: JsonPath(path), valid, findings }))?;
    } else {
        if !diagnostics.is_empty() {
            writeln!(out, "{}", diagnostics.render(context.colored))?;
        }
        for finding in findings.iter().filter(|finding| finding.line.is_none()) {
            writeln!(out, "{}", finding.painted(context.colored))?;
        }
        let verdict = if valid { "is valid" } else { "is not valid" };
        writeln!(out, "{} {verdict}{}", escape::display(&path), counts(&findings))?;
    }
    Ok(if valid { Exit::Done } else { Exit::Configuration })
}

/// `: 2 errors, 1 warning`
fn counts(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count() as u64;
    let counts = [(count(ERROR), "error"), (count(WARNING), "warning")];
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| Counted(count, noun).to_string())
        .collect();
    if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) }
}

impl Finding {
    fn in_file(diagnostics: &Diagnostics, finding: &Diagnostic) -> Self {
        let position = diagnostics.source().position(finding.span.start);
        Self {
            severity: match finding.severity {
                Severity::Error => ERROR,
                Severity::Warning => WARNING,
            },
            line: Some(position.line),
            column: Some(position.column),
            message: finding.message.clone(),
            hint: finding.hint.clone(),
        }
    }

    fn on_machine(finding: engine::Finding) -> Self {
        Self {
            severity: match finding.severity {
                engine::Severity::Error => ERROR,
                engine::Severity::Warning => WARNING,
            },
            line: None,
            column: None,
            message: finding.message,
            hint: None,
        }
    }

    fn painted(&self, colored: bool) -> String {
        let style = if self.severity == ERROR { Style::Red } else { Style::Yellow };
        format!("{} {}", style.paint(format!("{}:", self.severity), colored), self.message)
    }
}
