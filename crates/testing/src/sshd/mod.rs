//! Machines to be reached by the real `ssh`: each host is an `sshd` on loopback with keys of its own.
//!
//! Nothing of the machine's own ssh set-up is used or touched: keys, known hosts and configuration are in a temporary
//! directory, and the client finds them by `-F`.

mod filter;
mod host;

use crate::program;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub use host::Host;

/// Where Debian has it: what a filter sees when the client speaks SFTP.
pub const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

/// What the key of the client may do on a host.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everything.
    Free,
    /// Everything, and it is written down: [`Host::asked`].
    Recorded,
    /// Exactly these requests, which are written down, too: what the original's manual recommends.
    Listed(Vec<String>),
    /// This program runs instead of what is asked for.
    Command(String),
}

/// A client and the hosts that it knows.
#[derive(Debug)]
pub struct Network {
    dir: TempDir,
    sshd: PathBuf,
}

impl Network {
    /// A client without hosts. `user` is whose key it is, if it is not the user of the test; root may use it all the same.
    ///
    /// None after having said aloud that this cannot be tested here.
    ///
    /// # Panics
    /// When it cannot be tested where everything must be there (`CI` is set).
    pub fn required(user: Option<&str>) -> Option<Self> {
        let what = "what goes over ssh";
        let Some(sshd) = find_sshd() else {
            program::cannot_test(
                what,
                "openssh-server and openssh-client are not installed; ./check does it",
            );
            return None;
        };
        if user.is_some() && !program::is_root() {
            program::cannot_test(what, "only root can be somebody else");
            return None;
        }
        Some(Self::new(sshd, user).expect("keys can be made"))
    }

    fn new(sshd: PathBuf, user: Option<&str>) -> io::Result<Self> {
        if program::is_root() {
            // sshd shuts its unprivileged half up in this directory, which the system makes when it starts the service.
            fs_err::create_dir_all("/run/sshd")?;
        }
        let network = Self { dir: TempDir::with_prefix("redcedar-ssh-")?, sshd };
        fs_err::set_permissions(network.dir.path(), PermissionsExt::from_mode(0o755))?;
        let key = network.path("key");
        make_key(&key);
        if let Some(user) = user {
            // Only the key of somebody else may be readable by others.
            program::succeed(program::command("chown").arg(user).arg(&key));
        }
        for name in ["known_hosts", "hosts"] {
            network.publish(name, "")?;
        }
        network.publish("config", &network.config_text())?;
        Ok(network)
    }

    /// Hosts that are not known do not answer; nothing asks for their names.
    fn config_text(&self) -> String {
        format!(
            "Include {}\n\
             Host *\n\
             HostName 127.0.0.1\n\
             Port 1\n\
             ConnectTimeout 10\n\
             IdentityFile {}\n\
             IdentitiesOnly yes\n\
             IdentityAgent none\n\
             UserKnownHostsFile {}\n\
             GlobalKnownHostsFile none\n\
             StrictHostKeyChecking yes\n\
             UpdateHostKeys no\n\
             LogLevel ERROR\n",
            self.path("hosts").display(),
            self.path("key").display(),
            self.path("known_hosts").display()
        )
    }

    /// Starts a host that the client reaches and knows by `name`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn host(&self, name: &str, access: &Access) -> Host {
        let dir = self.path(&format!("host-{name}"));
        fs_err::create_dir(&dir).expect("each host has a name of its own");
        let key = dir.join("host_key");
        make_key(&key);
        self.know(name, &key);
        let client = fs_err::read_to_string(self.path("key.pub")).expect("the key has a public half");
        let restriction = match access {
            Access::Free => String::new(),
            Access::Recorded => restriction(&filter::recording(&dir)),
            Access::Listed(requests) => restriction(&filter::listed(&dir, requests)),
            Access::Command(command) => restriction(command),
        };
        publish(&dir.join("authorized_keys"), &format!("{restriction}{client}")).expect("a key is accepted");
        let host = Host::start(&self.sshd, &dir).expect("sshd can be started");
        self.alias(name, host.port());
        host
    }

    /// Lets `name` lead to a port of loopback, whatever answers there.
    ///
    /// # Panics
    /// When it cannot be written down.
    pub fn alias(&self, name: &str, port: u16) {
        append(
            &self.path("hosts"),
            &format!("Host {name}\nHostName 127.0.0.1\nPort {port}\nHostKeyAlias {name}\n"),
        );
    }

    /// Lets the client expect another key than that of the host, as if somebody stood between them.
    ///
    /// # Panics
    /// When it cannot be written down.
    pub fn distrust(&self, name: &str) {
        let key = self.path(&format!("wrong_key_of-{name}"));
        make_key(&key);
        let known_hosts = fs_err::read_to_string(self.path("known_hosts")).expect("there are known hosts");
        let others = known_hosts.split_inclusive('\n').filter(|line| !line.starts_with(&format!("{name} ")));
        let others: String = others.collect();
        self.publish("known_hosts", &others).expect("known hosts can be written");
        self.know(name, &key);
    }

    fn know(&self, name: &str, key: &Path) {
        let public = fs_err::read_to_string(key.with_extension("pub")).expect("a key has a public half");
        append(&self.path("known_hosts"), &format!("{name} {public}"));
    }

    /// The configuration of the client, for `-F`.
    pub fn config(&self) -> PathBuf {
        self.path("config")
    }

    /// For `rcp_command`: speaks SFTP.
    pub fn scp(&self) -> String {
        format!("/usr/bin/scp -B -F {}", self.config().display())
    }

    /// For `rcp_command`: speaks the old protocol, which a filter can understand.
    pub fn scp_legacy(&self) -> String {
        format!("/usr/bin/scp -O -B -F {}", self.config().display())
    }

    /// For `rsh_command`.
    pub fn ssh(&self) -> String {
        format!("/usr/bin/ssh -F {}", self.config().display())
    }

    /// Who logs in on the hosts: the user of the test.
    ///
    /// # Panics
    /// When that user has no name.
    pub fn login(&self) -> String {
        let name = program::succeed(program::command("id").arg("-un"));
        String::from_utf8_lossy(&name).trim_end().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn publish(&self, name: &str, text: &str) -> io::Result<()> {
        publish(&self.path(name), text)
    }
}

/// A port of loopback that accepts connections and never says a word, for as long as the value lives.
///
/// # Panics
/// When no port is free.
pub fn silence() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port")
}

/// sshd insists on being called by its whole path, which is in no `PATH` of ordinary users.
fn find_sshd() -> Option<PathBuf> {
    let client = ["ssh", "scp", "ssh-keygen"].iter().all(|name| program::find(name).is_some());
    let sshd = program::find("sshd")
        .or_else(|| Some("/usr/sbin/sshd".into()).filter(|path: &PathBuf| path.is_file()));
    sshd.filter(|_| client)
}

fn make_key(path: &Path) {
    program::succeed(
        program::command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(path),
    );
}

/// What stands before a key that may do no more than run `command`.
fn restriction(command: &str) -> String {
    format!("restrict,command=\"{}\" ", command.replace('"', "\\\""))
}

/// Writes a file that every user may read, whatever the umask.
fn publish(path: &Path, text: &str) -> io::Result<()> {
    fs_err::write(path, text)?;
    fs_err::set_permissions(path, PermissionsExt::from_mode(0o644))
}

fn append(path: &Path, text: &str) {
    let file = fs_err::OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the client's files can be written");
}

#[cfg(test)]
mod tests;
