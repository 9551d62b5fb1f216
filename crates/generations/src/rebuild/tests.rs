use std::path::Path;

use redcedar_archive::manifest::{Entry, Flaw};
use redcedar_archive::{Kind, Timestamp};

use super::*;
use crate::manifest::{Header, LeftOut, Line, PackageAvailability, PackageLine, PackageState, PathLine};
use crate::packages::dpkg::{Alternative, Choice, Diversion, Settings, StatOverride};

pub(super) fn header(roots: &[&str]) -> Header {
    Header {
        generation: "2026-11-24-02:30:00".to_owned(),
        host: "alpha".to_owned(),
        time: "2026-11-24T02:30:00+00:00".to_owned(),
        began: Timestamp::default(),
        is_by_root: true,
        program: "redcedar".to_owned(),
        roots: roots.iter().map(PathBuf::from).collect(),
        not_entered: Some(vec!["/proc".into()]),
    }
}

pub(super) fn package(name: &str, available: PackageAvailability) -> PackageLine {
    PackageLine {
        name: name.to_owned(),
        version: "1.0-1".to_owned(),
        architecture: "amd64".to_owned(),
        database: "dpkg".to_owned(),
        origin: Some("deb.debian.org_debian_dists_bookworm_main_binary-amd64".to_owned()),
        auto: name.starts_with("lib"),
        held: false,
        state: PackageState::Installed,
        available,
    }
}

pub(super) fn path(path: &str, by: Option<u32>) -> PathLine {
    let entry = Entry {
        path: path.into(),
        kind: Kind::File,
        size: 0,
        mode: 0o644,
        uid: 0,
        gid: 0,
        user: None,
        group: None,
        modified: Timestamp::default(),
        link: None,
        hard_link: None,
        rdev: None,
        sha256: None,
        offset: None,
        flaw: None,
    };
    let left_out = by.map(|package| LeftOut { package, digest: None });
    PathLine { entry, changed: Timestamp::default(), inode: 0, attributes: Vec::new(), left_out }
}

fn settings() -> Settings {
    let choice =
        |path: &str, priority| Choice { path: path.into(), priority, followers: vec!["/m.1".into()] };
    Settings {
        diversions: vec![
            Diversion { from: "/bin/a".into(), to: "/bin/a.real".into(), package: None },
            Diversion { from: "/bin/b b".into(), to: "/bin/b.real".into(), package: Some("tool".to_owned()) },
        ],
        overrides: vec![StatOverride {
            path: "/usr/bin/score".into(),
            user: "#5".to_owned(),
            group: "games".to_owned(),
            mode: 0o2755,
        }],
        alternatives: vec![Alternative {
            name: "editor".to_owned(),
            is_manual: true,
            link: "/usr/bin/editor".into(),
            followers: vec![("editor.1".to_owned(), "/usr/share/man/editor.1".into())],
            choices: vec![choice("/bin/ed", -100), choice("/usr/bin/vi", 30)],
            current: Some("/bin/ed".into()),
        }],
        foreign_architectures: vec!["i386".to_owned()],
    }
}

/// A machine with all that can happen to one.
fn machine(paths: &[&str]) -> Facts {
    let mut facts = Facts::of_header(header(&["/"]));
    let held = PackageLine { held: true, ..package("tool", PackageAvailability::SameVersion) };
    let common =
        PackageLine { architecture: "all".to_owned(), ..package("common", PackageAvailability::SameVersion) };
    for package in [
        package("base-files", PackageAvailability::SameVersion),
        package("ca-certificates", PackageAvailability::SameVersion),
        held,
        common,
        package("libnew", PackageAvailability::OtherVersion),
        package("own", PackageAvailability::Nowhere),
        PackageLine {
            state: PackageState::ConfigurationOnly,
            ..package("gone", PackageAvailability::SameVersion)
        },
    ] {
        facts.add(Line::Package(package));
    }
    facts.add(Line::Dpkg(Box::new(settings())));
    facts.add(Line::Path(Box::new(path("/usr/bin/tool", Some(2)))));
    facts.add(Line::Path(Box::new(path("/usr/bin/own", Some(5)))));
    for name in paths {
        facts.add(Line::Path(Box::new(path(name, None))));
    }
    let mut flawed = path("/home/mail", None);
    flawed.entry.flaw = Some(Flaw::Changed);
    facts.add(Line::Path(Box::new(flawed)));
    facts.add(Line::Missing { path: "/usr/share/doc/tool".into(), package: 2 });
    facts
}

/// What a shell thinks of a script without running it.
fn check(script: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("script");
    fs_err::write(&file, script).unwrap();
    redcedar_testing::program::succeed(redcedar_testing::program::command("sh").arg("-n").arg(file));
}

#[test]
fn a_debian_machine_is_made_anew_step_by_step_and_what_cannot_be_is_said_first() {
    let all = [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/apt/sources.list",
        "/etc/fstab",
        "/boot/vmlinuz",
        "/var/lib/dpkg/status",
        "/usr/share/keyrings/own.gpg",
    ];
    let script = plan(&machine(&all)).script(Path::new("/mnt/the store"));
    check(&script);
    insta::assert_snapshot!(script);
}

#[test]
fn what_dpkg_was_told_is_told_again_where_the_snapshot_has_not_its_files() {
    let plan = plan(&machine(&["/etc/hosts"]));
    check(&plan.script(Path::new("/s")));
    insta::assert_snapshot!(plan.steps.last().unwrap().commands.join("\n"));
}

#[test]
fn other_managers_install_the_versions_that_were_there() {
    for (database, expected) in [
        ("rpm", "there dnf --assumeyes install --setopt=install_weak_deps=False tool-1.0-1.amd64"),
        ("pacman", "there pacman --sync --needed --noconfirm tool"),
        ("apk", "there apk add tool=1.0-1"),
        ("portage", "there emerge --oneshot --usepkg =tool-1.0-1"),
    ] {
        let mut facts = Facts::of_header(header(&["/"]));
        let of_it = PackageLine {
            database: database.to_owned(),
            ..package("tool", PackageAvailability::SameVersion)
        };
        facts.add(Line::Package(of_it));
        let plan = plan(&facts);
        check(&plan.script(Path::new("/s")));
        let commands: Vec<&String> = plan.steps.iter().flat_map(|step| &step.commands).collect();
        assert!(commands.iter().any(|command| *command == expected), "{database}: {commands:?}");
        assert_eq!(commands.last().unwrap().as_str(), "lay_over --exact");
    }
}

#[test]
fn packages_that_a_program_told_of_are_announced() {
    let mut facts = Facts::of_header(header(&["/"]));
    let of_it = PackageLine { database: "guix".to_owned(), ..package("x", PackageAvailability::SameVersion) };
    facts.add(Line::Package(of_it));
    facts.add(Line::Path(Box::new(path("/gnu/x", Some(0)))));
    let expected = Loss::UnknownManager { database: "guix".to_owned(), packages: 1, left_out: 1 };
    assert_eq!(plan(&facts).losses, [expected]);
}
