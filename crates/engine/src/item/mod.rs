//! One item, one archive: what both `collect` and `backup` do with it.
//!
//! [`collect_item`] selects what is there, compares it with what is remembered, stores what has to be stored and writes
//! down what the next run has to know. When an item is due, where its outputs go and what counts as picked up is for
//! the caller to say.

pub(crate) mod memory;
pub(crate) mod ownership;
pub(crate) mod plan;
pub(crate) mod remember;
pub(crate) mod store;

use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use redcedar_archive::manifest::RunId;
use redcedar_archive::select::{
    Fileset, PatternError, Problem, SelectError, Selected, Selection, select_directory, select_file,
};
use redcedar_archive::writer::attributes_digest;
use redcedar_archive::{ArchiveError, Compression, Kind};
use redcedar_config::value::CollectMode;
use redcedar_system::fs::PendingFile;
use redcedar_system::{Accounts, Interrupted, System, escape};
use sha1::{Digest, Sha1 as Sha1Hash};

use self::memory::{Memory, StateFiles};
use self::ownership::Ownership;
use self::plan::{Decision, Extent, Plan};
use self::remember::{Deeds, Draft, PendingState};
use self::store::{OUTPUT_MODE, Output, Stored, link_digest};
use crate::outcome::{Omission, OmissionKind, Summary};
use crate::schedule::Today;
use crate::state::side_file::SideFileError;
use crate::state::{digest, open_no_follow};

/// What goes into one archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    /// The file or directory.
    pub(crate) path: &'a Path,
    /// The archive's name without `.tar` and what follows.
    pub(crate) name: &'a OsStr,
    /// What of it.
    pub(crate) content: Content<'a>,
    /// When it is collected, and how much of it.
    pub(crate) mode: CollectMode,
    /// How the archive is compressed.
    pub(crate) compression: Compression,
}

impl Item<'_> {
    /// Whether memory is kept of each of its paths.
    pub(crate) fn keeps_digests(&self) -> bool {
        self.mode == CollectMode::Incremental
    }

    fn is_own_dir(&self, path: &Path) -> bool {
        match &self.content {
            Content::File => false,
            Content::Directory(selection) => selection.never_enter.iter().any(|own| own == path),
        }
    }

    fn select(&self, run: &Run<'_>) -> Result<Fileset, SelectError> {
        match &self.content {
            Content::File => select_file(self.path),
            Content::Directory(selection) => select_directory(selection, &run.system.interrupt),
        }
    }
}

/// What of an item is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    /// The file that it is.
    File,
    /// What is selected below it.
    Directory(Selection<'a>),
}

/// What holds for all items of a run.
pub(crate) struct Run<'a> {
    pub(crate) system: &'a System,
    pub(crate) accounts: &'a Accounts,
    pub(crate) id: RunId,
    pub(crate) host: String,
    /// When it began, RFC 3339.
    pub(crate) time: String,
    /// Name and version of the program.
    pub(crate) program: String,
    pub(crate) today: Today,
    pub(crate) ownership: &'a Ownership,
    pub(crate) threads: usize,
    /// Whether a directory that is not entered because it is our own is worth a warning.
    pub(crate) warns_of_own_dirs: bool,
}

impl Run<'_> {
    /// Gives a finished output its name, mode and owner.
    pub(crate) fn publish(&self, file: PendingFile) -> Result<(), ItemError> {
        let path = file.path().to_owned();
        self.publish_io(file).map_err(|source| ItemError::output(&path, source))
    }

    pub(crate) fn publish_io(&self, file: PendingFile) -> io::Result<()> {
        self.ownership.publish(file, OUTPUT_MODE, &*self.system.monitor)
    }
}

/// A new name for a run: the second in which it begins, and random digits that tell apart what begins within one.
pub(crate) fn new_run_id(now: &jiff::Zoned) -> RunId {
    let utc = now.with_time_zone(TimeZone::UTC);
    // Every hasher of the standard library starts from fresh random keys; no more is needed to keep names apart.
    let random = std::hash::RandomState::new().build_hasher().finish();
    format!("{}-{:08x}", utc.strftime("%Y%m%dT%H%M%SZ"), random & 0xffff_ffff)
}

