//! Benchmarks: each prints ratios against the tool a user would otherwise pick, measured alternately in one run.

mod case;
mod collect;
pub(crate) mod measure;
mod report;
mod setting;
pub(crate) mod snapshot;
mod tree;

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Part {
    /// Collect and restore: full, increment, everything, one file
    Collect(Options),
}

/// What a benchmark is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many files the tree has
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    files: usize,
    /// How large the tree is, in MB
    #[arg(long, value_name = "MB", default_value_t = 1_000)]
    size: u64,
    /// How many files the larger of the two trees of tiny files has; the other has a tenth
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    tiny: usize,
    /// How often each program is measured, after one run to warm up
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Where everything is made (and left): trees that are there already are used again
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Only the cases whose names contain this
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Measure this executable instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

pub(crate) fn run(part: Part) -> anyhow::Result<()> {
    match part {
        Part::Collect(options) => collect::run(&options),
    }
}
