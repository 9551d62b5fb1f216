//! A drive for tests, and programs that only seem to run.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use redcedar_system::System;
use redcedar_system::command::{Command, CommandError, Finished, Runner, Service, Stream};
use redcedar_system::fake::{self, RecordingMonitor};

use crate::Kind;
use crate::setup::Setup;

/// A DVD+RW at `device`.
pub(crate) fn setup(device: &Path) -> Setup {
    Setup {
        device: device.to_owned(),
        scsi_id: None,
        kind: Kind::DvdPlusRw,
        speed: None,
        size: None,
        no_eject: false,
        eject_delay: None,
        refresh_delay: None,
    }
}

/// In the place of all programs: answers as a function says, and remembers what was run.
pub(crate) struct Actor {
    answer: Answer,
    calls: Mutex<Vec<String>>,
}

/// What a program with these words prints to its standard output, and its status.
pub(crate) type Answer = fn(&str) -> (&'static str, i32);

impl Actor {
    /// A machine with it.
    pub(crate) fn system(answer: Answer) -> (System, Arc<Self>, Arc<RecordingMonitor>) {
        let actor = Arc::new(Self { answer, calls: Mutex::default() });
        let (system, monitor) = fake::system("2026-11-24T02:00");
        (System { runner: actor.clone(), ..system }, actor, monitor)
    }

    /// What was run, with the paths of temporary files taken out.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn act(&self, command: &Command) -> (&'static str, Finished) {
        let is_temporary = |word: &str| {
            let name = Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or_default();
            word.starts_with('/') && (name.starts_with("tmp") || name.starts_with("redcedar-"))
        };
        let words = command.words().map(|word| word.to_str().unwrap());
        let words: Vec<_> = words.map(|word| if is_temporary(word) { "TEMPORARY" } else { word }).collect();
        let call = words.join(" ");
        let (printed, status) = (self.answer)(&call);
        self.calls.lock().unwrap().push(call);
        (printed, Finished { status, tail: printed.lines().map(str::to_owned).collect() })
    }
}

impl Runner for Actor {
    fn run(&self, command: &Command) -> Result<Finished, CommandError> {
        Ok(self.act(command).1)
    }

    fn stream(&self, command: &Command, _output: &mut dyn Write) -> Result<Finished, CommandError> {
        self.run(command)
    }

    fn feed(
        &self,
        command: &Command,
        _input: &mut dyn Read,
        _heard: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, CommandError> {
        self.run(command)
    }

    fn converse(
        &self,
        command: &Command,
        _input: &mut dyn Read,
        heard: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Finished, CommandError> {
        let (printed, finished) = self.act(command);
        for line in printed.lines() {
            match line.strip_prefix("2>") {
                Some(line) => heard(Stream::Errors, line.as_bytes()),
                None => heard(Stream::Output, line.as_bytes()),
            }
        }
        Ok(finished)
    }

    fn serve(&self, _command: &Command, _log: &Path) -> io::Result<Service> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
