//! Package managers whose part is to install packages, and no more.

use super::{Facts, Step, bring_back, command};
use crate::manifest::{PackageAvailability, PackageLine};

/// A package manager.
pub(super) struct Manager {
    pub(super) name: &'static str,
    /// Where it keeps its repositories and their keys.
    pub(super) places: &'static [&'static str],
    /// The command that fetches indexes.
    update: &'static str,
    /// The command that packages are added to.
    install: &'static str,
    /// A package in the version that it had.
    with_version: fn(&PackageLine) -> String,
}

pub(super) static MANAGERS: [Manager; 4] = [
    Manager {
        name: "rpm",
        places: &["/etc/yum.repos.d", "/etc/pki/rpm-gpg", "/etc/dnf"],
        update: "there dnf --assumeyes makecache",
        install: "there dnf --assumeyes install --setopt=install_weak_deps=False",
        with_version: |package| format!("{}-{}.{}", package.name, package.version, package.architecture),
    },
    Manager {
        name: "pacman",
        places: &["/etc/pacman.conf", "/etc/pacman.d"],
        update: "there pacman --sync --refresh --noconfirm",
        // It knows only one version: the newest.
        install: "there pacman --sync --needed --noconfirm",
        with_version: |package| package.name.clone(),
    },
    Manager {
        name: "apk",
        places: &["/etc/apk"],
        update: "there apk update",
        install: "there apk add",
        with_version: |package| format!("{}={}", package.name, package.version),
    },
    Manager {
        name: "portage",
        places: &["/etc/portage", "/var/lib/portage"],
        update: "there emerge --sync",
        install: "there emerge --oneshot --usepkg",
        with_version: |package| format!("={}-{}", package.name, package.version),
    },
];

/// The manager of a name.
pub(super) fn find(name: &str) -> Option<&'static Manager> {
    MANAGERS.iter().find(|manager| manager.name == name)
}

/// Repositories, then packages.
pub(super) fn steps(manager: &Manager, facts: &Facts) -> Vec<Step> {
    let places = facts.saved(manager.places);
    let mut commands = Vec::new();
    if !places.is_empty() {
        commands.push(bring_back(&places));
    }
    commands.push(manager.update.to_owned());
    let title = format!("Use the repositories of {}", manager.name);
    let mut steps = vec![Step::new(title, "with their keys and settings", commands)];
    let words: Vec<String> = facts
        .installed(manager.name)
        .filter_map(|package| match package.available {
            PackageAvailability::SameVersion => Some((manager.with_version)(package)),
            PackageAvailability::OtherVersion => Some(package.name.clone()),
            PackageAvailability::Nowhere => None,
        })
        .collect();
    if !words.is_empty() {
        let title = format!("Install {} packages of {}", words.len(), manager.name);
        let why = "in the versions that they had, as far as repositories have those";
        steps.push(Step::new(title, why, vec![command(manager.install, &[], &words)]));
    }
    steps
}
