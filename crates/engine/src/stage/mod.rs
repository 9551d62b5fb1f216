//! Gathers what the peers collected: `YYYY/MM/DD/peer` below the staging directory, each file proven while it is copied.
//!
//! A peer is ready when its collect directory holds `cback.collect`. A staged peer gets `cback.stage` there, with the content
//! of the `cback.collect` that was picked up; the day gets its own `cback.stage` when all is done.

mod copy;
mod promise;

use std::ffi::OsStr;
use std::io::{self, Read, Write};

use jiff::Zoned;
use redcedar_config::Config;
use redcedar_config::cedar::{LocalPeer, Options};
use redcedar_config::value::IgnoreFailures;
use redcedar_system::account::{self, AccountError};
use redcedar_system::fs::Directory;
use redcedar_system::interrupt::Interrupted;
use redcedar_system::{Level, Owner, System, checkpoint, escape};

use crate::daily_dir;
use crate::indicator;
use crate::outcome::Outcome;
use crate::schedule::Today;

/// An indicator this old is worth a word: nothing may have been collected since.
const FRESH_SECONDS: i64 = 24 * 60 * 60;
/// The mode of what we write.
const MODE: u32 = 0o640;

/// What is staged.
#[derive(Debug, Clone, Copy)]
pub struct StageRequest<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Whether the run is a full backup; matters to peers whose failures are ignored on some days.
    pub full: bool,
}

/// Why nothing was staged, or the day is not complete.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// There is no stage section.
    #[error("Stage configuration is not properly filled in.")]
    NotConfigured,
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

/// Stages all peers. A peer that fails is told at ERROR and in the outcome, and does not keep the others from being staged.
///
/// # Errors
/// When the day has no directory, when nothing could be staged, or when the run was interrupted.
pub fn stage(request: &StageRequest<'_>, system: &System) -> Result<Outcome, StageError> {
    let StageRequest { config, full } = *request;
    let section = config.stage.as_ref().ok_or(StageError::NotConfigured)?;
    let monitor = &system.monitor;
    monitor.debug("Executing the 'stage' action.");
    let now = system.clock.now();
    let owner = owner(&config.options)?;
    let (day, created) =
        daily_dir::create(&section.staging_dir, now.date(), owner).map_err(StageError::Directory)?;
    if !created {
        let path = escape::display(day.path());
        monitor.warning(format!("Staging directory [{path}] already existed."));
    }
    let today = Today::new(now.date(), config.options.starting_day, full);
    let first_of_week = today.full || today.is_starting_day;
    let stage = Stage { day, owner, now: &now, first_of_week, system };
    let outcome = stage.peers(config)?;
    checkpoint::reach("stage-before-indicator");
    stage.write_indicator(&stage.day, b"").map_err(StageError::Indicator)?;
    monitor.info("Executed the 'stage' action successfully.");
    Ok(outcome)
}

