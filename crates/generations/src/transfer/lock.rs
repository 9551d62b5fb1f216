//! One run at a time for each store, whatever machine it is from.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use redcedar_system::System;

use super::TransferError;
use super::far::{Far, lost};
use super::store::Store;

/// Holds the lock until its input ends, which it does when we do. The lock is on the directory itself.
const LOCK: &str = "command -v flock >/dev/null || { echo redcedar-none; exit 0; }; exec 9<\"$1\" || exit 1; \
    flock -n 9 || { echo redcedar-busy; exit 0; }; echo redcedar-locked; exec cat >/dev/null";

const INTENT: &str = "lock the store";
/// How seldom the holder of a lock is looked at.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);

/// A lock on a store, or the knowledge that there cannot be one.
pub(super) struct StoreLock<'scope> {
    release: Option<Sender<()>>,
    holder: Option<ScopedJoinHandle<'scope, ()>>,
    /// Whether there is a lock.
    pub(super) is_held: bool,
}

enum News {
    Locked,
    Busy,
    None,
    Ended(TransferError),
}

impl<'scope> StoreLock<'scope> {
    pub(super) fn acquire<'env>(
        scope: &'scope Scope<'scope, 'env>,
        far: &'env Far<'env>,
        store: &Store,
        system: &'env System,
    ) -> Result<Self, TransferError> {
        let command = far.command(LOCK, &[&store.path]);
        let (release, wait) = channel();
        let (tell, news) = channel();
        let holder = scope.spawn(move || {
            let mut heard = |line: &[u8]| {
                let said = match line {
                    b"redcedar-locked" => News::Locked,
                    b"redcedar-busy" => News::Busy,
                    b"redcedar-none" => News::None,
                    _ => return,
                };
                // Nobody listens any longer once the first was told.
                let _unheard = tell.send(said);
            };
            let mut input = UntilReleased { release: wait, patience: Duration::from_millis(5) };
            let ended = match system.runner.feed(&command, &mut input, &mut heard) {
                Ok(finished) => far.failed(INTENT, &finished),
                Err(error) => lost(INTENT, error),
            };
            let _unheard = tell.send(News::Ended(ended));
        });
        let news = news.recv();
        let mut lock = Self { release: Some(release), holder: Some(holder), is_held: false };
        match news {
            Ok(News::Locked) => lock.is_held = true,
            Ok(News::None) => {}
            Ok(News::Busy) => return Err(TransferError::Busy { place: far.place() }),
            Ok(News::Ended(error)) => return Err(error),
            Err(_) => {
                let reason = "nobody knows why".to_owned();
                return Err(TransferError::Far { intent: INTENT, place: far.place(), reason });
            }
        }
        Ok(lock)
    }
}

impl Drop for StoreLock<'_> {
    fn drop(&mut self) {
        self.release = None;
        if let Some(holder) = self.holder.take() {
            // A panic there was told already.
            let _ended = holder.join();
        }
    }
}

/// Says next to nothing, and ends when the lock is released. Whoever feeds a program with it hears that program only in between,
/// so it waits longer and longer.
struct UntilReleased {
    release: Receiver<()>,
    patience: Duration,
}

impl Read for UntilReleased {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.release.recv_timeout(self.patience) {
            Err(RecvTimeoutError::Timeout) => {
                self.patience = (self.patience * 2).min(LONGEST_SILENCE);
                buffer[0] = b'\n';
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}
