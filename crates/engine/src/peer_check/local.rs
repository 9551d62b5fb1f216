//! A peer on this machine.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use redcedar_config::Config;
use redcedar_config::cedar::LocalPeer;
use redcedar_system::fs::Directory;
use redcedar_system::{System, escape, quote};

use super::step::{Finding, PeerReport, Step};
use super::{Own, judge};
use crate::indicator::{self, Indicator};

pub(super) fn check(peer: &LocalPeer, config: &Config, own: &Own, system: &System) -> PeerReport {
    let findings = match Directory::open(&peer.collect_dir) {
        Err(error) => {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            let make = || format!("install -d -m 0700 {}", quote::word(peer.collect_dir.as_os_str()));
            let mend = if is_missing { make() } else { look(&peer.collect_dir) };
            let finding = Finding::failed(Step::CollectDirectory, error.to_string(), mend);
            vec![finding, Finding::skipped(Step::Indicator, "there is no directory to look into")]
        }
        Ok(directory) => {
            let shown = escape::display(&*peer.collect_dir).to_string();
            vec![Finding::ok(Step::CollectDirectory, shown), indicator(&directory, system)]
        }
    };
    let space = space_here(config, None, own);
    PeerReport {
        peer: peer.name.value.clone(),
        address: None,
        findings: findings.into_iter().chain([space]).collect(),
    }
}

fn indicator(directory: &Directory, system: &System) -> Finding {
    let now = system.clock.now().timestamp();
    let looked = || -> io::Result<Option<i64>> {
        let status = directory.status(indicator::COLLECT.as_ref())?;
        let own = Indicator::read(directory, indicator::COLLECT)?;
        Ok(own.and_then(|own| age(&own, now)).or(status.map(|status| now.as_second() - status.st_mtime)))
    };
    match looked() {
        Ok(age) => judge::indicator(age),
        Err(error) => Finding::failed(
            Step::Indicator,
            error.to_string(),
            look(&directory.path().join(indicator::COLLECT)),
        ),
    }
}

/// How old an indicator is that says when it was written, in seconds.
pub(super) fn age(indicator: &Indicator, now: Timestamp) -> Option<i64> {
    let written: Timestamp = indicator.time.parse().ok()?;
    Some(now.as_second() - written.as_second())
}

/// The space where days are gathered, and whether what a peer has fits in, in bytes.
pub(super) fn space_here(config: &Config, wanted: Option<u64>, own: &Own) -> Finding {
    let Some(stage) = &config.stage else {
        return Finding::skipped(Step::SpaceHere, "the configuration has no stage section");
    };
    let directory: &Path = &stage.staging_dir;
    // It is made by the first stage.
    let there = directory.ancestors().find(|path| path.exists()).unwrap_or(directory);
    match rustix::fs::statvfs(there) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            judge::space_here(directory, free, wanted, &own.line("run purge"))
        }
        Err(error) => {
            let shown = escape::display(there);
            let words = format!("cannot ask for the free space at {shown}: {error}");
            Finding::failed(Step::SpaceHere, words, look(there))
        }
    }
}

/// Shows what is there, and whose it is.
fn look(path: &Path) -> String {
    format!("ls -ld {}", quote::word(path.as_os_str()))
}
