//! What goes wrong: damage, full disks, files that cannot be read.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use redcedar_generations::store::{Store, StoreError};
use redcedar_generations::write::CreateError;
use redcedar_testing::faults::SmallFileSystem;

use crate::world::World;

#[test]
fn damage_of_every_kind_is_found() {
    let mut world = World::empty();
    for name in ["content", "mode", "missing", "fine"] {
        world.write(name, name);
    }
    std::os::unix::fs::symlink("fine", world.tree().join("link")).unwrap();
    let name = world.create().name.unwrap().to_string();
    let stored = |file: &str| world.stored(&name, file);
    let time = fs_err::metadata(stored("content")).unwrap().modified().unwrap();
    fs_err::write(stored("content"), "CONTENT").unwrap();
    std::fs::OpenOptions::new().write(true).open(stored("content")).unwrap().set_modified(time).unwrap();
    fs_err::set_permissions(stored("mode"), PermissionsExt::from_mode(0o747)).unwrap();
    fs_err::remove_file(stored("missing")).unwrap();
    fs_err::write(stored("extra"), "").unwrap();
    let tree = world.tree();
    let findings: Vec<String> = world
        .verified(&name)
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{}: {}",
                finding.path.strip_prefix(&tree).unwrap_or(Path::new("?")).display(),
                finding.what
            )
        })
        .collect();
    assert_eq!(
        findings,
        [
            ": its time of change is another",
            "content: its content is not what was stored",
            "extra: it is not in the manifest",
            "missing: it is missing",
            "mode: its mode is 0747 and was 0644",
        ]
    );
    let (report, _) = world.restored(&name);
    let failed: Vec<_> = report.failures.iter().map(|(path, _)| path.file_name().unwrap()).collect();
    assert_eq!(failed, ["content", "missing"]);
}

#[test]
fn a_directory_without_the_marker_is_not_written_to() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(Store::open_marked(directory.path()), Err(StoreError::NoStore { .. })));
    Store::init(directory.path()).unwrap();
    Store::open_marked(directory.path()).unwrap();
}

#[test]
fn a_damaged_manifest_costs_comparing_and_nothing_else() {
    let mut world = World::empty();
    world.write("x", "x");
    let first = world.create().name.unwrap().to_string();
    let manifest = world.path(&format!("store/{first}.manifest.jsonl.zst"));
    let mut bytes = fs_err::read(&manifest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs_err::write(&manifest, bytes).unwrap();
    let second = world.create();
    assert_eq!(second.summary.new_files, 0);
    let second = second.name.unwrap().to_string();
    assert!(world.verified(&second).findings.is_empty());
}

#[test]
fn a_full_disk_leaves_the_old_generations_and_the_next_run_goes_on() {
    let Some(small) = SmallFileSystem::mount(4096) else { return };
    let mut world = World::empty();
    world.write("a", vec![1; 500_000]);
    let store = Store::init(&small.path().join("store")).unwrap();
    let first = world.try_create(&store).unwrap().name.unwrap();
    world.write("b", vec![2; 700_000]);
    world.write("c", vec![3; 2_000_000]);
    small.fill("filler", 1_200_000);
    let error = world.try_create(&store).unwrap_err();
    assert!(matches!(error, CreateError::Write { .. }), "{error}");
    let names = |store: &Store| -> Vec<String> {
        store.generations().unwrap().iter().map(|found| found.name.to_string()).collect()
    };
    assert_eq!(names(&store), [first.to_string()]);
    fs_err::remove_file(small.path().join("filler")).unwrap();
    let second = world.try_create(&store).unwrap();
    assert!(second.summary.new_files < 2, "what was stored before the disk was full is used");
    let second = second.name.unwrap().to_string();
    assert_eq!(names(&store), [first.to_string(), second.clone()]);
    let mut left: Vec<_> =
        fs_err::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    let manifest = |name: &str| format!("{name}.manifest.jsonl.zst");
    let first = first.to_string();
    assert_eq!(
        left,
        [
            ".redcedar.lock",
            ".redcedar.store",
            &*first,
            &*manifest(&first),
            &*second,
            &*manifest(&second),
            "latest"
        ]
    );
}
