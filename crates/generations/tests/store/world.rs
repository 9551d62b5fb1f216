//! A tree that changes, and a store of its snapshots.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_generations::restore::{Report, Request, restore};
use redcedar_generations::select::{Options, Trust};
use redcedar_generations::store::Store;
use redcedar_generations::verify::{self, Verified, verify};
use redcedar_generations::write::{CreateError, Created, create};
use redcedar_system::clock::FixedClock;
use redcedar_system::command::OsRunner;
use redcedar_system::monitor::Silent;
use redcedar_system::{Environment, Interrupt, System};
use redcedar_testing::compare::{Kind, Snapshot};
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{Growth, change, grow};

pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) rng: Rng,
    growth: Growth,
    pub(crate) second: u32,
}

impl World {
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs_err::create_dir(directory.path().join("tree")).unwrap();
        fs_err::create_dir(directory.path().join("system")).unwrap();
        let growth = Growth { loops: false, ..Growth::everything() };
        Self { directory, rng: Rng::new(1), growth, second: 0 }
    }

    pub(crate) fn grown(seed: u64) -> Self {
        let mut world = Self { rng: Rng::new(seed), ..Self::empty() };
        grow(&world.tree().join("grown"), &mut world.rng, &world.growth).unwrap();
        world
    }

    pub(crate) fn change(&mut self, steps: usize) {
        change(&self.tree().join("grown"), &mut self.rng, &self.growth, steps).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.tree().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    pub(crate) fn store(&self) -> Store {
        Store::init(&self.path("store")).unwrap()
    }

    /// Whom we are, at a time that goes on by a second with each call.
    pub(crate) fn system(&mut self) -> System {
        self.second += 1;
        system(&format!("2026-11-{:02}T02:30:00", self.second))
    }

    /// Makes a generation, which must succeed.
    #[track_caller]
    pub(crate) fn create(&mut self) -> Created {
        let store = self.store();
        self.try_create(&store).unwrap()
    }

    pub(crate) fn try_create(&mut self, store: &Store) -> Result<Created, CreateError> {
        let system = self.system();
        let roots = [self.tree()];
        create(store, &options(&self.path("system"), &roots), false, &system)
    }

    /// What a restore of the tree must look like: all of it except sockets, which nobody can bring back.
    pub(crate) fn snapshot(&self) -> Snapshot {
        snapshot(&self.tree())
    }

    /// Brings the tree of a generation back to a new directory.
    #[track_caller]
    pub(crate) fn restored(&mut self, name: &str) -> (Report, Snapshot) {
        let target = tempfile::tempdir().unwrap();
        let request = Request {
            paths: vec![self.tree()],
            target: target.path().to_owned(),
            in_place: false,
            overwrite: None,
            numeric_owner: true,
            dry_run: false,
            exact: None,
        };
        let store = self.store();
        let generation = store.find(Some(name)).unwrap();
        let report = restore(&store, &generation, &request, &system("2026-12-31T00:00:00")).unwrap();
        let tree = target.path().join(self.tree().strip_prefix("/").unwrap());
        (report, snapshot(&tree))
    }

    #[track_caller]
    pub(crate) fn verified(&self, name: &str) -> Verified {
        let store = self.store();
        let generation = store.find(Some(name)).unwrap();
        let options = verify::Options::default();
        verify(&store, &generation, options, &system("2026-12-31T00:00:00")).unwrap()
    }

    /// Where a file of the tree is in a generation.
    pub(crate) fn stored(&self, generation: &str, name: &str) -> PathBuf {
        let below = self.tree().strip_prefix("/").unwrap().join(name);
        self.path("store").join(generation).join(below)
    }
}

pub(crate) fn system(now: &str) -> System {
    let monitor = Arc::new(Silent);
    let interrupt = Interrupt::new();
    System {
        clock: Arc::new(FixedClock::parse(now).unwrap()),
        runner: Arc::new(OsRunner::new(&Environment::inherited(), monitor.clone(), interrupt.clone())),
        monitor,
        interrupt,
    }
}

/// Everything is saved.
pub(crate) fn options<'a>(system_root: &'a Path, roots: &'a [PathBuf]) -> Options<'a> {
    Options {
        system_root,
        roots,
        prune: &[],
        always_save: &[],
        never_enter: &[],
        one_file_system: false,
        trust: Trust::Nothing,
        programs: &[],
        cache: None,
    }
}

fn snapshot(tree: &Path) -> Snapshot {
    Snapshot::take(tree).unwrap().filtered(|_, object| object.kind != Kind::Socket)
}

/// Inode, mode, user, group, time of change, size.
type Facts = (u64, u32, u32, u32, (i64, i64), u64);

/// What must never change about a file in a store, by path: inode, mode, owner, times, size. Not how many names it has.
pub(crate) fn inodes(tree: &Path) -> BTreeMap<PathBuf, Facts> {
    let paths = redcedar_testing::trees::walk(tree).unwrap();
    let look = |path: PathBuf| {
        let found = fs_err::symlink_metadata(&path).unwrap();
        let facts = (
            found.ino(),
            found.mode(),
            found.uid(),
            found.gid(),
            (found.mtime(), found.mtime_nsec()),
            found.size(),
        );
        (path, facts)
    };
    paths.into_iter().map(look).collect()
}
