//! What all proofs need: our program, pools with their days, and restored trees.

use redcedar_testing::compare::{Kind, Snapshot};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::{Pool, Program};
use redcedar_testing::program::{self, describe};
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{Growth, change, grow};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Our executable.
pub(crate) fn ours() -> Program<'static> {
    Program::Ours(Path::new(env!("CARGO_BIN_EXE_redcedar")))
}

/// Runs `redcedar` and returns how it ended.
pub(crate) fn redcedar<S: AsRef<OsStr>>(day: Day, arguments: &[S]) -> Output {
    let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
    program::run(command.env("REDCEDAR_NOW", day.time().replace(' ', "T")).args(arguments))
}

/// A day of the tests; weeks start on Sunday. They are in the future, so that no file of a test looks as if it had
/// been changed during the run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(u32);

impl Day {
    /// Monday, 2031-03-03.
    pub(crate) const FIRST: Self = Self(3);

    pub(crate) const fn next(self) -> Self {
        self.after(1)
    }

    /// So many days later.
    pub(crate) const fn after(self, days: u32) -> Self {
        assert!(self.0 + days <= 31, "tests stay within March");
        Self(self.0 + days)
    }

    /// Two o'clock in the night.
    pub(crate) fn time(self) -> String {
        format!("{} 02:00:00", self.date())
    }

    /// Whether weeks start on it.
    pub(crate) const fn is_sunday(self) -> bool {
        self.0 % 7 == 2
    }

    /// As `--as-of` takes it.
    pub(crate) fn date(self) -> String {
        format!("2031-03-{:02}", self.0)
    }

    /// As staging directories call it.
    pub(crate) fn path(self) -> String {
        format!("2031/03/{:02}", self.0)
    }
}

/// A pool of one that collects one tree.
pub(crate) struct World {
    pub(crate) pool: Pool,
    pub(crate) rng: Rng,
    pub(crate) growth: Growth,
}

impl World {
    /// A random tree, collected incrementally and with links stored as links.
    pub(crate) fn new(seed: u64, growth: Growth) -> Self {
        Self::at(Pool::new().unwrap(), seed, growth)
    }

    /// The same in a given pool.
    pub(crate) fn at(pool: Pool, seed: u64, growth: Growth) -> Self {
        let world = Self { pool, rng: Rng::new(seed), growth };
        world.configure("<collect_mode>incr</collect_mode><archive_mode>targz</archive_mode>", "");
        world
    }

    /// The same with the tree grown.
    pub(crate) fn grown(seed: u64, growth: Growth) -> Self {
        Self::new(seed, growth).grow()
    }

    /// Lets the tree grow.
    pub(crate) fn grow(mut self) -> Self {
        grow(&self.tree(), &mut self.rng, &self.growth).unwrap();
        self
    }

    /// Sets what stands in the collect section and in the `dir` of the tree.
    pub(crate) fn configure(&self, section: &str, dir: &str) {
        let tree = self.tree();
        let tree = tree.display();
        self.pool
            .configure(&format!(
                "{section}<ignore_file>.ignore</ignore_file><dir><abs_path>{tree}</abs_path>{dir}</dir>"
            ))
            .unwrap();
    }

    /// Lets the machine be staged as if it were another one, by a copy command that takes `USER@HOST:` away.
    pub(crate) fn become_remote(&self) {
        let script = self.pool.path().join("rcp");
        fs_err::write(&script, "#!/bin/sh\nexec cp ${1#*@*:} ${2#*@*:}\n").unwrap();
        let config = fs_err::read_to_string(self.pool.config()).unwrap();
        let config = config
            .replace("<type>local</type>", "<type>remote</type>")
            .replace("/usr/bin/scp -B", &format!("/bin/sh {}", script.display()));
        fs_err::write(self.pool.config(), config).unwrap();
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.pool.path().join("tree")
    }

    /// Changes the tree; returns what was done.
    pub(crate) fn change(&mut self, steps: usize) -> Vec<String> {
        change(&self.tree(), &mut self.rng, &self.growth, steps).unwrap()
    }

    /// What a restore of the tree must look like: all of it except sockets, which nobody can bring back.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.tree()).unwrap().filtered(|_, object| object.kind != Kind::Socket)
    }

    /// Runs actions with our `cback3`, which must succeed.
    #[track_caller]
    pub(crate) fn run(&self, day: Day, actions: &[&str]) {
        let output = self.pool.run(ours(), &day.time(), actions);
        assert!(output.status.success(), "{}\n{}", describe(&output), self.log());
    }

    /// The log of all runs in the pool.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs_err::read(self.pool.log()).unwrap_or_default()).into_owned()
    }

    /// Restores the tree as it was on `day` from the pool's staging directory.
    #[track_caller]
    pub(crate) fn restored(&self, day: Day) -> Snapshot {
        restored(&self.pool.staging_dir(), &self.tree(), day)
    }

    /// Restores what the tree was on each of `days` and compares.
    #[track_caller]
    pub(crate) fn assert_restores(&self, days: &[(Day, Snapshot)], seed: u64) {
        for (day, wanted) in days {
            wanted
                .assert_same(&self.restored(*day), || format!("seed {seed}, {}\n{}", day.date(), self.log()));
        }
    }
}

/// Restores `tree` as it was on `day` from `source`, which must succeed, and looks at it.
#[track_caller]
pub(crate) fn restored(source: &Path, tree: &Path, day: Day) -> Snapshot {
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("restored");
    let output = restore(source, &target, Some(day));
    assert!(output.status.success(), "restore of {}: {}", day.date(), describe(&output));
    below(&target, tree)
}

/// What is in `target` at the place where the original was at `tree`.
pub(crate) fn below(target: &Path, tree: &Path) -> Snapshot {
    Snapshot::take(&target.join(tree.strip_prefix("/").unwrap())).unwrap()
}

/// Runs `redcedar restore`.
pub(crate) fn restore(source: &Path, target: &Path, day: Option<Day>) -> Output {
    let mut arguments = vec![
        "restore".as_ref(),
        OsStr::new("--from"),
        source.as_os_str(),
        "--to".as_ref(),
        target.as_os_str(),
    ];
    let date = day.map(Day::date);
    if let Some(date) = &date {
        arguments.extend(["--as-of".as_ref(), OsStr::new(date)]);
    }
    redcedar(Day(31), &arguments)
}

/// Runs actions with the original, which must succeed.
#[track_caller]
pub(crate) fn run_original(oracle: &Oracle, pool: &Pool, day: Day, actions: &[&str]) {
    let output = pool.run(Program::Original(oracle), &day.time(), actions);
    assert!(output.status.success(), "{}", describe(&output));
}

/// The archives in `directory`, by name without suffixes.
pub(crate) fn archives(directory: &Path) -> Vec<(OsString, PathBuf)> {
    let mut archives = Vec::new();
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().as_bytes();
        for suffix in [".tar", ".tar.gz", ".tar.bz2", ".tar.zst"] {
            if let Some(stem) = name.strip_suffix(suffix.as_bytes()) {
                archives.push((OsStr::from_bytes(stem).to_owned(), path.clone()));
            }
        }
    }
    archives.sort();
    archives
}

/// Whether a program was killed, as checkpoints do.
pub(crate) fn was_killed(output: &Output) -> bool {
    output.status.signal() == Some(9)
}
