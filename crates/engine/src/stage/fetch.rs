//! Fetching what a remote peer has collected, with the copy command of the configuration.
//!
//! The files come into a directory beside the peer's in the day, which belongs to whoever runs that command. Before anything in
//! there is looked at it is taken away from that user.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use redcedar_system::command::{Command, Finished};
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use redcedar_system::{Owner, System, account, checkpoint, escape};

use super::answer::{self, Trouble};
use super::error::PeerError;
use super::watch::Watch;
use crate::indicator;
use crate::outcome::{Omission, OmissionKind};
use crate::remote::Remote;
use crate::run::log_command;

/// The mode of the directory that files are fetched into.
const PRIVATE: u32 = 0o700;

/// The name of the connection, beside the indicators.
const CONNECTION: &str = "connection";
/// How long closing it may take.
const HANGING_UP: Duration = Duration::from_secs(5);

/// A place for what is fetched. It goes away with the value; what a killed run left, the next one removes.
struct Room<'a> {
    day: &'a Directory,
    name: OsString,
    /// Where indicators come and go.
    directory: Directory,
    /// Where the files go.
    files: Directory,
}

impl<'a> Room<'a> {
    fn new(day: &'a Directory, number: usize, owner: Option<Owner>) -> io::Result<Self> {
        // When a run was killed, its copy commands may still be at work: they must not find a place of that name again.
        let name = OsString::from(format!("{TEMPORARY_PREFIX}fetch-{}-{number}", std::process::id()));
        day.remove_all(&name)?;
        let directory = new_directory(day, &name, owner)?;
        let files = new_directory(&directory, OsStr::new("files"), owner)?;
        Ok(Self { day, name, directory, files })
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        // Nobody can be told here; it is recognisable by its name and removed by the next run.
        let _ignored = self.day.remove_all(&self.name);
    }
}

/// A directory that was not there, and that nobody has put there meanwhile.
fn new_directory(parent: &Directory, name: &OsStr, owner: Option<Owner>) -> io::Result<Directory> {
    match parent.create_directory(name, PRIVATE, owner)? {
        (directory, true) => Ok(directory),
        (directory, false) => {
            let path = escape::display(directory.path()).to_string();
            Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{path} appeared just now")))
        }
    }
}

/// One attempt to fetch from a peer.
pub(super) struct Fetch<'a> {
    /// The peer, on one connection for the whole attempt.
    remote: Remote,
    collect_dir: &'a Path,
    room: Room<'a>,
    owner: Option<Owner>,
    watch: Watch<'a>,
    system: &'a System,
}

impl<'a> Fetch<'a> {
    /// Makes room in `day`; `number` tells this peer from those fetched at the same time. `owner` is who copies.
    pub(super) fn prepare(
        (remote, collect_dir): (&'a Remote, &'a Path),
        (day, number): (&'a Directory, usize),
        owner: Option<Owner>,
        watch: Watch<'a>,
        system: &'a System,
    ) -> io::Result<Self> {
        let room = Room::new(day, number, owner)?;
        let remote = remote.sharing(&room.directory.path().join(CONNECTION));
        Ok(Self { remote, collect_dir, room, owner, watch, system })
    }

    /// What the collect indicator of the peer says.
    pub(super) fn indicator(&self) -> Result<Vec<u8>, PeerError> {
        let name = OsStr::new(indicator::COLLECT);
        self.room.directory.remove_all(name)?;
        let target = self.room.directory.path().join(name);
        let finished = self.run(self.remote.fetch_indicator(self.collect_dir, &target))?;
        if !finished.success() {
            return Err(match answer::trouble(&finished, indicator::COLLECT) {
                Trouble::Missing => PeerError::NotCollected,
                Trouble::Connection => PeerError::Unreachable(answer::describe(&finished)),
                Trouble::Other => PeerError::Unasked(answer::describe(&finished)),
            });
        }
        if self.room.directory.status(name)?.is_none() {
            let message = "the copy command ended well and copied nothing".to_owned();
            return Err(PeerError::Unasked(message));
        }
        let mut content = Vec::new();
        self.room.directory.open_file(name)?.take(indicator::LONGEST).read_to_end(&mut content)?;
        Ok(content)
    }

    /// Fetches everything that is collected there; returns where it is and what the copy command left out.
    pub(super) fn files(&self) -> Result<(&Directory, Vec<Omission>), PeerError> {
        let target = &self.room.files;
        let finished = self.run(self.remote.fetch_files(self.collect_dir, target.path()))?;
        if self.owner.is_some() {
            target.set_owner_and_mode(Some(account::current()), PRIVATE)?;
        }
        checkpoint::reach("stage-after-fetch");
        let left_out = match answer::left_out(&finished) {
            _ if finished.success() => &[],
            Some(left_out) => left_out,
            None => {
                let may_pass = answer::trouble(&finished, indicator::COLLECT) == Trouble::Connection;
                return Err(PeerError::Fetch { why: answer::describe(&finished), may_pass });
            }
        };
        if target.names()?.is_empty() {
            let why = "the copy command ended well and copied nothing".to_owned();
            return Err(PeerError::Fetch { why, may_pass: false });
        }
        Ok((target, left_out.iter().map(|line| self.omission(line)).collect()))
    }

    fn omission(&self, line: &str) -> Omission {
        let line = escape::display_bytes(line.trim().as_bytes()).to_string();
        let kind =
            if line.ends_with("regular file") { OmissionKind::Skipped } else { OmissionKind::Vanished };
        let detail = format!("something is not staged: {line}.");
        Omission { path: self.collect_dir.to_owned(), kind, detail }
    }

    /// Tells the peer what was picked up, in one of the ways in which that can be said.
    pub(super) fn acknowledge(&self, content: &[u8]) -> Result<(), PeerError> {
        let mut pending = self.room.directory.create_file(OsStr::new(indicator::STAGE))?;
        pending.write_all(content)?;
        pending.publish(super::MODE, self.owner)?;
        let source = self.room.directory.path().join(indicator::STAGE);
        let mut ends = Vec::new();
        for command in self.remote.push_indicator(&source, self.collect_dir) {
            let finished = self.run(command)?;
            if finished.success() {
                return Ok(());
            }
            ends.push(answer::describe(&finished));
        }
        Err(PeerError::Unasked(ends.join(", and ")))
    }

    fn run(&self, command: Command) -> Result<Finished, PeerError> {
        self.watch.check()?;
        let command = command.time_limit(Some(self.watch.left()));
        log_command(&command, self.system);
        let ended = self.system.runner.run(&command);
        ended.map_err(|error| PeerError::of_command(error, &self.watch))
    }
}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        let is_connected =
            self.room.directory.status(OsStr::new(CONNECTION)).is_ok_and(|status| status.is_some());
        if is_connected && let Some(command) = self.remote.hang_up() {
            log_command(&command, self.system);
            // If it cannot be closed, it closes itself.
            let _ignored = self.system.runner.run(&command.time_limit(Some(HANGING_UP)));
        }
    }
}
