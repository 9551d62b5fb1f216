//! A machine with a tree to be saved, and another one that saves it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::compare::{Kind, Snapshot};
use redcedar_testing::program::{self, describe};
use redcedar_testing::rng::Rng;
use redcedar_testing::sshd::{Access, Host, Network};
use redcedar_testing::trees::{self, Growth};

const MANIFEST: &str = ".manifest.jsonl.zst";

pub(crate) const MONDAY: &str = "2026-11-23T02:00:00";
pub(crate) const TUESDAY: &str = "2026-11-24T02:00:00";
pub(crate) const WEDNESDAY: &str = "2026-11-25T02:00:00";
pub(crate) const THURSDAY: &str = "2026-11-26T02:00:00";

/// `tree` is saved to `store` on a host that is called `far`.
pub(crate) struct Machine {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) network: Network,
    pub(crate) host: Host,
    pub(crate) rng: Rng,
}

impl Machine {
    /// None after having said aloud that this cannot be tested here.
    pub(crate) fn required(access: &Access) -> Option<Self> {
        if !program::is_root() || program::find("rsync").is_none() {
            program::cannot_test("backups over ssh", "only root can restore everything, and rsync is needed");
            return None;
        }
        let network = Network::required(None)?;
        let host = network.host("far", access);
        let dir = tempfile::Builder::new().prefix("redcedar-backup-").tempdir().unwrap();
        // A system without packages, which is looked through at once.
        fs_err::create_dir(dir.path().join("none")).unwrap();
        let machine = Self { dir, network, host, rng: Rng::new(7) };
        machine.configure("");
        Some(machine)
    }

    /// The same with a small tree of everything there is.
    pub(crate) fn grown(access: &Access) -> Option<Self> {
        let mut machine = Self::required(access)?;
        trees::grow(&machine.tree(), &mut machine.rng, &Growth::everything()).unwrap();
        Some(machine)
    }

    /// Writes the configuration; `destination` is added to its part of that name.
    pub(crate) fn configure(&self, destination: &str) {
        self.write_config("directory: STORE", destination);
    }

    /// The same with another line for the directory.
    pub(crate) fn write_config(&self, directory: &str, destination: &str) {
        let config = format!(
            "roots: [TREE]\nprune:\nsystem_root: DIR/none\nlock_directory: DIR/lock\ncache_directory: DIR/cache\ndestination:\n  {directory}\n  \
             host: far\n  user: {}\n  port: {}\n  ssh: {}\n{destination}",
            self.network.login(),
            self.host.port(),
            self.network.ssh(),
        );
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let config = config
            .replace("TREE", &text(self.tree()))
            .replace("STORE", &text(self.store()))
            .replace("DIR", self.dir.path().to_str().unwrap());
        fs_err::write(self.config(), config).unwrap();
        fs_err::set_permissions(self.config(), PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(crate) fn log(&self) -> String {
        fs_err::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn command(&self, now: &str) -> Command {
        let mut command = program::command(cargo_bin!("redcedar"));
        command
            .arg0("backup")
            .env("REDCEDAR_NOW", now)
            .env("TMPDIR", self.dir.path())
            .current_dir(self.dir.path());
        command.args(["-c", "config", "-l", "log", "-L", "DEBUG"]);
        command
    }

    pub(crate) fn run(&self, now: &str) -> Output {
        program::run(&mut self.command(now))
    }

    /// A run that has to succeed.
    #[track_caller]
    pub(crate) fn succeed(&self, now: &str) {
        let output = self.run(now);
        assert!(output.status.success(), "{}\n{}", describe(&output), self.log());
    }

    /// A run that has to fail; what it says.
    #[track_caller]
    pub(crate) fn fail(&self, now: &str) -> String {
        let output = self.run(now);
        assert_eq!(output.status.code(), Some(1), "{}\n{}", describe(&output), self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until nobody holds the lock on the store, but not long.
    #[track_caller]
    pub(crate) fn becomes_free(&self) {
        let started = Instant::now();
        let store = fs_err::File::open(self.store()).unwrap();
        while store.file().try_lock().is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "a session that ended holds the lock");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What is in the store beside manifests, sorted. Each tree that has one is ours, and each manifest has its tree.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = fs_err::read_dir(self.store()) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let manifests: Vec<String> = names.extract_if(.., |name| name.ends_with(MANIFEST)).collect();
        for manifest in manifests {
            let generation = manifest.strip_suffix(MANIFEST).unwrap();
            assert!(
                names.iter().any(|name| name.starts_with(generation)),
                "{manifest} describes nothing: {names:?}"
            );
        }
        names
    }

    /// Where the tree is in a generation.
    pub(crate) fn saved(&self, generation: &str) -> PathBuf {
        self.store().join(generation).join(self.tree().strip_prefix("/").unwrap())
    }

    /// Fails the test unless a plain copy of a generation is like the tree.
    #[track_caller]
    pub(crate) fn assert_saved(&self, generation: &str) {
        self.look().assert_same(&self.copied_back(generation), || self.log());
    }

    /// The tree as it is to be saved: sockets are not.
    pub(crate) fn look(&self) -> Snapshot {
        Snapshot::take(&self.tree()).unwrap().filtered(|_, object| object.kind != Kind::Socket)
    }

    /// What `cp -a` makes of a generation.
    pub(crate) fn copied_back(&self, generation: &str) -> Snapshot {
        let back = tempfile::tempdir_in(self.dir.path()).unwrap();
        program::succeed(program::command("cp").arg("-a").arg(self.saved(generation)).arg(back.path()));
        Snapshot::take(&back.path().join("tree")).unwrap()
    }
}

/// `2026-11-24T02:00:00` as the name of a generation.
pub(crate) fn generation(now: &str) -> String {
    now.replace('T', "-")
}

pub(crate) fn inode(path: &Path) -> u64 {
    fs_err::symlink_metadata(path).unwrap().ino()
}

/// What may not change in a generation that stays: inode, mode and links of everything.
pub(crate) fn untouched(root: &Path) -> Vec<(PathBuf, u64, u32, i64)> {
    let paths = trees::walk(root).unwrap();
    let facts = paths.into_iter().map(|path| {
        let metadata = fs_err::symlink_metadata(&path).unwrap();
        (path, metadata.ino(), metadata.mode(), metadata.mtime())
    });
    facts.collect()
}
