//! The script of a plan, with a real apt and a repository of our own, in a directory.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use redcedar_testing::debian::{Deb, DebianRoot};
use redcedar_testing::program::{self, command, describe, succeed};

use super::super::tests::{header, package, path};
use super::super::{Facts, plan};
use crate::manifest::{Line, PackageAvailability, PackageLine};

/// A machine that was, a new one, and a repository.
struct World {
    was: DebianRoot,
    new: DebianRoot,
    directory: tempfile::TempDir,
}

impl World {
    /// With these packages installed on the machine that was, and these in the repository by now.
    fn required(was: &[Deb], now: &[Deb]) -> Option<Self> {
        if !program::is_root()
            || ["apt-get", "dpkg-scanpackages"].iter().any(|name| program::find(name).is_none())
        {
            program::cannot_test("installing by apt-get", "only root can, with apt and dpkg-dev");
            return None;
        }
        let world =
            Self { was: DebianRoot::new(), new: DebianRoot::new(), directory: tempfile::tempdir().unwrap() };
        for deb in was {
            world.was.install(deb);
        }
        let repository = world.directory.path().join("repository");
        fs_err::create_dir(&repository).unwrap();
        for deb in now {
            deb.build(&repository);
        }
        let index =
            succeed(command("dpkg-scanpackages").args(["--multiversion", "."]).current_dir(&repository));
        fs_err::write(repository.join("Packages"), index).unwrap();
        world.configure_apt(&repository);
        world.write_programs();
        Some(world)
    }

    fn configure_apt(&self, repository: &Path) {
        let root = self.new.path();
        for name in
            ["etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/cache/apt/archives/partial", "usr/sbin"]
        {
            fs_err::create_dir_all(root.join(name)).unwrap();
        }
        self.new
            .write("etc/apt/sources.list", format!("deb [trusted=yes] file:{} ./\n", repository.display()));
        let settings = format!(
            "Dir \"{0}/\";\nDir::State::status \"{0}/var/lib/dpkg/status\";\nDir::Bin::dpkg \"/usr/bin/dpkg\";\n\
             DPkg::Options {{ \"--root={0}\"; \"--force-bad-path\"; }};\nAPT::Sandbox::User \"root\";\n",
            root.display()
        );
        fs_err::write(self.directory.path().join("apt.conf"), settings).unwrap();
    }

    /// `chroot`, which apt here is told of in other ways, and our own program: what dpkg knew comes back, and what was not there
    /// goes.
    fn write_programs(&self) {
        let write = |name: &str, text: String| {
            let file = self.directory.path().join(name);
            fs_err::write(&file, text).unwrap();
            fs_err::set_permissions(file, PermissionsExt::from_mode(0o755)).unwrap();
        };
        write("chroot", "#!/bin/sh\nshift\nexec \"$@\"\n".to_owned());
        let [was, new] = [&self.was, &self.new].map(|root| root.path().display().to_string());
        let log = self.directory.path().join("log");
        write(
            "redcedar",
            format!(
                "#!/bin/sh\ncp -a {was}/var/lib/dpkg/. {new}/var/lib/dpkg/\n\
                 case \"$*\" in *--exact*) rm -f {new}/usr/share/new; echo exact ;; *) echo again ;; esac >>{}\n",
                log.display()
            ),
        );
    }

