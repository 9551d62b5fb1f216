//! One day the original, the next day we, and the other way round.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use redcedar_archive::naming::Dialect;
use redcedar_config::Config;
use redcedar_engine::state::pickle::DigestMap;
use redcedar_engine::{CollectRequest, Ownership, collect};
use redcedar_system::Level;
use redcedar_system::fake::system;
use redcedar_testing::compare::{Kind, Snapshot};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::{Pool, Program};
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{Growth, change, grow};
use redcedar_testing::{members, program};

/// Neither is the starting day.
const TUESDAY: &str = "2031-03-04 02:00:00";
const WEDNESDAY: &str = "2031-03-05 02:00:00";

/// A pool with a random tree that both programs can back up.
fn pool(seed: u64) -> (Pool, Rng) {
    let pool = Pool::new().unwrap();
    let tree = pool.path().join("tree");
    let mut rng = Rng::new(seed);
    grow(&tree, &mut rng, &growth()).unwrap();
    pool.configure(&format!(
        "<collect_mode>incr</collect_mode><archive_mode>tar</archive_mode><ignore_file>.ignore</ignore_file>
        <dir><abs_path>{}</abs_path></dir>",
        tree.display()
    ))
    .unwrap();
    (pool, rng)
}

/// The original loses names with backslashes.
fn growth() -> Growth {
    Growth { backslashes: false, ..Growth::everything() }
}

fn run_theirs(pool: &Pool, oracle: &Oracle, now: &str) {
    let output = pool.run(Program::Original(oracle), now, &["collect"]);
    assert!(output.status.success(), "{}", program::describe(&output));
    let log = fs_err::read_to_string(pool.log()).unwrap();
    assert!(!log.contains("ERROR"), "{log}");
}

fn run_ours(pool: &Pool, now: &str) {
    let loaded = Config::load(&pool.config()).unwrap();
    let (system, monitor) = system(&now.replace(' ', "T"));
    let ownership = Ownership::configured(&loaded.config.options);
    let request = CollectRequest::new(&loaded.config, false, Dialect::V3, 1, &ownership);
    let outcome = collect(&request, &system).unwrap();
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert_eq!(monitor.at(Level::Error), Vec::<String>::new());
}

fn pick_up(pool: &Pool) {
    fs_err::write(pool.collect_dir().join("cback.stage"), "").unwrap();
}

fn digest_state(pool: &Pool) -> DigestMap {
    let state = find(&pool.working_dir(), "sha").expect("there is a digest state");
    DigestMap::parse(&fs_err::read(state).unwrap()).unwrap()
}

fn assert_same(theirs: &DigestMap, ours: &DigestMap, context: &str) {
    let lines = |map: &DigestMap| -> BTreeSet<String> {
        map.iter().map(|(path, digest)| format!("{} {digest:x?}", path.escape_ascii())).collect()
    };
    let (theirs, ours) = (lines(theirs), lines(ours));
    let only = |one: &BTreeSet<String>, other| one.difference(other).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        theirs == ours,
        "{context}\nonly theirs:\n{}\nonly ours:\n{}",
        only(&theirs, &ours),
        only(&ours, &theirs)
    );
}

fn find(directory: &Path, extension: &str) -> Option<std::path::PathBuf> {
    let mut paths = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|found| found == extension))
}

/// Content of all regular files of the tree, by their path.
fn files(pool: &Pool) -> BTreeMap<Vec<u8>, (u64, [u8; 32])> {
    let tree = Snapshot::take(&pool.path().join("tree")).unwrap();
    let content =
        |kind: &Kind| if let Kind::File(size, digest) = kind { Some((*size, *digest)) } else { None };
    tree.objects.iter().filter_map(|(path, object)| Some((path.clone(), content(&object.kind)?))).collect()
}

