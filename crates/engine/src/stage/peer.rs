//! Staging one peer: from its indicator to telling it that it was picked up.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use redcedar_config::Located;
use redcedar_config::cedar::{Options, PeerList};
use redcedar_config::value::IgnoreFailures;
use redcedar_system::fs::Directory;
use redcedar_system::{checkpoint, escape};

use super::error::PeerError;
use super::fetch::Fetch;
use super::take::{self, Method, Taken, Taking};
use super::watch::{Stop, Watch};
use super::{Stage, write_file};
use crate::indicator::{self, Indicator};
use crate::outcome::Omission;
use crate::remote::{Identity, Remote};

/// An indicator this old is worth a word: nothing may have been collected since.
const FRESH: SignedDuration = SignedDuration::from_hours(24);
/// So far may the clock of a peer be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// A peer to be staged.
pub(super) struct Peer<'a> {
    pub(super) name: &'a str,
    pub(super) ignore_failures: Option<IgnoreFailures>,
    collect_dir: &'a Path,
    /// How it is reached, if it is another machine.
    remote: Option<Remote>,
}

impl<'a> Peer<'a> {
    /// Local peers first, as with the original.
    pub(super) fn all(peers: &'a PeerList, options: &Options, identity: &Identity) -> Vec<Self> {
        let new = |name: &'a Located<String>, collect_dir: &'a Path, ignore_failures, remote| Self {
            name,
            ignore_failures,
            collect_dir,
            remote,
        };
        let local =
            peers.local.iter().map(|peer| new(&peer.name, &peer.collect_dir, peer.ignore_failures, None));
        let remote = peers.remote.iter().map(|peer| {
            let remote = Remote::new(peer, options, identity);
            new(&peer.name, &peer.collect_dir, peer.ignore_failures, Some(remote))
        });
        local.chain(remote).collect()
    }

    /// The name for people.
    pub(super) fn shown(&self) -> String {
        escape::display(self.name).to_string()
    }
}

/// What came of an attempt, whether it succeeded or not.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) omissions: Vec<Omission>,
    /// Why the peer does not know that it was picked up.
    pub(super) untold: Option<String>,
}

/// What a peer has announced.
struct Announced {
    content: Vec<u8>,
    says: Option<Indicator>,
    /// When it collected, as far as that is known.
    time: Option<Timestamp>,
}

impl Announced {
    fn new(content: Vec<u8>, file_time: Option<Timestamp>) -> Self {
        let says = Indicator::parse(&content);
        let time = says.as_ref().and_then(|indicator| indicator.time.parse().ok()).or(file_time);
        Self { content, says, time }
    }
}

