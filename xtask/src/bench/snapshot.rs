//! Snapshots: choosing what to save.

use super::Common;
use super::case::{Side, compare, compare_bytes};
use super::measure::command;
use super::report::{Quantity, Row, Target};
use anyhow::{Context, Result, ensure};
use redcedar_generations::select::{self, ALWAYS_SAVED, Choice, Trust, choose};
use redcedar_system::command::OsRunner;
use redcedar_system::monitor::Silent;
use redcedar_system::{Environment, Interrupt, System, clock};
use redcedar_testing::program;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What this benchmark is told on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The directory that is chosen from
    #[arg(long, value_name = "DIR", default_value = "/usr")]
    root: PathBuf,
    #[command(flatten)]
    common: Common,
}

type Case = fn(&str, &Path, &Options) -> Result<Vec<Row>>;

/// All cases by name.
const CASES: &[(&str, Case)] =
    &[("choose-dpkg-verify", first_run), ("choose-again-jwbackup", second_run), ("size-jwbackup", size)];

/// What jw.backup does to choose: the names in all lists of dpkg, a walk that asks for everything, and which of it is named.
const ORIGINAL: &str = r#"
import bisect, glob, os, sys
named = []
for path in glob.glob("/var/lib/dpkg/info/*.list"):
    with open(path, errors="surrogateescape") as lines:
        named += (line.rstrip("\n") for line in lines)
named.sort()
found, total = [], 0
for above, directories, files in os.walk(sys.argv[1]):
    for name in directories + files:
        path = os.path.join(above, name)
        try:
            total += os.stat(path).st_size
        except OSError:
            pass
        found.append(path)
sent = 0
for path in found:
    place = bisect.bisect_left(named, path)
    if place == len(named) or named[place] != path:
        sent += len(path.encode("utf-8", "replace"))
print(len(found), total, sent)
"#;

/// How much jw.backup copies: whatever no list names, each name for itself.
const ORIGINAL_SIZE: &str = r#"
import glob, os, stat, sys
named = set()
for path in glob.glob("/var/lib/dpkg/info/*.list"):
    with open(path, errors="surrogateescape") as lines:
        named.update(line.rstrip("\n") for line in lines)
total = 0
for above, directories, files in os.walk(sys.argv[1]):
    for name in files:
        path = os.path.join(above, name)
        found = os.lstat(path)
        if path not in named and stat.S_ISREG(found.st_mode):
            total += found.st_size
print(total)
"#;

pub(crate) fn run(options: &Options) -> Result<Vec<Row>> {
    ensure!(program::find("dpkg").is_some(), "this benchmark needs a machine with dpkg");
    let temporary = tempfile::TempDir::with_prefix("redcedar-bench-")?;
    let cache = temporary.path().join("digests");
    let mut rows = Vec::new();
    for (name, case) in options.common.choose(CASES)? {
        rows.extend(case(name, &cache, options)?);
    }
    Ok(rows)
}

/// Every file of every package is read.
fn first_run(name: &str, cache: &Path, options: &Options) -> Result<Vec<Row>> {
    let ours = Side::prepared(ours(cache, options)?, || match fs_err::remove_file(cache) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    });
    let theirs = Side::new(["dpkg", "--verify"].map(OsString::from).to_vec());
    compare(name, &ours, &theirs, options.common.runs, &[(Quantity::Wall, Target::AtMost(0.5))])
}

/// Nothing changed since.
fn second_run(name: &str, cache: &Path, options: &Options) -> Result<Vec<Row>> {
    let ours = Side::new(ours(cache, options)?);
    let mut words = ["python3", "-c", ORIGINAL].map(OsString::from).to_vec();
    words.push(options.root.clone().into());
    let targets = [(Quantity::Cpu, Target::AtMost(0.5)), (Quantity::Memory, Target::AtMost(0.5))];
    compare(name, &ours, &Side::new(words), options.common.runs, &targets)
}

/// As many bytes are to be saved where both believe that all packages come back; ours has the files besides that were changed.
fn size(name: &str, cache: &Path, options: &Options) -> Result<Vec<Row>> {
    let roots = vec![options.root.clone()];
    let choice = choice(&Choose { cache: Some(cache.to_owned()), all: true, roots })?;
    let ours = choice.totals().saved.values().map(|total| total.bytes).sum();
    let output = command("python3").arg("-c").arg(ORIGINAL_SIZE).arg(&options.root).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = String::from_utf8_lossy(&output.stdout).trim().parse().context("read a size")?;
    Ok(vec![compare_bytes(name, "size", ours, theirs, Target::AtMost(1.0))])
}

fn ours(cache: &Path, options: &Options) -> Result<Vec<OsString>> {
    let itself = std::env::current_exe().context("find this program")?;
    let mut words = vec![itself.into(), "choose".into(), "--all".into(), "--cache".into(), cache.into()];
    words.push(options.root.clone().into());
    Ok(words)
}

/// Chooses what a snapshot of a system would save, and prints the reasons in numbers.
#[derive(Debug, clap::Args)]
pub(crate) struct Choose {
    /// Where digests are remembered
    #[arg(long, value_name = "FILE")]
    cache: Option<PathBuf>,
    /// Compare the files of all packages, whether they can be had again or not
    #[arg(long)]
    all: bool,
    /// What to save
    #[arg(default_value = "/")]
    roots: Vec<PathBuf>,
}

/// What is never of interest, as in the default configuration of snapshots.
const PRUNED: [&str; 6] = ["/tmp", "/proc", "/sys", "/dev", "/mnt", "/run"];

fn choice(arguments: &Choose) -> Result<Choice> {
    let monitor = Arc::new(Silent);
    let interrupt = Interrupt::new();
    let system = System {
        clock: Arc::new(clock::OsClock),
        runner: Arc::new(OsRunner::new(&Environment::inherited(), monitor.clone(), interrupt.clone())),
        monitor,
        interrupt,
    };
    let options = select::Options {
        system_root: Path::new("/"),
        roots: &arguments.roots,
        prune: &PRUNED.map(PathBuf::from),
        always_save: &ALWAYS_SAVED.map(PathBuf::from),
        never_enter: &[],
        one_file_system: false,
        trust: if arguments.all { Trust::Installed } else { Trust::SameVersion },
        programs: &[],
        cache: arguments.cache.as_deref(),
    };
    choose(&options, &system).context("choose what to save")
}

pub(crate) fn print(arguments: &Choose) -> Result<()> {
    let choice = choice(arguments)?;
    let totals = choice.totals();
    for (reason, total) in &totals.saved {
        println!("{:>9} paths {:>8} MB saved, because {reason}", total.paths, total.bytes / 1_000_000);
    }
    println!("{:>9} paths {:>8} MB left out", totals.left_out.paths, totals.left_out.bytes / 1_000_000);
    println!("{:>9} paths are missing", totals.missing);
    for remark in choice.remarks() {
        println!("{remark}");
    }
    println!("{} problems", choice.problems().count());
    Ok(())
}
