//! What a program and its children use.
//!
//! The peak of memory over all children of a process can be asked for but not reset, so each measurement is made by a
//! process of its own: this program, called again.

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The program to be measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Program {
    /// Exit status that counts as success, besides 0
    #[arg(long, default_value_t = 0)]
    accept: i32,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    words: Vec<OsString>,
}

/// What one run used.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Seconds from beginning to end.
    pub(crate) wall: f64,
    /// Seconds of processor time, user and system, of the program and all processes that it waited for.
    pub(crate) cpu: f64,
    /// Peak memory of the largest process, in bytes.
    pub(crate) memory: u64,
}

/// Runs `words` in a process of its own and measures it.
pub(crate) fn measure(words: &[OsString]) -> Result<Usage> {
    let itself = std::env::current_exe().context("find this program")?;
    let output =
        command(itself).arg("measure").arg("--").args(words).output().context("call this program again")?;
    ensure!(
        output.status.success(),
        "{words:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("read the measurement")
}

/// Runs the program and prints what it used.
pub(crate) fn print(program: &Program) -> Result<()> {
    let start = Instant::now();
    let status = command(&program.words[0])
        .args(&program.words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("start {}", program.words[0].display()))?;
    let wall = start.elapsed().as_secs_f64();
    ensure!(status.success() || status.code() == Some(program.accept), "it ended with {status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let usage = Usage {
        wall,
        cpu: std::time::Duration::from_micros(microseconds.cast_unsigned()).as_secs_f64(),
        memory: usage.max_rss().cast_unsigned() * 1_024,
    };
    println!("{}", serde_json::to_string(&usage)?);
    Ok(())
}

/// A command for `program`, with the environment of the caller.
#[expect(clippy::disallowed_methods, reason = "benchmarks start programs here and nowhere else")]
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}
