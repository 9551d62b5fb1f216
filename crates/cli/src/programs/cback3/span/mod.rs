//! `cback3-span` and `cback-span`: the tool of Cedar Backup that writes staged days to several discs and asks for each. What it
//! asks, and what it counts with, is that of the originals.

mod dialog;
mod steps;
mod texts;

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use redcedar_config::{Config, LoadError, Loaded};
use redcedar_engine::span::PlanError;
use redcedar_engine::store::StoreError;
use redcedar_system::{Interrupted, System, escape};

use super::options::Options;
use super::{Dialect, Help, Session, begin};
use crate::answers::{Answers, NoAnswer};
use crate::exit::Exit;
use dialog::Dialog;
use steps::Span;

/// Runs the tool.
pub(crate) fn main(dialect: &Dialect, args: Vec<OsString>) -> Exit {
    let help = Help { usage: texts::usage, version: texts::version };
    match begin(dialect, Options::parse_switches(args, dialect), &help) {
        Ok(session) => run(&session),
        Err(exit) => exit,
    }
}

/// Why the tool did not come to its end.
#[derive(Debug, thiserror::Error)]
enum SpanError {
    #[error("Store configuration is not properly filled in.")]
    NotConfigured,
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} of the days have no recovery data")]
    Unprotected(usize),
    #[error("cannot look for staged days: {0}")]
    Io(#[from] io::Error),
}

impl SpanError {
    fn is_interrupt(&self) -> bool {
        matches!(
            self,
            Self::NoAnswer(NoAnswer::Interrupted(Interrupted)) | Self::Store(StoreError::Interrupted(_))
        )
    }
}

fn run(session: &Session<'_>) -> Exit {
    session.monitor.info("Cedar Backup 'span' utility run started.");
    session.monitor.info(format!("Options were [{}]", session.options.normalised()));
    session.monitor.info(format!("Logfile is [{}]", escape::display(session.log_path())));
    let exit = match load(session) {
        Err(error) => {
            session.fail("Error reading or handling configuration", &error);
            Exit::Configuration
        }
        Ok(loaded) => match talk(session, &loaded) {
            Ok(()) => Exit::Done,
            Err(error) if error.is_interrupt() => {
                session.monitor.error("Backup interrupted.");
                Exit::Interrupted
            }
            Err(error) => {
                session.fail("Error executing backup", &error);
                Exit::Failed
            }
        },
    };
    session.monitor.info(format!("Cedar Backup 'span' utility run completed with status {}.", exit.code()));
    exit
}

fn load(session: &Session<'_>) -> Result<Loaded, LoadError> {
    let path = session.config_path();
    session.monitor.info(format!("Configuration path is [{}]", escape::display(&path)));
    let loaded = Config::load(&path)?;
    for line in loaded.warnings.lines() {
        session.monitor.warning(line);
    }
    Ok(loaded)
}

fn talk(session: &Session<'_>, loaded: &Loaded) -> Result<(), SpanError> {
    let system: System = session.system()?;
    let answers = Answers::of_standard_input(system.interrupt.clone());
    let dialog = Dialog::new(answers, io::stdout());
    Span::new(loaded, Arc::new(system), dialog)?.run()
}
