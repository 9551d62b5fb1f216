//! `redcedar snapshot verify --drill`.

use std::io::Write;
use std::path::PathBuf;

use redcedar_generations::drill::{Cause, Difference, DrillError, Drilled, Request, drill};
use redcedar_generations::store::{Generation, Store};
use redcedar_system::escape;
use serde::Serialize;

use super::super::{CommandError, CommandResult, Context, Out};
use super::refusal;
use crate::exit::Exit;
use crate::output::human::{Counted, Time};
use crate::output::json::{Document, JsonPath, result_word};

/// How to try it.
#[derive(Debug, Default, clap::Args)]
#[group(id = "drill_arguments")]
pub(crate) struct Args {
    /// Make the machine anew in DIR, and compare
    ///
    /// DIR must be empty or not there; what is made stays there. debootstrap installs the system to begin with, so this is for
    /// Debian and its relatives, for root, and needs the network. Exits with 6 when there is a difference that neither the plan
    /// announces nor a later change of the machine explains.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["quick", "repair_modes"])]
    drill: Option<PathBuf>,
    /// Compare with the machine whose disk is mounted at DIR
    #[arg(long, value_name = "DIR", default_value = "/", requires = "drill")]
    live: PathBuf,
    /// The release to begin with [default: that of the packages]
    #[arg(long, value_name = "NAME", requires = "drill")]
    suite: Option<String>,
    /// Where it is fetched from [default: as apt did]
    #[arg(long, value_name = "URL", requires = "drill")]
    mirror: Option<String>,
}

impl Args {
    pub(crate) fn is_wanted(&self) -> bool {
        self.drill.is_some()
    }
}

pub(crate) fn run(
    args: &Args,
    store: &Store,
    generation: &Generation,
    context: &Context,
    out: &mut Out,
) -> CommandResult {
    if context.global.dry_run {
        return Err(CommandError::message(Exit::Usage, "a drill is tried or not; there is no dry run of it")
            .hint("`redcedar snapshot rebuild-plan` shows what would be done"));
    }
    let program = std::env::current_exe().map_err(|error| CommandError::new(Exit::Failed, error))?;
    let request = Request {
        scratch: args.drill.clone().unwrap_or_default(),
        live: args.live.clone(),
        suite: args.suite.clone(),
        mirror: args.mirror.clone(),
        program,
    };
    let drilled = drill(store, generation, &request, &context.system).map_err(failed)?;
    context.terminal.finish();
    let unexplained = count(&drilled, Cause::Unexplained);
    let exit = if unexplained == 0 && !drilled.is_incomplete { Exit::Done } else { Exit::Failed };
    if context.global.json {
        let body = JsonDrilled::new(&drilled, exit, context);
        out.json(&Document::new("snapshot verify --drill", body))?;
        return Ok(exit);
    }
    let monitor = &context.system.monitor;
    for Difference { path, what, cause } in &drilled.differences {
        let message = format!("{}: {what}", escape::display(path));
        match cause {
            Cause::Unexplained => monitor.error(message),
            Cause::Announced => monitor.warning(format!("{message}, as the plan announces")),
            Cause::ChangedSince => monitor.info(format!("{message}; the machine has changed since")),
        }
    }
    if !context.global.quiet {
        let took = Time(context.started.elapsed());
        writeln!(out, "{}: made anew in {} in {took}", generation.name, escape::display(&drilled.root))?;
        for loss in &drilled.plan.losses {
            writeln!(out, "announced: {}", escape::display(&loss.to_string()))?;
        }
        let [announced, since] =
            [Cause::Announced, Cause::ChangedSince].map(|cause| Counted(count(&drilled, cause), "path"));
        writeln!(out, "{announced} not the same, as announced; {since} changed since the snapshot")?;
        writeln!(out, "{} that nothing explains", Counted(unexplained, "difference"))?;
    }
    Ok(exit)
}

fn count(drilled: &Drilled, cause: Cause) -> u64 {
    drilled.differences.iter().filter(|difference| difference.cause == cause).count() as u64
}

fn failed(error: DrillError) -> CommandError {
    match error {
        DrillError::Store(error) => refusal(error),
        error @ DrillError::Interrupted(_) => CommandError::new(Exit::Interrupted, error),
        error @ DrillError::NoDebootstrap => {
            CommandError::new(Exit::Failed, error).hint("install the package debootstrap")
        }
        error @ DrillError::NoBase { .. } => {
            CommandError::new(Exit::Failed, error).hint("a drill is for Debian and its relatives only")
        }
        error @ DrillError::Debootstrap { .. } => CommandError::new(Exit::Failed, error)
            .hint("--mirror URL names another place, --suite NAME another release"),
        error => CommandError::new(Exit::Failed, error),
    }
}

#[derive(Serialize)]
struct JsonDrilled {
    result: &'static str,
    seconds: f64,
    generation: String,
    root: JsonPath,
    announced: Vec<String>,
    differences: Vec<JsonDifference>,
}

#[derive(Serialize)]
struct JsonDifference {
    path: JsonPath,
    message: String,
    cause: &'static str,
}

impl JsonDrilled {
    fn new(drilled: &Drilled, exit: Exit, context: &Context) -> Self {
        let differences = drilled.differences.iter().map(|difference| JsonDifference {
            path: difference.path.as_path().into(),
            message: difference.what.clone(),
            cause: match difference.cause {
                Cause::Announced => "announced",
                Cause::ChangedSince => "changed-since",
                Cause::Unexplained => "unexplained",
            },
        });
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            generation: drilled.plan.generation.clone(),
            root: drilled.root.as_path().into(),
            announced: drilled.plan.losses.iter().map(ToString::to_string).collect(),
            differences: differences.collect(),
        }
    }
}
