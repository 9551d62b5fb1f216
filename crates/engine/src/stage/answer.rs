//! What a copy command means by the way it ends: its status says little, so its messages count. They are OpenSSH's, or those of
//! whatever has taken its place; the locale is always `C`.

use redcedar_system::command::Finished;
use redcedar_system::escape;

/// Why a copy command failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// What was to be copied is not there.
    Missing,
    /// The connection could not be made, or broke.
    Connection,
    /// Anything else: it will fail again.
    Other,
}

const NOT_THERE: &str = "No such file or directory";
const NO_FILE: &str = "not a regular file";

/// Messages of a connection that another attempt may find in a better state.
const PASSING: [&str; 18] = [
    "Connection closed",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "connection unexpectedly closed",
    "Operation timed out",
    "lost connection",
    "Broken pipe",
    "No route to host",
    "Network is unreachable",
    "Network is down",
    "Host is down",
    "Could not resolve hostname",
    "Temporary failure in name resolution",
    "banner exchange",
    "kex_exchange_identification",
    "not responding",
    "packet_write_wait",
];

/// Messages of a far side that has answered, and will answer the same again.
const LASTING: [&str; 7] = [
    "Permission denied",
    "Host key verification failed",
    "Too many authentication failures",
    "Bad configuration option",
    "Bad owner or permissions",
    "Name or service not known",
    "No space left on device",
];

/// What kept `name` from being copied.
pub(super) fn trouble(finished: &Finished, name: &str) -> Trouble {
    let says = |texts: &[&str]| finished.tail.iter().any(|line| texts.iter().any(|text| line.contains(text)));
    // A missing key or configuration of ours is told in the same words.
    let is_missing = |line: &String| line.contains(NOT_THERE) && line.contains(name);
    if finished.tail.iter().any(is_missing) {
        Trouble::Missing
    } else if says(&LASTING) {
        Trouble::Other
    } else if says(&PASSING) || finished.status == 255 {
        Trouble::Connection
    } else {
        Trouble::Other
    }
}

/// What a copy of many files left out, one message each, if that is all that went wrong: directories, links that lead nowhere,
/// files that vanished. Nothing if there is more to it, or may be.
pub(super) fn left_out(finished: &Finished) -> Option<&[String]> {
    let is_left_out = |line: &String| {
        // OpenSSH ends its own lines with a carriage return as well.
        let line = line.trim_end();
        let is_empty_pattern = line.contains("/*:");
        line.ends_with(NO_FILE) || (line.ends_with(NOT_THERE) && !is_empty_pattern)
    };
    // Of long output only the end is known.
    let is_all_known = finished.tail.len() < TAIL_IS_CUT;
    let is_all = finished.status == 1 && !finished.tail.is_empty() && finished.tail.iter().all(is_left_out);
    (is_all && is_all_known).then_some(&finished.tail)
}

/// So many lines may be the end of more.
const TAIL_IS_CUT: usize = 10;

/// The end of a command in one line: status and what it printed last.
pub(super) fn describe(finished: &Finished) -> String {
    let lines: Vec<String> = finished
        .tail
        .iter()
        .map(|line| escape::display_bytes(line.trim().as_bytes()).to_string())
        .filter(|line| !line.is_empty())
        .collect();
    let said = if lines.is_empty() { "it printed nothing".to_owned() } else { lines.join("; ") };
    match finished.status {
        256 => format!("the copy command cannot be started: {said}"),
        status => format!("the copy command ended with {status}: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(status: i32, tail: &[&str]) -> Finished {
        Finished { status, tail: tail.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn messages_tell_what_another_attempt_is_good_for() {
        use Trouble::{Connection, Missing, Other};
        let rows: [(i32, &[&str], Trouble); 12] = [
            (1, &["scp: /c/cback.collect: No such file or directory"], Missing),
            (1, &["ssh: connect to host h port 22: Connection refused"], Connection),
            (
                255,
                &["ssh: connect to host h port 22: Connection refused", "scp: Connection closed"],
                Connection,
            ),
            (1, &["lost connection"], Connection),
            (255, &[], Connection),
            (255, &["client_loop: send disconnect: Broken pipe"], Connection),
            (255, &["u@h: Permission denied (publickey).", "scp: Connection closed"], Other),
            (255, &["Host key verification failed.", "scp: Connection closed"], Other),
            (255, &["ssh: Could not resolve hostname h: Name or service not known"], Other),
            (
                255,
                &[
                    "Warning: Identity file /k not accessible: No such file or directory.",
                    "kex_exchange_identification: read: Connection reset by peer",
                ],
                Connection,
            ),
            (1, &["scp: open local \"/s/x\": No such file or directory"], Other),
            (256, &["No such file or directory (os error 2)"], Other),
        ];
        for (status, tail, expected) in rows {
            assert_eq!(trouble(&finished(status, tail), "cback.collect"), expected, "{tail:?}");
        }
    }

    #[test]
    fn what_is_no_file_is_no_failure_unless_there_is_more() {
        let directory = "scp: download /c/sub/: not a regular file\r";
        let link = "scp: stat remote: No such file or directory";
        let count = |status, tail: &[&str]| left_out(&finished(status, tail)).map(<[String]>::len);
        assert_eq!(count(1, &[directory, "scp: /c/sub: not a regular file", link]), Some(3));
        assert_eq!(count(1, &[]), None);
        assert_eq!(count(255, &[directory]), None);
        assert_eq!(count(1, &[directory, "lost connection"]), None);
        assert_eq!(count(1, &["scp: /c/*: No such file or directory"]), None);
        assert_eq!(count(1, &[directory; 10]), None, "what came before is not known");
    }

    #[test]
    fn an_end_is_described_in_one_line() {
        assert_eq!(describe(&finished(1, &[])), "the copy command ended with 1: it printed nothing");
        assert_eq!(
            describe(&finished(255, &["a\r", "", "b\u{7}"])),
            "the copy command ended with 255: a; b\\u{7}"
        );
        assert!(describe(&finished(256, &["no"])).contains("cannot be started: no"));
    }
}
