//! `cback3` and `cback`: the command lines of Cedar Backup 3 and 2. Switches, log, screen and exit codes are theirs; what is
//! done is ours.

mod dialect;
pub(super) mod options;
pub(crate) mod span;
pub(super) mod texts;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_config::value::OrderMode;
use redcedar_config::{Config, Document, LoadError, Loaded};
use redcedar_engine::plan::{Actions, Plan, PlanError, Request, Scope, order_mode};
use redcedar_engine::{RunError, RunRequest, StageSettings, run};
use redcedar_system::clock::{self, Clock};
use redcedar_system::command::OsRunner;
use redcedar_system::{Environment, Interrupt, Level, Monitor, System, escape};

pub(crate) use dialect::{CBACK, CBACK3, Dialect};
use options::Options;

use crate::exit::Exit;

/// Runs the program.
pub(crate) fn main(dialect: &Dialect, args: Vec<OsString>) -> Exit {
    let help = Help { usage: texts::usage, version: texts::version };
    match begin(dialect, Options::parse(args, dialect), &help) {
        Ok(session) => session.run(),
        Err(exit) => exit,
    }
}

/// What a program of Cedar Backup says of itself.
struct Help {
    usage: fn(&Dialect) -> String,
    version: fn(&Dialect) -> String,
}

/// Opens the log of a program, unless its arguments are wrong or only ask for a text.
fn begin<'d>(
    dialect: &'d Dialect,
    parsed: Result<Options, options::UsageError>,
    help: &Help,
) -> Result<Session<'d>, Exit> {
    let options = parsed.map_err(|error| {
        say(io::stderr(), &format!("{} *** Error: {error}\n", (help.usage)(dialect)));
        Exit::Usage
    })?;
    let environment = Environment::inherited();
    let clock = clock::from_environment(&environment).map_err(|error| {
        say(io::stderr(), &format!(" *** Error: {error}\n"));
        Exit::Usage
    })?;
    if inform(&options, dialect, help, &environment, clock.as_ref()) {
        return Err(Exit::Done);
    }
    let monitor = options.log.open(dialect.log, &clock).map_err(|message| {
        say(io::stderr(), &format!("Error setting up logging: {message}\n"));
        Exit::Logging
    })?;
    Ok(Session { options, dialect, environment, clock, monitor })
}

/// Whoever does not read what we say does not want to know.
pub(super) fn say(mut to: impl Write, text: &str) {
    let _unheard = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// Serves the switches that only ask for a text.
fn inform(
    options: &Options,
    dialect: &Dialect,
    help: &Help,
    environment: &Environment,
    clock: &dyn Clock,
) -> bool {
    if options.has("help") {
        say(io::stderr(), &(help.usage)(dialect));
    } else if options.has("version") {
        say(io::stdout(), &(help.version)(dialect));
    } else if options.has("diagnostics") {
        let lines = texts::diagnostics(dialect, environment, clock.now().timestamp());
        let lines = lines.map(|line| format!("   {line}\n")).concat();
        say(io::stdout(), &format!("\nDiagnostics:\n\n{lines}\n"));
    } else {
        return false;
    }
    true
}

/// Why the configuration cannot be used, or not for this.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// A run that has a log.
struct Session<'a> {
    options: Options,
    dialect: &'a Dialect,
    environment: Environment,
    clock: Arc<dyn Clock>,
    monitor: Arc<dyn Monitor>,
}

