//! What is in the directory of the generations, and what is done to it. Scripts for a POSIX shell, each on one line; what they
//! work on are their arguments. Names of generations reach a deletion only after they were understood.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redcedar_archive::Timestamp;
use redcedar_system::System;

use super::TransferError;
use super::far::{Far, lost};
use crate::Name;
use crate::name::{INCOMPLETE, TRASH};

/// What the name of a generation ends with from which something is missing.
pub(super) const PARTIAL: &str = ".partial";

const QUESTION: Option<Duration> = Some(Duration::from_mins(5));

/// The third line says whether nobody but us and root can change what is on the way to the generations, or in them.
const SURVEY: &str = "set -e; [ -d \"$1\" ] || (umask 077; mkdir -p -- \"$1\"); cd -- \"$1\"; pwd -P; u=$(id -u); echo \"$u\"; \
    d=$(pwd -P); t=trusted; [ -n \"$(find \"$d\" -prune ! -perm -0010 ! -perm -0001)\" ] || t=open; while :; do \
    [ -n \"$(find \"$d\" -prune \\( -user 0 -o -user \"$u\" \\) \\( -perm -1000 -o ! -perm -0020 ! -perm -0002 \\))\" ] || t=open; \
    [ \"$d\" != / ] || break; d=$(dirname \"$d\"); done; \
    if [ $t = trusted ] && $2 --help </dev/null 2>/dev/null | grep -q -e --insecure-links; then echo trusted; else echo open; fi; \
    for n in ????-??-??-??:??:??* .trash-*; do if [ -d \"$n\" ] && [ ! -L \"$n\" ]; then printf '%s\\n' \"$n\"; fi; done";
const BEGIN: &str = "set -e; cd -- \"$1\"; umask 077; mkdir -- \"$2\"";
/// The directory gets mode and time of `/`, to which it may be copied back; some `touch` cannot set it. Nothing that is there is replaced.
const FINISH: &str = "set -e; cd -- \"$1\"; chmod \"$4\" \"$2\"; touch -d \"$5\" \"$2\" 2>/dev/null || :; sync -f . 2>/dev/null || sync; \
    if [ -e \"$3\" ] || [ -L \"$3\" ]; then echo \"$3 is there already\" >&2; exit 1; fi; mv -- \"$2\" \"$3\"";
/// What comes in is the manifest of the generation `$2`.
const MANIFEST: &str = "set -e; cd -- \"$1\"; umask 077; cat > \".redcedar-$2\"; \
    mv -f -- \".redcedar-$2\" \"$2.manifest.jsonl.zst\"";
/// The original removes trees of ours, and knows nothing of their manifests.
const LATEST: &str = "set -e; cd -- \"$1\"; ln -sfn -- \"$2\" latest; sync -f . 2>/dev/null || sync; \
    for n in ????-??-??-??:??:??*.manifest.jsonl.zst; do b=${n%.manifest.jsonl.zst}; \
    [ -e \"$b\" ] || [ -e \"$b.incomplete\" ] || [ -e \"$b.partial\" ] || rm -f -- \"$n\"; done";
/// Only directories get another mode: files may be shared with generations that stay.
const REMOVE: &str = "set -e; cd -- \"$1\"; shift; \
    for n; do case \"$n\" in .trash-*) ;; *) mv -- \"$n\" \".trash-$n\"; b=${n%.incomplete}; \
    rm -f -- \"${b%.partial}.manifest.jsonl.zst\" ;; esac; done; \
    for n; do t=.trash-${n#.trash-}; find \"$t\" -type d ! -perm -700 -exec chmod u+rwx {} \\; ; rm -rf -- \"$t\"; done";

/// The directory as it was found.
#[derive(Debug, Clone)]
pub(super) struct Store {
    /// Without links, from the root.
    pub(super) path: OsString,
    /// Whether we are root there.
    pub(super) is_root: bool,
    /// Whether rsync there would look on the way to each file for links that others have put there, and there can be none.
    pub(super) needs_no_care: bool,
    /// Complete generations, and those of the original, of which nobody knows; the oldest first.
    pub(super) generations: Vec<Name>,
    /// Incomplete ones, the oldest first.
    pub(super) incomplete: Vec<Leftover>,
    /// What somebody began to remove.
    pub(super) trash: Vec<String>,
}

