//! What numbers mean: each judgement is a function of what was seen.

use std::path::Path;

use redcedar_system::escape;

use super::step::{Finding, Step};

/// From here on an indicator is worth a warning, as with `stage`.
const OLD: i64 = 24 * 3600;
/// From here on a difference of clocks is worth a warning: an indicator could seem to come from another day.
const CLOCKS_DIFFER: i64 = 60;
/// From here on it is a fault.
const CLOCK_WRONG: i64 = 600;
const GIB: u64 = 1 << 30;

/// How old the collect indicator is, in seconds. None when it is not there.
pub(super) fn indicator(age: Option<i64>) -> Finding {
    match age {
        None => {
            Finding::warning(Step::Indicator, "cback.collect is not there: nothing has been collected yet")
        }
        Some(age) if age > OLD => {
            Finding::warning(Step::Indicator, format!("cback.collect is {} old", duration(age)))
        }
        Some(age) => Finding::ok(Step::Indicator, format!("cback.collect is {} old", duration(age))),
    }
}

/// By how many seconds their clock is ahead of ours, as of a moment between `earliest` and `latest`.
pub(super) fn clock(theirs: i64, earliest: i64, latest: i64) -> Finding {
    // What happened between asking and hearing is nobody's difference.
    let difference = if theirs > latest { theirs - latest } else { (theirs - earliest).min(0) };
    let size = difference.abs();
    let words = format!("{} {}", duration(size), if difference > 0 { "ahead" } else { "behind" });
    if size > CLOCK_WRONG {
        Finding::failed(Step::Clock, words, "timedatectl set-ntp true")
    } else if size > CLOCKS_DIFFER {
        Finding::warning(Step::Clock, words)
    } else {
        Finding::ok(Step::Clock, "agrees with ours")
    }
}

/// The space in the collect file system, in bytes.
pub(super) fn space_there(size: u64, free: u64, purge: &str) -> Finding {
    let words = format!("{} of {} free", bytes(free), bytes(size));
    if free == 0 {
        Finding::failed(Step::SpaceThere, words, purge)
    } else if free < size / 20 && free < GIB {
        Finding::warning(Step::SpaceThere, words)
    } else {
        Finding::ok(Step::SpaceThere, words)
    }
}

/// The space for staged data, and how much of that the peer wants, where it is known; in bytes.
pub(super) fn space_here(staging_dir: &Path, free: u64, wanted: Option<u64>, purge: &str) -> Finding {
    let words = format!("{} free at {}", bytes(free), escape::display(staging_dir));
    match wanted {
        Some(wanted) if wanted > free => {
            Finding::failed(Step::SpaceHere, format!("{words}, and {} to be staged", bytes(wanted)), purge)
        }
        Some(wanted) => Finding::ok(Step::SpaceHere, format!("{words}, {} to be staged", bytes(wanted))),
        None if free == 0 => Finding::failed(Step::SpaceHere, words, purge),
        None => Finding::ok(Step::SpaceHere, words),
    }
}

/// The line of `--version` that names the version.
pub(super) fn version(output: &str) -> Option<&str> {
    let lines = || output.lines().map(str::trim).filter(|line| !line.is_empty());
    lines().find(|line| line.contains("version")).or_else(|| lines().next())
}

fn duration(seconds: i64) -> String {
    match seconds {
        ..0 => format!("-{}", duration(-seconds)),
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn bytes(count: u64) -> String {
    let mut unit = (1, "B");
    for (shift, name) in [(10, "KiB"), (20, "MiB"), (30, "GiB"), (40, "TiB")] {
        if count >> shift >= 10 {
            unit = (1 << shift, name);
        }
    }
    format!("{} {}", count / unit.0, unit.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer_check::Status::{self, Failed, Ok, Warning};

    fn seen(finding: &Finding) -> (Status, &str) {
        (finding.status, finding.detail.as_str())
    }

    #[test]
    fn an_indicator_is_old_after_a_day() {
        assert_eq!(indicator(None).status, Warning);
        assert_eq!(seen(&indicator(Some(3600))), (Ok, "cback.collect is 60 min old"));
        assert_eq!(indicator(Some(OLD)).status, Ok);
        assert_eq!(seen(&indicator(Some(OLD + 1))), (Warning, "cback.collect is 24 h old"));
        assert_eq!(seen(&indicator(Some(30 * OLD))), (Warning, "cback.collect is 30 days old"));
    }

    #[test]
    fn clocks_may_differ_by_a_minute_besides_the_time_the_question_took() {
        let rows = [
            (1000, Ok, "agrees with ours"),
            (1080, Ok, "agrees with ours"),
            (1081, Warning, "61 s ahead"),
            (940, Ok, "agrees with ours"),
            (939, Warning, "61 s behind"),
            (400, Warning, "10 min behind"),
            (399, Failed, "10 min behind"),
            (1621, Failed, "10 min ahead"),
        ];
        for (theirs, status, words) in rows {
            assert_eq!(seen(&clock(theirs, 1000, 1020)), (status, words), "{theirs}");
        }
    }

    #[test]
    fn space_is_short_when_a_twentieth_is_left_and_gone_when_it_is_not_enough() {
        assert_eq!(seen(&space_there(100 * GIB, 50 * GIB, "purge")), (Ok, "50 GiB of 100 GiB free"));
        assert_eq!(space_there(10 * GIB, GIB / 10, "purge").status, Warning);
        assert_eq!(space_there(1000 * GIB, 20 * GIB, "purge").status, Ok);
        assert_eq!(seen(&space_there(10 * GIB, 0, "purge")), (Failed, "0 B of 10 GiB free"));
        let here = |free, wanted| space_here(Path::new("/s"), free, wanted, "purge");
        assert_eq!(seen(&here(20 * GIB, Some(15 << 20))), (Ok, "20 GiB free at /s, 15 MiB to be staged"));
        assert_eq!(here(GIB, Some(GIB + 1)).status, Failed);
        assert_eq!(here(0, None).status, Failed);
        assert_eq!(here(1, None).status, Ok);
    }

    #[test]
    fn the_version_is_found_among_what_the_program_says() {
        assert_eq!(
            version("\n Cedar Backup version 3.12.0, released now\n\n"),
            Some("Cedar Backup version 3.12.0, released now")
        );
        assert_eq!(version("redcedar 0.1.0\n"), Some("redcedar 0.1.0"));
        assert_eq!(version("\n"), None);
    }
}
