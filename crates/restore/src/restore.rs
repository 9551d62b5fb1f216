//! Bringing back what a machine had on a day.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Weekday};
use redcedar_system::{Interrupt, Interrupted, Monitor, escape};

use crate::diff::{Difference, diff};
use crate::extract::{Settings, extract};
use crate::notes::Notes;
use crate::object::Overwrite;
use crate::owners::OwnerRule;
use crate::path::stripped;
use crate::peer::{self, PeerError};
use crate::plan::{Plan, plan, unknown};
use crate::preview::{Action, Deed, preview};
use crate::report::{Failure, Report};
use crate::source::Source;
use crate::surplus::{Search, Surplus};
use crate::target::Target;
use crate::tree::Tree;
use crate::wanted::{checked, choose_items, path_of, read_items};

/// What to bring back, and where to.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of one command")]
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
    /// How many leading names of each path are left out below the target.
    pub strip: usize,
    /// Allows `/` as target.
    pub in_place: bool,
    /// What happens to what is there already. Without it, the target must be empty.
    pub overwrite: Option<Overwrite>,
    /// Sets owners by number even where this machine knows their names.
    pub numeric_owner: bool,
    /// Whose files become whose.
    pub owners: Vec<OwnerRule>,
    /// Removes what is below the wanted paths and was not there on the day.
    pub delete: bool,
    /// The day of the week on which the originals store everything, where it is known.
    pub starting_day: Option<Weekday>,
    /// Only finds out what would be written.
    pub dry_run: bool,
}

impl RestoreRequest {
    /// Everything as it is in the newest backup of the only machine, into a directory that is empty or will be made.
    pub fn to(target: impl Into<PathBuf>) -> Self {
        Self {
            peer: None,
            item: None,
            paths: Vec::new(),
            as_of: None,
            target: target.into(),
            strip: 0,
            in_place: false,
            overwrite: None,
            numeric_owner: false,
            owners: Vec::new(),
            delete: false,
            starting_day: None,
            dry_run: false,
        }
    }
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
    /// It is not wholly known what was there, so that nobody can say what was not.
    #[error("nothing can be deleted: {reason}")]
    NotExact {
        /// Why it is not known.
        reason: String,
    },
    /// Deleting goes with replacing all that is different.
    #[error("what was not there can only be deleted where what is different is replaced")]
    DeleteAlone,
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
    let items = choose_items(source, &peer, request.item.as_deref(), request.as_of, &paths)?;
    if request.delete && !request.overwrite.is_some_and(Overwrite::changes_directories) {
        return Err(RestoreError::DeleteAlone);
    }
    monitor.task("Reading what there is");
    let wanted = items;
    let (tree, items) =
        read_items(source, &peer, &wanted, &paths, (request.as_of, request.starting_day), interrupt)?;
    if let Some(path) = unknown(&tree, &paths).first() {
        return Err(RestoreError::NoPath { path: (*path).clone(), as_of: request.as_of });
    }
    let plan = plan(&tree, &paths, request.strip);
    let bounds = if request.delete {
        Some(Bounds::find(source, &peer, &wanted, &paths, &tree, request)?)
    } else {
        None
    };
    let target = open_target(request)?;
    let mut report = write(&tree, &plan, target.as_ref(), bounds.as_ref(), (request, monitor, interrupt))?;
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
    let mut state = |day: Date| -> Result<Tree, RestoreError> {
        let items = choose_items(source, &peer, None, Some(day), &paths)?;
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

/// Writes what is planned, or finds out what that would do.
fn write(
    tree: &Tree,
    plan: &Plan<'_>,
    target: Option<&Target>,
    bounds: Option<&Bounds>,
    (request, monitor, interrupt): (&RestoreRequest, &dyn Monitor, &Interrupt),
) -> Result<Report, Interrupted> {
    let surplus = match (bounds, target) {
        (Some(Bounds { roots, others }), Some(target)) => {
            Some(Search { target, strip: request.strip, roots, others, interrupt }.run(tree)?)
        }
        _ => None,
    };
    let surplus = surplus.as_ref();
    let settings = Settings {
        overwrite: request.overwrite.unwrap_or(Overwrite::Never),
        numeric_owner: request.numeric_owner,
        owners: &request.owners,
        surplus,
    };
    let mut report = match target {
        Some(target) if !request.dry_run => {
            monitor.task("Restoring");
            extract(tree, plan, target, settings, monitor, interrupt)?
        }
        target => {
            let notes = Notes::default();
            let writer = target.map(|target| settings.writer(target, &notes));
            let mut report = preview(plan, request.strip, writer, interrupt)?;
            let delete = |path: &Path| Action { path: path.to_owned(), deed: Deed::Delete };
            report.actions.extend(surplus.into_iter().flat_map(Surplus::paths).map(delete));
            report.deleted = surplus.map_or(0, |surplus| surplus.paths().count() as u64);
            report
        }
    };
    report.warnings.extend(surplus.into_iter().flat_map(|surplus| surplus.warnings.clone()));
    Ok(report)
}

/// Where things may be deleted.
struct Bounds {
    /// Below these paths.
    roots: Vec<PathBuf>,
    /// But not these, below the target: what other items hold, and the backups themselves.
    others: Vec<PathBuf>,
}

impl Bounds {
    /// Finds them, if what was there is wholly known.
    fn find(
        source: &Source,
        peer: &OsStr,
        wanted: &[&OsStr],
        paths: &[PathBuf],
        tree: &Tree,
        request: &RestoreRequest,
    ) -> Result<Self, RestoreError> {
        let unknown = tree.caveats.iter().map(ToString::to_string);
        let damaged = tree.failures.iter().map(ToString::to_string);
        if let Some(reason) = unknown.chain(damaged).next() {
            return Err(RestoreError::NotExact { reason });
        }
        let path = |item: &OsStr| {
            path_of(source, peer, item, request.as_of).ok_or_else(|| {
                let item = escape::display(item);
                RestoreError::NotExact { reason: format!("nothing says which directory {item} is of") }
            })
        };
        let wanted: HashSet<_> = wanted.iter().copied().collect();
        let others = source.items(peer, request.as_of).into_iter().filter(|item| !wanted.contains(item));
        let others = others.map(|item| Ok(stripped(&path(item)?, request.strip).to_owned()));
        let mut others = others.collect::<Result<Vec<_>, RestoreError>>()?;
        if let Ok(target) = fs_err::canonicalize(&request.target) {
            let backups = source.roots().into_iter();
            others.extend(backups.filter_map(|root| root.strip_prefix(&target).map(Path::to_owned).ok()));
        }
        let roots = match paths {
            [] => wanted.into_iter().map(path).collect::<Result<_, _>>()?,
            paths => paths.to_vec(),
        };
        Ok(Self { roots, others })
    }
}

/// Opens the target, if it is there or may be made.
fn open_target(request: &RestoreRequest) -> Result<Option<Target>, RestoreError> {
    let target = &request.target;
    let error = |source| RestoreError::Target { target: target.clone(), source };
    if request.dry_run && fs_err::symlink_metadata(target).is_err() {
        return Ok(None);
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(target).map_err(error)?;
    let resolved = fs_err::canonicalize(target).map_err(error)?;
    if resolved == Path::new("/") && !request.in_place {
        return Err(RestoreError::InPlace);
    }
    let is_empty = fs_err::read_dir(&resolved).map_err(error)?.next().is_none();
    if !is_empty && request.overwrite.is_none() {
        return Err(RestoreError::TargetNotEmpty { target: target.clone() });
    }
    Target::open(&resolved).map(|target| Some(target.stripping(request.strip))).map_err(error)
}
