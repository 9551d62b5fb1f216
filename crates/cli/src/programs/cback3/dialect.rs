//! What differs between the two originals.

use redcedar_archive::naming;

/// One of the two originals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Name of the program.
    pub(super) program: &'static str,
    /// The version whose behaviour this is.
    pub(in super::super) version: &'static str,
    /// Configuration file when none is given.
    pub(super) config: &'static str,
    /// Log file when none is given.
    pub(in super::super) log: &'static str,
    /// How what is collected is named.
    pub(super) naming: naming::Dialect,
    /// Whether there is a switch `--unsupported`.
    pub(super) has_unsupported: bool,
}

/// Version 3.
pub(crate) const CBACK3: Dialect = Dialect {
    program: "cback3",
    version: "3.12.0",
    config: "/etc/cback3.conf",
    log: "/var/log/cback3.log",
    naming: naming::Dialect::V3,
    has_unsupported: false,
};

/// Version 2.
pub(crate) const CBACK: Dialect = Dialect {
    program: "cback",
    version: "2.27.0",
    config: "/etc/cback.conf",
    log: "/var/log/cback.log",
    naming: naming::Dialect::V2,
    has_unsupported: true,
};
