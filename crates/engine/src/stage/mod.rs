//! Gathers what the peers collected: `YYYY/MM/DD/peer` below the staging directory, each file proven on its way.
//!
//! A peer is ready when its collect directory holds a `cback.collect` that was not staged on an earlier day. A staged peer gets
//! `cback.stage` there, with the content of the `cback.collect` that was picked up. When all is done the day gets `cback.result`,
//! which says what became of each peer, and then its own `cback.stage`.

mod answer;
mod error;
mod fetch;
mod history;
mod integrity;
mod listing;
mod peer;
mod promise;
mod queue;
mod record;
mod settings;
mod take;
mod watch;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redcedar_config::Config;
use redcedar_config::cedar::Options;
use redcedar_config::value::IgnoreFailures;
use redcedar_system::account::{self, AccountError};
use redcedar_system::clock::Stopwatch;
use redcedar_system::fs::Directory;
use redcedar_system::interrupt::Interrupted;
use redcedar_system::monitor::Progress;
use redcedar_system::{Level, Owner, System, checkpoint, escape};

pub use record::NAME as RESULT;
pub use settings::StageSettings;

use crate::daily_dir;
use crate::indicator;
use crate::outcome::{Omission, Outcome, PeerResult, PeerStatus};
use crate::remote::Identity;
use crate::schedule::Today;
use error::PeerError;
use history::History;
use peer::{Peer, Tally};
use queue::{Attempt, Prospect};
use settings::Rules;
use watch::Watch;

/// The mode of what we write.
const MODE: u32 = 0o640;

/// What is staged.
#[derive(Debug, Clone, Copy)]
pub struct StageRequest<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Whether the run is a full backup; matters to peers whose failures are ignored on some days.
    pub full: bool,
    /// What overrides the configuration.
    pub settings: StageSettings,
}

/// What came out, even of a stage that did not succeed.
#[derive(Debug)]
pub struct StageReport {
    /// What became of each peer, and what was left out.
    pub outcome: Outcome,
    /// Whether there is a day that is marked as staged.
    pub result: Result<(), StageError>,
}

