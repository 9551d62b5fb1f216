//! Snapshots: choosing what to save.

use anyhow::{Context, Result};
use redcedar_generations::select::{ALWAYS_SAVED, Options, Trust, choose};
use redcedar_system::command::OsRunner;
use redcedar_system::monitor::Silent;
use redcedar_system::{Environment, Interrupt, System, clock};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

pub(crate) fn print(arguments: &Choose) -> Result<()> {
    let monitor = Arc::new(Silent);
    let interrupt = Interrupt::new();
    let system = System {
        clock: Arc::new(clock::OsClock),
        runner: Arc::new(OsRunner::new(&Environment::inherited(), monitor.clone(), interrupt.clone())),
        monitor,
        interrupt,
    };
    let options = Options {
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
    let choice = choose(&options, &system).context("choose what to save")?;
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
