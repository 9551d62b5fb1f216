//! Starting the programs that write discs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use redcedar_system::System;
use redcedar_system::command::{Command, Finished, Stream};

use crate::error::MediaError;

/// Where programs are that are not to be looked for by their names.
pub type Overrides = BTreeMap<String, PathBuf>;

/// What starts programs, and which.
#[derive(Clone, Copy)]
pub(crate) struct Programs<'a> {
    pub(crate) overrides: &'a Overrides,
    pub(crate) system: &'a System,
}

/// How a program ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) finished: Finished,
    /// The lines of its standard output.
    pub(crate) output: Vec<String>,
    /// Those of its standard error.
    pub(crate) errors: Vec<String>,
}

impl Programs<'_> {
    /// The program to run for a name.
    pub(crate) fn path(&self, name: &str) -> OsString {
        self.overrides.get(name).map_or_else(|| name.into(), |path| path.clone().into())
    }

    /// Runs a program whose output is of no interest as long as it ends well.
    pub(crate) fn run(&self, intent: &str, command: &Command) -> Result<Finished, MediaError> {
        self.log(command);
        let finished = self.system.runner.run(command)?;
        if finished.success() { Ok(finished) } else { Err(failed(intent, command, &finished)) }
    }

    /// Runs a program and keeps what it prints. How it ended is for the caller to judge.
    pub(crate) fn listen(&self, command: &Command) -> Result<Printed, MediaError> {
        self.follow(command, &mut |_, _| {})
    }

    /// The same, and hands over each line as it comes.
    pub(crate) fn follow(
        &self,
        command: &Command,
        heard: &mut dyn FnMut(Stream, &str),
    ) -> Result<Printed, MediaError> {
        self.log(command);
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let monitor = &*self.system.monitor;
        let finished = self.system.runner.converse(command, &mut io::empty(), &mut |stream, line| {
            monitor.output(line);
            let line = String::from_utf8_lossy(line).into_owned();
            heard(stream, &line);
            match stream {
                Stream::Output => output.push(line),
                Stream::Errors => errors.push(line),
            }
        })?;
        Ok(Printed { finished, output, errors })
    }

    /// Waits, unless the run is to stop.
    pub(crate) fn wait(&self, time: Duration) -> Result<(), MediaError> {
        let started = redcedar_system::clock::Stopwatch::start();
        while started.elapsed() < time {
            self.system.interrupt.check()?;
            std::thread::sleep(Duration::from_millis(100).min(time));
        }
        Ok(())
    }

    fn log(&self, command: &Command) {
        self.system.monitor.debug(format!("Executing {command}"));
        self.system.monitor.output(format!("Executing {command}").as_bytes());
    }
}

/// What a program that did not end well says of it.
pub(crate) fn failed(intent: &str, command: &Command, finished: &Finished) -> MediaError {
    let program = command.program.to_string_lossy();
    let why = if finished.is_missing() {
        format!("{}; install it, or name it in an <override> for it", finished.explain(&program))
    } else {
        finished.explain(&program)
    };
    MediaError::Failed { intent: intent.to_owned(), why }
}
