//! What has to be stored: what is there, compared with what is remembered.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use std::os::unix::ffi::OsStrExt;

use redcedar_archive::select::{Fileset, Problem, Selected, compare_paths};
use redcedar_archive::{Kind, Timestamp};

use super::memory::{Memory, Records};
use crate::state::Sha1;
use crate::state::side_file::{Link, Present, Record, SideFileError, Stat};

/// How much of an item is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Everything; memory starts anew.
    Full,
    /// What changed.
    Increment {
        /// The runs it builds on, the full one first. Empty when it builds on a run of the original.
        chain: Vec<Link>,
        /// Whether what the last run stored has to be stored again.
        repeat_recent: bool,
    },
}

impl Extent {
    /// An increment on what is remembered, where that can carry one. When what the last run stored is not known to be picked
    /// up, the increment contains it too; when even the full backup is not, everything is stored again.
    pub(crate) fn building_on(memory: &Memory, is_acknowledged: bool) -> Self {
        match memory {
            Memory::Digests(_) if is_acknowledged => {
                Self::Increment { chain: Vec::new(), repeat_recent: false }
            }
            Memory::Nothing | Memory::Digests(_) => Self::Full,
            Memory::Own { header, .. } if is_acknowledged => {
                let chain = header.chain.iter().chain(&header.last).cloned().collect();
                Self::Increment { chain, repeat_recent: false }
            }
            Memory::Own { header, .. } if header.chain.is_empty() => Self::Full,
            Memory::Own { header, .. } => {
                Self::Increment { chain: header.chain.clone(), repeat_recent: true }
            }
        }
    }

    /// The runs it builds on, with the full one first.
    pub(crate) fn chain(&self) -> &[Link] {
        match self {
            Self::Full => &[],
            Self::Increment { chain, .. } => chain,
        }
    }

    /// 0 for a full run, then counting up along the chain.
    pub(crate) fn sequence(&self) -> u64 {
        match self {
            Self::Full => 0,
            // An increment on a run of the original counts as the second link of a chain.
            Self::Increment { chain, .. } => chain.last().map_or(0, |link| link.sequence) + 1,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }

    pub(crate) fn repeats_recent(&self) -> bool {
        matches!(self, Self::Increment { repeat_recent: true, .. })
    }
}

/// What becomes of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is as it was and need not be stored.
    Keep,
    /// It was not there before.
    New,
    /// It is not as it was.
    Changed,
    /// It is as it was, and stored all the same.
    Again,
}

/// What has to be stored.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// One for each path of the fileset, in its order.
    pub(crate) decisions: Vec<Decision>,
    /// What a manifest has to say is gone, in canonical order.
    pub(crate) gone: Vec<PathBuf>,
    /// How many paths were there in the last run and are not now.
    pub(crate) removed: u64,
}

impl Plan {
    /// How many paths became this.
    pub(crate) fn count(&self, decision: Decision) -> u64 {
        self.decisions.iter().filter(|&&each| each == decision).count() as u64
    }

    /// Whether everything is as the last run left it.
    pub(crate) fn is_idle(&self) -> bool {
        self.removed == 0 && self.gone.is_empty() && self.decisions.iter().all(|&each| each == Decision::Keep)
    }

    /// A hard link can only be told within one archive: when one name of a file is stored, so are its others.
    fn keep_names_together(&mut self, fileset: &Fileset) {
        let has_names =
            |selected: &Selected<'_>| selected.metadata.kind == Kind::File && selected.metadata.links > 1;
        let named = || fileset.iter().enumerate().filter(|(_, selected)| has_names(selected));
        let stored: HashSet<_> = named()
            .filter(|(index, _)| self.decisions[*index] != Decision::Keep)
            .map(|(_, selected)| selected.metadata.identity())
            .collect();
        for (index, selected) in named() {
            if self.decisions[index] == Decision::Keep && stored.contains(&selected.metadata.identity()) {
                self.decisions[index] = Decision::Again;
            }
        }
    }

    /// Whether the path at a place has a member in the archive.
    pub(crate) fn stores(&self, index: usize, kind: Kind) -> bool {
        self.decisions[index] != Decision::Keep && kind != Kind::Socket
    }
}

