//! Drills, with programs that pretend to install and to restore.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use redcedar_generations::drill::{Cause, DrillError, Drilled, Request, drill};
use redcedar_generations::select::{Options, Trust};
use redcedar_generations::store::Store;
use redcedar_generations::write::create;
use redcedar_system::System;
use redcedar_system::command::{Command, Finished};
use redcedar_system::fake::PrintingRunner;
use redcedar_testing::debian::{Deb, DebianRoot};
use redcedar_testing::program;

use crate::world::system;

const NOW: &str = "2026-11-20T00:00:00";
const ORIGIN: &str = "deb.example.org_debian_dists_bookworm_main_binary-amd64";

/// A machine, saved, that changes afterwards.
struct World {
    machine: DebianRoot,
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Option<Self> {
        if !program::is_root() || program::find("dpkg").is_none() {
            program::cannot_test("drills", "only root can install packages, and dpkg is needed");
            return None;
        }
        let machine = DebianRoot::new();
        let base = Deb::new("base-files", "1").file("/usr/share/base", "base", 0o644);
        let older = Deb::new("older", "1").file("/usr/share/older", "older", 0o644);
        let newer = Deb::new("older", "2");
        machine.install(&base);
        machine.install(&older);
        machine.index(ORIGIN, &[base, newer]);
        for name in ["same", "content", "mode", "gone", "since"] {
            machine.write(&format!("/etc/{name}"), name);
        }
        let directory = tempfile::tempdir().unwrap();
        let store = Store::init(&directory.path().join("store")).unwrap();
        let options = Options {
            system_root: machine.path(),
            roots: &[machine.path().to_owned()],
            prune: &[],
            always_save: &[],
            never_enter: &[],
            one_file_system: false,
            trust: Trust::AnyVersion,
            programs: &[],
            cache: None,
        };
        create(&store, &options, false, &system(NOW)).unwrap();
        Some(Self { machine, directory })
    }

    /// Drills, with `run` in the place of all programs.
    fn drill(&self, run: impl Fn(&Command) -> i32 + Send + Sync + 'static) -> Result<Drilled, DrillError> {
        let store = Store::open(&self.directory.path().join("store")).unwrap();
        let request = Request {
            scratch: self.directory.path().join("drill"),
            live: "/".into(),
            suite: Some("trixie".to_owned()),
            mirror: None,
            program: "/usr/bin/redcedar".into(),
        };
        let runner = PrintingRunner(move |command: &Command| {
            (Vec::new(), Finished { status: run(command), tail: vec!["no route".to_owned()] })
        });
        let system = System { runner: Arc::new(runner), ..system(NOW) };
        drill(&store, &store.find(None).unwrap(), &request, &system)
    }
}

/// Where a path of the machine is in the new system.
fn made(scratch: &Path, machine: &Path, path: &str) -> std::path::PathBuf {
    scratch.join("root").join(machine.strip_prefix("/").unwrap()).join(path)
}

#[test]
fn every_difference_is_told_with_its_cause() {
    let Some(world) = World::new() else { return };
    let (machine, scratch) = (world.machine.path().to_owned(), world.directory.path().join("drill"));
    let script = scratch.join("rebuild.sh");
    let (source, target) = (machine.clone(), scratch.clone());
    let drilled = world.drill(move |command| {
        let place = |path: &str| made(&target, &source, path);
        let words: Vec<_> = command.words().map(|word| word.to_str().unwrap()).collect();
        if words[0] == "debootstrap" {
            let root = target.join("root");
            let expected = [
                "debootstrap",
                "--variant=minbase",
                "--arch=amd64",
                "trixie",
                root.to_str().unwrap(),
                "http://deb.example.org/debian",
            ];
            assert_eq!(words, expected);
            return 0;
        }
        assert_eq!(words[..2], ["sh", script.to_str().unwrap()]);
        assert_eq!(command.variables, [("REDCEDAR".into(), "/usr/bin/redcedar".into())]);
        fs_err::create_dir_all(place("").parent().unwrap()).unwrap();
        program::succeed(program::command("cp").arg("-a").arg(&source).arg(place("")));
        fs_err::write(place("etc/content"), "CONTENT").unwrap();
        fs_err::set_permissions(place("etc/mode"), PermissionsExt::from_mode(0o600)).unwrap();
        fs_err::remove_file(place("etc/gone")).unwrap();
        fs_err::write(place("etc/extra"), "").unwrap();
        fs_err::write(place("usr/share/older"), "newer").unwrap();
        fs_err::write(source.join("etc/since"), "SINCE").unwrap();
        fs_err::write(source.join("etc/new"), "").unwrap();
        0
    });
    let drilled = drilled.unwrap();
    let found: Vec<_> = drilled
        .differences
        .iter()
        .filter(|difference| difference.path != machine.join("etc"))
        .map(|difference| {
            (
                difference.path.file_name().unwrap().to_str().unwrap(),
                difference.what.as_str(),
                difference.cause,
            )
        })
        .collect();
    let other = "it has another content, it has another time of change";
    assert_eq!(
        found,
        [
            ("content", other, Cause::Unexplained),
            ("extra", "it is only in the new system", Cause::Unexplained),
            ("gone", "it is missing in the new system", Cause::Unexplained),
            ("mode", "it has another mode", Cause::Unexplained),
            ("new", "it is missing in the new system", Cause::ChangedSince),
            ("since", other, Cause::ChangedSince),
            ("older", other, Cause::Announced),
        ]
    );
    assert!(!drilled.is_incomplete);
    assert!(drilled.plan.losses[0].to_string().contains("older 1: repositories had another version only"));
}

#[test]
fn without_debootstrap_or_a_network_the_reason_is_clear() {
    let Some(world) = World::new() else { return };
    let error = world.drill(|_| 256).unwrap_err();
    assert_eq!(error.to_string(), "debootstrap is not installed, so no system can be made to begin with");
    let error = world.drill(|_| 1).unwrap_err().to_string();
    let expected = "no system can be made to begin with, perhaps because http://deb.example.org/debian cannot be reached: \
                    debootstrap ended with status 1: no route";
    assert_eq!(error, expected);
    let error = world.drill(|command| i32::from(command.program == "sh")).unwrap_err().to_string();
    assert!(
        error.starts_with("the plan was not carried out to its end: the script ended with status 1"),
        "{error}"
    );
    fs_err::write(world.directory.path().join("drill/root"), "").unwrap();
    let error = world.drill(|_| 0).unwrap_err().to_string();
    assert!(error.ends_with("it is not empty"), "{error}");
}
