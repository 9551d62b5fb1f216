//! Generations of jw.backup: plain trees with the same names.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use redcedar_testing::program;

use crate::world::World;

const OLD: &str = "2014-02-12-03:12:26";

/// What the original leaves: a tree by `rsync -a`, without anything else.
fn by_the_original(world: &World) {
    let tree = world.path("store").join(OLD).join(world.tree().strip_prefix("/").unwrap());
    fs_err::create_dir_all(tree.parent().unwrap()).unwrap();
    program::succeed(program::command("cp").args([
        "-a".as_ref(),
        world.tree().as_os_str(),
        tree.as_os_str(),
    ]));
}

#[test]
fn they_are_listed_verified_restored_and_continued() {
    let mut world = World::empty();
    world.write("same", "same");
    world.write("other", "other");
    by_the_original(&world);
    let store = world.store();
    let found = store.generations().unwrap();
    assert_eq!(found.len(), 1);
    assert!(!found[0].has_manifest);
    let wanted = world.snapshot();
    assert!(!world.verified(OLD).has_manifest);
    let (report, restored) = world.restored(OLD);
    assert!(report.failures.is_empty());
    wanted.assert_same(&restored, || "by the original".to_owned());

    world.write("other", "OTHER");
    let created = world.create();
    assert_eq!((created.linked, created.summary.new_files), (1, 1));
    let name = created.name.unwrap().to_string();
    let inode = |path: &Path| fs_err::metadata(path).unwrap().ino();
    assert_eq!(inode(&world.stored(OLD, "same")), inode(&world.stored(&name, "same")));
    assert_eq!(fs_err::read(world.stored(OLD, "other")).unwrap(), b"other");
}

#[test]
fn modes_that_its_rotation_changed_are_put_right() {
    use redcedar_generations::verify::{Options, verify};
    use std::os::unix::fs::PermissionsExt;
    let mut world = World::empty();
    world.write("secret", "x");
    fs_err::set_permissions(world.tree().join("secret"), PermissionsExt::from_mode(0o600)).unwrap();
    by_the_original(&world);
    let name = world.create().name.unwrap().to_string();
    // What it does before it removes a generation.
    let doomed = world.path("store").join(OLD);
    program::succeed(program::command("chmod").args(["--recursive", "uo+rwx"]).arg(&doomed));
    program::succeed(program::command("rm").args(["--force", "--recursive"]).arg(&doomed));
    let store = world.store();
    let generation = store.find(Some(&name)).unwrap();
    let options = Options { is_quick: true, repairs_modes: true };
    let verified = verify(&store, &generation, options, &world.system()).unwrap();
    let found: Vec<_> =
        verified.findings.iter().map(|finding| (finding.what.as_str(), finding.is_repaired)).collect();
    assert_eq!(found, [("its mode is 0707 and was 0600", true)]);
    assert!(world.verified(&name).findings.is_empty());
}
