//! The names of the executable, one file per persona.

mod backup;
mod cback3;
mod log_choice;
mod redcedar;
mod s3sync;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::exit::Exit;

/// A name of the executable, and what it then is.
pub struct Program {
    /// The base name by which it is called.
    pub name: &'static str,
    run: fn(Vec<OsString>) -> Exit,
}

/// Every name there is. Whatever else the executable is called, it is the first.
pub const PROGRAMS: &[Program] = &[
    Program { name: "redcedar", run: redcedar::main },
    Program { name: "cback3", run: |args| cback3::main(&cback3::CBACK3, args) },
    Program { name: "cback", run: |args| cback3::main(&cback3::CBACK, args) },
    Program { name: "cback3-span", run: |args| cback3::span::main(&cback3::CBACK3, args) },
    Program { name: "cback-span", run: |args| cback3::span::main(&cback3::CBACK, args) },
    Program { name: "cback3-amazons3-sync", run: |args| s3sync::main(&s3sync::CBACK3, args) },
    Program { name: "cback-amazons3-sync", run: |args| s3sync::main(&s3sync::CBACK, args) },
    Program { name: "backup", run: backup::main },
];

/// Runs the program called `name` (a path; its last component counts) with `args`, the name not among them.
pub fn run(name: &OsStr, args: Vec<OsString>) -> Exit {
    let base = Path::new(name).file_name().unwrap_or(name);
    let program = PROGRAMS.iter().find(|program| base == program.name).unwrap_or(&PROGRAMS[0]);
    (program.run)(args)
}
