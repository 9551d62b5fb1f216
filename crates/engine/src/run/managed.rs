//! Steps on managed clients: one connection each, and a client that fails holds up nobody.

use std::time::Duration;

use redcedar_config::cedar::{Options, RemotePeer};
use redcedar_system::account::AccountError;
use redcedar_system::command::{CommandError, Finished};
use redcedar_system::{System, escape};

use super::{RunError, RunRequest, log_command, tail};
use crate::outcome::{ClientFailure, Outcome};
use crate::remote::{Identity, Remote};

/// After how many minutes a client is given up when the configuration does not say.
const TIME_LIMIT: u64 = 24 * 60;

/// Why an action on a client failed.
#[derive(Debug, thiserror::Error)]
enum ClientError {
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("{}, tail is: {}", how(.0), tail(.0))]
    Ended(Finished),
    #[error(transparent)]
    Lost(#[from] CommandError),
}

/// Runs `action` on the peer `name`. That it fails there is told and counted, and is no reason to stop.
pub(super) fn run(
    action: &str,
    name: &str,
    request: &RunRequest<'_>,
    system: &System,
    outcome: &mut Outcome,
) -> Result<(), RunError> {
    let mut peers = request.config.peers.iter().flat_map(|peers| &peers.remote);
    let peer = peers.find(|peer| *peer.name == name).ok_or_else(|| RunError::UnknownPeer(name.to_owned()))?;
    let (shown, monitor) = (escape::display(name), &system.monitor);
    monitor.debug(format!("Executing managed action [{action}] on peer [{shown}]."));
    monitor.task(&format!("Running {action} on {shown}"));
    let reason = match execute(action, peer, request, system) {
        Ok(()) => return Ok(()),
        Err(ClientError::Lost(CommandError::Interrupted(interrupted))) => return Err(interrupted.into()),
        Err(error) => error.to_string(),
    };
    monitor.error(format!("Failed to execute action [{action}] on managed client [{shown}]."));
    monitor.error(format!("Managed client [{shown}]: {reason}"));
    outcome.clients.push(ClientFailure { peer: name.to_owned(), action: action.to_owned(), reason });
    Ok(())
}

fn execute(
    action: &str,
    peer: &RemotePeer,
    request: &RunRequest<'_>,
    system: &System,
) -> Result<(), ClientError> {
    let options = &request.config.options;
    let remote = Remote::new(peer, options, &Identity::of(options)?);
    let command = remote.run_action(action, request.plan.full).time_limit(time_limit(options));
    log_command(&command, system);
    let result = match system.runner.run(&command) {
        Ok(finished) if finished.success() => return Ok(()),
        Ok(finished) => ClientError::Ended(finished),
        Err(error) => error.into(),
    };
    let text = remote.action_text(action, request.plan.full);
    system.monitor.info(format!("Command failed [{}]", escape::display(&text)));
    Err(result)
}

fn time_limit(options: &Options) -> Option<Duration> {
    let minutes = options.managed_time_limit.unwrap_or(TIME_LIMIT);
    (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
}

fn how(finished: &Finished) -> String {
    match finished.status {
        256 => "the command could not be started".to_owned(),
        status @ ..0 => format!("signal {} ended the command", -status),
        status => format!("the command ended with status {status}"),
    }
}
