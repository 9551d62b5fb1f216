//! Restores after which everything is what it was, packages included.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use redcedar_generations::restore::{Exact, Overwrite, Report, Request, RestoreError, restore};
use redcedar_generations::select::{Options, Trust};
use redcedar_generations::store::Store;
use redcedar_generations::write::create;
use redcedar_testing::compare::Snapshot;
use redcedar_testing::debian::{Deb, DebianRoot};
use redcedar_testing::program;

use crate::world::system;

const NOW: &str = "2026-11-20T00:00:00";

/// A small Debian, as its package left it.
fn debian() -> DebianRoot {
    let deb = Deb::new("tool", "1.0")
        .file("/usr/bin/tool", "a tool", 0o755)
        .file("/usr/share/tool/data", "data", 0o644)
        .file("/usr/share/tool/removed", "unwanted", 0o644)
        .link("/usr/bin/tool-link", "tool");
    let root = DebianRoot::new();
    root.install(&deb);
    root.index("r", &[deb]);
    root
}

/// The machine, which its administrator has changed, and a store of a generation of it.
struct World {
    machine: DebianRoot,
    directory: tempfile::TempDir,
    name: String,
}

impl World {
    fn new() -> Option<Self> {
        if !program::is_root() || program::find("dpkg").is_none() {
            program::cannot_test("exact restores", "only root can install packages, and dpkg is needed");
            return None;
        }
        let machine = debian();
        let place = |path: &str| machine.place(path);
        fs_err::set_permissions(place("/usr/bin/tool"), PermissionsExt::from_mode(0o555)).unwrap();
        fs_err::remove_file(place("/usr/share/tool/removed")).unwrap();
        for directory in ["/srv", "/pruned", "/marked"] {
            fs_err::create_dir(place(directory)).unwrap();
        }
        machine.write("/srv/own", "mine");
        machine.write("/pruned/x", "x");
        machine.write("/marked/.no-backup", "");
        let directory = tempfile::tempdir().unwrap();
        let store = Store::init(&directory.path().join("store")).unwrap();
        let options = Options {
            system_root: machine.path(),
            roots: &[machine.path().to_owned()],
            prune: &[place("/pruned")],
            always_save: &[],
            never_enter: &[],
            one_file_system: false,
            trust: Trust::SameVersion,
            programs: &[],
            cache: None,
        };
        let created = create(&store, &options, false, &system(NOW)).unwrap();
        assert_eq!(created.summary.left_out, 2, "{:?}", created.totals);
        let name = created.name.unwrap().to_string();
        Some(Self { machine, directory, name })
    }

    /// The new system: packages are there, and what else an installation brings.
    fn target(&self) -> PathBuf {
        let target = self.directory.path().join("target");
        let place = target.join(self.machine.path().strip_prefix("/").unwrap());
        fs_err::create_dir_all(place.parent().unwrap()).unwrap();
        let fresh = debian();
        fresh.write("/var/log/installer", "noise");
        fs_err::create_dir_all(fresh.place("/opt/extra/deep")).unwrap();
        fresh.write("/opt/extra/deep/file", "");
        symlink("/etc", fresh.place("/opt/extra/link")).unwrap();
        for directory in ["/pruned", "/marked"] {
            fs_err::create_dir(fresh.place(directory)).unwrap();
            fresh.write(&format!("{directory}/stays"), "");
        }
        program::succeed(program::command("cp").arg("-a").arg(fresh.path()).arg(&place));
        target
    }

    fn place(&self, target: &Path) -> PathBuf {
        target.join(self.machine.path().strip_prefix("/").unwrap())
    }

    fn restore(&self, target: &Path, exact: Exact, dry_run: bool) -> Result<Report, RestoreError> {
        let store = Store::open(&self.directory.path().join("store")).unwrap();
        let generation = store.find(Some(&self.name)).unwrap();
        let request = Request {
            paths: Vec::new(),
            target: target.to_owned(),
            in_place: false,
            overwrite: Some(Overwrite::Always),
            numeric_owner: true,
            dry_run,
            exact: Some(exact),
        };
        restore(&store, &generation, &request, &system(NOW))
    }

    /// What the manifest speaks of.
    fn look(root: &Path) -> Snapshot {
        Snapshot::take(root)
            .unwrap()
            .filtered(|path, _| !path.starts_with(b"pruned/") && !path.starts_with(b"marked/"))
    }
}

#[test]
fn the_system_is_what_it_was_and_what_nobody_knows_of_stays() {
    let Some(world) = World::new() else { return };
    let target = world.target();
    let place = world.place(&target);
    let before = Snapshot::take(&target).unwrap();
    let preview = world.restore(&target, Exact::default(), true).unwrap();
    before.assert_same(&Snapshot::take(&target).unwrap(), || "a dry run".to_owned());

    let report = world.restore(&target, Exact::default(), false).unwrap();
    assert_eq!(report.failures, []);
    assert_eq!(report.removed, preview.removed);
    let removed: Vec<_> =
        report.removed.iter().map(|path| path.strip_prefix(world.machine.path()).unwrap()).collect();
    let expected = [
        "opt",
        "opt/extra",
        "opt/extra/deep",
        "opt/extra/deep/file",
        "opt/extra/link",
        "usr/share/tool/removed",
        "var/log/installer",
    ];
    assert_eq!(removed, expected.map(Path::new));
    World::look(world.machine.path()).assert_same(&World::look(&place), || format!("{report:?}"));
    assert!(place.join("pruned/stays").exists() && place.join("marked/stays").exists());
    assert!(report.adjusted >= 1, "the mode of the tool");
    assert_eq!(fs_err::metadata(place.join("usr/bin/tool")).unwrap().mode() & 0o777, 0o555);
}

#[test]
fn what_packages_brought_otherwise_or_not_at_all_is_told_and_left_alone() {
    let Some(world) = World::new() else { return };
    let target = world.target();
    let place = world.place(&target);
    fs_err::write(place.join("usr/bin/tool"), "A TOOL").unwrap();
    fs_err::remove_file(place.join("usr/share/tool/data")).unwrap();
    let report = world.restore(&target, Exact::default(), false).unwrap();
    let mut failed: Vec<_> = report.failures.iter().map(|(path, _)| path.file_name().unwrap()).collect();
    failed.sort();
    assert_eq!(failed, ["data", "tool"]);
    assert_eq!(fs_err::read(place.join("usr/bin/tool")).unwrap(), b"A TOOL");
}

#[test]
fn what_is_protected_and_the_store_itself_are_never_removed() {
    let Some(world) = World::new() else { return };
    let target = world.target();
    let place = world.place(&target);
    let own = place.join("opt/extra/deep/file");
    let report = world.restore(&target, Exact { protected: vec![own.clone()] }, false).unwrap();
    assert!(own.exists());
    assert!(!place.join("opt/extra/link").exists(), "{report:?}");
    assert!(world.directory.path().join("store").join(&world.name).exists());
}

#[test]
fn a_generation_that_does_not_say_what_was_there_removes_nothing() {
    let Some(world) = World::new() else { return };
    let manifest = world.directory.path().join("store").join(format!("{}.manifest.jsonl.zst", world.name));
    fs_err::remove_file(manifest).unwrap();
    let target = world.target();
    let error = world.restore(&target, Exact::default(), false).unwrap_err();
    assert!(matches!(error, RestoreError::NotExact { .. }), "{error}");
    assert!(world.place(&target).join("opt/extra/link").symlink_metadata().is_ok());
}