/// A generation that did not become one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leftover {
    pub(super) name: Name,
    pub(super) directory: String,
}

impl Store {
    /// Looks at it; makes the directory if it is not there.
    pub(super) fn survey(far: &Far<'_>, directory: &Path) -> Result<Self, TransferError> {
        let intent = "look at the generations";
        let program = far.remote().rsync.as_deref().unwrap_or("rsync");
        let lines = far.ask(intent, SURVEY, &[directory.as_os_str(), program.as_ref()], QUESTION)?;
        let mut lines = lines.into_iter();
        let (Some(path), Some(uid), Some(trust)) = (lines.next(), lines.next(), lines.next()) else {
            let reason = "the answer is none".to_owned();
            return Err(TransferError::Far { intent, place: far.place(), reason });
        };
        let mut store = Self {
            path,
            is_root: uid == "0",
            needs_no_care: trust == "trusted",
            generations: Vec::new(),
            incomplete: Vec::new(),
            trash: Vec::new(),
        };
        for line in lines {
            store.take(&line);
        }
        store.generations.sort();
        store.incomplete.sort();
        Ok(store)
    }

    fn take(&mut self, line: &OsString) {
        if let Some(name) = Name::parse(line) {
            self.generations.push(name);
            return;
        }
        let Some(text) = line.to_str() else { return };
        let leftover = |text: &str| {
            let name = text.strip_suffix(INCOMPLETE).or_else(|| text.strip_suffix(PARTIAL))?;
            let name = Name::parse(name.as_ref())?;
            Some(Leftover { name, directory: text.to_owned() })
        };
        if let Some(leftover) = leftover(text) {
            self.incomplete.push(leftover);
        } else if let Some(name) = text.strip_prefix(TRASH)
            && (Name::parse(name.as_ref()).is_some() || leftover(name).is_some())
        {
            self.trash.push(text.to_owned());
        }
    }

    /// A directory of the store from the root.
    pub(super) fn within(&self, name: &str) -> OsString {
        PathBuf::from(&self.path).join(name).into_os_string()
    }

    /// Makes the directory of a generation that is to be.
    pub(super) fn begin(&self, far: &Far<'_>, name: &Name) -> Result<String, TransferError> {
        let directory = format!("{name}{INCOMPLETE}");
        far.ask("begin a generation", BEGIN, &[self.path.as_os_str(), directory.as_ref()], QUESTION)?;
        Ok(directory)
    }

    /// Puts the manifest of a generation there.
    pub(super) fn describe(
        &self,
        far: &Far<'_>,
        name: &Name,
        mut manifest: &[u8],
        system: &System,
    ) -> Result<(), TransferError> {
        let intent = "store the manifest";
        let name = name.to_string();
        let command = far.command(MANIFEST, &[self.path.as_os_str(), name.as_ref()]);
        let finished = system.runner.feed(&command, &mut manifest, &mut |_| {});
        let finished = finished.map_err(|error| lost(intent, error))?;
        if finished.success() { Ok(()) } else { Err(far.failed(intent, &finished)) }
    }

    /// Gives it its name, once it is on disk, and the mode and time of the root.
    pub(super) fn finish(
        &self,
        far: &Far<'_>,
        from: &str,
        to: &str,
        (mode, time): (u16, Timestamp),
    ) -> Result<(), TransferError> {
        let mode = format!("{mode:04o}");
        let time = format!("@{}.{:09}", time.seconds, time.nanoseconds);
        let arguments = [self.path.as_os_str(), from.as_ref(), to.as_ref(), mode.as_ref(), time.as_ref()];
        far.ask("finish the generation", FINISH, &arguments, None)?;
        Ok(())
    }

    pub(super) fn point_latest(&self, far: &Far<'_>, name: &Name) -> Result<(), TransferError> {
        let name = name.to_string();
        far.ask("name the latest generation", LATEST, &[self.path.as_os_str(), name.as_ref()], None)?;
        Ok(())
    }

    pub(super) fn remove(&self, far: &Far<'_>, directories: &[String]) -> Result<(), TransferError> {
        if directories.is_empty() {
            return Ok(());
        }
        let mut arguments = vec![self.path.clone()];
        arguments.extend(directories.iter().map(OsString::from));
        far.ask("remove what is no longer needed", REMOVE, &arguments, None)?;
        Ok(())
    }
}