/// Paths of the regular files in the archive, below the tree.
fn stored_files(pool: &Pool) -> BTreeSet<Vec<u8>> {
    let Some(archive) = find(&pool.collect_dir(), "tar") else { return BTreeSet::new() };
    let tree = pool.path().join("tree");
    let prefix = [tree.to_str().unwrap().trim_start_matches('/'), "/"].concat().into_bytes();
    let members = members::read(&archive).unwrap().into_iter();
    let files = members.filter(|member| matches!(member.kind, b'0' | b'1' | b'S'));
    files.map(|member| member.name.strip_prefix(&prefix[..]).unwrap().to_vec()).collect()
}

/// Changes the tree and returns the files that differ from before in content or are new.
fn change_tree(pool: &Pool, rng: &mut Rng) -> BTreeSet<Vec<u8>> {
    let before = files(pool);
    change(&pool.path().join("tree"), rng, &growth(), 12).unwrap();
    let after = files(pool).into_iter();
    after.filter(|(path, content)| before.get(path) != Some(content)).map(|(path, _)| path).collect()
}

/// These files under all their names: we store a file under all of them, so that they are one file again after a restore.
fn with_all_names(pool: &Pool, paths: &BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    let tree = Snapshot::take(&pool.path().join("tree")).unwrap();
    let file_of = |path: &Vec<u8>| tree.objects[path].first_name.clone().unwrap_or_else(|| path.clone());
    let wanted: BTreeSet<_> = paths.iter().map(file_of).collect();
    tree.objects.keys().filter(|path| wanted.contains(&file_of(path))).cloned().collect()
}

#[test]
fn we_remember_what_the_original_remembers() {
    let Some(oracle) = Oracle::required() else { return };
    for seed in 0..4 {
        let (pool, mut rng) = pool(seed);
        run_theirs(&pool, &oracle, TUESDAY);
        let theirs = digest_state(&pool);
        fs_err::remove_dir_all(pool.working_dir()).unwrap();
        fs_err::create_dir(pool.working_dir()).unwrap();
        run_ours(&pool, TUESDAY);
        assert_same(&theirs, &digest_state(&pool), &format!("seed {seed}, a full backup"));
        pick_up(&pool);
        change_tree(&pool, &mut rng);
        run_ours(&pool, WEDNESDAY);
        let ours = digest_state(&pool);
        fs_err::remove_dir_all(pool.working_dir()).unwrap();
        fs_err::create_dir(pool.working_dir()).unwrap();
        run_theirs(&pool, &oracle, WEDNESDAY);
        assert_same(&digest_state(&pool), &ours, &format!("seed {seed}, an increment"));
    }
}

#[test]
fn we_continue_what_the_original_began() {
    let Some(oracle) = Oracle::required() else { return };
    for seed in 10..14 {
        let (pool, mut rng) = pool(seed);
        run_theirs(&pool, &oracle, TUESDAY);
        pick_up(&pool);
        let changed = change_tree(&pool, &mut rng);
        run_ours(&pool, WEDNESDAY);
        assert_eq!(stored_files(&pool), with_all_names(&pool, &changed), "seed {seed}");
    }
}

#[test]
fn the_original_continues_what_we_began() {
    let Some(oracle) = Oracle::required() else { return };
    for seed in 20..24 {
        let (pool, mut rng) = pool(seed);
        run_ours(&pool, TUESDAY);
        fs_err::remove_file(find(&pool.collect_dir(), "tar").unwrap()).unwrap();
        let changed = change_tree(&pool, &mut rng);
        run_theirs(&pool, &oracle, WEDNESDAY);
        assert_eq!(stored_files(&pool), changed, "seed {seed}");
    }
}

#[test]
fn what_the_original_collected_and_nobody_picked_up_is_backed_up_again() {
    let Some(oracle) = Oracle::required() else { return };
    let (pool, _) = pool(30);
    run_theirs(&pool, &oracle, TUESDAY);
    run_ours(&pool, WEDNESDAY);
    let all: BTreeSet<_> = files(&pool).into_keys().collect();
    assert_eq!(stored_files(&pool), all);
}
