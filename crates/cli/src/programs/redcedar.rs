//! `redcedar`: the modern command line.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::panic::{PanicHookInfo, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use redcedar_system::clock::{self, Clock};
use redcedar_system::command::OsRunner;
use redcedar_system::environment::{NO_COLOR, REDCEDAR_NOW};
use redcedar_system::{Environment, Interrupt, Level, Monitor, System};

use crate::args::{Cli, Global};
use crate::commands::{self, CommandError, Context};
use crate::exit::Exit;
use crate::logging::{Log, LogFile, Thresholds};
use crate::output::{Results, Terminal, TerminalOptions};

pub(crate) fn main(args: Vec<OsString>) -> Exit {
    std::panic::set_hook(Box::new(ask_for_report));
    catch_unwind(|| run(args)).unwrap_or(Exit::Bug)
}

/// Says that what went wrong is our fault, and what to do about it.
fn ask_for_report(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(|location| format!(" at {location}")).unwrap_or_default();
    // When standard error is gone, there is nobody left to tell.
    let _unheard = writeln!(
        std::io::stderr(),
        "error: this is a fault in redcedar: {message}{place}\n\
         hint: please report it, with the command and the output of `redcedar diagnostics`"
    );
}

fn run(args: Vec<OsString>) -> Exit {
    let started = Instant::now();
    let cli = match Cli::try_parse_from(std::iter::once("redcedar".into()).chain(args)) {
        Ok(cli) => cli,
        Err(answer) => {
            // A help text whose reader went away is no error.
            let _unread = answer.print();
            return if answer.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let environment = Environment::inherited();
    let no_color = environment.get(NO_COLOR).is_some();
    let colored = cli.global.color.decide(std::io::stderr().is_terminal(), no_color);
    let mut out = Results::new(std::io::stdout());
    let result = context(&cli, environment, started, colored, no_color).and_then(|context| {
        let result = commands::execute(&cli.command, &context, &mut out);
        context.terminal.finish();
        result
    });
    let result = result.and_then(|exit| out.flush().map(|()| exit).map_err(CommandError::from));
    result.unwrap_or_else(|error| {
        let _unheard = writeln!(std::io::stderr(), "{}", error.render(colored));
        error.exit
    })
}

fn context(
    cli: &Cli,
    environment: Environment,
    started: Instant,
    colored: bool,
    no_color: bool,
) -> Result<Context, CommandError> {
    let clock = clock(&environment)?;
    let (log, remark) = log_file(&cli.global, &clock)?;
    let terminal = Arc::new(Terminal::new(TerminalOptions {
        threshold: cli.global.threshold(),
        progress: cli.global.progress,
        is_terminal: std::io::stderr().is_terminal(),
        colored,
        log,
    }));
    if let Some(remark) = remark {
        terminal.log(Level::Warning, &remark);
    }
    let interrupt = Interrupt::from_signals().map_err(|error| {
        CommandError::new(Exit::Failed, anyhow::Error::new(error).context("cannot prepare for signals"))
    })?;
    let runner = OsRunner::new(&environment, terminal.clone(), interrupt.clone());
    Ok(Context {
        system: System { clock, runner: Arc::new(runner), monitor: terminal.clone(), interrupt },
        environment,
        global: cli.global.clone(),
        terminal,
        colored: cli.global.color.decide(std::io::stdout().is_terminal(), no_color),
        started,
    })
}

/// The clock that the environment asks for.
fn clock(environment: &Environment) -> Result<Arc<dyn Clock>, CommandError> {
    clock::from_environment(environment).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{REDCEDAR_NOW} is not a time"));
        CommandError::new(Exit::Usage, error)
    })
}

/// The log file hears of the normal course too, and of whatever else standard error shows. With it comes what has to be said
/// about it.
fn log_file(global: &Global, clock: &Arc<dyn Clock>) -> Result<(Option<Log>, Option<String>), CommandError> {
    let Some(path) = &global.log_file else { return Ok((None, None)) };
    let file = LogFile { path: path.clone(), owner: ("root".to_owned(), "root".to_owned()), mode: 0o640 };
    let (file, remark) = file.open().map_err(|error| CommandError::new(Exit::Logging, error))?;
    let disk = global.threshold().min(Level::Info);
    let thresholds = Thresholds { disk, output: disk == Level::Debug, screen: None };
    Ok((Some(Log::new(file, thresholds, Arc::clone(clock))), remark))
}