/// Who owns what root writes; anybody else cannot give files away.
fn owner(options: &Options) -> Result<Option<Owner>, StageError> {
    if !account::is_root() {
        return Ok(None);
    }
    let (user, group) = (&options.backup_user.value, &options.backup_group.value);
    account::owner(user, group).map(Some).map_err(|source| StageError::Account {
        user: user.clone(),
        group: group.clone(),
        source,
    })
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

/// How a peer ended.
enum Staged {
    /// That many files were copied.
    Complete(u64),
    /// It has not collected yet.
    NotReady,
}

/// Why a peer is not staged.
#[derive(Debug, thiserror::Error)]
enum PeerError {
    #[error("its name cannot be the name of a directory")]
    Name,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{}", .0.join("; "))]
    Files(Vec<String>),
    #[error("remote peers are not staged by this version of Redcedar")]
    Remote,
    #[error("it began to collect again while it was being staged")]
    Overtaken,
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

struct Stage<'a> {
    day: Directory,
    owner: Option<Owner>,
    now: &'a Zoned,
    first_of_week: bool,
    system: &'a System,
}

impl Stage<'_> {
    fn peers(&self, config: &Config) -> Result<Outcome, StageError> {
        let Some(peers) = config.staged_peers() else { return Err(StageError::NotConfigured) };
        // Every peer gets its directory of the day, ready or not, as with the original.
        let local: Vec<_> = peers.local.iter().map(|peer| (peer, self.peer_dir(&peer.name))).collect();
        let remote: Vec<_> = peers.remote.iter().map(|peer| (peer, self.peer_dir(&peer.name))).collect();
        let mut outcome = Outcome::default();
        let mut staged = 0;
        for (peer, target) in local {
            let shown = escape::display(&*peer.name).to_string();
            self.system.monitor.info(format!("Staging peer [{shown}]."));
            match target.and_then(|target| self.local_peer(peer, &target, &mut outcome)) {
                Ok(Staged::Complete(files)) => {
                    staged += 1;
                    self.system.monitor.info(format!("Staged {files} files for peer [{shown}]."));
                }
                Ok(Staged::NotReady) => self.not_ready(peer, &mut outcome),
                Err(PeerError::Interrupted(interrupted)) => return Err(interrupted.into()),
                Err(error) => self.fail(&mut outcome, format!("Error staging [{shown}]: {error}")),
            }
        }
        for (peer, target) in remote {
            let error = target.err().unwrap_or(PeerError::Remote);
            self.fail(&mut outcome, format!("Error staging [{}]: {error}", escape::display(&*peer.name)));
        }
        if staged == 0 && !outcome.failures.is_empty() {
            return Err(StageError::NothingStaged(escape::display(self.day.path()).to_string()));
        }
        Ok(outcome)
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

    fn fail(&self, outcome: &mut Outcome, message: String) {
        self.system.monitor.error(&message);
        outcome.failures.push(message);
    }

    fn not_ready(&self, peer: &LocalPeer, outcome: &mut Outcome) {
        let message = format!("Peer [{}] was not ready to be staged.", *peer.name);
        if is_ignored(peer.ignore_failures, self.first_of_week) {
            self.system.monitor.log(Level::Info, &message);
        } else {
            self.fail(outcome, message);
        }
    }

    fn local_peer(
        &self,
        peer: &LocalPeer,
        target: &Directory,
        outcome: &mut Outcome,
    ) -> Result<Staged, PeerError> {
        let Some((source, announced)) = self.open_ready(peer)? else { return Ok(Staged::NotReady) };
        self.system.monitor.task(&format!("Staging {}", *peer.name));
        checkpoint::reach("stage-before-copy");
        let copied = copy::directory(&source, target, self.owner, self.system)?;
        checkpoint::reach("stage-after-copy");
        for omission in &copied.skipped {
            self.system.monitor.error(format!("Peer [{}]: {}", *peer.name, omission.detail));
        }
        outcome.omissions.extend(copied.skipped);
        if !copied.failures.is_empty() {
            return Err(PeerError::Files(copied.failures));
        }
        if read_indicator(&source)?.as_ref() != Some(&announced) {
            return Err(PeerError::Overtaken);
        }
        write_file(target, indicator::COLLECT, &announced, self.owner)?;
        self.write_indicator(&source, &announced)?;
        Ok(Staged::Complete(copied.files + 1))
    }

    /// The collect directory and the content of its indicator, if the peer has collected.
    fn open_ready(&self, peer: &LocalPeer) -> io::Result<Option<(Directory, Vec<u8>)>> {
        let source = match Directory::open(&peer.collect_dir) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(announced) = read_indicator(&source)? else { return Ok(None) };
        if let Some(stat) = source.status(OsStr::new(indicator::COLLECT))? {
            let age = self.now.timestamp().as_second().saturating_sub(stat.st_mtime);
            if age > FRESH_SECONDS {
                self.system.monitor.warning(format!(
                    "Peer [{}] collected {} hours ago and not since; its data is staged again.",
                    *peer.name,
                    age / 3600
                ));
            }
        }
        Ok(Some((source, announced)))
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

fn read_indicator(directory: &Directory) -> io::Result<Option<Vec<u8>>> {
    let name = OsStr::new(indicator::COLLECT);
    if directory.status(name)?.is_none() {
        return Ok(None);
    }
    let mut content = Vec::new();
    directory.open_file(name)?.read_to_end(&mut content)?;
    Ok(Some(content))
}

fn write_file(directory: &Directory, name: &str, content: &[u8], owner: Option<Owner>) -> io::Result<()> {
    let mut pending = directory.create_file(OsStr::new(name))?;
    pending.write_all(content)?;
    pending.publish(MODE, owner)
}

#[cfg(test)]
mod tests;
