//! The outside world, as Redcedar sees it.
//!
//! Nothing but this crate starts a program, reads the clock, the environment or a user id. Whatever a step of a
//! backup needs from outside comes in through [`System`], so that a test can put a fixed clock, a scripted
//! runner or a recording monitor in its place.

pub mod account;
pub mod checkpoint;
pub mod clock;
pub mod command;
pub mod environment;
pub mod escape;
pub mod fs;
pub mod interrupt;
pub mod monitor;
pub mod quote;
pub mod terminal;

pub mod fake;

use std::sync::Arc;

pub use account::{Accounts, Owner};
pub use clock::Clock;
pub use command::Runner;
pub use environment::Environment;
pub use interrupt::{Interrupt, Interrupted};
pub use monitor::{Level, Monitor};

/// What a step of a backup may ask of the outside world.
#[derive(Clone)]
pub struct System {
    /// Where the date comes from.
    pub clock: Arc<dyn Clock>,
    /// What starts other programs.
    pub runner: Arc<dyn Runner>,
    /// Where messages, counters and progress go.
    pub monitor: Arc<dyn Monitor>,
    /// Raised when the user or the machine wants us to stop.
    pub interrupt: Interrupt,
}
