//! Running a program and owning its life: own process group, time limit, interrupt, always waited for.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bstr::ByteSlice;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, poll};

use super::{Command, CommandError, Finished, Runner};
use crate::interrupt::Interrupt;
use crate::{Environment, Monitor};

/// How many lines of a child's output are kept for error messages.
const TAIL_LINES: usize = 10;
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
        self.interrupt.check()?;
        let io_error =
            |source| CommandError::Io { program: command.program.to_string_lossy().into_owned(), source };
        let (reader, writer) = io::pipe().map_err(io_error)?;
        let spawned = self.spawn(command, writer);
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                return Ok(Finished { status: 256, tail: vec![error.to_string()] });
            }
        };
        let mut tail = Tail::default();
        let followed = self.follow(command, reader, &mut tail);
        let status = match followed {
            Ok(()) => self.wait(command, &mut child),
            Err(error) => Err(error),
        };
        match status {
            Ok(status) => Ok(Finished { status: number(status), tail: tail.lines.into() }),
            Err(error) => {
                end(&mut child).map_err(io_error)?;
                Err(error)
            }
        }
    }
}

impl OsRunner {
    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    fn spawn(&self, command: &Command, output: io::PipeWriter) -> io::Result<Child> {
        let errors = output.try_clone()?;
        std::process::Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .envs(self.environment.iter())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
    }

    /// Reads everything the child prints until it closes its output.
    fn follow(
        &self,
        command: &Command,
        mut reader: io::PipeReader,
        tail: &mut Tail,
    ) -> Result<(), CommandError> {
        let started = Instant::now();
        let mut line = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            self.check(command, started)?;
            if !readable(&reader).map_err(|source| follow_error(command, source))? {
                continue;
            }
            let count = reader.read(&mut buffer).map_err(|source| follow_error(command, source))?;
            if count == 0 {
                if !line.is_empty() {
                    self.line(&line, tail);
                }
                return Ok(());
            }
            for part in buffer[..count].lines_with_terminator() {
                line.extend_from_slice(part);
                if line.last() == Some(&b'\n') {
                    line.pop();
                    self.line(&line, tail);
                    line.clear();
                }
            }
        }
    }

    fn line(&self, line: &[u8], tail: &mut Tail) {
        self.monitor.output(line);
        tail.push(line.to_str_lossy().into_owned());
    }

    fn check(&self, command: &Command, started: Instant) -> Result<(), CommandError> {
        self.interrupt.check()?;
        match command.timeout {
            Some(limit) if started.elapsed() > limit => {
                Err(CommandError::TimedOut { program: command.program.to_string_lossy().into_owned(), limit })
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

/// Ends a child and what it started: gently, then hard; and reaps it.
fn end(child: &mut Child) -> io::Result<()> {
    let group = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    for (signal, patience) in [(Signal::SIGTERM, GRACE), (Signal::SIGKILL, GRACE)] {
        match killpg(group, signal) {
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

fn readable(reader: &io::PipeReader) -> io::Result<bool> {
    let mut descriptors = [PollFd::new(reader, PollFlags::IN)];
    let timeout = rustix::event::Timespec::try_from(TICK).map_err(io::Error::other)?;
    match poll(&mut descriptors, Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn follow_error(command: &Command, source: io::Error) -> CommandError {
    CommandError::Io { program: command.program.to_string_lossy().into_owned(), source }
}

fn number(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(256)
}

#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
}

impl Tail {
    fn push(&mut self, line: String) {
        if self.lines.len() == TAIL_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
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
    fn a_program_that_takes_too_long_is_ended_with_its_children() {
        let mut command = Command::new("sh").args(["-c", "sleep 600 & sleep 600"]);
        command.timeout = Some(Duration::from_millis(200));
        let started = Instant::now();
        assert!(matches!(run(&command).0, Err(CommandError::TimedOut { .. })));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
