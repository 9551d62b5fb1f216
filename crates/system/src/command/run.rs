//! Running a program and owning its life: own process group, time limit, interrupt, always waited for.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bstr::ByteSlice;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Gid, Pid, Uid};
use rustix::event::{PollFd, PollFlags, poll};

use super::feed::{Feed, FeedError};
use super::{Command, CommandError, Finished, Runner};
use crate::account::Account;
use crate::interrupt::Interrupt;
use crate::{Environment, Monitor};

/// How many lines of a child's output are kept for error messages.
const TAIL_LINES: usize = 10;
pub(super) const BUFFER: usize = 1 << 16;
/// How often the interrupt and the time limit are looked at while the child is silent.
const TICK: Duration = Duration::from_millis(100);
/// How long a child may take to end after SIGTERM before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Starts real programs.
pub struct OsRunner {
    environment: Environment,
    monitor: Arc<dyn Monitor>,
    interrupt: Interrupt,
}

impl OsRunner {
    /// A runner whose children get the sanitised form of `environment`.
    pub fn new(environment: &Environment, monitor: Arc<dyn Monitor>, interrupt: Interrupt) -> Self {
        Self { environment: environment.sanitised(), monitor, interrupt }
    }
}

impl Runner for OsRunner {
    fn run(&self, command: &Command) -> Result<Finished, CommandError> {
        self.start(command, Streams::default())
    }

    fn stream(&self, command: &Command, output: &mut dyn Write) -> Result<Finished, CommandError> {
        self.start(command, Streams { output: Some(output), ..Streams::default() })
    }

    fn feed(
        &self,
        command: &Command,
        input: &mut dyn Read,
        heard: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, CommandError> {
        self.start(command, Streams { input: Some(input), output: None, heard: Some(heard) })
    }
}

/// Who hears what a program prints, line by line.
type Heard<'a> = &'a mut dyn FnMut(&[u8]);

/// What a program is connected with, besides the monitor.
#[derive(Default)]
struct Streams<'a> {
    input: Option<&'a mut dyn Read>,
    output: Option<&'a mut dyn Write>,
    heard: Option<Heard<'a>>,
}

impl OsRunner {
    /// Runs a command to its end, with stdout apart if there is an output for it.
    fn start<'a>(&'a self, command: &Command, streams: Streams<'a>) -> Result<Finished, CommandError> {
        self.interrupt.check()?;
        let io_error = |source| follow_error(command, source);
        let (messages, errors) = io::pipe().map_err(io_error)?;
        let (data, stdout) = match streams.output {
            None => (None, errors.try_clone().map_err(io_error)?),
            Some(output) => {
                let (reader, writer) = io::pipe().map_err(io_error)?;
                (Some((reader, output)), writer)
            }
        };
        let (mut feed, stdin) = match streams.input {
            None => (None, None),
            Some(input) => {
                let (reader, writer) = io::pipe().map_err(io_error)?;
                (Some(Feed::new(input, writer).map_err(io_error)?), Some(reader))
            }
        };
        let mut child = match self.spawn(command, stdin, stdout, errors) {
            Ok(child) => child,
            Err(error) => return Ok(Finished { status: super::NOT_STARTED, tail: vec![error.to_string()] }),
        };
        let mut lines =
            Lines { monitor: &*self.monitor, heard: streams.heard, line: Vec::new(), tail: VecDeque::new() };
        let followed = self.follow(command, messages, data, feed.as_mut(), &mut lines);
        match followed.and_then(|()| self.wait(command, &mut child)) {
            Ok(status) => Ok(Finished { status: number(status), tail: lines.tail.into() }),
            Err(error) => {
                end(&mut child, command.asks).map_err(io_error)?;
                // Only now: the end of its input could make the program believe that this was all.
                drop(feed);
                Err(error)
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    fn spawn(
        &self,
        command: &Command,
        input: Option<io::PipeReader>,
        output: io::PipeWriter,
        errors: io::PipeWriter,
    ) -> io::Result<Child> {
        let input = match (input, &command.input) {
            (Some(pipe), _) => Stdio::from(pipe),
            (None, Some(path)) => Stdio::from(fs_err::File::open(path)?.into_file()),
            (None, None) => Stdio::null(),
        };
        let mut child = std::process::Command::new(&command.program);
        child
            .args(&command.arguments)
            .env_clear()
            .envs(self.environment.iter())
            .envs(command.variables.iter().map(|(name, value)| (name, value)))
            .stdin(input)
            .stdout(output)
            .stderr(errors);
        if !command.asks {
            child.process_group(0);
        }
        if let Some(account) = &command.account {
            become_account(&mut child, account);
        }
        child.spawn()
    }

    /// Feeds the child, and reads everything it prints until it closes its output.
    fn follow(
        &self,
        command: &Command,
        mut messages: io::PipeReader,
        mut data: Option<(io::PipeReader, &mut dyn Write)>,
        mut feed: Option<&mut Feed<'_>>,
        lines: &mut Lines<'_>,
    ) -> Result<(), CommandError> {
        let io_error = |source| follow_error(command, source);
        let started = Instant::now();
        let mut buffer = vec![0; BUFFER];
        let mut more_messages = true;
        loop {
            self.check(command, started)?;
            let pipe = feed.as_ref().and_then(|feed| feed.pipe());
            if !more_messages && data.is_none() && pipe.is_none() {
                break;
            }
            let [has_message, has_data, takes_more] = ready([
                more_messages.then(|| (messages.as_fd(), PollFlags::IN)),
                data.as_ref().map(|(reader, _)| (reader.as_fd(), PollFlags::IN)),
                pipe.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::OUT)),
            ])
            .map_err(io_error)?;
            drop(pipe);
            if has_message {
                let count = messages.read(&mut buffer).map_err(io_error)?;
                lines.push(&buffer[..count]);
                more_messages = count > 0;
            }
            if let (true, Some((reader, output))) = (has_data, &mut data) {
                let count = reader.read(&mut buffer).map_err(io_error)?;
                output
                    .write_all(&buffer[..count])
                    .map_err(|source| CommandError::Output { program: program(command), source })?;
                if count == 0 {
                    data = None;
                }
            }
            if let (true, Some(feed)) = (takes_more, &mut feed) {
                feed.write().map_err(|error| match error {
                    FeedError::Input(source) => CommandError::Input { program: program(command), source },
                    FeedError::Pipe(source) => follow_error(command, source),
                })?;
            }
        }
        lines.finish();
        Ok(())
    }

