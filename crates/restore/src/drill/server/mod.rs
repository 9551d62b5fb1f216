//! Servers that are made for one dump: with a directory and a socket of their own, reachable by nobody else.

mod mariadb;
mod postgresql;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redcedar_system::account::{self, Account};
use redcedar_system::clock::Stopwatch;
use redcedar_system::command::{Command, CommandError, Finished, Service};
use redcedar_system::{Interrupted, System};

use super::scratch::Scratch;
use crate::database::Server as Kind;
use crate::database::load::Target;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often it is asked.
const PAUSE: Duration = Duration::from_millis(50);
/// No path of a socket is longer.
const LONGEST_SOCKET: usize = 107;

/// A server that answers.
pub(super) struct Server {
    service: Service,
    options: Vec<OsString>,
    account: Option<Account>,
}

/// Why there is no server; an interruption is another matter.
type Made<T> = Result<Result<T, String>, Interrupted>;

impl Server {
    /// Makes one, or says why there is none.
    pub(super) fn start(kind: Kind, scratch: &Scratch, system: &System) -> Made<Self> {
        match kind {
            Kind::Mysql => mariadb::start(scratch, system),
            Kind::Postgresql => postgresql::start(scratch, system),
        }
    }

    /// How a dump gets into it.
    pub(super) fn target<'a>(&'a self, system: &'a System) -> Target<'a> {
        Target { account: self.account.as_ref(), options: &self.options, overwrite: true, system }
    }

    /// Ends it.
    pub(super) fn stop(self) -> io::Result<()> {
        self.service.stop()
    }
}

/// Where a server lives, and as whom. What comes from other machines never runs as root.
struct Home {
    directory: PathBuf,
    account: Option<Account>,
}

impl Home {
    /// Makes one for the first of `accounts` that exists, if we are root; else for ourselves.
    fn make(scratch: &Scratch, accounts: &[&str], longest: &str) -> Result<Self, String> {
        let account = if account::is_root() {
            let found = accounts.iter().find_map(|name| account::account(name).ok());
            Some(found.ok_or_else(|| format!("none of the users {} exists here", accounts.join(", ")))?)
        } else {
            None
        };
        let directory = scratch.directory("server", account.as_ref());
        let directory = directory.map_err(|error| error.to_string())?;
        if directory.join(longest).as_os_str().len() > LONGEST_SOCKET {
            return Err("the path of the scratch directory is too long for the socket of a server".to_owned());
        }
        Ok(Self { directory, account })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A command that runs as whoever lives here, with nothing of our environment.
    fn command(&self, program: &Path) -> Command {
        Command::new(program).confined().run_as(self.account.clone())
    }

    /// Runs a command to its end, which must be a good one.
    fn run(command: &Command, system: &System) -> Made<()> {
        let name = command.program.to_string_lossy();
        finished(system.runner.run(command), &name)
    }

    /// Starts a server and waits until `question` is answered.
    fn serve(
        self,
        server: &Command,
        question: &Command,
        options: Vec<OsString>,
        system: &System,
    ) -> Made<Server> {
        let log = self.directory.with_file_name("log");
        let mut service = match system.runner.serve(server, &log) {
            Ok(service) => service,
            Err(error) => return Ok(Err(format!("{} cannot be started: {error}", server.program.display()))),
        };
        let watch = Stopwatch::start();
        loop {
            system.interrupt.check()?;
            let mut answer = io::sink();
            match system.runner.stream(question, &mut answer) {
                Ok(finished) if finished.success() => break,
                Ok(finished) if finished.is_missing() => {
                    return Ok(Err(finished.explain(&question.program.to_string_lossy())));
                }
                Ok(_) => {}
                Err(CommandError::Interrupted(interrupted)) => return Err(interrupted),
                Err(error) => return Ok(Err(error.to_string())),
            }
            let has_ended = service.has_ended().unwrap_or(true);
            if has_ended || watch.elapsed() > PATIENCE {
                let text = fs_err::read(&log).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                let tail = text.lines().map(str::to_owned).collect();
                let ended = Finished { status: 1, tail };
                let last = ended.explain(&server.program.to_string_lossy());
                return Ok(Err(if has_ended { last } else { format!("the server does not answer: {last}") }));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Ok(Server { service, options, account: self.account }))
    }
}

fn finished(result: Result<Finished, CommandError>, program: &str) -> Made<()> {
    match result {
        Ok(finished) if finished.success() => Ok(Ok(())),
        Ok(finished) if finished.is_missing() => Ok(Err(format!("{program} is not installed"))),
        Ok(finished) => Ok(Err(finished.explain(program))),
        Err(CommandError::Interrupted(interrupted)) => Err(interrupted),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// A program in one of `directories`.
fn program(name: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// Where programs of servers are.
const DIRECTORIES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/usr/libexec", "/sbin"];

fn directories() -> Vec<PathBuf> {
    DIRECTORIES.map(PathBuf::from).to_vec()
}
