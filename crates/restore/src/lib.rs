//! The way back: sources, chains, list, restore, verify, salvage; dumps of databases, repositories, mail.
//!
//! Needs no configuration and no state: a directory of archives is enough, made by us or by the originals.
//! [`Source`] finds what is there, [`chain`] which archives make up a state, [`tree`] what that state was, [`restore`]
//! writes it.

pub mod browse;
pub mod chain;
mod checksums;
mod content;
pub mod database;
pub mod diff;
pub mod drill;
mod extract;
pub mod find;
mod intent;
mod layer;
mod layers;
pub mod list;
pub mod mailbox;
mod metadata;
mod notes;
mod object;
mod owners;
mod path;
mod peer;
pub mod place;
mod plan;
mod preview;
mod repair;
mod report;
mod repository;
mod restore;
mod scan;
mod source;
mod sqlite;
mod surplus;
mod target;
pub mod tree;
mod verify;
mod wanted;
pub mod writing;

pub use layers::{KeyError, Keys, Opened};
pub use list::list;
pub use object::Overwrite;
pub use owners::{OwnerRule, OwnerRuleError};
pub use peer::PeerError;
pub use preview::{Action, Deed};
pub use repair::{RepairError, RepairReport, RepairRequest, repair};
pub use report::{Failure, ItemReport, Report};
pub use repository::{RepositoryError, RepositoryReport, RepositoryRequest, restore_repository};
pub use restore::{Compared, RestoreError, RestoreRequest, compare, restore};
pub use source::{
    Day, OtherKind, PeerDay, Source, SourceError, StoredFile, StoredItem, StoredKind, classify,
};
pub use sqlite::{SqliteError, SqliteReport, SqliteRequest, restore_sqlite};
pub use verify::{
    Ages, Finding, PlaceFinding, Proofs, Severity, Share, VerifyError, VerifyReport, VerifyRequest, verify,
};