    fn check(&self, command: &Command, started: Instant) -> Result<(), CommandError> {
        self.interrupt.check()?;
        match command.timeout {
            Some(limit) if started.elapsed() > limit => {
                Err(CommandError::TimedOut { program: program(command), limit })
            }
            _ => Ok(()),
        }
    }

    /// Waits for a child that has closed its output, which need not mean that it has ended.
    fn wait(&self, command: &Command, child: &mut Child) -> Result<ExitStatus, CommandError> {
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(|source| follow_error(command, source))? {
                return Ok(status);
            }
            self.check(command, started)?;
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Ends a child and, unless it is in our own process group, what it started: gently, then hard; and reaps it.
fn end(child: &mut Child, is_in_our_group: bool) -> io::Result<()> {
    let id = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    for (signal, patience) in [(Signal::SIGTERM, GRACE), (Signal::SIGKILL, GRACE)] {
        match if is_in_our_group { kill(id, signal) } else { killpg(id, signal) } {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
        let started = Instant::now();
        while started.elapsed() < patience {
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    child.wait().map(drop)
}

/// Which of these is ready for what is wanted of it, or has ended. Waits for a moment.
fn ready<const N: usize>(wanted: [Option<(BorrowedFd<'_>, PollFlags)>; N]) -> io::Result<[bool; N]> {
    let mut descriptors: Vec<_> = wanted
        .iter()
        .flatten()
        .map(|(descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags))
        .collect();
    let timeout = rustix::event::Timespec::try_from(TICK).map_err(io::Error::other)?;
    match poll(&mut descriptors, Some(&timeout)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok([false; N]),
        Err(error) => return Err(error.into()),
    }
    let mut ready = descriptors.iter().map(|descriptor| !descriptor.revents().is_empty());
    Ok(wanted.map(|wanted| wanted.is_some() && ready.next().unwrap_or(false)))
}

/// Lets the child give up root before it becomes the program.
#[expect(unsafe_code, reason = "the standard library offers no way to set the groups of a child")]
fn become_account(child: &mut std::process::Command, account: &Account) {
    let groups: Vec<Gid> = account.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    let (uid, gid) = (Uid::from_raw(account.owner.uid), Gid::from_raw(account.owner.gid));
    child.env("HOME", &account.home).env("USER", &account.name).env("LOGNAME", &account.name);
    let become_it = move || {
        nix::unistd::setgroups(&groups)?;
        nix::unistd::setgid(gid)?;
        nix::unistd::setuid(uid)?;
        Ok(())
    };
    // SAFETY: between fork and exec, the closure makes three system calls with values prepared before; it neither allocates
    // nor locks.
    unsafe { child.pre_exec(become_it) };
}

fn program(command: &Command) -> String {
    command.program.to_string_lossy().into_owned()
}

fn follow_error(command: &Command, source: io::Error) -> CommandError {
    CommandError::Io { program: program(command), source }
}

fn number(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(super::NOT_STARTED)
}

/// Messages of a child, line by line.
struct Lines<'a> {
    monitor: &'a dyn Monitor,
    /// Who hears them as well.
    heard: Option<Heard<'a>>,
    /// What has come of the current line.
    line: Vec<u8>,
    tail: VecDeque<String>,
}

impl Lines<'_> {
    fn push(&mut self, bytes: &[u8]) {
        for part in bytes.lines_with_terminator() {
            self.line.extend_from_slice(part);
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
                self.end_line();
            }
        }
    }

    fn finish(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        self.monitor.output(&self.line);
        if let Some(heard) = &mut self.heard {
            heard(&self.line);
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(self.line.to_str_lossy().into_owned());
        self.line.clear();
    }
}

#[cfg(test)]
mod tests;
