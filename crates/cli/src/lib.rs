//! The programs of Redcedar: one executable, several names. The name it is called by picks the persona.

mod answers;
mod args;
mod bucket;
mod commands;
mod day;
pub mod exit;
mod getopt;
mod logging;
mod output;
pub mod programs;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program that the first argument names.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter();
    let name = args.next().unwrap_or_default();
    programs::run(&name, args.collect()).into()
}
