//! `redcedar run`: the actions of a configuration.

mod plan;

use std::num::NonZero;

use redcedar_archive::naming::Dialect;
use redcedar_config::Loaded;
use redcedar_config::value::TimeOfDay;
use redcedar_engine::plan::{Actions, Plan, PlanError, Request, Scope};
use redcedar_engine::{Outcome, RunError, RunReport, RunRequest, StageSettings};

use super::{CommandError, CommandResult, Context, Out, configuration, outcome, validate};
use crate::exit::Exit;

/// Run actions of the configuration: collect, stage, store, purge, …
///
/// `collect` stores what is configured into archives, `stage` gathers the archives of all peers in a directory for each day,
/// `store` writes the days to a disc or image, `purge` deletes what is old enough. `all` is all four, as far as they are
/// configured. `rebuild` writes the days of the week to a new disc, `initialize` prepares one. Actions run in their configured
/// order, whatever the order of the words.
///
/// With `--dry-run` the steps are shown with their hooks and, for `purge`, what becomes of each staged day, and why, as things
/// are now; for `amazons3`, which days would be sent, with how many requests, and what becomes of each day in the bucket.
///
/// With `--managed` each action is also run on the managed peers that list it, one after the other, through their remote shells.
/// One that fails there is told and counted, and the rest goes on: exit code 7.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar run collect stage purge
  redcedar run collect --full
  redcedar run collect stage purge --managed
  redcedar run collect stage --jobs 8 --wait-until 05:30
  redcedar run collect stage purge --dry-run
  redcedar run purge --dry-run")]
pub(crate) struct Args {
    /// What to do: collect, stage, store, purge, all, rebuild, initialize, validate, or an action of the configuration
    #[arg(value_name = "ACTION", required = true)]
    actions: Vec<String>,
    /// Store everything, as on the first day of the week
    #[arg(long)]
    full: bool,
    /// Run the actions on managed peers as well
    #[arg(long)]
    managed: bool,
    /// Run the actions on managed peers only
    #[arg(long, conflicts_with = "managed")]
    managed_only: bool,
    /// Stage up to N peers at once [default: as configured, else 4]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Ask peers that are not ready again until it is next so late [default: as configured, else not at all]
    #[arg(long, value_name = "HH:MM")]
    wait_until: Option<TimeOfDay>,
}

impl Args {
    fn scope(&self) -> Scope {
        match (self.managed, self.managed_only) {
            (_, true) => Scope::PeersOnly,
            (true, _) => Scope::HereAndPeers,
            _ => Scope::Here,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let scope = args.scope();
    if args.actions == ["validate"] && scope == Scope::Here {
        return validate::run(&validate::Args {}, context, out);
    }
    let loaded = configuration::load_file(context)?;
    let Loaded { config, document, .. } = &loaded;
    let request = Request { words: &args.actions, full: args.full, scope };
    let actions = Actions::resolve(config.extensions.as_ref()).map_err(|error| no_plan(error, None))?;
    let plan = Plan::new(&request, &actions, config).map_err(|error| no_plan(error, Some(&actions)))?;
    plan.warnings.iter().for_each(|warning| context.system.monitor.warning(warning));
    if context.global.dry_run {
        return plan::show(&plan, &loaded, context, out);
    }
    let request = RunRequest {
        plan: &plan,
        config,
        document,
        extensions: redcedar_extensions::ALL,
        dialect: Dialect::V3,
        threads: Context::threads(),
        stage: StageSettings { jobs: args.jobs, wait_until: args.wait_until },
        quiet: true,
    };
    let RunReport { mut outcome, result } = redcedar_engine::run(&request, &context.system);
    let failure = result.err().map(|error| (error.to_string(), CommandError::new(exit_of(&error), error)));
    match failure {
        // There is nothing to report of a run that did not get anywhere.
        Some((_, error)) if outcome == Outcome::default() => Err(error),
        Some((message, error)) => {
            outcome.failures.push(message);
            outcome::report("run", &outcome, context, out)?;
            Err(error)
        }
        None => outcome::report("run", &outcome, context, out),
    }
}

/// What stops a run before it begins is the configuration's fault, or what was asked of it.
fn exit_of(error: &RunError) -> Exit {
    match error {
        RunError::Interrupted(_) => Exit::Interrupted,
        RunError::NotConfigured(_)
        | RunError::NothingToCollect
        | RunError::Section { .. }
        | RunError::Unavailable(_)
        | RunError::EmptyHook(_)
        | RunError::NotValid => Exit::Configuration,
        _ => Exit::Failed,
    }
}

fn no_plan(error: PlanError, actions: Option<&Actions>) -> CommandError {
    let hint = match (&error, actions) {
        (PlanError::UnknownAction { .. }, Some(actions)) => {
            Some(format!("actions are: all, {}", actions.names().collect::<Vec<_>>().join(", ")))
        }
        _ => None,
    };
    let details = error.details();
    let error = details.into_iter().rev().fold(anyhow::Error::new(error), anyhow::Error::context);
    let error = CommandError::new(Exit::Configuration, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
