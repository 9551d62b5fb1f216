//! Staged days that no disc has yet, spread over as many discs as they need.
//!
//! [`Inventory`] says what there is, [`Room`] which file goes onto which disc, [`Journal`] remembers what is done, and
//! [`Spanner`] writes. Whoever talks with people decides in between.

mod inventory;
mod journal;
mod path_text;
mod plan;
mod write;

pub use inventory::{Inventory, SpanFile};
pub use journal::{Disc, Journal, JournalError, Set};
pub use plan::{Load, PlanError, Room, Solution, capacity};
pub use write::Spanner;
