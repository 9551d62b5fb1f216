//! `redcedar peer check`: proves that peers can be staged.

use std::io::Write;

use redcedar_engine::peer_check::{self, Finding, Own, Peer, PeerReport, Status};
use redcedar_system::quote;
use serde::Serialize;

use super::super::{CommandError, CommandResult, Context, Out, configuration, paths};
use crate::exit::Exit;
use crate::output::json::Document;
use crate::output::style::Style;

/// Prove step by step that a peer can be staged
///
/// Looks at the backup user and its key, then at the name, the port, the key and the login of the host, fetches `cback.collect`
/// as `stage` does, and looks at the collect directory, free space, versions and clocks. Each failure comes with the command
/// that mends it. Nothing is changed. If the key is restricted there, what needs a shell is skipped. Exits with 7 when anything
/// failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar peer check
  redcedar peer check web1 --json")]
pub(crate) struct Args {
    /// Peer to look at [default: all on other machines]
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

#[derive(Serialize)]
struct Checked<'a> {
    peers: Vec<JsonPeer<'a>>,
}

#[derive(Serialize)]
struct JsonPeer<'a> {
    peer: &'a str,
    address: Option<&'a str>,
    steps: Vec<JsonStep<'a>>,
}

#[derive(Serialize)]
struct JsonStep<'a> {
    step: &'static str,
    status: &'static str,
    detail: &'a str,
    mend: Option<&'a str>,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let config = configuration::load(context)?;
    let all = peer_check::peers(&config);
    let chosen: Vec<Peer<'_>> = match &args.name {
        Some(name) => vec![named(name, &all)?],
        None => all.into_iter().filter(|peer| matches!(peer, Peer::Remote(_))).collect(),
    };
    let own = own(context);
    let mut reports = Vec::new();
    for peer in &chosen {
        let report = peer_check::check(*peer, &config, &own, &context.system)
            .map_err(|interrupted| CommandError::new(Exit::Interrupted, interrupted))?;
        if !context.global.json {
            show(&report, context, out)?;
        }
        reports.push(report);
    }
    if context.global.json {
        let peers = reports.iter().map(JsonPeer::new).collect();
        out.json(&Document::new("peer check", Checked { peers }))?;
    } else if reports.is_empty() {
        writeln!(out, "The configuration names no peer on another machine.")?;
    }
    let has_failed = reports.iter().any(PeerReport::has_failed);
    Ok(if has_failed { Exit::Incomplete } else { Exit::Done })
}

fn named<'a>(name: &str, all: &[Peer<'a>]) -> Result<Peer<'a>, CommandError> {
    all.iter().find(|peer| peer.name() == name).copied().ok_or_else(|| {
        let message = format!("the configuration has no peer {name}");
        let names: Vec<_> = all.iter().map(Peer::name).collect();
        let hint = if names.is_empty() {
            "it has none".to_owned()
        } else {
            format!("peers are: {}", names.join(", "))
        };
        CommandError::message(Exit::Configuration, message).hint(hint)
    })
}

/// How hints lead to the same configuration.
pub(super) fn own(context: &Context) -> Own {
    let config = context.global.config.as_ref();
    let options = config.map(|path| format!(" --config {}", quote::word(path.as_os_str())));
    Own { program: paths::program(&context.environment), options: options.unwrap_or_default() }
}

fn show(report: &PeerReport, context: &Context, out: &mut Out) -> std::io::Result<()> {
    match &report.address {
        Some(address) => writeln!(out, "{} ({address})", report.peer)?,
        None => writeln!(out, "{}", report.peer)?,
    }
    for Finding { step, status, detail, mend } in &report.findings {
        let word = format!("{:<8}", word(*status));
        let word = match status {
            Status::Failed => Style::Red.paint(word, context.colored).to_string(),
            Status::Warning => Style::Yellow.paint(word, context.colored).to_string(),
            Status::Ok | Status::Skipped => word,
        };
        writeln!(out, "  {word} {:<18} {detail}", step.name())?;
        if let Some(mend) = mend {
            writeln!(out, "  {:<8} {:<18} {} {mend}", "", "", Style::Cyan.paint("try:", context.colored))?;
        }
    }
    Ok(())
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
    }
}

impl<'a> JsonPeer<'a> {
    fn new(report: &'a PeerReport) -> Self {
        let steps = report.findings.iter().map(|finding| JsonStep {
            step: finding.step.name(),
            status: word(finding.status),
            detail: &finding.detail,
            mend: finding.mend.as_deref(),
        });
        Self { peer: &report.peer, address: report.address.as_deref(), steps: steps.collect() }
    }
}
