//! The pool: plan, collect, stage, purge, validate.

mod announced;
pub mod backup;
pub mod checksums;
pub mod collect;
pub mod daily_dir;
pub mod extension;
pub mod forced;
pub mod indicator;
mod item;
pub mod outcome;
pub mod peer_add;
pub mod peer_check;
pub mod plan;
mod program;
pub mod purge;
pub mod redundancy;
pub mod remote;
pub mod run;
#[cfg(test)]
mod sample;
pub mod schedule;
pub mod span;
mod ssh;
pub mod stage;
pub mod staged;
pub mod state;
pub mod status;
pub mod store;
pub mod validate;

pub use backup::{BackupError, BackupRequest, backup, backup_to};
pub use collect::{CollectError, CollectRequest, collect};
pub use item::ownership::Ownership;
pub use outcome::{ClientFailure, Omission, OmissionKind, Outcome, PeerResult, PeerStatus, Summary};
pub use purge::{PurgeError, purge, purge_plan};
pub use run::{RunError, RunReport, RunRequest, run};
pub use stage::{StageError, StageReport, StageRequest, StageSettings, stage};
pub use store::{StoreError, StoreRequest};
pub use validate::{Finding, validate};

/// What manifests and indicators call the program.
const PROGRAM: &str = concat!("redcedar ", env!("CARGO_PKG_VERSION"));
