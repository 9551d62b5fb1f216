//! `redcedar diagnostics`: this machine, for a bug report.

use std::io::Write;

use redcedar_system::{account, escape};
use serde::Serialize;

use super::{CommandResult, Context, Out, configuration};
use crate::exit::Exit;
use crate::output::json::{Document, JsonPath};

/// Describe this program and this machine, for a bug report
///
/// Reads no configuration and shows no secrets: look it through and paste it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar diagnostics
  redcedar diagnostics --json")]
pub(crate) struct Args {}

#[derive(Serialize)]
struct Diagnostics {
    version: &'static str,
    build: &'static str,
    program: Option<JsonPath>,
    platform: String,
    host: String,
    root: bool,
    processors: usize,
    time: String,
    locale: Option<String>,
    configuration: Option<JsonPath>,
}

pub(crate) fn run(_args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let diagnostics = gather(context);
    if context.global.json {
        out.json(&Document::new("diagnostics", diagnostics))?;
        return Ok(Exit::Done);
    }
    let path = |path: &Option<JsonPath>| path.as_ref().map(|path| escape::display(&path.0).to_string());
    let none = || "none".to_owned();
    let lines = [
        ("Version", diagnostics.version.to_owned()),
        ("Build", diagnostics.build.to_owned()),
        ("Program", path(&diagnostics.program).unwrap_or_else(none)),
        ("Platform", diagnostics.platform.clone()),
        ("Host", diagnostics.host.clone()),
        ("Root", if diagnostics.root { "yes" } else { "no" }.to_owned()),
        ("Processors", diagnostics.processors.to_string()),
        ("Time", diagnostics.time.clone()),
        ("Locale", diagnostics.locale.clone().unwrap_or_else(none)),
        ("Configuration", path(&diagnostics.configuration).unwrap_or_else(none)),
    ];
    for (name, value) in lines {
        writeln!(out, "{name:<14} {value}")?;
    }
    Ok(Exit::Done)
}

fn gather(context: &Context) -> Diagnostics {
    let (system, release, machine) = account::platform();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| context.environment.get(name));
    Diagnostics {
        version: env!("CARGO_PKG_VERSION"),
        build: if cfg!(debug_assertions) { "debug" } else { "release" },
        program: std::env::current_exe().ok().map(JsonPath),
        platform: format!("{system} {release} {machine}"),
        host: account::host_name(),
        root: account::is_root(),
        processors: Context::threads(),
        time: context.system.clock.now().to_string(),
        locale: locale.map(|locale| locale.to_string_lossy().into_owned()),
        configuration: configuration::find(context).ok().map(JsonPath),
    }
}
