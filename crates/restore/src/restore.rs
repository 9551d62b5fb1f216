//! Bringing back what a machine had on a day.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Weekday};
use redcedar_archive::naming::{Dialect, candidates, normalise};
use redcedar_system::{Interrupt, Interrupted, Monitor, escape};

use crate::diff::{Difference, diff};
use crate::extract::{Settings, extract};
use crate::layer::read_header;
use crate::object::Overwrite;
use crate::path::clean;
use crate::peer::{self, PeerError};
use crate::plan::{plan, unknown};
use crate::report::{Failure, ItemReport, Report};
use crate::source::Source;
use crate::target::Target;
use crate::tree::{self, Tree};

/// What to bring back, and where to.
#[derive(Debug, Clone)]
pub struct RestoreRequest {
    /// The machine; may be left out where there is only one.
    pub peer: Option<OsString>,
    /// One item, by its path or its normalised name; otherwise all.
    pub item: Option<OsString>,
    /// Absolute paths, each with everything below it; all if there are none.
    pub paths: Vec<PathBuf>,
    /// The day whose state is wanted; the newest if there is none.
    pub as_of: Option<Date>,
    /// The directory below which absolute paths are recreated. Made if it is missing.
    pub target: PathBuf,
    /// Allows `/` as target.
    pub in_place: bool,
    /// What happens to what is there already. Without it, the target must be empty.
    pub overwrite: Option<Overwrite>,
    /// Sets owners by number even where this machine knows their names.
    pub numeric_owner: bool,
    /// The day of the week on which the originals store everything, where it is known.
    pub starting_day: Option<Weekday>,
    /// Only finds out what would be written.
    pub dry_run: bool,
}

