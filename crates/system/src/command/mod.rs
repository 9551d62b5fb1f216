//! The only gate to other programs.

mod executable;
mod feed;
mod limited;
mod line;
mod lines;
mod memory;
mod replace;
mod run;
mod service;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use executable::{Executable, ExecutableError};
pub use limited::Limited;
pub use line::split;
pub use memory::MemoryFile;
pub use replace::replace_self;
pub use run::OsRunner;
pub use service::Service;

use crate::account::Account;
use crate::escape;
use crate::interrupt::Interrupted;

/// A program to run, with everything that decides how. Never a shell string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program: a path, or a name to be found through `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Ends the program and its children when it takes longer.
    pub timeout: Option<Duration>,
    /// Whom it runs as, which only root can decide; else as we do.
    pub account: Option<Account>,
    /// Variables that it gets besides the sanitised environment.
    pub variables: Vec<(OsString, OsString)>,
    /// Where its standard input comes from; else it is empty.
    pub input: Option<PathBuf>,
    /// Whether it may ask on our terminal.
    pub asks: bool,
    /// The file that is run, if that was opened before; `program` is its path then.
    pub executable: Option<Executable>,
    /// A file in memory that it gets from us.
    pub file: Option<MemoryFile>,
    /// Whether it gets as little from us as possible, see [`Command::confined`].
    pub is_confined: bool,
}

impl Command {
    /// A command without arguments or time limit.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            timeout: None,
            account: None,
            variables: Vec::new(),
            input: None,
            asks: false,
            executable: None,
            file: None,
            is_confined: false,
        }
    }

    /// A command that runs an open file.
    pub fn of(executable: Executable) -> Self {
        let program = executable.path().to_owned();
        Self { executable: Some(executable), ..Self::new(program) }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs it as `account`, with its groups, and with `HOME`, `USER` and `LOGNAME` that say so.
    #[must_use]
    pub fn run_as(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    /// Ends it when it takes longer than `limit`.
    #[must_use]
    pub fn time_limit(mut self, limit: Option<Duration>) -> Self {
        self.timeout = limit;
        self
    }

    /// Gives it an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Gives it a file to read as its standard input.
    #[must_use]
    pub fn input_from(mut self, file: impl Into<PathBuf>) -> Self {
        self.input = Some(file.into());
        self
    }

    /// Gives it a file in memory, open by its [path](MemoryFile::path).
    #[must_use]
    pub fn with_file(mut self, file: MemoryFile) -> Self {
        self.file = Some(file);
        self
    }

    /// Lets it ask on our terminal, for a password say: it stays in our process group. When it has to be ended, what it
    /// started is not.
    #[must_use]
    pub fn may_ask(mut self) -> Self {
        self.asks = true;
        self
    }

    /// Gives it nothing of our environment but `HOME` and `TZ`, besides a fixed `PATH` and `LANG=C`; lets it begin in `/`, and
    /// lets nobody else read what it creates unless it says so.
    #[must_use]
    pub fn confined(mut self) -> Self {
        self.is_confined = true;
        self
    }

    /// Program and arguments as one list.
    pub fn words(&self) -> impl Iterator<Item = &OsString> {
        std::iter::once(&self.program).chain(&self.arguments)
    }
}

/// The words as the original's log shows them: `['tar', '-c']`.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, word) in self.words().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, quoted(word))?;
        }
        f.write_str("]")
    }
}

/// A word as the original's log shows it: in single quotes, or in double quotes if that saves escaping.
pub fn quoted(word: &OsStr) -> String {
    let text = escape::display(word).to_string();
    match (text.contains('\''), text.contains('"')) {
        (false, _) => format!("'{text}'"),
        (true, false) => format!("\"{text}\""),
        (true, true) => format!("'{}'", text.replace('\'', r"\'")),
    }
}

/// How a program ended, in the original's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// 0–255 as the program chose; −N when signal N killed it; 256 when it could not be started.
    pub status: i32,
    /// The last lines it printed, stdout (unless that went elsewhere) and stderr together, bytes that are not UTF-8 replaced.
    pub tail: Vec<String>,
}

impl Finished {
    /// Whether it ended with 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// Whether it could not be started.
    pub fn is_missing(&self) -> bool {
        self.status == NOT_STARTED
    }

    /// How `program` ended, for people: with the last line that speaks of an error, else with the last it printed.
    pub fn explain(&self, program: &str) -> String {
        let program = escape::display(program);
        let how = match self.status {
            NOT_STARTED => format!("{program} cannot be started"),
            status @ ..0 => format!("{program} was ended by signal {}", -status),
            status => format!("{program} ended with status {status}"),
        };
        let mut lines = self.tail.iter().rev().filter(|line| !line.trim().is_empty());
        let last = lines.clone().next();
        match lines.find(|line| line.to_lowercase().contains("error")).or(last) {
            Some(line) => format!("{how}: {}", escape::display(line)),
            None => how,
        }
    }
}