impl Stage<'_> {
    /// Stages a peer, or tries to. `is_first` says whether it was not tried before in this run.
    pub(super) fn peer(
        &self,
        (peer, number): (&Peer<'_>, usize),
        target: &Directory,
        is_first: bool,
        watch: Watch<'_>,
        tally: &mut Tally,
    ) -> Result<(), PeerError> {
        watch.check()?;
        match &peer.remote {
            None => self.local_peer(peer, target, watch, tally),
            Some(remote) => {
                let from = (remote, peer.collect_dir);
                let fetch = Fetch::prepare(from, (&self.day, number), self.owner, watch, self.system)?;
                self.remote_peer(peer, &fetch, target, is_first, watch, tally)
            }
        }
    }

    fn local_peer(
        &self,
        peer: &Peer<'_>,
        target: &Directory,
        watch: Watch<'_>,
        tally: &mut Tally,
    ) -> Result<(), PeerError> {
        let source = match Directory::open(peer.collect_dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(PeerError::NotCollected),
            opened => opened?,
        };
        let content = read_indicator(&source)?.ok_or(PeerError::NotCollected)?;
        let status = source.status(OsStr::new(indicator::COLLECT))?;
        let file_time = status.and_then(|status| Timestamp::from_second(status.st_mtime).ok());
        let announced = Announced::new(content, file_time);
        if let Some(stale) = self.stale(peer, &announced) {
            let told = Indicator::read(&source, indicator::STAGE)?;
            if told.map(|told| told.run) != announced.says.as_ref().map(|says| says.run.clone()) {
                self.write_indicator(&source, &announced.content)?;
            }
            return Err(stale);
        }
        checkpoint::reach("stage-before-copy");
        let taken = take::directory(&source, target, &self.taking(Method::Copy, watch))?;
        self.check_taken(peer, taken, &announced, tally)?;
        if read_indicator(&source)?.as_ref() != Some(&announced.content) {
            return Err(PeerError::Overtaken);
        }
        self.complete(target, &announced, tally)?;
        let told = self.write_indicator(&source, &announced.content).map_err(PeerError::from);
        self.check_told(peer, told, tally)
    }

    fn remote_peer(
        &self,
        peer: &Peer<'_>,
        fetch: &Fetch<'_>,
        target: &Directory,
        is_first: bool,
        watch: Watch<'_>,
        tally: &mut Tally,
    ) -> Result<(), PeerError> {
        let announced = Announced::new(fetch.indicator()?, None);
        if let Some(stale) = self.stale(peer, &announced) {
            // Whether it knows cannot be asked. It is told once, even if it is waited for.
            if is_first && let Err(error) = fetch.acknowledge(&announced.content) {
                self.untold(peer, &error);
            }
            return Err(stale);
        }
        checkpoint::reach("stage-before-copy");
        let (source, left_out) = fetch.files()?;
        match fetch.indicator() {
            Ok(again) if again == announced.content => {}
            Ok(_) | Err(PeerError::NotCollected) => return Err(PeerError::Overtaken),
            Err(error) => return Err(error),
        }
        tally.omissions = left_out;
        let fetched_by = self.owner.map(|owner| owner.uid);
        let method = Method::Adopt { fetched_by, is_ours: announced.says.is_some() };
        let taken = take::directory(source, target, &self.taking(method, watch))?;
        self.check_taken(peer, taken, &announced, tally)?;
        self.complete(target, &announced, tally)?;
        self.check_told(peer, fetch.acknowledge(&announced.content), tally)
    }

    /// A peer that could not be told is staged all the same.
    fn check_told(
        &self,
        peer: &Peer<'_>,
        told: Result<(), PeerError>,
        tally: &mut Tally,
    ) -> Result<(), PeerError> {
        match told {
            Err(error @ PeerError::Stop(Stop::Interrupted(_))) => return Err(error),
            Err(error) => tally.untold = Some(self.untold(peer, &error)),
            Ok(()) => {}
        }
        checkpoint::reach("stage-after-acknowledge");
        Ok(())
    }

    fn taking<'a>(&'a self, method: Method, watch: Watch<'a>) -> Taking<'a> {
        Taking { method, owner: self.owner, watch, system: self.system, progress: &self.progress }
    }

    /// Tells that a peer could not be told, and why.
    fn untold(&self, peer: &Peer<'_>, error: &PeerError) -> String {
        let message = format!("it could not be told that it was picked up: {error}");
        self.system.monitor.error(format!("Peer [{}]: {message}", peer.shown()));
        message
    }

    /// Whether what the peer announces was staged on an earlier day. What is odd about its time is told.
    fn stale(&self, peer: &Peer<'_>, announced: &Announced) -> Option<PeerError> {
        let monitor = &self.system.monitor;
        let (shown, now) = (peer.shown(), self.system.clock.now());
        if let Some(says) = &announced.says
            && let Some(day) = self.history.day_of_run(peer.name, &says.run)
        {
            let zoned = announced.time.map(|time| time.to_zoned(now.time_zone().clone()));
            let since = zoned.map_or(says.time.clone(), |time| time.strftime("%Y-%m-%d %H:%M").to_string());
            return Some(PeerError::NotSince { since, day });
        }
        let age = now.timestamp().duration_since(announced.time?);
        if age > FRESH {
            monitor.warning(format!("Peer [{shown}] collected {} hours ago and not since.", age.as_hours()));
        } else if announced.says.is_some() && -age > AHEAD {
            monitor.warning(format!(
                "Peer [{shown}] says that it collected at a time {} minutes from now: one of the clocks is wrong.",
                (-age).as_mins()
            ));
        }
        None
    }

    /// Counts what was taken. Everything must have been.
    fn check_taken(
        &self,
        peer: &Peer<'_>,
        taken: Taken,
        announced: &Announced,
        tally: &mut Tally,
    ) -> Result<(), PeerError> {
        checkpoint::reach("stage-after-copy");
        tally.files += taken.files;
        tally.bytes += taken.bytes;
        tally.omissions.extend(taken.skipped);
        if !taken.failures.is_empty() {
            return Err(PeerError::Files(taken.failures));
        }
        // An empty indicator does not say whether the peer has collected since.
        if announced.says.is_none()
            && let Some(day) = self.history.same_as(peer.name, &taken.checksums)
        {
            self.system.monitor.warning(format!(
                "Peer [{}]: everything is the same as on {day}. It may not have collected since.",
                peer.shown()
            ));
        }
        Ok(())
    }

    /// Marks the peer's directory of the day as complete.
    fn complete(
        &self,
        target: &Directory,
        announced: &Announced,
        tally: &mut Tally,
    ) -> Result<(), PeerError> {
        write_file(target, indicator::COLLECT, &announced.content, self.owner)?;
        tally.files += 1;
        checkpoint::reach("stage-before-acknowledge");
        Ok(())
    }
}

fn read_indicator(directory: &Directory) -> io::Result<Option<Vec<u8>>> {
    let name = OsStr::new(indicator::COLLECT);
    if directory.status(name)?.is_none() {
        return Ok(None);
    }
    let mut content = Vec::new();
    directory.open_file(name)?.take(indicator::LONGEST).read_to_end(&mut content)?;
    Ok(Some(content))
}