/// Why nothing was brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// It is not clear whose backups are meant.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// There is no such item up to the day.
    #[error("there is no item {item}; there are {}", .items.join(", "))]
    NoItem {
        /// What was asked for.
        item: String,
        /// What there is.
        items: Vec<String>,
    },
    /// There is nothing up to the day.
    #[error("there are no backups up to {as_of}; the first is of {first}")]
    NothingYet {
        /// The day that was asked for.
        as_of: Date,
        /// The first there is.
        first: Date,
    },
    /// A path was not there on the day.
    #[error("{} was not there{}", escape::display(.path), .as_of.map(|day| format!(" on {day}")).unwrap_or_default())]
    NoPath {
        /// What was asked for.
        path: PathBuf,
        /// The day.
        as_of: Option<Date>,
    },
    /// A path is not absolute, or leads upwards.
    #[error("{} is no absolute path", escape::display(.path))]
    BadPath {
        /// What was asked for.
        path: PathBuf,
    },
    /// The target is the root directory, but that was not asked for.
    #[error("restoring in place, over what is there, has to be asked for")]
    InPlace,
    /// The target has something in it, and nothing was said about that.
    #[error("{} is not empty; say what is to happen with what is there, or choose another directory", escape::display(.target))]
    TargetNotEmpty {
        /// The target.
        target: PathBuf,
    },
    /// The target cannot be made or opened.
    #[error("cannot use {} as the target: {source}", escape::display(.target))]
    Target {
        /// The target.
        target: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Brings back what was asked for of what `source` holds.
///
/// # Errors
/// When nothing could be done. What was done only in part is in the report.
pub fn restore(
    source: &Source,
    request: &RestoreRequest,
    monitor: &dyn Monitor,
    interrupt: &Interrupt,
) -> Result<Report, RestoreError> {
    let paths = request.paths.iter().map(|path| checked(path)).collect::<Result<Vec<_>, _>>()?;
    let peer = peer::choose(source, request.peer.as_deref())?;
    let items = choose_items(source, &peer, request, &paths)?;
    monitor.task("Reading what there is");
    let (tree, items) =
        read_items(source, &peer, &items, &paths, (request.as_of, request.starting_day), interrupt)?;
    if let Some(path) = unknown(&tree, &paths).first() {
        return Err(RestoreError::NoPath { path: (*path).clone(), as_of: request.as_of });
    }
    let plan = plan(&tree, &paths);
    let mut report = if request.dry_run {
        Report { restored: plan.objects, bytes: plan.bytes, ..Report::default() }
    } else {
        let target = open_target(request)?;
        monitor.task("Restoring");
        let settings = Settings {
            overwrite: request.overwrite.unwrap_or(Overwrite::Never),
            numeric_owner: request.numeric_owner,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        };
        extract(&tree, &plan, &target, settings, monitor, interrupt)?
    };
    report.items = items;
    if plan.sockets > 0 {
        report.warnings.push(format!("{} sockets are not restored: the programs make them", plan.sockets));
    }
    let relevant = |failure: &&Failure| {
        failure.path.as_os_str().is_empty()
            || paths.is_empty()
            || paths.iter().any(|path| failure.path.starts_with(path))
    };
    report.failures.extend(tree.failures.iter().filter(relevant).cloned());
    report.failures.extend(plan.missing);
    report.warnings.splice(..0, tree.warnings.iter().cloned());
    Ok(report)
}

fn checked(path: &Path) -> Result<PathBuf, RestoreError> {
    let bad = || RestoreError::BadPath { path: path.to_owned() };
    if !path.is_absolute() {
        return Err(bad());
    }
    clean(path.as_os_str().as_encoded_bytes()).map_err(|_| bad())
}

/// The normalised names of the items that are wanted.
fn choose_items<'s>(
    source: &'s Source,
    peer: &OsStr,
    request: &RestoreRequest,
    paths: &[PathBuf],
) -> Result<Vec<&'s OsStr>, RestoreError> {
    let items = source.items(peer, request.as_of);
    if let (true, Some(as_of), Some(first)) = (items.is_empty(), request.as_of, source.days().first()) {
        return Err(RestoreError::NothingYet { as_of, first: first.date });
    }
    let Some(wanted) = &request.item else {
        return Ok(holding(source, peer, items, request.as_of, paths));
    };
    let by_path = names_of(Path::new(wanted));
    let found = items.iter().find(|item| *item == wanted || by_path.iter().any(|name| name == *item));
    found.map(|item| vec![*item]).ok_or_else(|| RestoreError::NoItem {
        item: escape::display(wanted).to_string(),
        items: items.iter().map(|item| escape::display(item).to_string()).collect(),
    })
}

/// What changed between two days.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// The machine.
    pub peer: String,
    /// In canonical order of paths.
    pub differences: Vec<Difference>,
    /// What has to be known about the chains, and what could not be read.
    pub caveats: Vec<String>,
}

/// Compares what a machine had on two days: the wanted `paths` with what is below them, or everything if there are none.
///
/// # Errors
/// When it is not clear what is meant, there was nothing yet on one of the days, or when interrupted.
pub fn compare(
    source: &Source,
    peer: Option<&OsStr>,
    paths: &[PathBuf],
    days: [Date; 2],
    starting_day: Option<Weekday>,
    interrupt: &Interrupt,
) -> Result<Compared, RestoreError> {
    let paths = paths.iter().map(|path| checked(path)).collect::<Result<Vec<_>, _>>()?;
    let peer = peer::choose(source, peer)?;
    let mut caveats = Vec::new();
    let mut state = |day: Date| {
        let items = source.items(&peer, Some(day));
        if let (true, Some(first)) = (items.is_empty(), source.days().first()) {
            return Err(RestoreError::NothingYet { as_of: day, first: first.date });
        }
        let items = holding(source, &peer, items, Some(day), &paths);
        let (tree, reports) =
            read_items(source, &peer, &items, &paths, (Some(day), starting_day), interrupt)?;
        for report in reports {
            caveats.extend(report.caveats.iter().map(|caveat| format!("{}: {caveat}", report.item)));
        }
        caveats.extend(tree.warnings.iter().cloned());
        caveats.extend(tree.failures.iter().map(ToString::to_string));
        Ok(tree)
    };
    let (old, new) = (state(days[0])?, state(days[1])?);
    // The newer state builds on what the older one had to be said about, mostly.
    caveats.sort();
    caveats.dedup();
    let is_wanted = |difference: &Difference| {
        paths.is_empty() || paths.iter().any(|path| difference.path.starts_with(path))
    };
    let mut differences = diff(&old, &new);
    differences.retain(is_wanted);
    Ok(Compared { peer: escape::display(&peer).to_string(), differences, caveats })
}

