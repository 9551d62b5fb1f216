//! What could not be read.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use redcedar_system::Monitor;

/// Tells each problem once: the kernel asks again and again.
pub(crate) struct Problems {
    monitor: Arc<dyn Monitor>,
    told: Mutex<HashSet<String>>,
}

impl Problems {
    pub(crate) fn new(monitor: Arc<dyn Monitor>) -> Self {
        Self { monitor, told: Mutex::default() }
    }

    pub(crate) fn tell(&self, problem: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.contains(&problem) {
            self.monitor.error(&problem);
            told.insert(problem);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
