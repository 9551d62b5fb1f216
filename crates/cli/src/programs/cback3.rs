//! `cback3` and `cback`: the command lines of Cedar Backup 3 and 2.

use std::ffi::OsString;
use std::io::Write;

use crate::exit::Exit;

/// What differs between the two originals.
pub(crate) struct Dialect {
    /// Name of the program.
    pub(crate) program: &'static str,
    /// Configuration file when none is given.
    pub(crate) config: &'static str,
    /// Log file when none is given.
    pub(crate) log: &'static str,
}

/// Version 3.
pub(crate) const CBACK3: Dialect =
    Dialect { program: "cback3", config: "/etc/cback3.conf", log: "/var/log/cback3.log" };
/// Version 2.
pub(crate) const CBACK: Dialect =
    Dialect { program: "cback", config: "/etc/cback.conf", log: "/var/log/cback.log" };

pub(crate) fn main(dialect: &Dialect, _args: Vec<OsString>) -> Exit {
    let Dialect { program, config, log } = dialect;
    let _unheard =
        writeln!(std::io::stderr(), "{program} ({config}, {log}) cannot run actions in this build");
    Exit::Usage
}
