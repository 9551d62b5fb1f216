//! Many peers at once: which one is next, when one is tried again, and the threads that do it. A peer that waits for its next
//! attempt occupies none of them.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use redcedar_system::clock::Stopwatch;
use redcedar_system::interrupt::Interrupt;

/// How often the interrupt is looked at while there is nothing to do.
const TICK: Duration = Duration::from_millis(100);

/// What another attempt may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prospect {
    /// Nothing.
    Final,
    /// The trouble may pass by itself.
    MayPass,
    /// The peer may become ready.
    Waits,
}

/// When there is another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// How often trouble that may pass is given a chance to.
    pub(super) retries: u64,
    /// The pause before the first of these attempts; each further one is four times as long.
    pub(super) first_pause: Duration,
    /// But not longer than this.
    pub(super) longest_pause: Duration,
    /// How often peers that are not ready are asked again.
    pub(super) ask_every: Duration,
    /// How long after the beginning they are asked for the last time.
    pub(super) wait: Option<Duration>,
}

impl Policy {
    /// The pause before another attempt, after `retried` attempts because of passing trouble, `elapsed` after the beginning.
    pub(super) fn pause(&self, prospect: Prospect, retried: u64, elapsed: Duration) -> Option<Duration> {
        let left = self.wait.and_then(|wait| wait.checked_sub(elapsed)).filter(|left| !left.is_zero());
        match prospect {
            Prospect::Final => None,
            Prospect::MayPass if retried < self.retries => Some(self.back_off(retried)),
            Prospect::MayPass | Prospect::Waits => left.map(|left| left.min(self.ask_every)),
        }
    }

    fn back_off(&self, retried: u64) -> Duration {
        let factor = 4_u32.saturating_pow(u32::try_from(retried).unwrap_or(u32::MAX));
        self.first_pause.saturating_mul(factor).min(self.longest_pause)
    }
}

/// What a thread does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Take(usize),
    /// Nothing is due before then.
    Wait(Duration),
    /// Nothing is left. What others are at work on they also take up again themselves.
    Over,
}

/// Who is waiting, and until when; times are measured from the beginning.
struct Queue(Vec<(Duration, usize)>);

impl Queue {
    fn new(count: usize) -> Self {
        Self((0..count).map(|index| (Duration::ZERO, index)).collect())
    }

    fn next(&mut self, now: Duration) -> Next {
        let Some((place, (due, index))) = self.0.iter().copied().enumerate().min_by_key(|(_, entry)| *entry)
        else {
            return Next::Over;
        };
        match due.checked_sub(now) {
            None | Some(Duration::ZERO) => {
                self.0.swap_remove(place);
                Next::Take(index)
            }
            Some(pause) => Next::Wait(pause),
        }
    }

    fn again(&mut self, index: usize, due: Duration) {
        self.0.push((due, index));
    }
}

/// How an attempt ended.
pub(super) enum Attempt<T> {
    Done(T),
    /// There is to be another one after a pause.
    Again(Duration),
}

