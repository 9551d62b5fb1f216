//! Stand-ins for the outside world, for tests.

mod monitor;
mod runner;

pub use monitor::RecordingMonitor;
pub use runner::{PrintingRunner, ScriptedRunner};

use std::sync::Arc;

use crate::clock::FixedClock;
use crate::{Interrupt, System};

/// A system with a fixed clock, a runner that knows no program, and a monitor that remembers.
///
/// # Panics
/// When `now` is not a time (see [`FixedClock::parse`]).
pub fn system(now: &str) -> (System, Arc<RecordingMonitor>) {
    let monitor = Arc::new(RecordingMonitor::default());
    let system = System {
        clock: Arc::new(FixedClock::parse(now).expect("a time")),
        runner: Arc::new(ScriptedRunner::default()),
        monitor: monitor.clone(),
        interrupt: Interrupt::new(),
    };
    (system, monitor)
}