/// Why nothing was staged, or the day is not complete.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// There is no stage section.
    #[error("Stage configuration is not properly filled in.")]
    NotConfigured,
    /// Nothing is known of earlier days, so of no peer whether it has collected since.
    #[error("cannot look at the days that were staged before: {0}")]
    History(#[source] io::Error),
    /// The owner of what is staged does not exist.
    #[error("cannot give staged files to [{user}:{group}]: {source}")]
    Account {
        /// The configured user.
        user: String,
        /// The configured group.
        group: String,
        /// What is wrong.
        source: AccountError,
    },
    /// The directory of the day is not to be had.
    #[error("Unable to create staging directory: {0}")]
    Directory(#[source] io::Error),
    /// What became of the peers cannot be written down.
    #[error("cannot write down what became of the peers: {0}")]
    Record(#[source] io::Error),
    /// The day cannot be marked.
    #[error("cannot mark the day as staged: {0}")]
    Indicator(#[source] io::Error),
    /// No peer was staged, and not all of them may fail.
    #[error("no peer was staged, so {} is not marked as staged", .0)]
    NothingStaged(String),
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Stages all peers, several at once. A peer that fails is told at ERROR and in the outcome, and does not keep the others from
/// being staged.
pub fn stage(request: &StageRequest<'_>, system: &System) -> StageReport {
    stage_by(request, |rules| rules, system)
}

/// Stages by rules that a test may have changed.
fn stage_by(request: &StageRequest<'_>, change: impl Fn(Rules) -> Rules, system: &System) -> StageReport {
    let mut outcome = Outcome::default();
    let result = try_stage(request, change, system, &mut outcome);
    StageReport { outcome, result }
}

fn try_stage(
    request: &StageRequest<'_>,
    change: impl Fn(Rules) -> Rules,
    system: &System,
    outcome: &mut Outcome,
) -> Result<(), StageError> {
    let StageRequest { config, full, settings } = *request;
    let section = config.stage.as_ref().ok_or(StageError::NotConfigured)?;
    let peers = config.staged_peers().ok_or(StageError::NotConfigured)?;
    let monitor = &system.monitor;
    monitor.debug("Executing the 'stage' action.");
    let now = system.clock.now();
    let (owner, identity) = whom(&config.options)?;
    let (day, created) =
        daily_dir::create(&section.staging_dir, now.date(), owner).map_err(StageError::Directory)?;
    if !created {
        let path = escape::display(day.path());
        monitor.warning(format!("Staging directory [{path}] already existed."));
    }
    let history = History::read(&section.staging_dir, now.date(), system).map_err(StageError::History)?;
    history.clear_left_overs();
    clear_left_overs(&day).map_err(StageError::Directory)?;
    let today = Today::new(now.date(), config.options.starting_day, full);
    let stage = Stage {
        day,
        owner,
        history,
        rules: change(Rules::new(section, settings, &now)),
        first_of_week: today.full || today.is_starting_day,
        progress: Mutex::default(),
        stopwatch: Stopwatch::start(),
        system,
    };
    stage.peers(&Peer::all(peers, &config.options, &identity), outcome);
    checkpoint::reach("stage-before-result");
    record::write(&stage.day, &outcome.peers, &now, owner).map_err(StageError::Record)?;
    system.interrupt.check()?;
    let is_any_staged = outcome.peers.iter().any(|peer| peer.status == PeerStatus::Staged);
    if !is_any_staged && !outcome.peers.iter().all(PeerResult::is_fine) {
        return Err(StageError::NothingStaged(escape::display(stage.day.path()).to_string()));
    }
    checkpoint::reach("stage-before-indicator");
    stage.write_indicator(&stage.day, b"").map_err(StageError::Indicator)?;
    monitor.info("Executed the 'stage' action successfully.");
    Ok(())
}

/// Who owns what root writes (anybody else cannot give files away), and who talks to other machines.
fn whom(options: &Options) -> Result<(Option<Owner>, Identity), StageError> {
    let (user, group) = (&options.backup_user.value, &options.backup_group.value);
    let unknown = |source| StageError::Account { user: user.clone(), group: group.clone(), source };
    let owner = account::is_root().then(|| account::owner(user, group)).transpose().map_err(unknown)?;
    Ok((owner, Identity::of(options).map_err(unknown)?))
}

/// Removes what killed runs have left in a day.
fn clear_left_overs(day: &Directory) -> io::Result<()> {
    day.names()?.iter().filter(|name| listing::is_temporary(name)).try_for_each(|name| day.remove_all(name))
}

/// Whether "not ready" is no error today.
fn is_ignored(mode: Option<IgnoreFailures>, first_of_week: bool) -> bool {
    match mode {
        None | Some(IgnoreFailures::None) => false,
        Some(IgnoreFailures::All) => true,
        Some(IgnoreFailures::Weekly) => first_of_week,
        Some(IgnoreFailures::Daily) => !first_of_week,
    }
}

struct Stage<'a> {
    day: Directory,
    owner: Option<Owner>,
    history: History<'a>,
    rules: Rules,
    first_of_week: bool,
    /// Of all peers together.
    progress: Mutex<Progress>,
    stopwatch: Stopwatch,
    system: &'a System,
}

/// A peer on its way.
struct Course<'a> {
    peer: &'a Peer<'a>,
    /// Its directory of the day.
    target: Result<Directory, PeerError>,
    state: Mutex<State>,
}

/// What is known of earlier attempts.
#[derive(Default)]
struct State {
    attempts: u64,
    /// How many of them followed on trouble that may pass.
    retried: u64,
    spent: Duration,
}

impl Stage<'_> {
    /// Stages the peers; what is known of them is in the outcome, in their order.
    fn peers(&self, peers: &[Peer<'_>], outcome: &mut Outcome) {
        // Every peer gets its directory of the day, ready or not, as with the original.
        let courses: Vec<Course<'_>> = peers
            .iter()
            .map(|peer| Course { peer, target: self.peer_dir(peer.name), state: Mutex::default() })
            .collect();
        self.system.monitor.task(&match peers {
            [peer] => format!("Staging {}", peer.shown()),
            peers => format!("Staging {} peers", peers.len()),
        });
        let attempt = |number: usize| self.attempt(&courses[number], number);
        let results = queue::work(courses.len(), self.rules.jobs, &self.system.interrupt, attempt);
        for (result, omissions) in results.into_iter().flatten() {
            outcome.peers.push(result);
            outcome.omissions.extend(omissions);
        }
    }

    fn peer_dir(&self, name: &str) -> Result<Directory, PeerError> {
        if !is_component(name) {
            return Err(PeerError::Name);
        }
        let (directory, created) =
            self.day.create_directory(OsStr::new(name), daily_dir::MODE, self.owner)?;
        if !created {
            let path = escape::display(directory.path());
            self.system.monitor.warning(format!("Peer staging directory [{path}] already existed."));
        }
        Ok(directory)
    }

    fn attempt(&self, course: &Course<'_>, number: usize) -> Attempt<(PeerResult, Vec<Omission>)> {
        let mut state = course.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = state.attempts == 0;
        if is_first {
            self.system.monitor.info(format!("Staging peer [{}].", course.peer.shown()));
        }
        state.attempts += 1;
        let watch = Watch::start(&self.system.interrupt, self.rules.time_limit, state.spent);
        let mut tally = Tally::default();
        let result = match &course.target {
            Ok(target) => self.peer((course.peer, number), target, is_first, watch, &mut tally),
            Err(error) => Err(PeerError::Target(error.to_string())),
        };
        state.spent = watch.spent();
        let pause = result.as_ref().err().and_then(|error| self.pause(course.peer, error, &mut state));
        match pause {
            Some(pause) => Attempt::Again(pause),
            None => Attempt::Done(self.conclude(course.peer, result, tally, state.spent)),
        }
    }

    /// How long to wait before the next attempt, if there is to be one.
    fn pause(&self, peer: &Peer<'_>, error: &PeerError, state: &mut State) -> Option<Duration> {
        let prospect = error.prospect();
        let pause = self.rules.policy.pause(prospect, state.retried, self.stopwatch.elapsed())?;
        let message =
            format!("Peer [{}] is tried again in {} s: {error}.", peer.shown(), pause.as_secs_f64().ceil());
        let level = match prospect {
            Prospect::MayPass => Level::Warning,
            _ if state.attempts == 1 => Level::Info,
            _ => Level::Debug,
        };
        self.system.monitor.log(level, &message);
        state.retried = if prospect == Prospect::MayPass { state.retried + 1 } else { 0 };
        Some(pause)
    }

    /// Tells how a peer ended, and puts it down.
    fn conclude(
        &self,
        peer: &Peer<'_>,
        result: Result<(), PeerError>,
        tally: Tally,
        took: Duration,
    ) -> (PeerResult, Vec<Omission>) {
        let (monitor, shown) = (&self.system.monitor, peer.shown());
        let Tally { files, bytes, omissions, untold } = tally;
        for omission in &omissions {
            monitor.error(format!("Peer [{shown}]: {}", omission.detail));
        }
        let (status, error) = match result {
            Ok(()) => {
                monitor.info(format!("Staged {files} files for peer [{shown}]."));
                (PeerStatus::Staged, untold)
            }
            Err(error) => (self.tell(peer, &error), Some(error.to_string())),
        };
        (PeerResult { peer: peer.name.to_owned(), status, files, bytes, error, took }, omissions)
    }

    /// Tells that a peer is not staged, as loudly as the configuration wants it, and says what it counts as.
    fn tell(&self, peer: &Peer<'_>, error: &PeerError) -> PeerStatus {
        let (monitor, shown) = (&self.system.monitor, peer.shown());
        let status = error.status();
        if status == PeerStatus::Failed {
            monitor.error(format!("Error staging [{shown}]: {error}"));
            return status;
        }
        let why = match error {
            PeerError::NotCollected => String::new(),
            error => format!(" Reason: {error}."),
        };
        let message = format!("Peer [{shown}] was not ready to be staged.{why}");
        if is_ignored(peer.ignore_failures, self.first_of_week) {
            monitor.info(message);
            return PeerStatus::Ignored;
        }
        monitor.error(message);
        status
    }

    fn write_indicator(&self, directory: &Directory, content: &[u8]) -> io::Result<()> {
        let path = directory.path().join(indicator::STAGE);
        self.system.monitor.debug(format!("Writing indicator file [{}].", escape::display(&path)));
        write_file(directory, indicator::STAGE, content, self.owner)
    }
}

fn is_component(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains('/')
}

fn write_file(directory: &Directory, name: &str, content: &[u8], owner: Option<Owner>) -> io::Result<()> {
    let mut pending = directory.create_file(OsStr::new(name))?;
    pending.write_all(content)?;
    pending.publish(MODE, owner)
}

#[cfg(test)]
mod tests;
