//! `backup`: the command line of jw.backup. Switches, configuration, log and exit codes are its own; what is done is ours.

mod environment;
mod log;
mod options;

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::Arc;

use redcedar_generations::config::{Config, Loaded};
use redcedar_generations::run::{Outcome, RunError, run};
use redcedar_system::clock::{self, Clock};
use redcedar_system::command::OsRunner;
use redcedar_system::{Environment, Interrupt, Monitor, System, escape};

use crate::exit::Exit;
use crate::logging::LogFile;
use log::{Log, Severity};
use options::{Options, Request};

/// The version of the original whose behaviour this is.
const VERSION: &str = "1.0.21";
const LOG_MODE: u32 = 0o640;

/// Runs the program.
pub(crate) fn main(args: Vec<OsString>) -> Exit {
    let environment = environment::completed(&Environment::inherited());
    let options = match options::parse(args, &environment) {
        Ok(Request::Run(options)) => options,
        Ok(Request::Show(text)) => {
            say(io::stdout(), &text);
            return Exit::Done;
        }
        Err(error) => {
            say(io::stderr(), &format!("{}backup: error: {error}\n", options::USAGE));
            return Exit::Usage;
        }
    };
    match prepare(&options, &environment) {
        Ok(session) => session.run(),
        Err(message) => {
            say(io::stdout(), &format!("ERROR: {message}\n"));
            Exit::Unsuccessful
        }
    }
}

/// Whoever does not read what we say does not want to know.
fn say(mut to: impl Write, text: &str) {
    let _unheard = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

fn prepare<'a>(options: &'a Options, environment: &'a Environment) -> Result<Session<'a>, String> {
    let clock = clock::from_environment(environment).map_err(|error| error.to_string())?;
    let owner = ("root".to_owned(), "root".to_owned());
    let file = LogFile { path: options.log.clone(), owner, mode: LOG_MODE };
    let (file, remark) = file.open().map_err(|error| format!("there is no log: {error}"))?;
    let log = Arc::new(Log::new(file, options.level, Arc::clone(&clock)));
    if let Some(remark) = remark {
        log.write(Severity::Warning, log::MAIN, &remark);
    }
    Ok(Session { options, environment, clock, log })
}

/// A run that has a log.
struct Session<'a> {
    options: &'a Options,
    environment: &'a Environment,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
}

impl Session<'_> {
    fn run(&self) -> Exit {
        self.log.write(Severity::Info, log::MAIN, &format!("Backup version {VERSION} started"));
        let exit = match self.execute() {
            Ok(outcome) => self.conclude(&outcome),
            Err(message) => self.fail(&message),
        };
        self.log.write(Severity::Info, log::MAIN, "Terminating");
        exit
    }

    fn execute(&self) -> Result<Outcome, String> {
        let loaded = Config::load(&self.options.config, self.environment);
        let Loaded { config, warnings } = loaded.map_err(|error| error.to_string())?;
        for line in warnings.lines() {
            self.log.write(Severity::Warning, log::MAIN, &line);
        }
        let directory = escape::display(&config.destination.directory);
        let remote = config.destination.remote.as_ref();
        let (user, host, port) =
            remote.map_or(("-", "-", 0), |remote| (&*remote.user, &*remote.host, remote.port));
        self.log.info(&format!("directory={directory}, user={user}, host={host}, port={port}"));
        let interrupt = Interrupt::from_signals().map_err(|error| error.to_string())?;
        let monitor: Arc<dyn Monitor> = self.log.clone();
        let runner = OsRunner::new(self.environment, Arc::clone(&monitor), interrupt.clone());
        let system = System { clock: Arc::clone(&self.clock), runner: Arc::new(runner), monitor, interrupt };
        run(&config, &system).map_err(|error| match error {
            RunError::Interrupted(_) => "the run was interrupted".to_owned(),
            error => error.to_string(),
        })
    }

    fn conclude(&self, outcome: &Outcome) -> Exit {
        for name in &outcome.removed {
            self.log.info(&format!("Removed backup {name}"));
        }
        self.log.info(&format!("Backup {} is complete", outcome.name));
        if outcome.errors == 0 {
            return Exit::Done;
        }
        self.fail(&format!(
            "the backup {} was made, but {} thing(s) went wrong on the way",
            outcome.name, outcome.errors
        ))
    }

    fn fail(&self, message: &str) -> Exit {
        self.log.write(Severity::Critical, log::MAIN, message);
        let log = escape::display(&self.options.log);
        say(io::stdout(), &format!("ERROR: {}\nSee {log} for details.\n", escape::multiline(message)));
        Exit::Unsuccessful
    }
}
