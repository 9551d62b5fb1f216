//! Extensions of somebody else's: programs that are run as `PROGRAM run`, and as `PROGRAM check` by `validate`.
//!
//! What they need to know is a JSON document on their standard input; what they print goes to our log; their status says whether
//! it worked. `docs/extensions.md` describes it for their authors.

mod heard;
mod input;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redcedar_archive::digest::to_hex;
use redcedar_config::cedar::ExtendedAction;
use redcedar_config::{Config, Diagnostic, Document, Section, Span};
use redcedar_system::account::{self, Account};
use redcedar_system::command::{Command, CommandError, Executable, ExecutableError, Finished};
use redcedar_system::{Interrupted, System, escape};
use sha2::{Digest, Sha256};

use crate::extension::ExtensionError;
use crate::state::digest;
use heard::Heard;

/// Where programs are looked for that the configuration does not name.
pub(crate) const DIRECTORY: &str = "/usr/libexec/redcedar/extensions";

/// How long a program may take when the configuration does not say.
const TIME_LIMIT: Duration = Duration::from_hours(24);
/// How long one may take to check its section.
const CHECK_LIMIT: Duration = Duration::from_mins(1);

/// What a program is told about the run.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) document: &'a Document,
    pub(crate) full: bool,
    /// The actions that are run here.
    pub(crate) actions: &'a [&'a str],
}

/// The program behind an action.
pub(crate) struct Program<'a> {
    action: &'a ExtendedAction,
    executable: Executable,
    account: Option<Account>,
}

impl<'a> Program<'a> {
    /// Finds the program of an action, and makes sure that whoever could change what is run could do so anyway.
    pub(crate) fn find(action: &'a ExtendedAction, document: &Document) -> Result<Self, Diagnostic> {
        let configured = action.program.command.as_ref();
        let span = configured.map_or(action.name.span, |command| command.span);
        let executable = Executable::open(&path(action)).map_err(|error| refusal(&error, action, span))?;
        check_configuration(document.source().path(), span)?;
        let run_as = action.program.run_as.as_ref();
        let account = run_as.map(|name| {
            account::account(name).map_err(|error| Diagnostic::error(name.span, format!("`run_as`: {error}")))
        });
        Ok(Self { action, executable, account: account.transpose()? })
    }

    /// Runs it.
    pub(crate) fn run(&self, facts: &Facts<'_>, system: &System) -> Result<(), ExtensionError> {
        self.log_identity(system)?;
        let limit = match self.action.program.timeout {
            None => Some(TIME_LIMIT),
            Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(seconds)),
        };
        let mut heard = Heard::telling(&self.action.name, &*system.monitor);
        let finished = match self.start("run", limit, facts, &mut heard, system) {
            Ok(finished) => finished,
            Err(CommandError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(error) => return Err(ExtensionError::Failed(self.message(&error.to_string()))),
        };
        if finished.success() {
            return Ok(());
        }
        Err(ExtensionError::Failed(self.message(&how_it_ended(finished, heard.last_error()))))
    }

    /// Lets it look at its section. What it complains about is found there.
    pub(crate) fn check(&self, facts: &Facts<'_>, system: &System) -> Result<Vec<Diagnostic>, Interrupted> {
        let section = facts.document.section(self.section());
        let span = section.map_or(self.action.name.span, Section::name_span);
        let mut heard = Heard::finding(&self.action.name, &*system.monitor, span);
        let ended = self.start("check", Some(CHECK_LIMIT), facts, &mut heard, system);
        let failure = match ended {
            Ok(finished) if finished.success() => None,
            Ok(_) if heard.last_error().is_some() => None,
            Ok(finished) => Some(how_it_ended(finished, None)),
            Err(CommandError::Interrupted(interrupted)) => return Err(interrupted),
            Err(error) => Some(error.to_string()),
        };
        let failure = failure.map(|failure| Diagnostic::error(span, self.message(&failure)));
        Ok(heard.findings().into_iter().chain(failure).collect())
    }

