//! Letting the disk write while more is copied, so that little is left to wait for at the end.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::fs::syncfs;

/// So many bytes are worth a request to the disk.
const WORTH_IT: u64 = 64 << 20;
/// How often it is looked whether there are.
const LOOK: Duration = Duration::from_millis(100);

/// Does `work`, which counts in `written` what it writes to the file system of `store`.
///
/// # Errors
/// When something that was written did not get to the disk: the system says so only once.
pub(super) fn while_flushing<T>(
    store: impl AsFd + Send + Sync,
    written: &AtomicU64,
    work: impl FnOnce() -> T,
) -> io::Result<T> {
    std::thread::scope(|scope| {
        let (end, ended) = channel::<()>();
        let flushing = scope.spawn(move || -> io::Result<()> {
            let mut flushed = 0;
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let now = written.load(Ordering::Relaxed);
                if now - flushed >= WORTH_IT {
                    syncfs(&store)?;
                    flushed = now;
                }
            }
            Ok(())
        });
        let done = work();
        drop(end);
        flushing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(done)
    })
}