/// Works on `count` things, up to `jobs` at once, until all are done or the run is interrupted; then some have no result.
pub(super) fn work<T: Send>(
    count: usize,
    jobs: usize,
    interrupt: &Interrupt,
    attempt: impl Fn(usize) -> Attempt<T> + Sync,
) -> Vec<Option<T>> {
    let stopwatch = Stopwatch::start();
    let results = Mutex::new((0..count).map(|_| None).collect::<Vec<_>>());
    let (queue, changed) = (Mutex::new(Queue::new(count)), Condvar::new());
    let thread = || {
        let mut locked = queue.lock().unwrap_or_else(PoisonError::into_inner);
        while !interrupt.is_raised() {
            match locked.next(stopwatch.elapsed()) {
                Next::Over => return,
                Next::Wait(pause) => {
                    let waited = changed.wait_timeout(locked, pause.min(TICK));
                    locked = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Next::Take(index) => {
                    drop(locked);
                    let attempted = attempt(index);
                    locked = queue.lock().unwrap_or_else(PoisonError::into_inner);
                    match attempted {
                        Attempt::Again(pause) => locked.again(index, stopwatch.elapsed() + pause),
                        Attempt::Done(result) => {
                            results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
                        }
                    }
                    changed.notify_all();
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            scope.spawn(thread);
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const POLICY: Policy = Policy {
        retries: 4,
        first_pause: Duration::from_secs(5),
        longest_pause: Duration::from_mins(5),
        ask_every: Duration::from_mins(1),
        wait: None,
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn passing_trouble_is_given_longer_and_longer_to_pass() {
        let pause = |retried| POLICY.pause(Prospect::MayPass, retried, seconds(7));
        let pauses: Vec<_> = (0..6).map(pause).collect();
        assert_eq!(pauses, [Some(5), Some(20), Some(80), Some(300), None, None].map(|s| s.map(seconds)));
        assert_eq!(POLICY.pause(Prospect::Final, 0, seconds(0)), None);
        assert_eq!(POLICY.pause(Prospect::Waits, 0, seconds(0)), None);
    }

    #[test]
    fn peers_that_are_not_ready_are_asked_every_minute_and_for_the_last_time_at_the_deadline() {
        let policy = Policy { wait: Some(seconds(150)), ..POLICY };
        for prospect in [Prospect::Waits, Prospect::MayPass] {
            let pause = |elapsed| policy.pause(prospect, 4, seconds(elapsed));
            assert_eq!(pause(0), Some(seconds(60)));
            assert_eq!(pause(120), Some(seconds(30)));
            assert_eq!(pause(150), None);
            assert_eq!(pause(151), None);
        }
        assert_eq!(policy.pause(Prospect::Final, 0, seconds(0)), None);
    }

    /// Plays a queue with one thread and a clock of its own: `(when, who)` for each attempt.
    fn play(policy: &Policy, peers: &[(u64, &[Prospect])]) -> Vec<(u64, usize)> {
        let mut queue = Queue::new(peers.len());
        let mut tried = vec![0; peers.len()];
        let (mut now, mut attempts) = (Duration::ZERO, Vec::new());
        loop {
            match queue.next(now) {
                Next::Over => return attempts,
                Next::Wait(pause) => now += pause,
                Next::Take(index) => {
                    attempts.push((now.as_secs(), index));
                    let (takes, prospects) = peers[index];
                    now += seconds(takes);
                    let prospect = prospects.get(tried[index]).copied().unwrap_or(Prospect::Final);
                    let retried = u64::try_from(tried[index]).unwrap();
                    tried[index] += 1;
                    if let Some(pause) = policy.pause(prospect, retried, now) {
                        queue.again(index, now + pause);
                    }
                }
            }
        }
    }

    #[test]
    fn who_waits_lets_the_others_go_first() {
        use Prospect::{MayPass, Waits};
        let policy = Policy { wait: Some(seconds(100)), ..POLICY };
        let attempts = play(&policy, &[(1, &[Waits, Waits, Waits]), (2, &[MayPass]), (3, &[])]);
        // The first comes again a minute later and at the deadline, the second after five seconds, the third once.
        assert_eq!(attempts, [(0, 0), (1, 1), (3, 2), (8, 1), (61, 0), (100, 0)]);
    }

    #[test]
    fn everything_is_done_in_parallel_and_results_stay_in_order() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = work(6, 3, &Interrupt::new(), |index| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20 * u64::from(index == 0) + 20));
            running.fetch_sub(1, Ordering::SeqCst);
            Attempt::Done(index * 10)
        });
        assert_eq!(results, [0, 10, 20, 30, 40, 50].map(Some));
        assert!((2..=3).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    }

    #[test]
    fn an_interrupt_ends_even_those_who_wait() {
        let interrupt = Interrupt::new();
        let results = work(3, 1, &interrupt, |index| match index {
            0 => Attempt::Done("done"),
            1 => Attempt::Again(Duration::from_hours(1)),
            _ => {
                interrupt.raise();
                Attempt::Again(Duration::ZERO)
            }
        });
        assert_eq!(results, [Some("done"), None, None]);
    }
}
