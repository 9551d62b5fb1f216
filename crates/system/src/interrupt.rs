//! SIGINT, SIGTERM and SIGHUP become one flag that every loop asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The run was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// A flag that is raised once and stays raised. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// An interrupt that only [`Interrupt::raise`] raises.
    pub fn new() -> Self {
        Self::default()
    }

    /// An interrupt raised by SIGINT, SIGTERM and SIGHUP. A signal that was ignored when the process started (as `nohup`
    /// does with SIGHUP) stays ignored. A second signal ends the process at once, in case something hangs.
    ///
    /// # Errors
    /// When a handler cannot be installed.
    pub fn from_signals() -> std::io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let interrupt = Self::new();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if is_ignored(signal) {
                continue;
            }
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&interrupt.0))?;
            signal_hook::flag::register(signal, Arc::clone(&interrupt.0))?;
        }
        Ok(interrupt)
    }

    /// Raises the flag.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the flag is up.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For use with `?` in loops.
    ///
    /// # Errors
    /// [`Interrupted`] once the flag is up.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_raised() { Err(Interrupted) } else { Ok(()) }
    }
}

/// Reads the set of ignored signals of this process from `/proc`; where there is none, nothing counts as ignored.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = fs_err::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}
