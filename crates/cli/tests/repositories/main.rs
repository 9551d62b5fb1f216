//! Repositories and databases, backed up day by day with the real programs and brought back.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod failures;
mod git;
mod machine;
mod mercurial;
mod sqlite;
mod subversion;
mod subversion_restore;
mod treated;
