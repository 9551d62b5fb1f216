//! Archives of the original that it damaged itself: a file that is shorter than its header says breaks off everything
//! behind it for other programs, and is only a loss of that file for us.

use super::world::{Day, World, below, restore, run_original};
use redcedar_testing::compare::{Kind, Snapshot};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::program::describe;
use redcedar_testing::trees::Growth;
use std::path::Path;

/// The kernel says that each of these files has 4,096 bytes, and gives a few.
const SHORTER_THAN_THEY_SAY: &str = "/sys/devices/system/cpu/cpu0/topology";

#[test]
fn what_follows_a_file_that_was_cut_off_is_restored_from_tar() {
    for seed in 5..9 {
        salvaged(seed, "tar");
    }
}

#[test]
fn what_follows_a_file_that_was_cut_off_is_restored_from_targz() {
    salvaged(5, "targz");
}

fn salvaged(seed: u64, archive_mode: &str) {
    let Some(oracle) = Oracle::required() else { return };
    let growth = Growth { backslashes: false, loops: false, specials: false, ..Growth::everything() };
    let world = World::grown(seed, growth);
    let section = format!("<collect_mode>daily</collect_mode><archive_mode>{archive_mode}</archive_mode>");
    world.configure(&section, "<link_depth>1</link_depth>");
    fs_err::os::unix::fs::symlink(SHORTER_THAN_THEY_SAY, world.tree().join("a link that is followed"))
        .unwrap();
    run_original(&oracle, &world.pool, Day::FIRST, &["collect", "stage"]);

    let target = world.pool.path().join("restored");
    let output = restore(&world.pool.staging_dir(), &target, Some(Day::FIRST));
    assert_eq!(output.status.code(), Some(7), "something is lost, and it is said: {}", describe(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("a link that is followed"), "what is lost is named: {said}");

    // The original stores neither directories nor dangling links, and no fractions of seconds; a link that is followed
    // is not what is looked for here.
    let tree = world.tree();
    let comparable = |snapshot: &Snapshot| {
        snapshot
            .filtered(|path, object| {
                matches!(object.kind, Kind::File(..)) && !path.starts_with(b"a link that is followed")
            })
            .simplified(|object| {
                object.mtime = (0, 0);
                object.first_name = None;
                object.attributes.clear();
            })
    };
    let reached_by_links = links_to_directories(&tree);
    let restored = below(&target, &tree);
    let restored = restored.filtered(|path, _| !reached_by_links.iter().any(|link| path.starts_with(link)));
    comparable(&world.snapshot())
        .assert_same(&comparable(&restored), || format!("seed {seed}: {}", describe(&output)));
}

/// Beginnings of the paths of what is reached through links of the tree, which `link_depth` turns into directories.
fn links_to_directories(tree: &Path) -> Vec<Vec<u8>> {
    let snapshot = Snapshot::take(tree).unwrap();
    let links = snapshot.objects.iter().filter(|(_, object)| matches!(object.kind, Kind::Link(_)));
    links.map(|(path, _)| [path.as_slice(), b"/"].concat()).collect()
}
