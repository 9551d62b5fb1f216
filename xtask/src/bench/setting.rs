//! Where a benchmark takes place: trees, pools, programs.

use super::Common;
use super::measure::command;
use super::tree;
use anyhow::{Context, Result, ensure};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::Pool;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Everything that the cases share.
pub(crate) struct Setting {
    root: PathBuf,
    redcedar: PathBuf,
    /// `redcedar` under the name of the original.
    cback3: PathBuf,
    oracle: Option<Oracle>,
    /// Removes the directory at the end, unless it is kept.
    #[expect(dead_code, reason = "it is there to be dropped")]
    temporary: Option<tempfile::TempDir>,
}

impl Setting {
    pub(crate) fn make(options: &Common) -> Result<Self> {
        let temporary = match options.keep {
            None => Some(tempfile::TempDir::with_prefix("redcedar-bench-")?),
            Some(_) => None,
        };
        let root = match (&temporary, &options.keep) {
            (Some(temporary), _) => temporary.path().to_path_buf(),
            (None, keep) => keep.clone().context("a directory to keep")?,
        };
        fs_err::create_dir_all(&root)?;
        let root = fs_err::canonicalize(&root)?;
        let redcedar = match &options.program {
            Some(program) => fs_err::canonicalize(program)?,
            None => build()?,
        };
        let cback3 = root.join("cback3");
        if fs_err::symlink_metadata(&cback3).is_ok() {
            fs_err::remove_file(&cback3)?;
        }
        fs_err::os::unix::fs::symlink(&redcedar, &cback3)?;
        let oracle = Oracle::find().inspect_err(|why| eprintln!("without the original: {why}")).ok();
        Ok(Self { root, redcedar, cback3, oracle, temporary })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn redcedar(&self) -> &Path {
        &self.redcedar
    }

    /// A tree of so many files and megabytes.
    pub(crate) fn mixed_tree(&self, files: usize, size: u64) -> Result<PathBuf> {
        let root = self.path(&format!("tree-{files}-{size}"));
        tree::mixed(&root, files, size * 1_000_000)?;
        Ok(root)
    }

    pub(crate) fn tiny_tree(&self, files: usize) -> Result<PathBuf> {
        let root = self.path(&format!("tiny-{files}"));
        tree::tiny(&root, files)?;
        Ok(root)
    }

    /// A directory of so many incompressible files of so many kilobytes.
    pub(crate) fn noise(&self, files: usize, size: usize) -> Result<PathBuf> {
        let root = self.path(&format!("noise-{files}-{size}"));
        tree::noise(&root, files, size * 1_000)?;
        Ok(root)
    }

    /// A pool that collects `tree`.
    pub(crate) fn pool(&self, name: &str, tree: &Path, mode: &str, archive_mode: &str) -> Result<Pool> {
        let pool = Pool::at(&self.path(name))?.starting_on(another_day());
        pool.configure(&format!(
            "<collect_mode>{mode}</collect_mode><archive_mode>{archive_mode}</archive_mode>
            <ignore_file>.cbignore</ignore_file><dir><abs_path>{}</abs_path></dir>",
            tree.display()
        ))?;
        Ok(pool)
    }

    /// Words that run our program in a pool.
    pub(crate) fn ours(&self, pool: &Pool, arguments: &[&str]) -> Vec<OsString> {
        in_pool(&self.cback3, pool, arguments)
    }

    /// Words that run ours at a given time. An increment needs a full collect of another day: what is collected earlier on
    /// the same day counts as not picked up.
    pub(crate) fn ours_at(&self, time: &str, pool: &Pool, arguments: &[&str]) -> Vec<OsString> {
        let mut all = words(&["env".as_ref(), format!("REDCEDAR_NOW={time}").as_ref()]);
        all.extend(self.ours(pool, arguments));
        all
    }

    /// Words that run the original in a pool; nothing if it is not there.
    pub(crate) fn theirs(&self, pool: &Pool, arguments: &[&str]) -> Option<Vec<OsString>> {
        self.oracle.as_ref().map(|oracle| in_pool(oracle.cback3(), pool, arguments))
    }
}

fn in_pool(program: &Path, pool: &Pool, arguments: &[&str]) -> Vec<OsString> {
    let (config, log) = (pool.config(), pool.log());
    let mut all: Vec<&OsStr> = vec![program.as_os_str(), "--config".as_ref(), config.as_os_str()];
    all.extend([OsStr::new("--logfile"), log.as_os_str(), OsStr::new("--owner"), OsStr::new("root:root")]);
    all.extend(arguments.iter().map(OsStr::new));
    words(&all)
}

/// A command line.
pub(crate) fn words(all: &[&OsStr]) -> Vec<OsString> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// A command line that the shell runs; `$1` and so on are `arguments`.
pub(crate) fn shell(script: &str, arguments: &[&OsStr]) -> Vec<OsString> {
    let mut all = words(&["bash".as_ref(), "-c".as_ref()]);
    all.push(format!("set -o pipefail; {script}").into());
    all.push("bash".into());
    all.extend(words(arguments));
    all
}

/// Says to the client of `pool` that what it collected was picked up.
pub(crate) fn acknowledge(pool: &Pool) -> Result<()> {
    Ok(fs_err::write(pool.collect_dir().join("cback.stage"), b"")?)
}

/// The one archive in the collect directory of `pool`.
pub(crate) fn archive(pool: &Pool) -> Result<PathBuf> {
    for entry in fs_err::read_dir(pool.collect_dir())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if [b".tar".as_slice(), b".tar.gz", b".tar.bz2", b".tar.zst"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
        {
            return Ok(path);
        }
    }
    anyhow::bail!("there is no archive in {}", pool.collect_dir().display())
}

/// Makes a directory, or empties it.
pub(crate) fn empty(target: &Path) -> Result<()> {
    if target.exists() {
        fs_err::remove_dir_all(target)?;
    }
    Ok(fs_err::create_dir_all(target)?)
}

/// A weekday on which no run of today or tomorrow starts a new week.
#[expect(clippy::disallowed_methods, reason = "a benchmark runs at the time it runs")]
pub(crate) fn another_day() -> &'static str {
    const FROM_THURSDAY: [&str; 7] =
        ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    FROM_THURSDAY[usize::try_from(elapsed.as_secs() / 86_400 % 7).unwrap_or(0).wrapping_add(3) % 7]
}

fn build() -> Result<PathBuf> {
    let workspace =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace is above this crate")?;
    let status = command(env!("CARGO"))
        .args(["build", "--release", "--package", "redcedar-cli", "--bin", "redcedar"])
        .current_dir(workspace)
        .status()
        .context("start cargo")?;
    ensure!(status.success(), "cargo build failed");
    let metadata = command(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(workspace)
        .output()
        .context("start cargo")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata.stdout).context("read cargo's metadata")?;
    let target = metadata["target_directory"].as_str().context("cargo names its target directory")?;
    Ok(Path::new(target).join("release/redcedar"))
}
