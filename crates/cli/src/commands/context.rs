//! What a command gets to work with.

use std::sync::Arc;
use std::time::Instant;

use redcedar_system::{Environment, System};

use crate::args::Global;
use crate::output::{Results, Terminal};

/// Where results go.
pub(crate) type Out = Results<std::io::Stdout>;

/// What a command gets to work with.
pub(crate) struct Context {
    /// The outside world; its monitor is `terminal`.
    pub(crate) system: System,
    /// The environment we were started with.
    pub(crate) environment: Environment,
    /// The global options.
    pub(crate) global: Global,
    /// Standard error.
    pub(crate) terminal: Arc<Terminal>,
    /// Whether results are coloured.
    pub(crate) colored: bool,
    /// When the command began.
    pub(crate) started: Instant,
}

impl Context {
    /// How many threads to work with.
    pub(crate) fn threads() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}
