//! Benchmarks: each prints ratios against the tool a user would otherwise pick, measured alternately in one run.

mod case;
mod collect;
mod dump;
pub(crate) mod generations;
mod listings;
mod mbox;
pub(crate) mod measure;
mod report;
mod restore;
mod s3;
mod setting;
pub(crate) mod snapshot;
mod stage;
mod tree;

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Part {
    /// Collect and restore: full, increment, everything, one file
    Collect(collect::Options),
    /// Dump databases of servers that are started for it
    Dump(dump::Options),
    /// Increments of a large mailbox
    Mbox(mbox::Options),
    /// Choose what a snapshot of this machine saves
    Snapshot(snapshot::Options),
    /// Write snapshots of many small files: the first, and one of an unchanged tree
    Generations(generations::Options),
    /// Keep buckets equal to directories
    S3(s3::Options),
    /// Get back: everything, one file; find a file in a large pool
    Restore(restore::Options),
    /// Stage many peers over ssh
    Stage(stage::Options),
}

/// What every benchmark is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// How often each program is measured, after one run to warm up
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Where everything is made (and left): what is there already is used again
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Only the cases whose names contain this
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Measure this executable instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

impl Common {
    /// The cases that are wanted, of all there are.
    fn choose<'a, C>(&self, cases: &'a [(&'a str, C)]) -> anyhow::Result<Vec<&'a (&'a str, C)>> {
        let wanted = |name: &str| self.case.as_ref().is_none_or(|part| name.contains(part.as_str()));
        let chosen: Vec<_> = cases.iter().filter(|(name, _)| wanted(name)).collect();
        let names = || cases.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        anyhow::ensure!(!chosen.is_empty(), "no case has such a name; there are {}", names());
        Ok(chosen)
    }
}

pub(crate) fn run(part: Part) -> anyhow::Result<()> {
    let rows = match part {
        Part::Collect(options) => collect::run(&options),
        Part::Dump(options) => dump::run(&options),
        Part::Mbox(options) => mbox::run(&options),
        Part::Snapshot(options) => snapshot::run(&options),
        Part::Generations(options) => generations::run(&options),
        Part::S3(options) => s3::run(&options),
        Part::Restore(options) => restore::run(&options),
        Part::Stage(options) => stage::run(&options),
    }?;
    report::print(&rows);
    Ok(())
}
