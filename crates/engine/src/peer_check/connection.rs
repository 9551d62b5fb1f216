//! From the user who talks to peers to the login there.

use std::path::Path;

use redcedar_system::account::Account;
use redcedar_system::{Interrupted, Runner, quote};

use super::step::{Finding, Step};
use crate::remote::Identity;
use crate::ssh::{Connection, Reached, Settings, Trouble, ask, said};

/// The user who talks to peers: whether there is a home, and a key that can be used without anybody there to type.
pub(super) fn backup_user(
    identity: &Identity,
    account: &Account,
    settings: &Settings,
    make_key: &str,
    runner: &dyn Runner,
) -> Result<Finding, Interrupted> {
    let user = &account.name;
    let mut unusable = None;
    for key in settings.keys.iter().filter(|key| key.exists()) {
        let key = key.to_string_lossy();
        let public = identity.command(&["ssh-keygen", "-y", "-P", "", "-f", &key]);
        let (finished, _) = ask(runner, &public)?;
        if finished.success() {
            return Ok(with_home(account, &format!("{user}, key {key}")));
        }
        let shown = quote::word(key.as_ref().as_ref());
        let reason = said(&finished);
        let mend = if reason.contains("passphrase") {
            as_user(identity, account, &format!("ssh-keygen -p -f {shown}"))
        } else if reason.contains("Permission denied") {
            format!("chown {user} {shown}")
        } else {
            format!("chmod 600 {shown}")
        };
        unusable.get_or_insert(Finding::failed(
            Step::BackupUser,
            format!("{user} cannot use the key {key}: {reason}"),
            mend,
        ));
    }
    Ok(unusable.unwrap_or_else(|| Finding::failed(Step::BackupUser, format!("{user} has no key"), make_key)))
}

/// Programs do without a home as long as their configuration names no file in it.
fn with_home(account: &Account, seen: &str) -> Finding {
    if account.home.is_dir() {
        Finding::ok(Step::BackupUser, seen)
    } else {
        let home = account.home.display();
        let make =
            format!("install -d -m 0700 -o {} {}", account.name, quote::word(account.home.as_os_str()));
        Finding::warning(Step::BackupUser, format!("{seen}; the home directory {home} is not there"))
            .mend(make)
    }
}

/// A command line for a person to run as the user who talks to peers.
fn as_user(identity: &Identity, account: &Account, line: &str) -> String {
    if *identity == Identity::Ourselves {
        return line.to_owned();
    }
    // `su` would need a login shell.
    let (user, group) = (&account.name, account.owner.gid);
    format!("setpriv --reuid={user} --regid={group} --init-groups {line}")
}

/// What the first four steps over the network found. After the one that failed, nothing is known.
pub(super) struct Route<'a> {
    pub(super) connection: &'a Connection,
    pub(super) settings: &'a Settings,
    pub(super) identity: &'a Identity,
    pub(super) account: &'a Account,
    /// What adds the key of the host, and ours to the host.
    pub(super) add: &'a str,
}

impl Route<'_> {
    /// The steps up to the login, by what kept `ssh` from it, and what it said.
    pub(super) fn findings(&self, trouble: Option<(Trouble, &str)>) -> Vec<Finding> {
        let steps = [
            (Reached::Name, Step::HostName),
            (Reached::Port, Step::Port),
            (Reached::HostKey, Step::HostKey),
            (Reached::Login, Step::Login),
        ];
        let judged = steps.map(|(reached, step)| match trouble {
            Some((trouble, reason)) if trouble.reached() == reached => self.failed(step, trouble, reason),
            Some((trouble, _)) if trouble.reached() < reached => Finding::skipped(step, "not reached"),
            _ => self.good(step),
        });
        judged.into()
    }

    fn good(&self, step: Step) -> Finding {
        let settings = self.settings;
        match step {
            Step::HostName if settings.is_relayed => {
                Finding::ok(step, format!("{}, by way of another host", settings.host))
            }
            Step::HostName => Finding::ok(step, settings.host.as_str()),
            Step::Port => Finding::ok(step, settings.port.as_str()),
            Step::HostKey if settings.trusts_anybody => {
                Finding::warning(step, "StrictHostKeyChecking is weakened: whoever answers first is believed")
            }
            Step::HostKey => Finding::ok(step, "known"),
            _ => Finding::ok(step, format!("as {}", settings.user)),
        }
    }

    fn failed(&self, step: Step, trouble: Trouble, reason: &str) -> Finding {
        let words = match trouble {
            Trouble::Settings => "ssh does not accept its options or its configuration",
            Trouble::Name => "the name is not known",
            Trouble::Closed => "nothing listens there",
            Trouble::Silent => "no answer",
            Trouble::NoServer => "what answers is no SSH server, or will not talk to us",
            Trouble::NothingInCommon => "the two machines have no method in common",
            Trouble::HostUnknown => "the key of the host is not known here",
            Trouble::HostChanged => "the host has another key than the known one: is it the right machine?",
            Trouble::KeyOpen => "others can read the private key, so ssh does not use it",
            Trouble::Denied => "our key is not accepted",
            Trouble::Dropped => "the connection ended",
        };
        Finding::failed(step, format!("{words} ({reason})"), self.mend(trouble))
    }

    fn mend(&self, trouble: Trouble) -> String {
        let by_hand = |line: &str| as_user(self.identity, self.account, line);
        match trouble {
            Trouble::Name => format!("getent hosts {}", quote::word(self.settings.host.as_ref())),
            Trouble::HostChanged => {
                let known_hosts = self.settings.known_hosts.first().map(|path| quote::word(path.as_os_str()));
                by_hand(&format!(
                    "ssh-keygen -R {} -f {}",
                    quote::word(self.settings.known_as().as_ref()),
                    known_hosts.unwrap_or_default()
                ))
            }
            Trouble::HostUnknown => self.add.to_owned(),
            Trouble::Denied => format!("{} --install", self.add),
            Trouble::KeyOpen => {
                let keys: Vec<_> = self.settings.keys.iter().filter(|key| key.exists()).collect();
                let keys = keys.iter().map(|key| quote::word(Path::as_os_str(key)));
                format!("chmod 600 {}", keys.collect::<Vec<_>>().join(" "))
            }
            _ => by_hand(&self.connection.by_hand()),
        }
    }
}