/// The names that either version of the original gives to the archive of a path.
fn names_of(path: &Path) -> [OsString; 2] {
    [normalise(path, Dialect::V3), normalise(path, Dialect::V2)]
}

/// The items that can hold one of `paths`. An item whose path is not known is left out only when others surely hold all.
fn holding<'s>(
    source: &'s Source,
    peer: &OsStr,
    items: Vec<&'s OsStr>,
    as_of: Option<Date>,
    paths: &[PathBuf],
) -> Vec<&'s OsStr> {
    if paths.is_empty() {
        return items;
    }
    let held: Vec<Vec<bool>> = items
        .iter()
        .map(|item| {
            let own = path_of(source, peer, item, as_of);
            paths.iter().map(|path| may_hold(item, own.as_deref(), path)).collect()
        })
        .collect();
    let all_are_held = (0..paths.len()).all(|path| held.iter().any(|held| held[path]));
    let chosen = items.iter().zip(&held).filter(|(_, held)| !all_are_held || held.contains(&true));
    chosen.map(|(item, _)| *item).collect()
}

fn may_hold(item: &OsStr, own: Option<&Path>, path: &Path) -> bool {
    match own {
        Some(own) => own.starts_with(path) || path.starts_with(own),
        None => candidates(path).iter().any(|name| name == item),
    }
}

/// The path of an item, where a manifest says it.
fn path_of(source: &Source, peer: &OsStr, item: &OsStr, as_of: Option<Date>) -> Option<PathBuf> {
    let history = source.history(peer, item, as_of);
    let newest = history.into_iter().rev().find_map(|stored| stored.manifest.as_ref())?;
    read_header(newest).ok().map(|header| header.item)
}

/// What the items were, taken together, and what has to be said about each.
pub(crate) fn read_items(
    source: &Source,
    peer: &OsStr,
    items: &[&OsStr],
    paths: &[PathBuf],
    (as_of, starting_day): (Option<Date>, Option<Weekday>),
    interrupt: &Interrupt,
) -> Result<(Tree, Vec<ItemReport>), Interrupted> {
    let mut whole: Option<Tree> = None;
    let mut reports = Vec::new();
    for item in items {
        let history = source.history(peer, item, as_of);
        let tree = tree::build(&history, paths, starting_day, interrupt)?;
        reports.push(ItemReport {
            peer: escape::display(peer).to_string(),
            item: escape::display(item).to_string(),
            days: tree.layers.iter().map(|layer| layer.date).collect(),
            caveats: tree.caveats.clone(),
        });
        match &mut whole {
            None => whole = Some(tree),
            Some(whole) => whole.merge(tree),
        }
    }
    Ok((whole.unwrap_or_default(), reports))
}

fn open_target(request: &RestoreRequest) -> Result<Target, RestoreError> {
    let target = &request.target;
    let error = |source| RestoreError::Target { target: target.clone(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(target).map_err(error)?;
    let resolved = fs_err::canonicalize(target).map_err(error)?;
    if resolved == Path::new("/") && !request.in_place {
        return Err(RestoreError::InPlace);
    }
    let is_empty = fs_err::read_dir(&resolved).map_err(error)?.next().is_none();
    if !is_empty && request.overwrite.is_none() {
        return Err(RestoreError::TargetNotEmpty { target: target.clone() });
    }
    Target::open(&resolved).map_err(error)
}
