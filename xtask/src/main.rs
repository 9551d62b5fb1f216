//! Chores of the project: `cargo xtask …`.
#![expect(clippy::print_stdout, reason = "results go to the terminal")]
#![expect(clippy::print_stderr, reason = "so does progress")]

mod bench;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Chores of the project", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measures Redcedar against the tools a user would otherwise pick
    Bench {
        #[command(subcommand)]
        part: bench::Part,
    },
    /// Runs a program and prints what it used, as JSON
    #[command(hide = true)]
    Measure(bench::measure::Program),
    /// Links every file of a tree, for comparison
    #[command(hide = true)]
    Link(bench::generations::Links),
    /// Chooses what a snapshot of this machine would save
    #[command(hide = true)]
    Choose(bench::snapshot::Choose),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().chore {
        Chore::Bench { part } => bench::run(part),
        Chore::Measure(program) => bench::measure::print(&program),
        Chore::Link(links) => bench::generations::link(&links),
        Chore::Choose(arguments) => bench::snapshot::print(&arguments),
    }
}
