//! Running a program and owning its life: own process group, time limit, interrupt, always waited for.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bstr::ByteSlice;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Gid, Pid, Uid};
use rustix::event::{PollFd, PollFlags, poll};

use super::{Command, CommandError, Finished, Runner};
use crate::account::Account;
use crate::interrupt::Interrupt;
use crate::{Environment, Monitor};

/// How many lines of a child's output are kept for error messages.
const TAIL_LINES: usize = 10;
const BUFFER: usize = 1 << 16;
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
        self.start(command, None)
    }

    fn stream(&self, command: &Command, output: &mut dyn Write) -> Result<Finished, CommandError> {
        self.start(command, Some(output))
    }
}

impl OsRunner {
    /// Runs a command to its end, with stdout apart if there is an `output` for it.
    fn start(&self, command: &Command, output: Option<&mut dyn Write>) -> Result<Finished, CommandError> {
        self.interrupt.check()?;
        let io_error = |source| follow_error(command, source);
        let (messages, errors) = io::pipe().map_err(io_error)?;
        let (data, stdout) = match output {
            None => (None, errors.try_clone().map_err(io_error)?),
            Some(output) => {
                let (reader, writer) = io::pipe().map_err(io_error)?;
                (Some((reader, output)), writer)
            }
        };
        let mut child = match self.spawn(command, stdout, errors) {
            Ok(child) => child,
            Err(error) => return Ok(Finished { status: 256, tail: vec![error.to_string()] }),
        };
        let mut lines = Lines { monitor: &*self.monitor, line: Vec::new(), tail: VecDeque::new() };
        let followed = self.follow(command, messages, data, &mut lines);
        match followed.and_then(|()| self.wait(command, &mut child)) {
            Ok(status) => Ok(Finished { status: number(status), tail: lines.tail.into() }),
            Err(error) => {
                end(&mut child, command.asks).map_err(io_error)?;
                Err(error)
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    fn spawn(&self, command: &Command, output: io::PipeWriter, errors: io::PipeWriter) -> io::Result<Child> {
        let input = match &command.input {
            Some(path) => Stdio::from(fs_err::File::open(path)?.into_file()),
            None => Stdio::null(),
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

    /// Reads everything the child prints until it closes its output.
    fn follow(
        &self,
        command: &Command,
        mut messages: io::PipeReader,
        mut data: Option<(io::PipeReader, &mut dyn Write)>,
        lines: &mut Lines<'_>,
    ) -> Result<(), CommandError> {
        let io_error = |source| follow_error(command, source);
        let started = Instant::now();
        let mut buffer = vec![0; BUFFER];
        let mut more_messages = true;
        while more_messages || data.is_some() {
            self.check(command, started)?;
            let readers = [more_messages.then_some(&messages), data.as_ref().map(|(reader, _)| reader)];
            let [has_message, has_data] = readable(readers).map_err(io_error)?;
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

/// Which of these has something to read, or has ended. Waits for a moment.
fn readable<const N: usize>(readers: [Option<&io::PipeReader>; N]) -> io::Result<[bool; N]> {
    let mut descriptors: Vec<_> =
        readers.iter().flatten().map(|reader| PollFd::new(*reader, PollFlags::IN)).collect();
    let timeout = rustix::event::Timespec::try_from(TICK).map_err(io::Error::other)?;
    match poll(&mut descriptors, Some(&timeout)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok([false; N]),
        Err(error) => return Err(error.into()),
    }
    let mut ready = descriptors.iter().map(|descriptor| !descriptor.revents().is_empty());
    Ok(readers.map(|reader| reader.is_some() && ready.next().unwrap_or(false)))
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
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(256)
}

/// Messages of a child, line by line.
struct Lines<'a> {
    monitor: &'a dyn Monitor,
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
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(self.line.to_str_lossy().into_owned());
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::RecordingMonitor;

    fn run(command: &Command) -> (Result<Finished, CommandError>, Arc<RecordingMonitor>) {
        let monitor = Arc::new(RecordingMonitor::default());
        let environment =
            Environment::from_pairs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "de_DE"), ("LANG", "de_DE")]);
        let runner = OsRunner::new(&environment, monitor.clone(), Interrupt::new());
        (runner.run(command), monitor)
    }

    #[test]
    fn output_arrives_line_by_line_and_the_status_is_the_programs_own() {
        let (finished, monitor) =
            run(&Command::new("sh").args(["-c", "echo a; echo b >&2; printf c; exit 3"]));
        let finished = finished.unwrap();
        assert_eq!(finished, Finished { status: 3, tail: vec!["a".into(), "b".into(), "c".into()] });
        assert_eq!(monitor.output_lines(), ["a", "b", "c"]);
    }

    #[test]
    fn a_signal_is_a_negative_status_and_a_missing_program_is_256() {
        assert_eq!(run(&Command::new("sh").args(["-c", "kill -9 $$"])).0.unwrap().status, -9);
        assert_eq!(run(&Command::new("/nonexistent")).0.unwrap().status, 256);
    }

    #[test]
    fn stdin_is_closed_and_the_environment_sanitised() {
        let (finished, monitor) = run(&Command::new("sh").args(["-c", "cat; echo $LANG-$LC_ALL-"]));
        assert!(finished.unwrap().success());
        assert_eq!(monitor.output_lines(), ["C--"]);
    }

    #[test]
    fn stdout_can_go_elsewhere_than_messages() {
        let monitor = Arc::new(RecordingMonitor::default());
        let runner = OsRunner::new(
            &Environment::from_pairs([("PATH", "/usr/bin:/bin")]),
            monitor.clone(),
            Interrupt::new(),
        );
        let command =
            Command::new("sh").args(["-c", "echo warned >&2; head -c 300000 /dev/zero; echo $X; cat"]);
        let input = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(input.path(), "input").unwrap();
        let mut output = Vec::new();
        let command = command.variable("X", "variable").input_from(input.path());
        let finished = runner.stream(&command, &mut output).unwrap();
        assert_eq!(finished, Finished { status: 0, tail: vec!["warned".into()] });
        assert_eq!(output.len(), 300_000 + "variable\ninput".len());
        assert!(output.ends_with(b"variable\ninput"));
        assert_eq!(monitor.output_lines(), ["warned"]);
    }

    #[test]
    fn a_program_whose_output_cannot_be_stored_is_ended() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let runner =
            OsRunner::new(&Environment::default(), Arc::new(RecordingMonitor::default()), Interrupt::new());
        let command = Command::new("/bin/sh").args(["-c", "echo data; sleep 600"]);
        let started = Instant::now();
        assert!(matches!(runner.stream(&command, &mut Full), Err(CommandError::Output { .. })));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn root_can_run_a_program_as_somebody_else_with_the_groups_of_that_user() {
        if !crate::account::is_root() {
            return;
        }
        let mut account = crate::account::account("nobody").unwrap();
        account.groups.push(8);
        let command = Command::new("sh").args(["-c", "id -u; id -g; id -G; echo $HOME $USER $LOGNAME"]);
        let (finished, monitor) = run(&command.run_as(Some(account.clone())));
        assert!(finished.unwrap().success());
        let expected = [
            account.owner.uid.to_string(),
            account.owner.gid.to_string(),
            format!("{} 8", account.owner.gid),
            format!("{} nobody nobody", account.home.display()),
        ];
        assert_eq!(monitor.output_lines(), expected);
    }

    #[test]
    fn a_program_that_may_ask_is_in_the_process_group_of_the_terminal_and_is_ended_alone() {
        let group = nix::unistd::getpgrp().to_string();
        let script = Command::new("sh").args(["-c", "cut -d ' ' -f 5 /proc/$$/stat"]);
        for (command, is_ours) in [(script.clone(), false), (script.may_ask(), true)] {
            let (finished, monitor) = run(&command);
            assert!(finished.unwrap().success());
            assert_eq!(monitor.output_lines()[0] == group, is_ours);
        }
        let command = Command::new("sleep").arg("600").may_ask().time_limit(Some(Duration::from_millis(200)));
        assert!(matches!(run(&command).0, Err(CommandError::TimedOut { .. })));
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended_with_its_children() {
        let mut command = Command::new("sh").args(["-c", "sleep 600 & sleep 600"]);
        command.timeout = Some(Duration::from_millis(200));
        let started = Instant::now();
        assert!(matches!(run(&command).0, Err(CommandError::TimedOut { .. })));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
