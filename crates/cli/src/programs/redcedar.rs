//! `redcedar`: the modern command line.

use std::ffi::OsString;
use std::io::Write;

use crate::exit::Exit;

pub(crate) fn main(_args: Vec<OsString>) -> Exit {
    let _unheard = writeln!(std::io::stderr(), "error: this build has no commands of its own yet");
    Exit::Usage
}
