//! `redcedar peer` and `redcedar validate-command`, over the real ssh.

mod add;
mod check;
mod forced;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin;
use redcedar_system::Clock;
use redcedar_system::clock::OsClock;
use redcedar_testing::sshd::Network;

use super::Sandbox;

/// A master with a configuration, and the ways to its peers. Peers are directories of the same sandbox.
struct Master {
    sandbox: Sandbox,
    network: Network,
}

impl Master {
    /// None after having said aloud that there is no sshd.
    fn new() -> Option<Self> {
        Network::required(None).map(Self::in_network)
    }

    fn in_network(network: Network) -> Self {
        let mut sandbox = Sandbox::new();
        // Machines are asked for the time; they have that of this one.
        sandbox.at(&OsClock.now().to_string());
        for directory in ["/etc", "/work", "/stage", "/collect"] {
            fs_err::create_dir(sandbox.path(directory)).unwrap();
        }
        Self { sandbox, network }
    }

    fn collect_dir(&self) -> PathBuf {
        self.sandbox.path("/collect")
    }

    /// Writes the configuration, with peers as they are given.
    fn configure(&self, rcp: &str, peers: &str) {
        let path = |path: &str| self.sandbox.path(path).display().to_string();
        let (user, rsh) = (self.network.login(), self.network.ssh());
        let (work, stage, program) = (path("/work"), path("/stage"), cargo_bin!("redcedar").display());
        let text = format!(
            "<cb_config><options><starting_day>sunday</starting_day><working_dir>{work}</working_dir>
            <backup_user>{user}</backup_user><backup_group>{user}</backup_group><rcp_command>{rcp}</rcp_command>
            <rsh_command>{rsh}</rsh_command><cback_command>{program}</cback_command></options>
            <peers>{peers}</peers><stage><staging_dir>{stage}</staging_dir></stage></cb_config>"
        );
        self.sandbox.write("/etc/redcedar.conf", text);
    }

    /// A peer on another machine that collects into `directory`.
    fn peer(name: &str, directory: &Path, extra: &str) -> String {
        let directory = directory.display();
        format!(
            "<peer><name>{name}</name><type>remote</type><collect_dir>{directory}</collect_dir>{extra}</peer>"
        )
    }

    /// The forced command for the collect directory, and a place where it writes what it tells the system's log.
    fn forced(&self, extra: &str) -> (String, PathBuf) {
        let log = self.sandbox.path("/syslog");
        self.script("/bin/logger", &format!("echo \"$*\" >>{}", log.display()));
        let bin = self.sandbox.path("/bin");
        let command = format!(
            "PATH={}:$PATH exec {} validate-command --collect-dir {}{extra}",
            bin.display(),
            cargo_bin!("redcedar").display(),
            self.collect_dir().display()
        );
        (command, log)
    }

    fn script(&self, path: &str, text: &str) {
        self.sandbox.write(path, format!("#!/bin/sh\n{text}\n"));
        fs_err::set_permissions(self.sandbox.path(path), PermissionsExt::from_mode(0o755)).unwrap();
    }
}