/// A time as manifests and indicators have it.
pub(crate) fn rfc3339(time: &jiff::Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Why an item failed as a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ItemError {
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error(transparent)]
    Exclude(#[from] PatternError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("cannot write {}: {source}", escape::display(path))]
    Output { path: PathBuf, source: io::Error },
    #[error(transparent)]
    SideFile(#[from] SideFileError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl ItemError {
    pub(crate) fn output(path: &Path, source: io::Error) -> Self {
        Self::Output { path: path.to_owned(), source }
    }

    /// Whether it is the run that ends, not just the item.
    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted(_) | Self::Select(SelectError::Interrupted(_)))
    }
}

/// An item that was collected; its state is yet to be published.
pub(crate) struct Collected {
    pub(crate) archive: Option<Output>,
    pub(crate) manifest: Option<Output>,
    pub(crate) omissions: Vec<Omission>,
    pub(crate) summary: Summary,
    /// None when no memory is kept, or when that was known to fail before. Without it the backup is none the worse.
    pub(crate) state: Option<Result<PendingState, ItemError>>,
}

/// How much of an item the caller wants.
pub(crate) enum Wanted<'a> {
    /// Everything.
    Full,
    /// What the caller decides from what is remembered.
    Increment(&'a dyn Fn(&Memory) -> Extent),
}

impl Wanted<'_> {
    fn extent(&self, memory: &Memory) -> Extent {
        match self {
            Self::Full => Extent::Full,
            Self::Increment(decide) => decide(memory),
        }
    }
}

/// The memory of an item.
pub(crate) struct ItemState<'a> {
    /// Where it is.
    pub(crate) files: &'a StateFiles,
    /// What becomes of it; none when that cannot be written.
    pub(crate) draft: Option<Draft>,
}

/// Collects one item into `output_dir`. `state` is there when memory is kept.
pub(crate) fn collect_item(
    item: &Item<'_>,
    output_dir: &Path,
    state: Option<ItemState<'_>>,
    wanted: &Wanted<'_>,
    run: &Run<'_>,
) -> Result<Collected, ItemError> {
    let fileset = item.select(run)?;
    let mut omissions = report_problems(item, &fileset, run);
    let files = state.as_ref().map(|state| state.files);
    let (memory, extent, plan) = prepare(item, files, &fileset, wanted, run)?;
    announce(item, &fileset, &plan, run);
    let stored = store::store(item, output_dir, &fileset, &plan, &extent, run)?;
    let Stored { fates, archive, manifest, omissions: omitted, bytes_in } = stored;
    omissions.extend(omitted);

    let bytes_out = archive.iter().chain(&manifest).map(|output| output.size).sum();
    let summary = Summary { bytes_out, ..summary(&plan, &omissions, bytes_in) };
    let archive_size = archive.as_ref().map(|archive| archive.size);
    let deeds = Deeds {
        item,
        output_dir,
        fileset: &fileset,
        memory: &memory,
        extent: &extent,
        plan: &plan,
        fates,
        archive_size,
    };
    let state = state.and_then(|ItemState { files, draft }| {
        draft.map(|draft| PendingState::write(draft, files, deeds, run))
    });
    Ok(Collected { archive, manifest, omissions, summary, state })
}

/// What [`collect_item`] would do: nothing is written.
pub(crate) fn preview_item(
    item: &Item<'_>,
    files: &StateFiles,
    wanted: &Wanted<'_>,
    run: &Run<'_>,
) -> Result<(Summary, Vec<Omission>), ItemError> {
    let fileset = item.select(run)?;
    let omissions = report_problems(item, &fileset, run);
    let (_, _, plan) = prepare(item, Some(files), &fileset, wanted, run)?;
    announce(item, &fileset, &plan, run);
    let stored = fileset.iter().enumerate().filter(|(index, each)| plan.stores(*index, each.metadata.kind));
    let files = stored.filter(|(_, each)| each.metadata.kind == Kind::File);
    let bytes_in = files.map(|(_, each)| each.metadata.size).sum();
    Ok((summary(&plan, &omissions, bytes_in), omissions))
}

fn summary(plan: &Plan, omissions: &[Omission], bytes_in: u64) -> Summary {
    Summary {
        new: plan.count(Decision::New),
        changed: plan.count(Decision::Changed),
        unchanged: plan.count(Decision::Keep) + plan.count(Decision::Again),
        removed: plan.removed,
        omitted: omissions.len() as u64,
        bytes_in,
        bytes_out: 0,
    }
}

