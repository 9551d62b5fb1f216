//! `redcedar snapshot rebuild-plan`.

use std::io::{self, Write};
use std::path::PathBuf;

use redcedar_generations::rebuild::{Base, Facts, Loss, Plan, plan};
use redcedar_generations::store::Store;
use redcedar_system::escape;
use redcedar_system::fs::write_atomically;
use serde::Serialize;

use super::super::{CommandError, CommandResult, Context, Out};
use super::{StoreArgs, find, refusal};
use crate::exit::Exit;
use crate::output::json::{Document, JsonPath};

const SCRIPT_MODE: u32 = 0o700;

/// Say how the machine is made anew from a generation
///
/// What cannot be brought back as it was comes first; then the steps that make the machine of a fresh installation of the same
/// distribution: accounts, repositories, packages in their versions, everything else laid over them, what was not there removed.
/// Nothing but the generation is needed for it. With --script the steps are written as a shell script, to be read and run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar snapshot rebuild-plan --from /mnt/store
  redcedar snapshot rebuild-plan --from /mnt/store --script rebuild.sh
  sh rebuild.sh /mnt/new-system")]
pub(crate) struct Args {
    /// The generation [default: the newest]
    #[arg(value_name = "NAME")]
    generation: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    /// Write the script to FILE
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let store = args.store.open(context)?;
    let generation = find(&store, args.generation.as_deref())?;
    if !generation.has_manifest {
        let message = format!("{} has no manifest: nobody knows which packages there were", generation.name);
        return Err(CommandError::message(Exit::Failed, message));
    }
    let plan = plan(&Facts::gather(&store, &generation).map_err(refusal)?);
    let script = plan.script(&absolute(&store)?);
    if let Some(file) = args.script.as_ref().filter(|_| !context.global.dry_run) {
        write_atomically(file, script.as_bytes(), SCRIPT_MODE, None).map_err(|error| {
            let intent = format!("cannot write {}", escape::display(file));
            CommandError::new(Exit::Failed, anyhow::Error::new(error).context(intent))
        })?;
    }
    if context.global.json {
        out.json(&Document::new("snapshot rebuild-plan", JsonPlan::new(&plan, script)))?;
    } else if !context.global.quiet {
        describe(&plan, args, out)?;
    }
    Ok(Exit::Done)
}

fn absolute(store: &Store) -> Result<PathBuf, CommandError> {
    fs_err::canonicalize(store.path()).map_err(|error| CommandError::new(Exit::Failed, error))
}

fn describe(plan: &Plan, args: &Args, out: &mut Out) -> io::Result<()> {
    for line in plan.introduction() {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for (number, step) in plan.steps.iter().enumerate() {
        writeln!(out, "{}. {}: {}.", number + 1, escape::display(&step.title), escape::display(&step.why))?;
    }
    for note in &plan.afterwards {
        writeln!(out, "\n{}", escape::display(note))?;
    }
    match &args.script {
        Some(file) => writeln!(out, "\nThe script is in {}.", escape::display(file)),
        None => writeln!(out, "\nRun it with --script FILE for the script that does this."),
    }
}

#[derive(Serialize)]
struct JsonPlan<'a> {
    generation: &'a str,
    host: &'a str,
    time: &'a str,
    base: Option<JsonBase<'a>>,
    losses: Vec<JsonLoss<'a>>,
    not_entered: Vec<JsonPath>,
    deletions: Vec<JsonPath>,
    steps: Vec<JsonStep<'a>>,
    afterwards: &'a [String],
    script: String,
}

#[derive(Serialize)]
struct JsonBase<'a> {
    suite: &'a str,
    mirror: &'a str,
    architecture: &'a str,
}

#[derive(Serialize)]
struct JsonLoss<'a> {
    package: Option<&'a str>,
    path: Option<JsonPath>,
    message: String,
}

#[derive(Serialize)]
struct JsonStep<'a> {
    title: &'a str,
    why: &'a str,
    commands: &'a [String],
}

impl<'a> JsonPlan<'a> {
    fn new(plan: &'a Plan, script: String) -> Self {
        let paths = |paths: &[PathBuf]| paths.iter().map(|path| path.as_path().into()).collect();
        let base = plan.base.as_ref();
        Self {
            generation: &plan.generation,
            host: &plan.host,
            time: &plan.time,
            base: base.map(|Base { suite, mirror, architecture }| JsonBase { suite, mirror, architecture }),
            losses: plan.losses.iter().map(JsonLoss::from).collect(),
            not_entered: paths(&plan.not_entered),
            deletions: paths(&plan.deletions),
            steps: plan
                .steps
                .iter()
                .map(|step| JsonStep { title: &step.title, why: &step.why, commands: &step.commands })
                .collect(),
            afterwards: &plan.afterwards,
            script,
        }
    }
}

impl<'a> From<&'a Loss> for JsonLoss<'a> {
    fn from(loss: &'a Loss) -> Self {
        let (package, path) = match loss {
            Loss::NotAvailable { package, .. }
            | Loss::OtherVersion { package, .. }
            | Loss::Unfinished { package } => (Some(&*package.name), None),
            Loss::Flawed { path, .. } => (None, Some(path.as_path().into())),
            _ => (None, None),
        };
        Self { package, path, message: loss.to_string() }
    }
}
