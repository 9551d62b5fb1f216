//! `peers`, and the `peer` elements of `stage`.

use std::path::PathBuf;

use crate::Located;
use crate::value::IgnoreFailures;

/// Peers of a section: local ones are always handled first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PeerList {
    /// Peers on this machine, in file order.
    pub local: Vec<LocalPeer>,
    /// Peers on other machines, in file order.
    pub remote: Vec<RemotePeer>,
}

/// A peer whose collect directory is on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalPeer {
    /// Its name, and the name of its directory below a day.
    pub name: Located<String>,
    /// Where its collected data lies.
    pub collect_dir: Located<PathBuf>,
    /// Which days' failures are no errors.
    pub ignore_failures: Option<IgnoreFailures>,
}

/// A peer on another machine.
#[derive(Debug, Clone, PartialEq)]
pub struct RemotePeer {
    /// Its name: host name, and the name of its directory below a day.
    pub name: Located<String>,
    /// Where its collected data lies, on that machine.
    pub collect_dir: Located<PathBuf>,
    /// Which days' failures are no errors.
    pub ignore_failures: Option<IgnoreFailures>,
    /// The login there; else that of the options.
    pub backup_user: Option<Located<String>>,
    /// How files are copied; else as in the options.
    pub rcp_command: Option<Located<String>>,
    /// How programs are run there; else as in the options.
    pub rsh_command: Option<Located<String>>,
    /// The program there; else as in the options.
    pub cback_command: Option<Located<String>>,
    /// Whether actions are run there from here; absent means no.
    pub managed: Option<bool>,
    /// Which actions; else as in the options. An empty list counts as given.
    pub managed_actions: Option<Vec<Located<String>>>,
}
