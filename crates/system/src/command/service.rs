//! A program that runs beside us until we have had enough of it.

use std::io;
use std::process::Child;

use super::run::end;

/// A running program, a server say. It is ended, with what it started, when this is dropped.
#[derive(Debug)]
pub struct Service {
    child: Option<Child>,
}

impl Service {
    pub(super) fn new(child: Child) -> Self {
        Self { child: Some(child) }
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        self.child.as_mut().map_or(Ok(true), |child| Ok(child.try_wait()?.is_some()))
    }

    /// Ends it: gently, then hard.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn stop(mut self) -> io::Result<()> {
        self.child.take().map_or(Ok(()), |mut child| end(&mut child, false))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Nobody is left who could be told.
            let _ignored = end(&mut child, false);
        }
    }
}
