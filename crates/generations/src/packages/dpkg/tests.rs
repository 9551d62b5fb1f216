use std::io::Write;
use std::path::{Path, PathBuf};

use redcedar_system::fake;
use redcedar_testing::debian::{Deb, DebianRoot};
use redcedar_testing::program::is_root;

use super::super::{Availability, Claim, Inventory, Permissions, State};

fn read(root: &DebianRoot) -> Inventory {
    let (system, _) = fake::system("2026-11-24T02:00");
    Inventory::read(root.path(), &[], &system).unwrap()
}

/// What is said about a path: package, and the claim in one word.
fn claims(inventory: &Inventory, root: &DebianRoot, path: &str) -> Vec<String> {
    let place = root.place(path);
    let claims = inventory.owners(&place).map(|owned| {
        let claim = match owned.claim {
            Claim::Unspecified => "unspecified",
            Claim::Obsolete => "obsolete",
            Claim::Diverted => "diverted",
            Claim::Directory => "directory",
            Claim::File { .. } => "file",
            Claim::Symlink(_) => "link",
        };
        format!("{} {claim}", inventory.package(owned.package).name)
    });
    claims.collect()
}

#[test]
fn what_dpkg_installed_is_known_with_its_digests_wherever_it_really_is() {
    if !is_root() {
        return;
    }
    let root = DebianRoot::new();
    let shared = ("/usr/share/doc/common", "shared");
    root.install(
        &Deb::new("plain", "1.0-1")
            .file("/usr/bin/plain", "plain", 0o755)
            .file("/bin/old", "old", 0o755)
            .file("/usr/share/a b/ü", "blank", 0o644)
            .link("/usr/bin/alias", "plain")
            .conffile("/etc/plain.conf", "x=1\n"),
    );
    root.install(&Deb::new("lib", "2").multi_arch().file(shared.0, shared.1, 0o644));
    let inventory = read(&root);
    let names: Vec<_> = inventory.packages().iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
    assert_eq!(names, [("lib", "2"), ("plain", "1.0-1")]);
    for (path, expected) in [
        ("/usr/bin/plain", "plain file"),
        ("/usr/bin/old", "plain file"),
        ("/usr/share/a b/ü", "plain file"),
        ("/usr/bin/alias", "plain unspecified"),
        ("/etc/plain.conf", "plain file"),
        ("/usr/share/doc/common", "lib file"),
    ] {
        assert_eq!(claims(&inventory, &root, path), [expected], "{path}");
    }
    assert_eq!(claims(&inventory, &root, "/bin/old"), [""; 0]);
    assert_eq!(claims(&inventory, &root, "/usr/bin"), ["plain unspecified"]);
    assert_eq!(inventory.packages()[0].architecture, "amd64");
}

#[test]
fn removed_packages_obsolete_conffiles_holds_and_marks_are_told_apart() {
    if !is_root() {
        return;
    }
    let root = DebianRoot::new();
    root.install(&Deb::new("gone", "1").conffile("/etc/gone.conf", "x").file("/usr/bin/gone", "y", 0o755));
    root.install(&Deb::new("slim", "1").conffile("/etc/slim.conf", "x").conffile("/etc/slim.old", "y"));
    root.install(&Deb::new("slim", "2").conffile("/etc/slim.conf", "x"));
    root.dpkg(&["--remove".as_ref(), "gone".as_ref()]);
    let status = fs_err::read_to_string(root.place("/var/lib/dpkg/status")).unwrap();
    root.write(
        "/var/lib/dpkg/status",
        status.replace("Status: install ok installed", "Status: hold ok installed"),
    );
    root.write(
        "/var/lib/apt/extended_states",
        "Package: slim\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: gone\nArchitecture: amd64\nAuto-Installed: 0\n",
    );
    let inventory = read(&root);
    let package = |name: &str| inventory.packages().iter().find(|package| package.name == name).unwrap();
    assert_eq!(package("gone").state, State::ConfigurationOnly);
    assert_eq!(package("slim").state, State::Installed);
    assert_eq!((package("slim").is_held, package("slim").is_auto), (true, true));
    assert!(!package("gone").is_auto);
    assert_eq!(claims(&inventory, &root, "/etc/gone.conf"), ["gone obsolete"]);
    assert_eq!(claims(&inventory, &root, "/usr/bin/gone"), [""; 0]);
    assert_eq!(claims(&inventory, &root, "/etc/slim.conf"), ["slim file"]);
    assert_eq!(claims(&inventory, &root, "/etc/slim.old"), ["slim obsolete"]);
}

