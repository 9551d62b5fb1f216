//! The forced command of a key in `authorized_keys`: what a master may ask of this machine, and nothing else.
//!
//! A master asks three things with `scp`, and runs actions by the words of its `cback_command` (`cedar-pool.md` §10). No shell
//! looks at the request: it is compared with what is allowed, and the program that answers it gets a list of words that
//! is made here.

mod files;
mod request;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use redcedar_system::command::{self, Command};
use redcedar_system::escape;

use crate::indicator;
use request::{Copy, Direction, Wanted};

/// What a master may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// From here it may fetch everything, and here it may put its indicator.
    pub collect_dir: PathBuf,
    /// The program by which it runs actions, as it is configured at the master.
    pub program: String,
    /// Which actions it may run.
    pub actions: Vec<String>,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing was asked for: somebody wants a shell.
    #[error("this key gives no shell")]
    NoRequest,
    /// The request is for SFTP.
    #[error("the request is for SFTP, and this key allows the old protocol of scp only")]
    Sftp,
    /// An action that is not among the allowed ones.
    #[error("the action {0} is not allowed for this key")]
    Action(String),
    /// Anything else.
    #[error("the request [{0}] is not allowed for this key")]
    Other(String),
    /// What was asked for is not what it should be.
    #[error("{0}")]
    Odd(#[source] io::Error),
}

/// The program that answers a request, if that is allowed.
///
/// # Errors
/// Says why it is refused.
pub fn answer(request: Option<&OsStr>, allowed: &Permissions) -> Result<Command, Refusal> {
    let request = request.ok_or(Refusal::NoRequest)?.as_bytes();
    match request::read(request) {
        Wanted::Copy(copy) => copy_program(&copy, request, allowed),
        Wanted::Sftp => Err(Refusal::Sftp),
        Wanted::Other => action_program(request, allowed),
    }
}

fn copy_program(copy: &Copy, request: &[u8], allowed: &Permissions) -> Result<Command, Refusal> {
    let directory = allowed.collect_dir.as_os_str().as_bytes();
    let Some([b'/', name @ ..]) = copy.path.strip_prefix(directory) else {
        return Err(other(request));
    };
    let scp = |flag: &str, paths: Vec<OsString>| {
        let flags = copy.flags.iter().filter(|_| flag == "-f").map(|flag| (*flag).to_owned());
        Command::new("scp").args(flags).arg(flag).arg("--").args(paths)
    };
    match (copy.direction, name) {
        (Direction::Fetch, b"*") if copy.has_star => {
            files::plain(&allowed.collect_dir).map(|paths| scp("-f", paths)).map_err(Refusal::Odd)
        }
        (Direction::Fetch, name) if name == indicator::COLLECT.as_bytes() => {
            files::indicator(&allowed.collect_dir, indicator::COLLECT)
                .map(|path| scp("-f", vec![path]))
                .map_err(Refusal::Odd)
        }
        (Direction::Store, name) if name == indicator::STAGE.as_bytes() => {
            files::indicator(&allowed.collect_dir, indicator::STAGE)
                .map(|path| scp("-t", vec![path]))
                .map_err(Refusal::Odd)
        }
        _ => Err(other(request)),
    }
}

fn action_program(request: &[u8], allowed: &Permissions) -> Result<Command, Refusal> {
    let words = request.strip_prefix(allowed.program.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
    let words = words.ok_or_else(|| other(request))?;
    let (full, action) = match words.strip_prefix(b"--full ") {
        Some(action) => (true, action),
        None => (false, words),
    };
    let Some(action) = allowed.actions.iter().find(|allowed| allowed.as_bytes() == action) else {
        let is_action = !action.is_empty() && action.iter().all(u8::is_ascii_alphanumeric);
        let action = || Refusal::Action(escape::display_bytes(action).to_string());
        return Err(if is_action { action() } else { other(request) });
    };
    let mut program = command::split(&allowed.program).into_iter();
    let first = program.next().ok_or_else(|| other(request))?;
    let full = full.then_some("--full");
    Ok(Command::new(first).args(program).args(full).arg(action))
}

/// A request may be long and is somebody else's text.
fn other(request: &[u8]) -> Refusal {
    const SHOWN: usize = 200;
    let mut text = escape::display_bytes(&request[..request.len().min(SHOWN)]).to_string();
    if request.len() > SHOWN {
        text.push('…');
    }
    Refusal::Other(text)
}

#[cfg(test)]
mod tests;
