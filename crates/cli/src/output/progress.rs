//! How far a task is, in words.

use std::fmt::Write as _;
use std::time::Duration;

use redcedar_system::monitor::Progress;

use super::human::{Count, Counted, Size, Time};

/// Before this much time has passed, a rate says nothing.
const SETTLED: Duration = Duration::from_secs(1);

/// One line without the title of the task: files, bytes, rate, time left.
pub(crate) fn describe(progress: &Progress, elapsed: Duration) -> String {
    let mut text = match progress.total_files {
        Some(total) => format!("{} of {}", Count(progress.files), Counted(total, "file")),
        None => Counted(progress.files, "file").to_string(),
    };
    let _infallible = match progress.total_bytes {
        Some(total) => write!(text, ", {} of {}", Size(progress.bytes), Size(total)),
        None => write!(text, ", {}", Size(progress.bytes)),
    };
    if elapsed >= SETTLED && progress.bytes > 0 {
        let _infallible = write!(text, ", {}/s", Size(rate(progress.bytes, elapsed)));
        if let Some(left) = time_left(progress, elapsed) {
            let _infallible = write!(text, ", {} left", Time(left));
        }
    }
    text
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate"
)]
fn rate(bytes: u64, elapsed: Duration) -> u64 {
    (bytes as f64 / elapsed.as_secs_f64()) as u64
}

/// As long as the rest takes at the rate so far, in whole seconds.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn time_left(progress: &Progress, elapsed: Duration) -> Option<Duration> {
    let left = progress.total_bytes?.checked_sub(progress.bytes)?;
    let seconds = left as f64 / progress.bytes as f64 * elapsed.as_secs_f64();
    Some(Duration::from_secs(Duration::try_from_secs_f64(seconds).ok()?.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_appear_once_they_mean_something() {
        let mut progress =
            Progress { files: 1200, bytes: 30 << 20, total_files: Some(5000), total_bytes: Some(120 << 20) };
        assert_eq!(
            describe(&progress, Duration::from_millis(200)),
            "1,200 of 5,000 files, 30 MiB of 120 MiB"
        );
        assert_eq!(
            describe(&progress, Duration::from_secs(10)),
            "1,200 of 5,000 files, 30 MiB of 120 MiB, 3.0 MiB/s, 30 s left"
        );
        progress = Progress { files: 1, bytes: 10, total_files: None, total_bytes: None };
        assert_eq!(describe(&progress, Duration::from_secs(5)), "1 file, 10 B, 2 B/s");
    }

    #[test]
    fn a_task_that_grew_beyond_its_total_has_no_time_left() {
        let progress = Progress { files: 2, bytes: 20, total_files: Some(1), total_bytes: Some(10) };
        assert_eq!(describe(&progress, Duration::from_secs(10)), "2 of 1 file, 20 B of 10 B, 2 B/s");
    }
}
