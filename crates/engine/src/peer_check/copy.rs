//! Whether the copy command works: it fetches the collect indicator, as `stage` does.

use std::io;
use std::path::Path;

use redcedar_system::command::Finished;
use redcedar_system::fs::Scratch;
use redcedar_system::{Interrupted, Runner};

use super::step::{Finding, Step};
use crate::indicator::{self, Indicator};
use crate::remote::{Identity, Remote};
use crate::ssh::{CopyTrouble, ask, said};

/// Shows whether there is room for temporary files.
const SPACE: &str = "df -h /tmp";

/// What fetching the indicator came to.
pub(super) enum Fetched {
    /// It is here; what it says, if it is one of ours.
    There(Option<Indicator>),
    /// It did not come.
    Failed(CopyTrouble, Finished),
    /// It could not even be tried.
    Impossible(io::Error),
}

pub(super) fn fetch(
    remote: &Remote,
    identity: &Identity,
    collect_dir: &Path,
    runner: &dyn Runner,
) -> Result<Fetched, Interrupted> {
    let owner = identity.owner().map_err(io::Error::other);
    let scratch = match owner.and_then(Scratch::new) {
        Ok(scratch) => scratch,
        Err(error) => return Ok(Fetched::Impossible(error)),
    };
    let target = scratch.path().join(indicator::COLLECT);
    let (finished, _) = ask(runner, &remote.fetch_indicator(collect_dir, &target))?;
    if !finished.success() {
        return Ok(Fetched::Failed(CopyTrouble::tell(&finished.tail), finished));
    }
    Ok(match Indicator::read(scratch.directory(), indicator::COLLECT) {
        Ok(indicator) => Fetched::There(indicator),
        Err(error) => Fetched::Impossible(error),
    })
}

/// What to try when the copy command does not work.
pub(super) struct Mends {
    /// Shows a person what happens.
    pub(super) by_hand: String,
    /// Installs the key with the right restrictions.
    pub(super) add: String,
    /// The copy command with the old protocol.
    pub(super) legacy: String,
}

pub(super) fn finding(fetched: &Fetched, is_restricted: bool, mends: &Mends) -> Finding {
    let failed = |words: &str, finished: &Finished, mend: &str| {
        Finding::failed(Step::CopyProgram, format!("{words} ({})", said(finished)), mend)
    };
    let (trouble, finished) = match fetched {
        Fetched::There(_) => return Finding::ok(Step::CopyProgram, "works"),
        Fetched::Impossible(error) => {
            let words = format!("cannot store what it copies: {error}");
            return Finding::failed(Step::CopyProgram, words, SPACE);
        }
        Fetched::Failed(trouble, finished) => (*trouble, finished),
    };
    match trouble {
        CopyTrouble::NoSuchFile | CopyTrouble::NotReadable => Finding::ok(Step::CopyProgram, "works"),
        CopyTrouble::NotStored => failed("it cannot store what it copies", finished, SPACE),
        CopyTrouble::NoProgram => {
            failed("the far side has no scp", finished, "apt-get install openssh-client")
        }
        CopyTrouble::NoSftp => failed("the far side offers no SFTP", finished, &mends.legacy),
        CopyTrouble::Closed if is_restricted => {
            failed("the key is restricted, and the copy command asks for SFTP", finished, &mends.legacy)
        }
        CopyTrouble::Chatty => failed("the login prints a text of its own", finished, &mends.by_hand),
        CopyTrouble::Other if is_restricted => {
            failed("the restricted key does not allow it", finished, &mends.add)
        }
        CopyTrouble::Closed | CopyTrouble::Other => failed("it does not work", finished, &mends.by_hand),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer_check::Status;

    #[test]
    fn a_far_side_that_has_looked_is_enough_and_everything_else_says_what_to_do() {
        let mends = Mends { by_hand: "ssh -v".into(), add: "peer add".into(), legacy: "scp -O".into() };
        let rows = [
            ("scp: /c/cback.collect: No such file or directory", false, Status::Ok, None),
            ("scp: /c/cback.collect: Permission denied", false, Status::Ok, None),
            ("scp: Connection closed", true, Status::Failed, Some("scp -O")),
            ("scp: Connection closed", false, Status::Failed, Some("ssh -v")),
            ("subsystem request failed on channel 0", false, Status::Failed, Some("scp -O")),
            ("rejected", true, Status::Failed, Some("peer add")),
            ("rejected", false, Status::Failed, Some("ssh -v")),
            ("sh: 1: scp: not found", false, Status::Failed, Some("apt-get install openssh-client")),
            ("protocol error: mtime.sec not present", false, Status::Failed, Some("ssh -v")),
        ];
        for (text, is_restricted, status, mend) in rows {
            let tail = vec![text.to_owned()];
            let fetched = Fetched::Failed(CopyTrouble::tell(&tail), Finished { status: 1, tail });
            let finding = finding(&fetched, is_restricted, &mends);
            assert_eq!((finding.status, finding.mend.as_deref()), (status, mend), "{text}");
        }
    }
}