impl Session<'_> {
    fn run(&self) -> Exit {
        self.log_header();
        let exit = match self.prepare() {
            Ok((config, document, plan)) => self.execute(&config, &document, &plan),
            Err(error) => {
                self.fail("Error reading or handling configuration", &error);
                Exit::Configuration
            }
        };
        self.monitor.info(format!("Cedar Backup run completed with status {}.", exit.code()));
        exit
    }

    fn log_header(&self) {
        self.monitor.info("Cedar Backup run started.");
        self.monitor.info(format!("Options were [{}]", self.options.normalised()));
        self.monitor.info(format!("Logfile is [{}]", escape::display(self.log_path())));
        let now = self.clock.now().timestamp();
        for line in texts::diagnostics(self.dialect, &self.environment, now) {
            self.monitor.info(line);
        }
    }

    fn log_path(&self) -> &Path {
        self.options.log.path_or(self.dialect.log)
    }

    fn prepare(&self) -> Result<(Config, Document, Plan), SetupError> {
        let path = self.config_path();
        let scope = self.options.scope();
        self.monitor.debug(format!("Execute local actions: {}", capitalised(scope.here())));
        self.monitor.debug(format!("Execute managed actions: {}", capitalised(scope.peers())));
        self.monitor.info(format!("Configuration path is [{}]", escape::display(&path)));
        let Loaded { config, warnings, document } = Config::load(&path)?;
        let level = if self.is_validation() { self.validation_level() } else { Level::Warning };
        for line in warnings.lines() {
            self.monitor.log(level, &line);
        }
        let plan = self.plan(&config, scope).inspect_err(|error| {
            for line in error.details() {
                self.monitor.error(line);
            }
        })?;
        Ok((config, document, plan))
    }

    fn config_path(&self) -> PathBuf {
        if let Some(path) = &self.options.config {
            self.monitor.debug("Using user-supplied configuration file.");
            return path.clone();
        }
        self.monitor.debug("Using default configuration file.");
        PathBuf::from(self.dialect.config)
    }

    fn plan(&self, config: &Config, scope: Scope) -> Result<Plan, PlanError> {
        let mode = order_mode(config.extensions.as_ref());
        self.monitor.info(format!("Action ordering will use '{mode}' order mode."));
        let actions = Actions::resolve(config.extensions.as_ref())?;
        if mode == OrderMode::Index {
            self.monitor.debug("Completed filling in action indices for built-in actions.");
            if config.extensions.is_some() {
                self.monitor.debug("Completed filling in action indices for extended actions.");
            }
        }
        let names: Vec<String> = actions.names().map(|name| format!("'{name}'")).collect();
        self.monitor.info(format!("Action order will be: [{}]", names.join(", ")));
        let request = Request { words: &self.options.actions, full: self.options.has("full"), scope };
        let plan = Plan::new(&request, &actions, config)?;
        for warning in &plan.warnings {
            self.monitor.warning(warning);
        }
        Ok(plan)
    }

    fn execute(&self, config: &Config, document: &Document, plan: &Plan) -> Exit {
        let system = match self.system() {
            Ok(system) => system,
            Err(error) => {
                self.fail("Error executing backup", &error);
                return Exit::Failed;
            }
        };
        let request = RunRequest {
            plan,
            config,
            document,
            extensions: redcedar_extensions::ALL,
            dialect: self.dialect.naming,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            stage: StageSettings::default(),
            quiet: self.options.has("quiet"),
        };
        match run(&request, &system).result {
            Ok(()) => Exit::Done,
            Err(RunError::NotValid) => Exit::Configuration,
            Err(error @ RunError::Section { .. }) => {
                self.fail("Error reading or handling configuration", &error);
                Exit::Configuration
            }
            Err(RunError::Interrupted(_)) => {
                self.monitor.error("Backup interrupted.");
                Exit::Interrupted
            }
            Err(error) => {
                self.fail("Error executing backup", &error);
                Exit::Failed
            }
        }
    }

    fn system(&self) -> io::Result<System> {
        let interrupt = Interrupt::from_signals()?;
        let runner = OsRunner::new(&self.environment, Arc::clone(&self.monitor), interrupt.clone());
        Ok(System {
            clock: Arc::clone(&self.clock),
            runner: Arc::new(runner),
            monitor: Arc::clone(&self.monitor),
            interrupt,
        })
    }

    fn fail(&self, intent: &str, error: &dyn Error) {
        self.monitor.error(format!("{intent}: {}", error.to_string().trim_end()));
        if self.options.has("stack") {
            let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
            let causes: Vec<String> = causes.map(|cause| format!("caused by: {cause}\n")).collect();
            say(io::stderr(), &format!("{error:?}\n{}", causes.concat()));
        }
    }

    fn is_validation(&self) -> bool {
        self.options.actions == ["validate"] && self.options.scope().here()
    }

    /// Whoever asks for findings wants to see them.
    fn validation_level(&self) -> Level {
        if self.options.has("quiet") { Level::Info } else { Level::Error }
    }
}

fn capitalised(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}