#[test]
fn diversions_overrides_and_alternatives_are_those_that_dpkgs_tools_made() {
    if !is_root() {
        return;
    }
    let root = DebianRoot::new();
    let tool = Deb::new("tool", "1").file("/usr/bin/tool", "tool", 0o755).file("/usr/bin/score", "s", 0o755);
    root.tool(
        "dpkg-divert",
        &["--local", "--divert", "/usr/bin/tool.orig", "--no-rename", "--add", "/usr/bin/tool"],
    );
    root.tool("dpkg-statoverride", &["--add", "games", "games", "2750", "/usr/bin/score"]);
    root.install(&tool);
    root.tool("update-alternatives", &["--install", "/usr/bin/pick", "pick", "/usr/bin/score", "7"]);
    let inventory = read(&root);
    assert_eq!(claims(&inventory, &root, "/usr/bin/tool.orig"), ["tool diverted"]);
    assert_eq!(claims(&inventory, &root, "/usr/bin/tool"), [""; 0]);
    let score = root.place("/usr/bin/score");
    let permissions = inventory.owners(&score).next().unwrap().permissions;
    let expected = redcedar_system::Owner { uid: 5, gid: 60 };
    assert_eq!(permissions, Permissions::Recorded { mode: 0o2750, owner: expected });
    let settings = inventory.dpkg().unwrap();
    assert_eq!(settings.diversions[0].to, PathBuf::from("/usr/bin/tool.orig"));
    assert_eq!(settings.diversions[0].package, None);
    let alternative = &settings.alternatives[0];
    assert_eq!((alternative.name.as_str(), alternative.is_manual), ("pick", false));
    assert_eq!(alternative.current.as_deref(), Some(Path::new("/usr/bin/score")));
    assert_eq!(alternative.choices[0].priority, 7);
}

/// A database as dpkg writes it, without running it.
fn by_hand(status: &str) -> DebianRoot {
    let root = DebianRoot::new();
    root.write("/var/lib/dpkg/status", status);
    for name in ["a", "b"] {
        root.write(
            &format!("/var/lib/dpkg/info/{name}.list"),
            format!("/.\n/usr\n/usr/bin\n/usr/bin/{name}\n"),
        );
        let sum = format!("{}  usr/bin/{name}\nnonsense\n", "0f".repeat(16));
        root.write(&format!("/var/lib/dpkg/info/{name}.md5sums"), sum);
    }
    root
}

fn stanza(name: &str, version: &str, status: &str) -> String {
    format!(
        "Package: {name}\nStatus: {status}\nInstalled-Size: 1\nArchitecture: all\nVersion: {version}\n\
         Depends: x (>=  1),\n y\n\n"
    )
}

#[test]
fn pending_updates_replace_what_status_says_in_the_order_of_their_numbers() {
    let root =
        by_hand(&(stanza("a", "1", "install ok installed") + &stanza("b", "1", "install ok installed")));
    root.write("/var/lib/dpkg/updates/0010", stanza("a", "3", "install reinstreq half-installed"));
    root.write("/var/lib/dpkg/updates/0009", stanza("a", "2", "install ok unpacked"));
    root.write("/var/lib/dpkg/updates/0011", stanza("b", "1", "purge ok not-installed"));
    root.write("/var/lib/dpkg/updates/tmp.i", stanza("a", "9", "install ok installed"));
    let inventory = read(&root);
    let packages: Vec<_> =
        inventory.packages().iter().map(|p| (p.name.as_str(), p.version.as_str(), p.state)).collect();
    assert_eq!(packages, [("a", "3", State::Unfinished)]);
}

#[test]
fn a_package_can_be_had_again_if_an_index_has_this_very_build() {
    let installed = stanza("a", "1", "install ok installed") + &stanza("b", "1", "install ok installed");
    let entry = |name: &str, version: &str, depends: &str| {
        format!(
            "Package: {name}\nArchitecture: all\nVersion: {version}\nInstalled-Size: 1\nDepends: {depends}\n\
             Filename: x\n\n"
        )
    };
    let same = entry("a", "1", "x (>= 1), y");
    let root = by_hand(&installed);
    let availabilities =
        || read(&root).packages().iter().map(|package| package.availability).collect::<Vec<_>>();
    assert_eq!(availabilities(), [Availability::Nowhere; 2]);
    assert!(read(&root).remarks()[0].contains("apt-get update"), "{:?}", read(&root).remarks());

    root.write("/var/lib/apt/lists/r_binary-all_Packages", entry("a", "2", "y") + &entry("b", "1", "z"));
    assert_eq!(availabilities(), [Availability::OtherVersion; 2]);
    assert_eq!(read(&root).remarks(), [""; 0]);

    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(same.as_bytes()).unwrap();
    root.write("/var/lib/apt/lists/s_binary-all_Packages.lz4", lz4.finish().unwrap());
    let inventory = read(&root);
    assert_eq!(inventory.packages()[0].availability, Availability::SameVersion);
    assert_eq!(inventory.packages()[0].origin.as_deref(), Some("s_binary-all"));
    assert_eq!(inventory.packages()[1].availability, Availability::OtherVersion);

    root.write("/var/lib/apt/lists/s_binary-all_Packages.lz4", b"\x04\x22\x4d\x18 damaged");
    assert_eq!(availabilities()[0], Availability::OtherVersion);
    assert!(read(&root).remarks()[0].contains("Packages.lz4"), "{:?}", read(&root).remarks());
}

#[test]
fn on_the_word_of_a_database_that_makes_no_sense_nothing_is_left_out() {
    let good = stanza("a", "1", "install ok installed");
    for (status, expected) in [
        (good.clone() + "Version: 1\n\n", "without a package"),
        (good.clone() + &stanza("b", "1", "install ok imagined"), "imagined"),
        (good.clone() + &stanza("c", "1", "install ok installed"), "no list of the files of c"),
    ] {
        let inventory = read(&by_hand(&status));
        assert!(inventory.packages().is_empty());
        assert_eq!(inventory.owned().count(), 0);
        assert!(inventory.remarks().last().unwrap().contains(expected), "{:?}", inventory.remarks());
    }
}
