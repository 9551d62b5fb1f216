//! How much may be in memory at a time, and how much may be sent in a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// What is counted; files of a few bytes cost more than their bytes.
const UNIT: u64 = 4096;

/// Memory for everything that is being sent.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    all: u32,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let all = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self { units: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits until there is room for `bytes`. What is larger than all of it gets all of it.
    pub(crate) async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.all);
        // Nobody closes it.
        Arc::clone(&self.units).acquire_many_owned(units).await.ok()
    }
}

/// Holds back whoever sends too much.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    rate: Option<u64>,
    /// When there is nothing to wait for.
    free: Arc<Mutex<Option<Instant>>>,
}

impl Pace {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self { rate, free: Arc::default() }
    }

    /// Waits until `bytes` may be sent.
    pub(crate) async fn wait(&self, bytes: u64) {
        let Some(rate) = self.rate else { return };
        let begin = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = free.unwrap_or_else(Instant::now).max(Instant::now());
            let takes = Duration::from_micros(bytes.saturating_mul(1_000_000) / rate.max(1));
            *free = Some(begin + takes);
            begin
        };
        tokio::time::sleep_until(begin).await;
    }
}