/// A path of the fileset and its record, whichever of them there is.
pub(crate) enum Met<'a> {
    /// Both.
    Known(usize, Selected<'a>, &'a Record),
    /// No record.
    New(usize, Selected<'a>),
    /// Only a record.
    Missing(&'a Record),
}

/// Goes through a fileset and the records side by side, in canonical order.
pub(crate) fn meet<E: From<SideFileError>>(
    fileset: &Fileset,
    records: &mut Records,
    mut each: impl FnMut(Met<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut selected = fileset.iter().enumerate().peekable();
    while let Some(record) = records.next_record()? {
        let order =
            |selected: &Selected<'_>| compare_paths(selected.path.as_os_str().as_bytes(), &record.path);
        while let Some((index, new)) = selected.next_if(|(_, selected)| order(selected).is_lt()) {
            each(Met::New(index, new))?;
        }
        match selected.next_if(|(_, selected)| order(selected).is_eq()) {
            Some((index, known)) => each(Met::Known(index, known, record))?,
            None => each(Met::Missing(record))?,
        }
    }
    for (index, new) in selected {
        each(Met::New(index, new))?;
    }
    Ok(())
}

/// Compares a fileset with the records. What changed after `began`, the beginning of the run that made them, may have changed
/// after it was read. `read` looks at a file or link itself when nothing else tells whether it changed; none means that it
/// cannot be read.
pub(crate) fn plan<E: From<SideFileError>>(
    fileset: &Fileset,
    records: &mut Records,
    extent: &Extent,
    began: Timestamp,
    mut read: impl FnMut(&Selected<'_>) -> Result<Option<Content>, E>,
) -> Result<Plan, E> {
    let hidden = Hidden::of(fileset);
    let mut plan = Plan { decisions: vec![Decision::New; fileset.len()], ..Plan::default() };
    meet(fileset, records, |met| -> Result<(), E> {
        match met {
            Met::New(..) => {}
            Met::Known(index, selected, record) => {
                let Some(present) = &record.present else { return Ok(()) };
                let verdict = judge(present, &Stat::from(selected.metadata), began);
                let is_same = match verdict {
                    Verdict::Same => true,
                    Verdict::Different => false,
                    // Everything is stored anyway: the answer would be no more than a figure in the summary.
                    Verdict::Unclear if extent.is_full() => true,
                    Verdict::Unclear => read(&selected)?.is_some_and(|content| content.is_that_of(present)),
                };
                let is_stored = extent.is_full() || (extent.repeats_recent() && record.is_recent);
                plan.decisions[index] = match (is_same, is_stored) {
                    (false, _) => Decision::Changed,
                    (true, true) => Decision::Again,
                    (true, false) => Decision::Keep,
                };
            }
            Met::Missing(record) => match extent {
                Extent::Full => plan.removed += u64::from(record.present.is_some()),
                Extent::Increment { repeat_recent, .. } => {
                    let is_news = record.present.is_some() && !hidden.hides(&record.path);
                    plan.removed += u64::from(is_news);
                    if is_news || (record.present.is_none() && *repeat_recent) {
                        plan.gone.push(PathBuf::from(std::ffi::OsStr::from_bytes(&record.path)));
                    }
                }
            },
        }
        Ok(())
    })?;
    plan.keep_names_together(fileset);
    Ok(plan)
}

/// What a file or link itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    /// SHA-1 of the content of a file or of the target of a link.
    pub(crate) digest: Sha1,
    /// SHA-1 of the extended attributes of a file that has some.
    pub(crate) attributes: Option<Sha1>,
}

impl Content {
    /// Whether it is what it was. The digest state of the originals knows no attributes.
    fn is_that_of(&self, present: &Present) -> bool {
        Some(self.digest) == present.digest
            && (present.stat.is_none() || self.attributes == present.attributes)
    }
}

/// What comparing the file system's word with a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Different,
    /// Only the content tells.
    Unclear,
}

fn judge(before: &Present, now: &Stat, began: Timestamp) -> Verdict {
    let has_content = matches!(now.kind, Kind::File | Kind::Symlink);
    let Some(stat) = &before.stat else {
        return if now.kind == Kind::File { Verdict::Unclear } else { Verdict::Different };
    };
    // Without its digest the content is not faithfully in the backup.
    if has_content && before.digest.is_none() {
        return Verdict::Different;
    }
    let visible = |stat: &Stat| (stat.kind, stat.mode, stat.uid, stat.gid, stat.size, stat.modified);
    if visible(stat) != visible(now) {
        return Verdict::Different;
    }
    // Attributes may have changed. To store what has no content costs less than to find out.
    if !has_content {
        return if stat.changed == now.changed { Verdict::Same } else { Verdict::Different };
    }
    // The content may be the same, but it is that of another file: one name more or less for this one or the other.
    if stat.inode != now.inode && (stat.has_other_names || now.has_other_names) {
        return Verdict::Different;
    }
    let is_settled = Timestamp { seconds: stat.changed.seconds.saturating_add(1), ..stat.changed } <= began;
    if is_settled && (stat.changed, stat.inode) == (now.changed, now.inode) {
        Verdict::Same
    } else {
        Verdict::Unclear
    }
}

/// Directories that could not be read: what is below them is unknown, which is not the same as gone.
#[derive(Debug)]
pub(crate) struct Hidden<'a>(Vec<&'a Path>);

impl<'a> Hidden<'a> {
    pub(crate) fn of(fileset: &'a Fileset) -> Self {
        let unreadable =
            fileset.problems().iter().filter(|problem| matches!(problem, Problem::Unreadable { .. }));
        Self(unreadable.map(Problem::path).collect())
    }

    pub(crate) fn hides(&self, path: &[u8]) -> bool {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        self.0.iter().any(|hidden| path.starts_with(hidden))
    }
}

#[cfg(test)]
mod tests;