/// Recalls, decides how much is stored, and plans. A side file that turns out to be damaged while it is read does not
/// count, and all of it begins again without.
fn prepare(
    item: &Item<'_>,
    files: Option<&StateFiles>,
    fileset: &Fileset,
    wanted: &Wanted<'_>,
    run: &Run<'_>,
) -> Result<(Memory, Extent, Plan), ItemError> {
    let memory = match (files, wanted) {
        (None, _) => Memory::Nothing,
        (Some(files), Wanted::Full) => Memory::recall_for_figures(item.path, files),
        (Some(files), Wanted::Increment(_)) => Memory::recall(item.path, files, run.system),
    };
    let extent = wanted.extent(&memory);
    match plan_with(&memory, fileset, &extent, run) {
        Ok(plan) => Ok((memory, extent, plan)),
        Err(ItemError::SideFile(error)) => {
            let memory = match files {
                Some(files) => Memory::recall_without_side_file(&error, files, run.system),
                None => Memory::Nothing,
            };
            let extent = wanted.extent(&memory);
            let plan = plan_with(&memory, fileset, &extent, run)?;
            Ok((memory, extent, plan))
        }
        Err(error) => Err(error),
    }
}

fn plan_with(memory: &Memory, fileset: &Fileset, extent: &Extent, run: &Run<'_>) -> Result<Plan, ItemError> {
    let read = |selected: &Selected<'_>| -> Result<Option<plan::Content>, ItemError> {
        run.system.interrupt.check()?;
        // What cannot be read now is for the archive to try again and to report.
        Ok(read_content(selected).ok())
    };
    plan::plan(fileset, &mut memory.records()?, extent, memory.began(), read)
}

fn read_content(selected: &Selected<'_>) -> io::Result<plan::Content> {
    if selected.metadata.kind == Kind::Symlink {
        let digest = link_digest(&fs_err::read_link(selected.path)?);
        return Ok(plan::Content { digest, attributes: None });
    }
    let hash: Sha1Hash = digest(&mut open_no_follow(selected.path)?)?;
    Ok(plan::Content { digest: hash.finalize().into(), attributes: attributes_digest(selected.path)? })
}

fn report_problems(item: &Item<'_>, fileset: &Fileset, run: &Run<'_>) -> Vec<Omission> {
    let monitor = &run.system.monitor;
    let mut omissions = Vec::new();
    for problem in fileset.problems() {
        let (kind, detail) = match problem {
            Problem::Skipped { path, .. } if item.is_own_dir(path) && !run.warns_of_own_dirs => {
                monitor.info(format!("{problem}."));
                continue;
            }
            Problem::Vanished { .. } => (OmissionKind::Vanished, "it vanished while it was looked at"),
            Problem::Unreadable { reason, .. } => (OmissionKind::Unreadable, reason.as_str()),
            Problem::Skipped { reason, .. } => (OmissionKind::Skipped, reason.as_str()),
            Problem::Undecided { .. } => {
                // It is selected: nothing is left out.
                monitor.warning(format!("{problem}."));
                continue;
            }
        };
        monitor.warning(format!("{problem}."));
        omissions.push(Omission { path: problem.path().to_owned(), kind, detail: detail.to_owned() });
    }
    omissions
}

/// Says how much is backed up, in the original's words. Directories are stored and not counted: to the original they are
/// nothing.
fn announce(item: &Item<'_>, fileset: &Fileset, plan: &Plan, run: &Run<'_>) {
    let stored = || {
        let all = fileset.iter().enumerate();
        all.filter(|(index, each)| {
            plan.stores(*index, each.metadata.kind) && each.metadata.kind != Kind::Directory
        })
    };
    let count = stored().count();
    let files = stored().filter(|(_, each)| each.metadata.kind == Kind::File);
    let size = display_size(files.map(|(_, each)| each.metadata.size).sum());
    let path = escape::display(item.path);
    run.system.monitor.info(match item.content {
        Content::File if count == 1 => format!("Backing up file [{path}] ({size})."),
        Content::File | Content::Directory(_) => format!("Backing up {count} files in [{path}] ({size})."),
    });
}

/// A size as the original shows it.
#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn display_size(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["kB", "MB", "GB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.2} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::display_size;

    #[test]
    fn sizes_look_as_the_original_shows_them() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.00 kB"),
            (1536, "1.50 kB"),
            (1024 * 1024, "1.00 MB"),
            (5 * 1024 * 1024 * 1024 / 2, "2.50 GB"),
            (5 * 1024 * 1024 * 1024 * 1024, "5120.00 GB"),
        ] {
            assert_eq!(display_size(bytes), shown);
        }
    }
}
