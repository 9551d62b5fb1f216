//! Debian and its relatives: `apt-get`, and what dpkg was told besides packages.

use std::ffi::OsStr;

use redcedar_system::quote;

use super::{Facts, Step, apt, bring_back, there};
use crate::packages::dpkg::{Alternative, Choice, Diversion, StatOverride};

/// Repositories, their keys, and how packages are installed.
pub(super) const PLACES: [&str; 4] =
    ["/etc/apt", "/etc/dpkg", "/usr/share/keyrings", "/usr/local/share/keyrings"];

/// Everything that comes before files.
pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps = vec![repositories(facts)];
    let diversions = facts.dpkg.iter().flat_map(|settings| &settings.diversions);
    let diversions: Vec<String> = diversions.map(divert).collect();
    if !diversions.is_empty() {
        let why = "before packages come, which then have their files elsewhere";
        steps.push(Step::new("Divert files", why, diversions));
    }
    steps.extend(apt::install(facts));
    steps.push(purge(facts));
    steps
}

fn repositories(facts: &Facts) -> Step {
    let mut commands = Vec::new();
    if facts.installed("dpkg").any(|package| package.name == "ca-certificates") {
        // Without them no repository is reached by https.
        commands.push("there apt-get update".to_owned());
        commands.push("there apt-get --yes --no-install-recommends install ca-certificates".to_owned());
    }
    let places = facts.saved(&PLACES);
    if !places.is_empty() {
        commands.push(bring_back(&places));
    }
    let foreign = facts.dpkg.iter().flat_map(|settings| &settings.foreign_architectures);
    commands.extend(foreign.map(|architecture| there(&["dpkg", "--add-architecture", architecture])));
    commands.push("there apt-get update".to_owned());
    Step::new("Use the repositories", "with their keys and settings", commands)
}

fn divert(diversion: &Diversion) -> String {
    let word = |text: &OsStr| quote::posix_word(text);
    let owner = diversion
        .package
        .as_ref()
        .map_or("--local".to_owned(), |package| format!("--package {}", word(OsStr::new(package))));
    let (from, to) = (word(diversion.from.as_os_str()), word(diversion.to.as_os_str()));
    format!("there dpkg-divert --quiet {owner} --rename --divert {to} --add {from}")
}

/// What a fresh installation has and the machine had not. The kernel that runs stays: its files go all the same if the machine
/// had them not.
fn purge(facts: &Facts) -> Step {
    let mut names: Vec<&str> = facts
        .packages
        .iter()
        .filter(|package| package.database == "dpkg")
        .map(|package| package.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let list = format!("cat >\"$work/list\" <<'END'\n{}\nEND", names.join("\n"));
    // `grep` fails when nothing is left, which is as it should be.
    let ask = "others=$(there dpkg-query --show --showformat '${Package}\\n' | sort -u |\n    \
               grep -v -x -F -f \"$work/list\" | grep -v -x -F \"linux-image-$(uname -r)\" || true)";
    let purge = "[ -z \"$others\" ] || there apt-get --yes purge $others ||\n    \
                 echo 'Some packages that were not there cannot be removed by apt-get; their files go below.' >&2";
    let commands = [&*list, ask, purge].map(str::to_owned).to_vec();
    Step::new("Remove packages that were not there", "by their own means, before their files go", commands)
}

/// What dpkg was told about single files, where that does not come back with the files.
pub(super) fn settings(facts: &Facts) -> Option<Step> {
    let settings = facts.dpkg.as_ref()?;
    let title = format!(
        "Set {} overridden modes and {} alternatives",
        settings.overrides.len(),
        settings.alternatives.len()
    );
    if facts.has_dpkg() {
        return Some(Step::new(title, "nothing is to be done: they came with the files", Vec::new()));
    }
    let mut commands: Vec<String> = settings.overrides.iter().map(override_mode).collect();
    commands.extend(settings.alternatives.iter().flat_map(choose));
    Some(Step::new(title, "the snapshot has not the files in which dpkg keeps them", commands))
}

fn override_mode(entry: &StatOverride) -> String {
    let path = quote::posix_word(entry.path.as_os_str());
    let [user, group] = [&entry.user, &entry.group].map(|name| quote::posix_word(OsStr::new(name)));
    format!(
        "there dpkg-statoverride --list {path} >/dev/null ||\n    there dpkg-statoverride --update --add {user} {group} {:04o} {path}",
        entry.mode
    )
}

fn choose(alternative: &Alternative) -> Vec<String> {
    let name = quote::posix_word(OsStr::new(&alternative.name));
    let add = |choice: &Choice| {
        let word = |path: &std::path::Path| quote::posix_word(path.as_os_str());
        let mut command = format!(
            "there update-alternatives --quiet --install {} {name} {} {}",
            word(&alternative.link),
            word(&choice.path),
            choice.priority
        );
        for ((follower, link), path) in alternative.followers.iter().zip(&choice.followers) {
            if !path.as_os_str().is_empty() {
                let words = [word(link), quote::posix_word(OsStr::new(follower)), word(path)];
                command = format!("{command} --slave {}", words.join(" "));
            }
        }
        command
    };
    let mut commands: Vec<String> = alternative.choices.iter().map(add).collect();
    if let Some(current) = alternative.current.as_ref().filter(|_| alternative.is_manual) {
        let current = quote::posix_word(current.as_os_str());
        commands.push(format!("there update-alternatives --quiet --set {name} {current}"));
    }
    commands
}
