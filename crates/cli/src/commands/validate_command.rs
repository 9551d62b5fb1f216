//! `redcedar validate-command`: the forced command of a master's key.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use redcedar_config::Config;
use redcedar_engine::forced::{self, Permissions, Refusal};
use redcedar_engine::remote::DEFAULT_PROGRAM;
use redcedar_system::command::{self, Command};
use redcedar_system::environment::{SSH_CONNECTION, SSH_ORIGINAL_COMMAND};
use redcedar_system::escape;

use super::{CommandError, CommandResult, Context, configuration, paths};
use crate::exit::Exit;

/// How long the system's log may take.
const LOGGER_LIMIT: Duration = Duration::from_secs(5);

/// Answer what a master may ask of this machine; for authorized_keys
///
/// Put before the master's key in ~/.ssh/authorized_keys, as `redcedar peer add` prints it. It looks at the request in
/// $SSH_ORIGINAL_COMMAND: fetching `cback.collect` and the files of the collect directory and storing `cback.stage` there are
/// answered, and running the actions of --allow. All else is refused with exit code 1. What was asked, and whether it was
/// allowed, goes to the system's log. The master needs `scp -O` in its rcp_command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar validate-command --collect-dir /var/backups/redcedar/collect
  redcedar validate-command --allow collect,purge --cback-command 'sudo /usr/bin/cback3'

As a line of authorized_keys:
  restrict,command=\"redcedar validate-command --collect-dir /var/backups/redcedar/collect\" ssh-ed25519 AAAA…")]
pub(crate) struct Args {
    /// Directory that may be fetched [default: that of the configuration]
    #[arg(long, value_name = "DIR")]
    collect_dir: Option<PathBuf>,
    /// Actions that the master may run here
    #[arg(long, value_name = "ACTION,…", value_delimiter = ',')]
    allow: Vec<String>,
    /// The program by which it runs them, as in its own configuration [default: cback_command of the configuration]
    #[arg(long, value_name = "COMMAND", requires = "allow")]
    cback_command: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> CommandResult {
    let allowed = permissions(args, context)?;
    let request = context.environment.get(SSH_ORIGINAL_COMMAND);
    let shown = request.map(|request| escape::display(request).to_string()).unwrap_or_default();
    let program = forced::answer(request, &allowed).map_err(|refusal| {
        log("auth.warning", &format!("refused: {refusal}"), context);
        refused(&refusal)
    })?;
    if context.global.dry_run {
        return Ok(Exit::Done);
    }
    log("auth.info", &format!("allowed: {shown}"), context);
    let name = escape::display(&program.program).to_string();
    let error = command::replace_self(&program, &context.environment);
    let error = anyhow::Error::new(error).context(format!("cannot run {name}"));
    Err(CommandError::new(Exit::Refused, error))
}

/// What the options say; where they leave something open, what the configuration says.
fn permissions(args: &Args, context: &Context) -> Result<Permissions, CommandError> {
    let needs_program = !args.allow.is_empty() && args.cback_command.is_none();
    let config = match &args.collect_dir {
        Some(_) if !needs_program => None,
        _ => Some(configuration::load(context)?),
    };
    let collect_dir = match &args.collect_dir {
        Some(directory) => paths::absolute(directory)
            .context("cannot make --collect-dir absolute")
            .map_err(|error| CommandError::new(Exit::Failed, error))?,
        None => configured_directory(config.as_ref())?,
    };
    let configured = config.and_then(|config| config.options.cback_command).map(|program| program.value);
    let program = args.cback_command.clone().or(configured);
    let program = program.unwrap_or_else(|| DEFAULT_PROGRAM.to_owned());
    Ok(Permissions { collect_dir, program, actions: args.allow.clone() })
}

fn configured_directory(config: Option<&Config>) -> Result<PathBuf, CommandError> {
    let collect = config.and_then(|config| config.collect.as_ref());
    collect.map(|collect| collect.collect_dir.value.clone()).ok_or_else(|| {
        CommandError::message(Exit::Configuration, "the configuration has no collect section")
            .hint("name the directory with --collect-dir DIR")
    })
}

fn refused(refusal: &Refusal) -> CommandError {
    let hint = match refusal {
        Refusal::Sftp => Some("use `scp -O` in the rcp_command of the master"),
        Refusal::Action(_) => Some("allow it with --allow in authorized_keys here"),
        _ => None,
    };
    let error = CommandError::message(Exit::Refused, format!("refused: {refusal}"));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Tells the system's log. Where there is none, the request is answered all the same.
fn log(priority: &str, message: &str, context: &Context) {
    const LONGEST: usize = 1000;
    let from = context.environment.get(SSH_CONNECTION);
    let from = from.map(|from| escape::display(from).to_string()).unwrap_or_default();
    let from = from.split(' ').next().unwrap_or_default();
    let message: String = format!("{message} (from [{from}])").chars().take(LONGEST).collect();
    let logger = Command::new("logger").args(["-t", "redcedar", "-p", priority, "--"]).arg(message);
    match context.system.runner.run(&logger.time_limit(Some(LOGGER_LIMIT))) {
        Ok(finished) if finished.success() => {}
        Ok(finished) => context.system.monitor.debug(format!("logger ended with {}", finished.status)),
        Err(error) => context.system.monitor.debug(error.to_string()),
    }
}
