//! What `ssh -G` says: the settings that a connection would have.

use std::path::{Path, PathBuf};

/// The settings that matter for setting a peer up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    /// The host that is really connected to.
    pub(crate) host: String,
    pub(crate) port: String,
    pub(crate) user: String,
    /// Private keys, in the order in which they are tried.
    pub(crate) keys: Vec<PathBuf>,
    /// The user's files with the keys of hosts; the first is where new ones go.
    pub(crate) known_hosts: Vec<PathBuf>,
    /// The machine's files with the keys of hosts.
    pub(crate) global_known_hosts: Vec<PathBuf>,
    /// The name under which the host's key is known, if it is not that of the host.
    host_key_alias: Option<String>,
    /// Whether the connection goes through another host or program.
    pub(crate) is_relayed: bool,
    /// Whether keys of unknown hosts are accepted without a question.
    pub(crate) trusts_anybody: bool,
}

impl Settings {
    /// Reads the output of `ssh -G`; `home` is for paths that begin with `~`.
    pub(crate) fn parse(output: &str, home: &Path) -> Self {
        let mut settings = Self::default();
        for line in output.lines() {
            let (name, value) = line.trim_end().split_once(' ').unwrap_or((line, ""));
            match name {
                "hostname" => value.clone_into(&mut settings.host),
                "port" => value.clone_into(&mut settings.port),
                "user" => value.clone_into(&mut settings.user),
                "identityfile" => settings.keys.push(path(value, home)),
                "userknownhostsfile" => settings.known_hosts = paths(value, home),
                "globalknownhostsfile" => settings.global_known_hosts = paths(value, home),
                "hostkeyalias" => settings.host_key_alias = Some(value.to_owned()),
                "proxyjump" | "proxycommand" => settings.is_relayed |= value != "none",
                "stricthostkeychecking" => {
                    settings.trusts_anybody = ["no", "false", "off", "accept-new"].contains(&value);
                }
                _ => {}
            }
        }
        settings
    }

    /// The name of the host in files of known hosts.
    pub(crate) fn known_as(&self) -> String {
        match (&self.host_key_alias, self.port.as_str()) {
            (Some(alias), _) => alias.clone(),
            (None, "22" | "") => self.host.clone(),
            (None, port) => format!("[{}]:{port}", self.host),
        }
    }
}

fn paths(value: &str, home: &Path) -> Vec<PathBuf> {
    value.split(' ').map(|file| path(file, home)).collect()
}

fn path(value: &str, home: &Path) -> PathBuf {
    value.strip_prefix("~/").map_or_else(|| PathBuf::from(value), |below| home.join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_is_understood() {
        let output = "host h\nuser root\nhostname 127.0.0.1\nport 2222\nstricthostkeychecking ask\n\
            proxyusefdpass no\nglobalknownhostsfile /dev/null\nidentityfile ~/.ssh/id_rsa\nidentityfile /k/userkey\n\
            userknownhostsfile /root/.ssh/known_hosts /root/.ssh/known_hosts2\n";
        let settings = Settings::parse(output, Path::new("/var/backups"));
        let expected = Settings {
            host: "127.0.0.1".into(),
            port: "2222".into(),
            user: "root".into(),
            keys: vec!["/var/backups/.ssh/id_rsa".into(), "/k/userkey".into()],
            known_hosts: vec!["/root/.ssh/known_hosts".into(), "/root/.ssh/known_hosts2".into()],
            global_known_hosts: vec!["/dev/null".into()],
            host_key_alias: None,
            is_relayed: false,
            trusts_anybody: false,
        };
        assert_eq!(settings, expected);
        assert_eq!(settings.known_as(), "[127.0.0.1]:2222");
    }

    #[test]
    fn aliases_relays_and_weak_checks_are_noticed() {
        let read = |line: &str| Settings::parse(&format!("hostname h\nport 22\n{line}\n"), Path::new("/"));
        assert_eq!(read("").known_as(), "h");
        assert_eq!(read("hostkeyalias other").known_as(), "other");
        assert!(read("proxyjump gate").is_relayed);
        assert!(!read("proxyjump none").is_relayed);
        assert!(read("stricthostkeychecking accept-new").trusts_anybody);
        assert!(read("stricthostkeychecking false").trusts_anybody);
        assert!(!read("stricthostkeychecking true").trusts_anybody);
    }
}
