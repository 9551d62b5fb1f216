//! How a machine is made anew from a generation: which system to install first, what packages bring back, what is laid over it,
//! and, before all that, what will not be as it was.
//!
//! [`Facts`] are what a generation says, [`plan`] makes steps of them, [`Plan::script`] a script of those. Nothing else is
//! asked: the machine may be gone.

mod apt;
mod base;
mod dpkg;
mod facts;
mod loss;
mod others;
mod script;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::PathBuf;

use redcedar_system::quote;

pub use base::Base;
pub use facts::Facts;
pub use loss::Loss;

/// How a machine is made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The generation.
    pub generation: String,
    /// The machine.
    pub host: String,
    /// When the generation was begun.
    pub time: String,
    /// What has to be installed before anything else, where that can be told.
    pub base: Option<Base>,
    /// What will not be as it was.
    pub losses: Vec<Loss>,
    /// Directories of which the generation has not what is in them.
    pub not_entered: Vec<PathBuf>,
    /// Paths of packages that somebody had removed; they are removed again.
    pub deletions: Vec<PathBuf>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// What somebody has to look at before the machine is started.
    pub afterwards: Vec<String>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub title: String,
    /// Why, or why so.
    pub why: String,
    /// Commands for a POSIX shell with the functions of [`Plan::script`]; one may go over several lines.
    pub commands: Vec<String>,
}

impl Step {
    fn new(title: impl Into<String>, why: impl Into<String>, commands: Vec<String>) -> Self {
        Self { title: title.into(), why: why.into(), commands }
    }
}

/// Accounts: those who install packages give numbers to users that are not there.
const ACCOUNTS: [&str; 6] =
    ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];

/// What belongs to the disks and network cards of a machine rather than to its system.
const BOUND: [&str; 9] = [
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/mdadm/mdadm.conf",
    "/etc/lvm",
    "/etc/network/interfaces",
    "/etc/netplan",
    "/etc/systemd/network",
    "/etc/udev/rules.d",
    "/boot/grub",
];

/// Makes a plan of what a generation says.
pub fn plan(facts: &Facts) -> Plan {
    let mut steps = Vec::new();
    let accounts = facts.saved(&ACCOUNTS);
    if !accounts.is_empty() {
        let why = "with their numbers, before packages make users of the same names with others";
        steps.push(Step::new("Bring users and groups back", why, vec![bring_back(&accounts)]));
    }
    let databases = facts.databases();
    if databases.contains(&"dpkg") {
        steps.extend(dpkg::steps(facts));
    }
    for manager in others::MANAGERS.iter().filter(|manager| databases.contains(&manager.name)) {
        steps.extend(others::steps(manager, facts));
    }
    let why = "what packages have brought gets its mode, owner and time, what they brought and was removed goes again, and so does \
               everything else that was not there";
    steps.push(Step::new("Lay everything over it", why, vec!["lay_over --exact".to_owned()]));
    if databases.contains(&"dpkg") {
        steps.extend(apt::repeat(facts));
        steps.extend(dpkg::settings(facts));
    }
    Plan {
        generation: facts.header.generation.clone(),
        host: facts.header.host.clone(),
        time: facts.header.time.clone(),
        base: base::of(&facts.packages),
        losses: loss::all(facts),
        not_entered: facts.header.not_entered.clone().unwrap_or_default(),
        deletions: facts.missing.clone(),
        steps,
        afterwards: afterwards(facts),
    }
}

fn afterwards(facts: &Facts) -> Vec<String> {
    let bound = facts.saved(&BOUND);
    let mut notes = Vec::new();
    if !bound.is_empty() {
        notes.push(format!(
            "These are of the old machine, and may have to be adapted to the new one's disks and network: {}.",
            bound.join(", ")
        ));
    }
    if facts.saved(&["/boot"]) == ["/boot"] {
        notes.push(
            "The boot loader is not touched: before the machine is started, make its initial RAM disk and install \
             the loader anew, with Debian `update-initramfs -u -k all`, `grub-install DISK` and `update-grub`."
                .to_owned(),
        );
    }
    notes
}

/// A command that brings paths back.
fn bring_back<S: AsRef<str>>(paths: &[S]) -> String {
    command("bring_back", &[], paths)
}

/// A command in the system that is made anew.
fn there(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quote::posix_word(OsStr::new(word))).collect();
    format!("there {}", words.join(" "))
}

/// A command with many words, one on each line.
fn command<S: AsRef<str>>(program: &str, options: &[&str], words: &[S]) -> String {
    let mut command = program.to_owned();
    for option in options {
        command.push(' ');
        command.push_str(&quote::posix_word(OsStr::new(option)));
    }
    let separator = if words.len() > 3 { " \\\n    " } else { " " };
    for word in words {
        command.push_str(separator);
        command.push_str(&quote::posix_word(OsStr::new(word.as_ref())));
    }
    command
}
