//! Bringing back what is in a generation.

mod exact;
mod stored;

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use redcedar_archive::Kind;
use redcedar_archive::manifest::Flaw;
pub use redcedar_restore::Overwrite;
use redcedar_restore::writing::{
    Content, Notes, ObjectError, ObjectWriter, Target, Walker, Written, concerns, relative,
};
use redcedar_system::monitor::Progress;
use redcedar_system::{Interrupt, Interrupted, System, escape};

use crate::manifest::PathLine;
use crate::paths::Paths;
use crate::store::{Generation, Store, StoreError};
use exact::{Brought, Others};
use stored::Stored;

/// What to bring back, and where to.
#[derive(Debug, Clone)]
pub struct Request {
    /// Absolute paths, each with everything below it; all if there are none.
    pub paths: Vec<PathBuf>,
    /// The directory below which absolute paths are recreated. Made if it is missing.
    pub target: PathBuf,
    /// Allows `/` as target.
    pub in_place: bool,
    /// What happens to what is there already. Without it, the target must be empty.
    pub overwrite: Option<Overwrite>,
    /// Sets owners by number even where this machine knows their names.
    pub numeric_owner: bool,
    /// Only finds out what would be written.
    pub dry_run: bool,
    /// The packages are there already: what they brought gets mode, owner and time, and what was not there is removed. None:
    /// both are left as they are.
    pub exact: Option<Exact>,
}

/// How exact a restore is.
#[derive(Debug, Clone, Default)]
pub struct Exact {
    /// What is not removed in any case.
    pub protected: Vec<PathBuf>,
}

/// What a restore did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Objects written.
    pub restored: u64,
    /// Objects that were there already and the same.
    pub unchanged: u64,
    /// Objects that were there already and were left alone.
    pub skipped: u64,
    /// Bytes of content written.
    pub bytes: u64,
    /// Paths that the generation leaves to packages.
    pub left_out: u64,
    /// Of these, how many got another mode, owner or time.
    pub adjusted: u64,
    /// What was removed, because it was not there.
    pub removed: Vec<PathBuf>,
    /// What should have been brought back and was not, or not faithfully.
    pub failures: Vec<(PathBuf, String)>,
    /// What else has to be known.
    pub warnings: Vec<String>,
}

/// Why nothing was brought back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The generation cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// A path is not in the generation.
    #[error("{} is not in generation {generation}", escape::display(.path))]
    NoPath {
        /// What was asked for.
        path: PathBuf,
        /// Where.
        generation: String,
    },
    /// Nobody knows what was there.
    #[error(
        "generation {generation} does not say of which directories it knows the content, so nothing is removed from any"
    )]
    NotExact {
        /// Which.
        generation: String,
    },
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Brings back what was asked for.
///
/// # Errors
/// When nothing could be done. What was done only in part is in the report.
pub fn restore(
    store: &Store,
    generation: &Generation,
    request: &Request,
    system: &System,
) -> Result<Report, RestoreError> {
    let mut paths = Paths::of(store, generation, &system.interrupt)?;
    let tree = Target::open(&store.tree(&generation.name)).map_err(StoreError::from)?;
    let others =
        request.exact.as_ref().map(|exact| Others::new(store, generation, request, exact)).transpose()?;
    let target = open_target(request)?;
    let notes = Notes::default();
    let mut restoring = Restoring {
        request,
        from: Walker::new(&tree),
        writer: target.as_ref().map(|target| Writing {
            target,
            writer: ObjectWriter::new(
                target,
                &notes,
                request.overwrite.unwrap_or(Overwrite::Never),
                request.numeric_owner,
            ),
        }),
        restored: HashSet::new(),
        found: HashSet::new(),
        directories: Vec::new(),
        left_out: Vec::new(),
        report: Report::default(),
    };
    while let Some(line) = paths.next_path()? {
        system.interrupt.check()?;
        restoring.path(line);
        let Report { restored, bytes, .. } = restoring.report;
        system
            .monitor
            .progress(&Progress { files: restored, bytes, total_files: None, total_bytes: None }, None);
    }
    if let Some(others) = others {
        restoring.settle_packaged(&system.interrupt)?;
        let cleared = others.remove(&system.interrupt)?;
        restoring.report.removed = cleared.removed;
        restoring.report.failures.extend(cleared.failures);
        restoring.report.warnings.extend(cleared.warnings);
    }
    restoring.finish_directories();
    if let Some(path) = request.paths.iter().find(|path| !restoring.found.contains(*path)) {
        let generation = generation.name.to_string();
        return Err(RestoreError::NoPath { path: path.clone(), generation });
    }
    let mut report = restoring.report;
    report.warnings.extend(notes.into_messages());
    Ok(report)
}

/// The directory to write below; none in a dry run.
fn open_target(request: &Request) -> Result<Option<Target>, RestoreError> {
    let target = &request.target;
    let unusable = |source| RestoreError::Target { target: target.clone(), source };
    let is_root = fs_err::canonicalize(target).is_ok_and(|real| real == Path::new("/"));
    if is_root && !request.in_place {
        return Err(RestoreError::InPlace);
    }
    match fs_err::read_dir(target) {
        Ok(mut entries) => {
            if request.overwrite.is_none() && entries.next().is_some() {
                return Err(RestoreError::TargetNotEmpty { target: target.clone() });
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && request.dry_run => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(target).map_err(unusable)?;
        }
        Err(error) => return Err(unusable(error)),
    }
    if request.dry_run {
        return Ok(None);
    }
    Target::open(target).map(Some).map_err(unusable)
}

struct Writing<'t> {
    target: &'t Target,
    writer: ObjectWriter<'t>,
}

