//! One comparison: two programs that do the same work, run alternately.

use super::measure::{Usage, measure};
use super::report::{Quantity, Row, Target};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::Path;

/// One of the two programs.
pub(crate) struct Side<'a> {
    /// The program and its arguments.
    pub(crate) words: Vec<OsString>,
    /// Brings everything into the state in which each run must begin; not measured.
    pub(crate) prepare: Box<dyn Fn() -> Result<()> + 'a>,
}

impl<'a> Side<'a> {
    /// A program that needs no preparation.
    pub(crate) fn new(words: Vec<OsString>) -> Self {
        Self { words, prepare: Box::new(|| Ok(())) }
    }

    /// The same with a preparation.
    pub(crate) fn prepared(words: Vec<OsString>, prepare: impl Fn() -> Result<()> + 'a) -> Self {
        Self { words, prepare: Box::new(prepare) }
    }

    /// Prepares and runs once, measured.
    pub(crate) fn run(&self) -> Result<Usage> {
        (self.prepare)()?;
        // What others still write must not be paid by the program that is measured.
        nix::unistd::sync();
        measure(&self.words)
    }
}

/// Measures both sides `runs` times, alternately, after one run of each to warm up.
pub(crate) fn compare(
    name: &str,
    ours: &Side<'_>,
    theirs: &Side<'_>,
    runs: usize,
    targets: &[(Quantity, Target)],
) -> Result<Vec<Row>> {
    eprintln!("measuring {name} …");
    let (mut our_usages, mut their_usages) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let our_usage = ours.run().with_context(|| format!("{name}: ours"))?;
        let their_usage = theirs.run().with_context(|| format!("{name}: theirs"))?;
        if run > 0 {
            our_usages.push(our_usage);
            their_usages.push(their_usage);
        }
    }
    let row = |quantity| {
        let target = targets
            .iter()
            .find(|(wanted, _)| *wanted == quantity)
            .map_or(Target::Shown, |(_, target)| *target);
        Row::new(name, quantity, &our_usages, &their_usages, target)
    };
    Ok([Quantity::Wall, Quantity::Cpu, Quantity::Memory].map(row).into())
}

/// Compares the sizes of two files.
pub(crate) fn compare_sizes(name: &str, ours: &Path, theirs: &Path, target: Target) -> Result<Row> {
    Ok(compare_bytes(name, "size", fs_err::metadata(ours)?.len(), fs_err::metadata(theirs)?.len(), target))
}

/// Compares two numbers of bytes.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
pub(crate) fn compare_bytes(
    name: &str,
    quantity: &'static str,
    ours: u64,
    theirs: u64,
    target: Target,
) -> Row {
    let with_look = |bytes: u64| (bytes as f64, format!("{:.1} MB", bytes as f64 / 1e6));
    Row::of_values(name, quantity, with_look(ours), with_look(theirs), target)
}
