//! Loading bundles of Git.

use std::io::Write;

use redcedar_archive::repository::snapshot::{Ref, Snapshot};
use redcedar_system::System;
use redcedar_system::command::Command;

use super::bundles::{Chain, fetch};
use super::place::Place;
use super::{RepositoryError, run};

/// Where refs are kept while later bundles build on what they reach.
const KEPT: &str = "refs/redcedar-restore/";

/// Makes the repository, takes the bundles in, and sets all refs to what they were.
pub(super) fn load(chain: &Chain, place: &Place, system: &System) -> Result<(), RepositoryError> {
    let newest = chain.newest();
    let repository = place.repository();
    let mut init = Command::new("git").args(["init", "--quiet", "--template="]);
    if !newest.header.has_working_copy {
        init = init.arg("--bare");
    }
    if let Some(format) = &newest.header.object_format {
        init = init.arg(format!("--object-format={format}"));
    }
    run(&init.arg(&repository), system)?;
    let mut git = Git { directory: repository.clone(), place, system, kept: 0 };
    if newest.header.has_working_copy {
        git.directory.push(".git");
    }
    for backup in chain.iter() {
        if let Some(bundle) = fetch(backup, place)? {
            run(&git.command().args(["bundle", "unbundle"]).arg(bundle.path()), system)?;
        }
        git.keep(&backup.snapshot)?;
    }
    git.set_refs(newest)?;
    run(&git.command().args(["fsck", "--connectivity-only", "--no-dangling", "--no-progress"]), system)?;
    let is_born =
        system.runner.run(&git.command().args(["rev-parse", "--quiet", "--verify", "HEAD"]))?.success();
    if newest.header.has_working_copy && is_born {
        let work_tree = format!("--work-tree={}", repository.display());
        run(&git.command().arg(work_tree).args(["reset", "--quiet", "--hard"]), system)?;
    }
    Ok(())
}

struct Git<'a> {
    directory: std::path::PathBuf,
    place: &'a Place,
    system: &'a System,
    /// How many refs are kept.
    kept: usize,
}

impl Git<'_> {
    fn command(&self) -> Command {
        let mut git_dir = std::ffi::OsString::from("--git-dir=");
        git_dir.push(&self.directory);
        // No object is lost, however old; and nobody else's settings change what is made.
        Command::new("git").arg(git_dir).variable("LC_ALL", "C").args([
            "-c",
            "gc.auto=0",
            "-c",
            "core.logAllRefUpdates=false",
        ])
    }

    /// Keeps what a backup's refs reach. That also proves that it is there.
    fn keep(&mut self, snapshot: &Snapshot) -> Result<(), RepositoryError> {
        let mut input = Vec::new();
        for object in snapshot.refs.iter().filter(|one| symbolic(one).is_none()) {
            input.extend(format!("update {KEPT}{} {}\n", self.kept, object.value).into_bytes());
            self.kept += 1;
        }
        self.update_refs(&input)
    }

    /// Sets refs to what they were, symbolic ones last, and keeps nothing else.
    fn set_refs(&self, newest: &Snapshot) -> Result<(), RepositoryError> {
        let mut input = Vec::new();
        let objects = newest.refs.iter().filter(|one| symbolic(one).is_none());
        for Ref { value, name } in objects.filter(|one| one.name != b"HEAD") {
            input.extend([b"update ", name.as_slice(), b" ", value.as_bytes(), b"\n"].concat());
        }
        for kept in 0..self.kept {
            input.extend(format!("delete {KEPT}{kept}\n").into_bytes());
        }
        let detached = newest.refs.iter().find(|one| one.name == b"HEAD" && symbolic(one).is_none());
        if let Some(head) = detached {
            // Before what it points at is no longer kept.
            let command = self.command().args(["update-ref", "--no-deref", "HEAD"]).arg(&head.value);
            run(&command, self.system)?;
        }
        self.update_refs(&input)?;
        for one in &newest.refs {
            if let Some(target) = symbolic(one) {
                use std::os::unix::ffi::OsStrExt;
                let name = std::ffi::OsStr::from_bytes(&one.name);
                run(&self.command().arg("symbolic-ref").arg(name).arg(target), self.system)?;
            }
        }
        Ok(())
    }

    fn update_refs(&self, input: &[u8]) -> Result<(), RepositoryError> {
        let mut file = self.place.file()?;
        file.write_all(input).map_err(RepositoryError::io("cannot write the list of refs"))?;
        run(&self.command().args(["update-ref", "--stdin"]).input_from(file.path()), self.system)?;
        Ok(())
    }
}

/// What a symbolic ref points at.
fn symbolic(one: &Ref) -> Option<&str> {
    one.value.strip_prefix("ref: ")
}