    fn run(&self, facts: &Facts) -> Output {
        let script = self.directory.path().join("script");
        fs_err::write(&script, plan(facts).script(Path::new("/none"))).unwrap();
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.directory.path().display());
        program::run(
            command("sh")
                .arg(script)
                .arg(self.new.path())
                .env("PATH", path)
                .env("APT_CONFIG", self.directory.path().join("apt.conf"))
                .env("DPKG_ADMINDIR", self.new.place("/var/lib/dpkg"))
                .env("REDCEDAR", self.directory.path().join("redcedar")),
        )
    }

    fn installed(&self) -> String {
        let admin = format!("--admindir={}", self.new.place("/var/lib/dpkg").display());
        let said = succeed(command("dpkg-query").arg(admin).args([
            "--show",
            "--showformat",
            "${Package} ${Version}\n",
        ]));
        String::from_utf8(said).unwrap()
    }

    fn log(&self) -> String {
        fs_err::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

/// A machine with these packages, of each of which a file is left to it.
fn facts(names: &[&str]) -> Facts {
    let mut facts = Facts::of_header(header(&["/"]));
    for name in names {
        facts.add(Line::Package(PackageLine {
            architecture: "all".to_owned(),
            version: "1.0".to_owned(),
            held: *name == "tool",
            ..package(name, PackageAvailability::SameVersion)
        }));
    }
    for (number, name) in (0..).zip(names) {
        facts.add(Line::Path(Box::new(path(&format!("/usr/share/{name}"), Some(number)))));
    }
    facts
}

fn deb(name: &str, version: &str) -> Deb {
    Deb::new(name, version).file(&format!("/usr/share/{name}"), version, 0o644)
}

#[test]
fn a_version_that_is_gone_becomes_the_newest_and_that_is_said_before_and_at_the_end() {
    let was = ["same", "tool", "vanished"].map(|name| deb(name, "1.0"));
    let now = [
        deb("same", "1.0"),
        deb("same", "1.1"),
        deb("tool", "1.5"),
        deb("tool", "2.0").file("/usr/share/new", "", 0o644),
    ];
    let Some(world) = World::required(&was, &now) else { return };
    let output = world.run(&facts(&["same", "vanished", "tool"]));
    assert!(output.status.success(), "{}", describe(&output));
    let said = String::from_utf8(output.stderr).unwrap();
    let first = "No repository has these any more. The newest version takes their place, where there is one:\n  \
                 tool=1.0\n  vanished=1.0\n";
    let last = "These are not there in the version that they had:\n  tool=1.0\n  vanished=1.0\n";
    assert!(said.contains(first) && said.ends_with(last), "{said}");
    // What dpkg knew came back with the files, but for the package that is another.
    assert_eq!(world.installed(), "same 1.0\ntool 2.0\nvanished 1.0\n");
    assert!(world.new.place("/usr/share/new").exists(), "the newer package is whole");
    assert_eq!(fs_err::read(world.new.place("/usr/share/tool")).unwrap(), b"2.0");
    assert_eq!(world.log(), "exact\nagain\n");
}

#[test]
fn versions_that_do_not_go_together_all_become_the_newest() {
    let library = |version: &str| deb("library", version);
    let program = |version: &str| deb("program", version).field(&format!("Depends: library (= {version})"));
    let was = [library("1.0"), program("1.0")];
    let Some(world) = World::required(&was, &[library("1.0"), library("2.0"), program("2.0")]) else {
        return;
    };
    let output = world.run(&facts(&["library", "program"]));
    assert!(output.status.success(), "{}", describe(&output));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("so these come in the newest version, too"), "{said}");
    assert!(said.ends_with("that they had:\n  library=1.0\n  program=1.0\n"), "{said}");
    assert_eq!(world.installed(), "library 2.0\nprogram 2.0\n");
}

#[test]
fn where_all_versions_are_there_nothing_is_said_and_nothing_is_done_twice() {
    let was = [deb("same", "1.0")];
    let Some(world) = World::required(&was, &[deb("same", "1.0"), deb("same", "2.0")]) else { return };
    let output = world.run(&facts(&["same"]));
    assert!(output.status.success(), "{}", describe(&output));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("version"));
    assert_eq!((world.installed().as_str(), world.log().as_str()), ("same 1.0\n", "exact\n"));
}

#[test]
fn without_any_repository_the_script_ends_and_says_so() {
    let Some(world) = World::required(&[], &[]) else { return };
    let output = world.run(&facts(&["same"]));
    assert_eq!(output.status.code(), Some(1), "{}", describe(&output));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("No repository has any of the packages."), "{said}");
}
