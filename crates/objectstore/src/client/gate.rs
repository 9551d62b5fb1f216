//! How many requests are under way: fewer when the server has too much to do, and again more when it has not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use tokio::sync::Notify;
use tokio::time::Instant;

/// All that goes wrong within this time goes wrong for the same reason.
const PAUSE: Duration = Duration::from_secs(1);

/// What every request passes.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// How many requests the user allows.
    most: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    /// How many requests the server stands.
    limit: usize,
    under_way: usize,
    /// How many went well since the limit was set.
    went_well: usize,
    lowered: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        let state = State { limit: most, under_way: 0, went_well: 0, lowered: None };
        Self(Arc::new(Shared { most, state: Mutex::new(state), freed: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there may be another request. It is under way as long as the pass is there.
    pub(crate) async fn pass(&self) -> Pass {
        loop {
            let freed = self.0.freed.notified();
            {
                let mut state = self.state();
                if state.under_way < state.limit {
                    state.under_way += 1;
                    return Pass(self.clone());
                }
            }
            freed.await;
        }
    }

    /// The server did what it was asked to do: after as many of these as are under way at a time, there may be one more.
    fn went_well(&self) {
        let mut state = self.state();
        state.went_well += 1;
        if state.limit < self.0.most && state.went_well >= state.limit {
            state.limit += 1;
            state.went_well = 0;
            self.0.freed.notify_one();
        }
    }

    /// The server has too much to do: half as many.
    fn slow_down(&self, now: Instant) {
        let mut state = self.state();
        if state.lowered.is_none_or(|then| now >= then + PAUSE) {
            state.limit = (state.limit.min(state.under_way) / 2).max(1);
            state.went_well = 0;
            state.lowered = Some(now);
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct Pass(Gate);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.0.freed.notify_one();
    }
}

/// Every attempt counts: what is tried again until it goes well would hide that the server asks for less.
impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "Gate"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.response().map(|response| response.status().as_u16()) {
            // Without an answer, nobody answered in time, or the connection broke.
            Some(429 | 500 | 503 | 504) | None => self.slow_down(Instant::now()),
            Some(_) => self.went_well(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(gate: &Gate) -> usize {
        gate.state().limit
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    #[test]
    fn the_limit_is_halved_once_and_grows_back_up_to_what_is_allowed() {
        let gate = Gate::new(8);
        let _passes: Vec<_> = (0..8).map(|_| block_on(gate.pass())).collect();
        let began = Instant::now();
        gate.slow_down(began);
        gate.slow_down(began + PAUSE / 2);
        assert_eq!(limit(&gate), 4);
        gate.slow_down(began + PAUSE);
        assert_eq!(limit(&gate), 2);
        for _ in 0..2 + 3 {
            gate.went_well();
        }
        assert_eq!(limit(&gate), 4);
        for _ in 0..1000 {
            gate.went_well();
        }
        assert_eq!(limit(&gate), 8);
    }

    #[test]
    fn there_is_always_room_for_one_and_whoever_waits_gets_in_when_another_is_done() {
        block_on(async {
            let gate = Gate::new(1);
            let first = gate.pass().await;
            gate.slow_down(Instant::now());
            let waiting = tokio::spawn({
                let gate = gate.clone();
                async move { gate.pass().await }
            });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            drop(first);
            drop(waiting.await.unwrap());
            assert_eq!((limit(&gate), gate.state().under_way), (1, 0));
        });
    }
}
