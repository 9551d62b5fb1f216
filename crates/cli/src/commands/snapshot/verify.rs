//! `redcedar snapshot verify`.

use std::io::Write;

use redcedar_generations::verify::{Options, Verified, VerifyError, verify};
use redcedar_system::escape;
use serde::Serialize;

use super::super::{CommandError, CommandResult, Context, Out};
use super::{StoreArgs, drill, find, refusal};
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, JsonPath, result_word};

/// Prove that a generation is what its manifest says
///
/// Reads every file and compares content, mode, owner, time, attributes and names. Exits with 6 when anything is wrong. With
/// --drill a machine is made anew in a directory instead, as `rebuild-plan` says, and compared with the one that is there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar snapshot verify --from /mnt/store
  redcedar snapshot verify --from /mnt/store --quick --repair-modes
  redcedar snapshot verify --from /mnt/store --drill /var/tmp/drill")]
pub(crate) struct Args {
    /// The generation [default: the newest]
    #[arg(value_name = "NAME")]
    pub(super) generation: Option<String>,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Do not read the content of files
    #[arg(long)]
    pub(super) quick: bool,
    /// Give files the modes of the manifest back
    ///
    /// When jw.backup removes a generation, it changes the modes of files that other generations share.
    #[arg(long)]
    pub(super) repair_modes: bool,
    #[command(flatten)]
    pub(super) drill: drill::Args,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let store = args.store.open(context)?;
    let generation = find(&store, args.generation.as_deref())?;
    if args.drill.is_wanted() {
        return drill::run(&args.drill, &store, &generation, context, out);
    }
    let options =
        Options { is_quick: args.quick, repairs_modes: args.repair_modes && !context.global.dry_run };
    let verified = verify(&store, &generation, options, &context.system).map_err(failed)?;
    context.terminal.finish();
    let is_sound = verified.findings.iter().all(|finding| finding.is_repaired);
    let exit = if is_sound { Exit::Done } else { Exit::Failed };
    let name = generation.name.to_string();
    if context.global.json {
        out.json(&Document::new("snapshot verify", JsonVerified::new(&verified, name, exit, context)))?;
        return Ok(exit);
    }
    let monitor = &context.system.monitor;
    for finding in &verified.findings {
        let (path, what) = (escape::display(&finding.path), &finding.what);
        if finding.is_repaired {
            monitor.warning(format!("{path}: {what}; repaired"));
        } else {
            monitor.error(format!("{path}: {what}"));
        }
    }
    verified.problems.iter().for_each(|problem| monitor.warning(format!("when it was made: {problem}")));
    if !verified.has_manifest {
        monitor
            .warning(format!("{name} has no manifest: it was read, and there is nothing to compare it with"));
    }
    if !context.global.quiet {
        let (paths, bytes) = (Counted(verified.paths, "path"), Size(verified.bytes));
        writeln!(out, "{name}: {paths}, {bytes} read in {}", Time(context.started.elapsed()))?;
        writeln!(out, "{}", Counted(verified.findings.len() as u64, "finding"))?;
    }
    Ok(exit)
}

fn failed(error: VerifyError) -> CommandError {
    match error {
        VerifyError::Store(error) => refusal(error),
        error @ VerifyError::Interrupted(_) => CommandError::new(Exit::Interrupted, error),
    }
}

#[derive(Serialize)]
struct JsonVerified {
    result: &'static str,
    seconds: f64,
    generation: String,
    verified: bool,
    paths: u64,
    bytes: u64,
    findings: Vec<JsonFinding>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct JsonFinding {
    path: JsonPath,
    message: String,
    repaired: bool,
}

impl JsonVerified {
    fn new(verified: &Verified, generation: String, exit: Exit, context: &Context) -> Self {
        let findings = verified.findings.iter().map(|finding| JsonFinding {
            path: finding.path.as_path().into(),
            message: finding.what.clone(),
            repaired: finding.is_repaired,
        });
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            generation,
            verified: verified.has_manifest,
            paths: verified.paths,
            bytes: verified.bytes,
            findings: findings.collect(),
            problems: verified.problems.clone(),
        }
    }
}
