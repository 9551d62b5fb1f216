//! How long a peer may go on.

use std::time::Duration;

use redcedar_system::clock::Stopwatch;
use redcedar_system::interrupt::{Interrupt, Interrupted};

/// Why work on a peer ends before it is done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error("it takes longer than {} minutes", .0.as_secs().div_ceil(60))]
    TimedOut(Duration),
}

/// Looks at the interrupt and at the time limit of a peer.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    interrupt: &'a Interrupt,
    stopwatch: Stopwatch,
    limit: Duration,
    /// What earlier attempts took.
    spent: Duration,
}

impl<'a> Watch<'a> {
    pub(super) fn start(interrupt: &'a Interrupt, limit: Duration, spent: Duration) -> Self {
        Self { interrupt, stopwatch: Stopwatch::start(), limit, spent }
    }

    /// What was spent on the peer so far.
    pub(super) fn spent(&self) -> Duration {
        self.spent + self.stopwatch.elapsed()
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.spent())
    }

    /// For use with `?` in loops.
    pub(super) fn check(&self) -> Result<(), Stop> {
        self.interrupt.check()?;
        if self.left().is_zero() { Err(self.timed_out()) } else { Ok(()) }
    }

    pub(super) fn timed_out(&self) -> Stop {
        Stop::TimedOut(self.limit)
    }
}
