//! Running scripts where generations are, on a machine that is reached by `ssh`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Duration;

use redcedar_system::command::{Command, CommandError, Finished, Limited};
use redcedar_system::fs::Scratch;
use redcedar_system::{System, escape};

use super::TransferError;
use crate::config::Remote;

/// Printed before an answer: what a login prints by itself comes earlier.
const ANSWER: &str = "redcedar-answer";
/// More than this is no answer to a question of ours.
const LONGEST_ANSWER: usize = 1 << 24;
/// How long the shared connection waits for the next command, in seconds.
const PATIENCE: u32 = 10;
/// Sockets have short names, and OpenSSH makes the connection under a longer one before it takes its own.
const LONGEST_SOCKET: usize = 88;
/// By which name the host is known to its configured keys.
const ALIAS: &str = "redcedar-destination";

/// Where generations are, as long as it lives with one connection for everything.
pub(super) struct Far<'a> {
    remote: &'a Remote,
    /// Holds the socket of the connection, and the keys that the host may have.
    scratch: Scratch,
    system: &'a System,
}

impl<'a> Far<'a> {
    pub(super) fn new(remote: &'a Remote, system: &'a System) -> io::Result<Self> {
        let scratch = Scratch::new(None)?;
        if !remote.host_keys.is_empty() {
            let lines = remote.host_keys.iter().map(|key| format!("{ALIAS} {key}\n"));
            scratch.file("known_hosts", lines.collect::<String>().as_bytes())?;
        }
        Ok(Self { remote, scratch, system })
    }

    /// The machine.
    pub(super) fn remote(&self) -> &'a Remote {
        self.remote
    }

    /// Runs a script with arguments, which never become part of it. It must be one line: not every login shell can quote a
    /// line break.
    pub(super) fn command<A: AsRef<OsStr>>(&self, script: &str, arguments: &[A]) -> Command {
        let arguments = arguments.iter().map(AsRef::as_ref);
        let words = ["sh", "-c", script, "sh"].map(OsStr::new).into_iter().chain(arguments);
        let mut line = Vec::from(b"exec");
        for word in words {
            line.push(b' ');
            line.extend(quoted(word.as_bytes(), b'\'', br"'\''"));
        }
        self.ssh().arg("--").arg(&self.remote.host).arg(OsString::from_vec(line))
    }

    /// Runs a script and returns the lines that it prints.
    pub(super) fn ask<A: AsRef<OsStr>>(
        &self,
        intent: &'static str,
        script: &str,
        arguments: &[A],
        limit: Option<Duration>,
    ) -> Result<Vec<OsString>, TransferError> {
        let script = format!("echo {ANSWER}; {script}");
        let command = self.command(&script, arguments).time_limit(limit);
        let mut answer = Limited::new(LONGEST_ANSWER);
        let finished =
            self.system.runner.stream(&command, &mut answer).map_err(|error| lost(intent, error))?;
        if !finished.success() {
            return Err(self.failed(intent, &finished));
        }
        let answer = answer.into_bytes();
        let mut lines = answer.split(|byte| *byte == b'\n').skip_while(|line| *line != ANSWER.as_bytes());
        lines.next();
        Ok(lines.filter(|line| !line.is_empty()).map(|line| OsString::from_vec(line.to_owned())).collect())
    }

    /// What a command that did not succeed means.
    pub(super) fn failed(&self, intent: &'static str, finished: &Finished) -> TransferError {
        let said = finished.explain(if finished.status == 255 { "ssh" } else { "the shell" });
        let says = |text| finished.tail.iter().any(|line| line.contains(text));
        let hint = if says("Host key verification failed") {
            "; its key must be in a file of known hosts, or be configured as `host_key`"
        } else if says("Permission denied (") {
            "; a key or an agent must let us in without a question"
        } else {
            ""
        };
        let place = self.place();
        TransferError::Far { intent, place, reason: format!("{said}{hint}") }
    }

    /// Where that is, for people.
    pub(super) fn place(&self) -> String {
        escape::display(&self.remote.host).to_string()
    }

    /// `ssh` with everything but the host.
    fn ssh(&self) -> Command {
        let words = self.ssh_words();
        let (program, arguments) =
            words.split_first().map_or(("ssh", &[][..]), |(first, rest)| (first, rest));
        Command::new(program).args(arguments)
    }

    /// For `--rsh`: words in quotes where rsync would take them apart.
    pub(super) fn rsh(&self) -> OsString {
        let words = self.ssh_words().into_iter().map(|word| {
            let is_plain = word.bytes().all(is_plain);
            if is_plain { word.into_bytes() } else { quoted(word.as_bytes(), b'\'', b"''") }
        });
        OsString::from_vec(words.collect::<Vec<_>>().join(&b' '))
    }

    fn ssh_words(&self) -> Vec<String> {
        let remote = self.remote;
        let mut words = remote.ssh.clone();
        words.extend(["-p".to_owned(), remote.port.to_string(), "-l".to_owned(), remote.user.clone()]);
        if let Some(key) = &remote.key {
            words.extend(["-i".to_owned(), key.to_string_lossy().into_owned()]);
        }
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            "ConnectTimeout=30".to_owned(),
            "ServerAliveInterval=30".to_owned(),
            "ServerAliveCountMax=4".to_owned(),
        ];
        if let Some(socket) = self.socket() {
            options.extend([
                "ControlMaster=auto".to_owned(),
                format!("ControlPath={socket}"),
                format!("ControlPersist={PATIENCE}"),
            ]);
        }
        if !remote.host_keys.is_empty() {
            options.extend([
                format!("UserKnownHostsFile={}", self.scratch.path().join("known_hosts").display()),
                "GlobalKnownHostsFile=none".to_owned(),
                format!("HostKeyAlias={ALIAS}"),
            ]);
        }
        words.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option]));
        words
    }

    /// Where the connection is shared. None where OpenSSH could not use the path: then each command connects by itself.
    fn socket(&self) -> Option<String> {
        let socket = self.scratch.path().join("ssh").to_str()?.to_owned();
        (socket.len() <= LONGEST_SOCKET && socket.bytes().all(is_plain)).then_some(socket)
    }
}

impl Drop for Far<'_> {
    fn drop(&mut self) {
        if self.socket().is_some_and(|socket| Path::new(&socket).exists()) {
            let command = self.ssh().args(["-q", "-O", "exit", "--"]).arg(&self.remote.host);
            // It would end by itself a little later.
            let _ended_later = self.system.runner.stream(&command, &mut io::sink());
        }
    }
}

/// Why the end of a command is not known.
pub(super) fn lost(intent: &'static str, error: CommandError) -> TransferError {
    match error {
        CommandError::Interrupted(interrupted) => interrupted.into(),
        source => TransferError::Lost { intent, source },
    }
}

/// Whether a byte means nothing to rsync or ssh.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+,:=@".contains(&byte)
}

/// A word in quotes, with another text for each quote that is in it.
fn quoted(word: &[u8], quote: u8, escaped: &[u8]) -> Vec<u8> {
    let mut text = vec![quote];
    for byte in word {
        if *byte == quote {
            text.extend_from_slice(escaped);
        } else {
            text.push(*byte);
        }
    }
    text.push(quote);
    text
}
