//! Loading bundles of Mercurial.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use redcedar_archive::repository::snapshot::Snapshot;
use redcedar_system::System;
use redcedar_system::command::Command;

use super::bundles::{Chain, fetch};
use super::place::Place;
use super::{RepositoryError, run};

/// Makes the repository, takes the bundles in, and sets heads, bookmarks and phases to what they were.
pub(super) fn load(chain: &Chain, place: &Place, system: &System) -> Result<(), RepositoryError> {
    let repository = place.repository();
    run(&Command::new("hg").arg("init").arg(&repository).variable("HGPLAIN", "1"), system)?;
    let hg = Mercurial { repository, system };
    for backup in chain.iter() {
        if let Some(bundle) = fetch(backup, place)? {
            hg.run(|hg| hg.args(["unbundle", "--quiet"]).arg(bundle.path()))?;
        }
    }
    let newest = chain.newest();
    hg.drop_all_but(newest)?;
    hg.set_phases(newest)?;
    hg.set_bookmarks(newest)?;
    hg.run(|hg| hg.args(["verify", "--quiet"]))?;
    match &nodes(newest, "parent")[..] {
        [] => {}
        [first, ..] => hg.run(|hg| hg.args(["update", "--quiet", "--rev"]).arg(first))?,
    }
    Ok(())
}

struct Mercurial<'a> {
    repository: PathBuf,
    system: &'a System,
}

impl Mercurial<'_> {
    fn run(&self, with: impl FnOnce(Command) -> Command) -> Result<(), RepositoryError> {
        let hg = Command::new("hg").arg("--repository").arg(&self.repository);
        let hg = hg.variable("HGPLAIN", "1").variable("HGENCODING", "UTF-8").variable("LC_ALL", "C");
        run(&with(hg), self.system).map(drop)
    }

    /// Changesets that were in earlier bundles and were gone on the day.
    fn drop_all_but(&self, newest: &Snapshot) -> Result<(), RepositoryError> {
        let heads = nodes(newest, "head");
        // Of a head that is not there, this is an error.
        let kept = if heads.is_empty() { "none()".to_owned() } else { heads.join(" or ") };
        let gone = format!("not ancestors({kept})");
        let hg = Command::new("hg").arg("--repository").arg(&self.repository).variable("HGPLAIN", "1");
        let found = run(&hg.args(["log", "--template", "{node}\n", "--rev", &gone]), self.system)?;
        if found.is_empty() {
            return Ok(());
        }
        self.run(|hg| {
            hg.args(["--config", "extensions.strip=", "strip", "--quiet", "--no-backup", "--rev", &gone])
        })
    }

    fn set_phases(&self, newest: &Snapshot) -> Result<(), RepositoryError> {
        for (name, option) in [("public", "--public"), ("secret", "--secret")] {
            let nodes = nodes(newest, name);
            if !nodes.is_empty() {
                let revisions = nodes.iter().flat_map(|node| ["--rev", *node]);
                self.run(|hg| hg.args(["phase", "--quiet", "--force", option]).args(revisions))?;
            }
        }
        Ok(())
    }

    fn set_bookmarks(&self, newest: &Snapshot) -> Result<(), RepositoryError> {
        for one in &newest.refs {
            if let Some(bookmark) = one.name.strip_prefix(b"bookmark ") {
                let bookmark = OsStr::from_bytes(bookmark);
                self.run(|hg| hg.args(["bookmark", "--force", "--rev", &one.value, "--"]).arg(bookmark))?;
            }
        }
        Ok(())
    }
}

/// The changesets that are listed under a name.
fn nodes<'s>(snapshot: &'s Snapshot, name: &str) -> Vec<&'s str> {
    let named = snapshot.refs.iter().filter(|one| one.name == name.as_bytes());
    named.map(|one| one.value.as_str()).collect()
}
