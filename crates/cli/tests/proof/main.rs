//! Proofs: what the backup promises, shown with random trees, the original as the judge, and things going wrong on purpose.
//!
//! Everything runs the programs as a user would and looks at what they leave behind. The long versions are in modules
//! called `slow`: `cargo nextest run --profile slow`.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod changing_files;
mod damage;
mod full_disk;
mod history;
mod killed;
mod mixture;
mod original;
mod plain_tools;
mod planted_links;
mod pool;
mod salvage;
mod treated;
mod unreadable;
mod world;