    fn start(
        &self,
        what: &str,
        limit: Option<Duration>,
        facts: &Facts<'_>,
        heard: &mut Heard<'_>,
        system: &System,
    ) -> Result<Finished, CommandError> {
        let command = Command::of(self.executable.clone())
            .arg(what)
            .confined()
            .variable("CBACK_PROTOCOL", "1")
            .variable("CBACK_ACTION", &self.action.name.value)
            .variable("CBACK_FULL", if facts.full { "1" } else { "0" })
            .run_as(self.account.clone())
            .time_limit(limit);
        let input = input::document(self.action, self.section(), facts).to_string();
        system.monitor.debug(format!("Executing {command}."));
        system.runner.converse(&command, &mut input.as_bytes(), &mut |stream, line| heard.hear(stream, line))
    }

    /// The section that it gets to see.
    fn section(&self) -> &str {
        section(self.action)
    }

    fn message(&self, what: &str) -> String {
        format!("Action [{}], {}: {what}", *self.action.name, escape::display(self.executable.path()))
    }

    /// Which program it was that ran, for whoever looks into it later.
    fn log_identity(&self, system: &System) -> Result<(), ExtensionError> {
        let read = || -> std::io::Result<String> {
            let mut file = self.executable.file();
            let (size, changed) = (file.metadata()?.len(), file.metadata()?.mtime());
            let digest: Sha256 = digest(&mut file)?;
            let changed = jiff::Timestamp::from_second(changed).map_err(std::io::Error::other)?;
            Ok(format!("{size} bytes, changed {changed}, SHA-256 {}", to_hex(&digest.finalize())))
        };
        let identity = read().map_err(|error| ExtensionError::Failed(self.message(&error.to_string())))?;
        system.monitor.info(self.message(&identity));
        Ok(())
    }
}

/// Where the program of an action is.
fn path(action: &ExtendedAction) -> PathBuf {
    match &action.program.command {
        Some(command) => command.value.clone(),
        None => Path::new(DIRECTORY).join(format!("{}.{}", *action.module, *action.function)),
    }
}

/// The section that the program of an action gets to see.
pub(crate) fn section(action: &ExtendedAction) -> &str {
    action.program.section.as_ref().unwrap_or(&action.name)
}

/// What names programs to root must be root's as well.
fn check_configuration(path: &Path, span: Span) -> Result<(), Diagnostic> {
    let refused = |reason: String| {
        let message = format!("this names a program to be run as root, and {reason}");
        Err(Diagnostic::error(span, message).with_hint("chown root and chmod go-w the configuration file"))
    };
    if !account::is_root() {
        return Ok(());
    }
    match fs_err::metadata(path) {
        Ok(metadata) if metadata.uid() != 0 => {
            refused(format!("the file belongs to user {}", metadata.uid()))
        }
        Ok(metadata) if metadata.mode() & 0o022 != 0 => {
            refused("others than root can write the file".to_owned())
        }
        Ok(_) => Ok(()),
        Err(error) => refused(error.to_string()),
    }
}

fn refusal(error: &ExecutableError, action: &ExtendedAction, span: Span) -> Diagnostic {
    let message = format!("action `{}` has no program that can be run: {error}", *action.name);
    let hint = match (error.is_missing(), &action.program.command) {
        (true, None) => {
            "name it with `command`, or install it there; for a Python module, see docs/extensions.md"
        }
        (true, Some(_)) => "install it, or name another with `command`",
        (false, _) => {
            "it and all directories above it must be root's or yours, writable by nobody else, and no links"
        }
    };
    Diagnostic::error(span, message).with_hint(hint)
}

/// With the last that the program called an error, else with what it said on its standard error.
fn how_it_ended(finished: Finished, error: Option<&str>) -> String {
    let tail = error.map_or(finished.tail, |error| vec![error.to_owned()]);
    Finished { tail, ..finished }.explain("it")
}

#[cfg(test)]
mod tests;