/// The status of a program that could not be started.
const NOT_STARTED: i32 = 256;

/// Runs a program that has two names: by the other one if it cannot be started by the first. Says which it was.
///
/// # Errors
/// As `run`.
pub fn first_of<'n>(
    name: &'n str,
    other: Option<&'n str>,
    mut run: impl FnMut(&str) -> Result<Finished, CommandError>,
) -> Result<(&'n str, Finished), CommandError> {
    let finished = run(name)?;
    match other {
        Some(other) if finished.is_missing() => Ok((other, run(other)?)),
        _ => Ok((name, finished)),
    }
}

/// Why a program's end is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The run was interrupted; the program and its children were ended.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// It took longer than it may; it and its children were ended.
    #[error("{program} took longer than {} s and was ended", .limit.as_secs())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it may take.
        limit: Duration,
    },
    /// Whoever takes its output failed; it and its children were ended.
    #[error("cannot store the output of {program}: {source}")]
    Output {
        /// The program.
        program: String,
        /// What happened there.
        source: std::io::Error,
    },
    /// What it is fed with could not be read; it and its children were ended, and have not seen the end of their input.
    #[error("cannot read what {program} is fed with: {source}")]
    Input {
        /// The program.
        program: String,
        /// What happened there.
        source: std::io::Error,
    },
    /// Its output could not be read, or it could not be waited for.
    #[error("cannot follow {program}: {source}")]
    Io {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Where a line of a program came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Its standard output.
    Output,
    /// Its standard error.
    Errors,
}

/// Starts programs. Each gets an empty standard input, the sanitised environment and, unless it [may ask](Command::may_ask), a
/// session of its own: without a terminal, no question can hang it. Its output, stdout and stderr together, goes line by line to
/// the monitor.
pub trait Runner: Send + Sync {
    /// Runs a program to its end.
    ///
    /// # Errors
    /// When it was interrupted, timed out or could not be followed. A status that is not 0 is no error here, a program that
    /// could not be started is one with status 256.
    fn run(&self, command: &Command) -> Result<Finished, CommandError>;

    /// The same, except that what it prints to stdout goes to `output` as it comes, and to no log.
    ///
    /// # Errors
    /// As with [`Runner::run`], and when `output` fails.
    fn stream(&self, command: &Command, output: &mut dyn Write) -> Result<Finished, CommandError>;

    /// The same as [`Runner::run`], except that its standard input is `input`, and that each line it prints is given to `heard`
    /// as well. It need not read all of its input.
    ///
    /// # Errors
    /// As with [`Runner::run`], and when `input` fails. The program is ended before its input is, so that it never takes a part
    /// for the whole.
    fn feed(
        &self,
        command: &Command,
        input: &mut dyn Read,
        heard: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, CommandError>;

    /// The same, except that lines are told apart by where they came from, and go to `heard` only. The tail is that of its
    /// standard error.
    ///
    /// # Errors
    /// As with [`Runner::feed`].
    fn converse(
        &self,
        command: &Command,
        input: &mut dyn Read,
        heard: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Finished, CommandError>;

    /// Starts a program that runs on beside us. All that it prints goes to the end of the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    fn serve(&self, command: &Command, log: &Path) -> io::Result<Service>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_program_ended_is_told_with_its_last_words() {
        let finished = |status, tail: &[&str]| {
            Finished { status, tail: tail.iter().map(ToString::to_string).collect() }.explain("dump")
        };
        assert_eq!(finished(2, &["one", "two", " "]), "dump ended with status 2: two");
        assert_eq!(finished(2, &["an Error", "a remark"]), "dump ended with status 2: an Error");
        assert_eq!(finished(-9, &[]), "dump was ended by signal 9");
        assert_eq!(finished(256, &["no such file"]), "dump cannot be started: no such file");
    }

    #[test]
    fn a_program_is_run_by_its_other_name_only_if_it_is_not_there_by_the_first() {
        let run = |name: &str| Ok(Finished { status: if name == "old" { 256 } else { 1 }, tail: Vec::new() });
        let ran =
            |name, other| first_of(name, other, run).map(|(name, finished)| (name, finished.status)).unwrap();
        assert_eq!(ran("old", Some("new")), ("new", 1));
        assert_eq!(ran("new", Some("newer")), ("new", 1));
        assert_eq!(ran("old", None), ("old", 256));
    }

    #[test]
    fn words_are_quoted_as_in_the_log_of_the_original() {
        let command = Command::new("ssh").args(["a b", "it's", "say \"x\"", "it's \"x\""]);
        assert_eq!(command.to_string(), r#"['ssh', 'a b', "it's", 'say "x"', 'it\'s "x"']"#);
    }
}
