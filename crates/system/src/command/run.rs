//! Running a program and owning its life: own session, time limit, interrupt, always waited for.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Gid, Pid, Uid};
use rustix::event::{PollFd, PollFlags, poll};

use super::feed::{Feed, FeedError};
use super::lines::{Heard, Lines};
use super::{Command, CommandError, Executable, Finished, MemoryFile, Runner, Service, Stream};
use crate::account::Account;
use crate::interrupt::Interrupt;
use crate::{Environment, Monitor};

pub(super) const BUFFER: usize = 1 << 16;
/// Where confined programs look for others.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
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
        self.start(command, Streams { input: Some(input), heard: Some(heard), ..Streams::default() })
    }

    fn converse(
        &self,
        command: &Command,
        input: &mut dyn Read,
        heard: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Finished, CommandError> {
        let heard = RefCell::new(heard);
        let mut on_output = |line: &[u8]| heard.borrow_mut()(Stream::Output, line);
        let mut on_errors = |line: &[u8]| heard.borrow_mut()(Stream::Errors, line);
        let mut output = Lines::new(None, Some(&mut on_output));
        let streams = Streams {
            input: Some(input),
            output: Some(&mut output),
            heard: Some(&mut on_errors),
            is_private: true,
        };
        let finished = self.start(command, streams);
        output.finish();
        finished
    }

    fn serve(&self, command: &Command, log: &Path) -> io::Result<Service> {
        self.interrupt.check().map_err(io::Error::other)?;
        let log = fs_err::OpenOptions::new().append(true).create(true).open(log)?.into_file();
        let errors = log.try_clone()?;
        self.spawn(command, None, log, errors).map(Service::new)
    }
}

/// What a program is connected with, besides the monitor.
#[derive(Default)]
struct Streams<'a> {
    input: Option<&'a mut dyn Read>,
    output: Option<&'a mut dyn Write>,
    heard: Option<Heard<'a>>,
    /// Whether the monitor does not hear what the program prints.
    is_private: bool,
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
        let monitor = (!streams.is_private).then_some(&*self.monitor);
        let mut lines = Lines::new(monitor, streams.heard);
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
        output: impl Into<Stdio> + AsFd,
        errors: impl Into<Stdio>,
    ) -> io::Result<Child> {
        let input = match (input, &command.input) {
            (Some(pipe), _) => Stdio::from(pipe),
            (None, Some(path)) => Stdio::from(fs_err::File::open(path)?.into_file()),
            (None, None) => Stdio::null(),
        };
        if let Some(account) = &command.account {
            give(&output, account)?;
        }
        let mut child = match &command.executable {
            Some(executable) => std::process::Command::new(executable.descriptor()),
            None => std::process::Command::new(&command.program),
        };
        child
            .arg0(&command.program)
            .args(&command.arguments)
            .env_clear()
            .envs(self.environment_of(command))
            .envs(command.variables.iter().map(|(name, value)| (name, value)))
            .stdin(input)
            .stdout(output)
            .stderr(errors);
        if command.is_confined {
            child.current_dir("/");
        }
        prepare(&mut child, command);
        if let Some(account) = &command.account {
            become_account(&mut child, account);
        }
        child.spawn()
    }

    fn environment_of(&self, command: &Command) -> Vec<(&OsStr, &OsStr)> {
        if !command.is_confined {
            return self.environment.iter().collect();
        }
        let kept = ["HOME", "TZ"].map(|name| (name, self.environment.get(name)));
        let kept = kept.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let fixed = [("PATH", OsStr::new(PATH)), ("LANG", OsStr::new("C"))];
        fixed.into_iter().chain(kept).map(|(name, value)| (OsStr::new(name), value)).collect()
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
pub(super) fn end(child: &mut Child, is_in_our_group: bool) -> io::Result<()> {
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

/// Lets the child have a terminal and a process group of ours only if it may ask, keep to itself what it creates, and keep open
/// what it gets from us, before it becomes the program.
#[expect(unsafe_code, reason = "the standard library offers no way to do any of this in the child only")]
fn prepare(child: &mut std::process::Command, command: &Command) {
    let (asks, is_confined) = (command.asks, command.is_confined);
    let script = command.executable.as_ref().and_then(Executable::inherited);
    let file = command.file.as_ref().map(MemoryFile::inherited);
    let prepare = move || {
        if !asks {
            rustix::process::setsid()?;
        }
        if is_confined {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        }
        for open in script.iter().chain(&file) {
            rustix::io::fcntl_setfd(open, rustix::io::FdFlags::empty())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec, the closure makes system calls with values prepared before; it neither allocates nor
    // locks.
    unsafe { child.pre_exec(prepare) };
}

/// Lets another user open `/dev/stdout`, as a program does that can write to named files only.
fn give(output: &impl AsFd, account: &Account) -> io::Result<()> {
    let (uid, gid) =
        (rustix::fs::Uid::from_raw(account.owner.uid), rustix::fs::Gid::from_raw(account.owner.gid));
    Ok(rustix::fs::fchown(output, Some(uid), Some(gid))?)
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
        // Whoever can become root again has not given it up.
        if !uid.is_root() && nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec, the closure makes four system calls with values prepared before; it neither allocates
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

#[cfg(test)]
mod tests;