struct Restoring<'t> {
    request: &'t Request,
    from: Walker<'t>,
    /// None in a dry run.
    writer: Option<Writing<'t>>,
    /// Files that further names can be linked to.
    restored: HashSet<PathBuf>,
    /// Which of the paths that were asked for are there.
    found: HashSet<PathBuf>,
    directories: Vec<PathLine>,
    /// What packages brought, where that matters.
    left_out: Vec<PathLine>,
    report: Report,
}

impl Restoring<'_> {
    fn path(&mut self, line: PathLine) {
        let path = &line.entry.path;
        if !concerns(path, &self.request.paths) {
            return;
        }
        if self.request.paths.contains(path) {
            self.found.insert(path.clone());
        }
        if line.left_out.is_some() {
            self.report.left_out += 1;
            if self.request.exact.is_some() {
                self.left_out.push(line);
            }
            return;
        }
        if line.entry.kind == Kind::Socket {
            return;
        }
        if line.entry.flaw == Some(Flaw::Unreadable) {
            self.fail(path.clone(), "it could not be read when the snapshot was made".to_owned());
            return;
        }
        match self.object(&line) {
            Ok(Written::Restored(bytes)) => {
                self.report.restored += 1;
                self.report.bytes += bytes;
            }
            Ok(Written::Unchanged) => self.report.unchanged += 1,
            Ok(Written::Skipped) => self.report.skipped += 1,
            Err(error) => self.fail(line.entry.path.clone(), error.to_string()),
        }
        match line.entry.flaw {
            Some(Flaw::Changed) => {
                self.fail(
                    line.entry.path,
                    "it changed while the snapshot was made: it may mix old and new".to_owned(),
                );
            }
            Some(Flaw::Padded) => {
                self.fail(line.entry.path, "it became shorter while the snapshot was made".to_owned());
            }
            _ if line.entry.kind == Kind::Directory => self.directories.push(line),
            _ => {}
        }
    }

    /// Looks at everything that packages were to bring back.
    fn settle_packaged(&mut self, interrupt: &Interrupt) -> Result<(), RestoreError> {
        let lines = std::mem::take(&mut self.left_out);
        let Ok(target) = Target::open(&self.request.target) else { return Ok(()) };
        let brought = Brought::new(&target, self.writer.as_mut().map(|writing| &mut writing.writer));
        let (adjusted, failures) = brought.settle(lines, interrupt)?;
        self.report.adjusted = adjusted;
        self.report.failures.extend(failures);
        Ok(())
    }

    fn fail(&mut self, path: PathBuf, reason: String) {
        self.report.failures.push((path, reason));
    }

    fn object(&mut self, line: &PathLine) -> Result<Written, ObjectError> {
        let entry = &line.entry;
        let Some(Writing { writer, .. }) = &mut self.writer else {
            return Ok(Written::Restored(if entry.hard_link.is_some() { 0 } else { entry.size }));
        };
        if let Some(first) = entry.hard_link.as_ref().filter(|first| self.restored.contains(*first)) {
            return writer.hard_link(&entry.path, entry, first);
        }
        let written = match entry.kind {
            Kind::Directory => return writer.directory(&entry.path).map(|()| Written::Restored(0)),
            Kind::File => {
                let mut stored = Stored::open(&mut self.from, &entry.path)
                    .map_err(|source| ObjectError::Io { intent: "it is missing in the store", source })?;
                let sizes = (stored.left, stored.size);
                let extents = stored.extents.clone();
                let mut content = Content {
                    data: &mut stored,
                    stored: sizes.0,
                    extents: extents.as_deref(),
                    size: sizes.1,
                    announced: if extents.is_some() { sizes.0 } else { entry.size },
                };
                writer.file(&entry.path, entry, &line.attributes, &mut content)
            }
            _ => writer.special(&entry.path, entry, &line.attributes),
        }?;
        // A further name follows; what was left alone is not what it is a name of.
        if written != Written::Skipped {
            self.restored.insert(entry.path.clone());
        }
        Ok(written)
    }

    /// Directories that were there and only lie on the way stay as they are.
    fn finish_directories(&mut self) {
        let Some(Writing { target, mut writer }) = self.writer.take() else { return };
        let wanted = &self.request.paths;
        for line in std::mem::take(&mut self.directories).into_iter().rev() {
            let path = &line.entry.path;
            let is_wanted = wanted.is_empty() || wanted.iter().any(|wanted| path.starts_with(wanted));
            let may_change = self.request.overwrite.is_none_or(Overwrite::changes_directories) && is_wanted;
            if !may_change && !target.has_created(relative(path)) {
                continue;
            }
            if let Err(error) = writer.finish_directory(path, &line.entry, &line.attributes) {
                self.fail(line.entry.path, error.to_string());
            }
        }
    }
}
