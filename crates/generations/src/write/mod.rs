//! Writing a generation.
//!
//! [`create`] chooses, `plan` compares with the manifest of the previous generation, `work` links what did not change and copies
//! what did, `commit` makes a generation of it. Until then it is called `….incomplete`, and what is in it is used by the
//! next run. Nothing is ever done to a file that another generation has: it is linked as it is, or copied.

mod commit;
mod content;
mod flush;
mod plan;
mod work;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use redcedar_archive::manifest::{Entry as Described, Flaw};
use redcedar_archive::writer::{AttributeList, Attributes, Place};
use redcedar_archive::{Kind, Metadata};
use redcedar_restore::Overwrite;
use redcedar_restore::writing::{Notes, ObjectWriter, Target};
use redcedar_system::fs::LockError;
use redcedar_system::{Accounts, Interrupted, Level, System, account, checkpoint, escape};

use crate::Name;
use crate::manifest::{LeftOut, ManifestReader, PathLine, Summary};
use crate::select::{Choice, ChooseError, Entry, Fate, Options, Totals, choose};
use crate::store::{Store, StoreError};
use commit::Pending;
use plan::{Step, plan};
use work::{Counters, Work};

/// What was made.
#[derive(Debug)]
pub struct Created {
    /// The generation; none in a dry run.
    pub name: Option<Name>,
    /// The generation that unchanged files were linked from.
    pub previous: Option<Name>,
    /// What is in it. In a dry run what would be.
    pub summary: Summary,
    /// How many of its files were linked, not copied.
    pub linked: u64,
    /// What was chosen and why.
    pub totals: Totals,
    /// What is not in it as it was asked for, with names as in messages.
    pub problems: Vec<String>,
    /// What else should be known.
    pub remarks: Vec<String>,
}

/// Why there is no new generation. What was written of it is used by the next run.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another run is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Nothing could be chosen.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// Something could not be written, and nothing else will.
    #[error("cannot store {}: {source}", escape::display(path))]
    Write {
        /// What was to be stored.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl CreateError {
    fn store(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    fn io(source: io::Error) -> Self {
        Self::Store(StoreError::Io(source))
    }
}

/// What became of a path that was not just linked.
enum Outcome {
    Stored(Box<Stored>),
    /// It is not in the tree.
    Problem(Flaw, String),
    /// It was gone before it could be stored.
    Vanished,
}

/// What was stored of a path, or found to be stored.
struct Stored {
    /// What the file system said of it when it was stored.
    metadata: Metadata,
    sha256: Option<[u8; 32]>,
    link: Option<PathBuf>,
    attributes: AttributeList,
    flaw: Option<Flaw>,
    is_new: bool,
}

/// Makes a new generation of what is chosen.
///
/// # Errors
/// When it could not be completed; no generation is added then.
pub fn create(
    store: &Store,
    options: &Options<'_>,
    is_dry_run: bool,
    system: &System,
) -> Result<Created, CreateError> {
    let never_enter = [options.never_enter, &[real(store.path())]].concat();
    let options = Options { never_enter: &never_enter, ..*options };
    if is_dry_run {
        return preview(store, &options, system);
    }
    let _lock = store.lock()?;
    store.tidy()?;
    let bases = Bases::find(store, system)?;
    let pending = Pending::begin(store, &system.clock.now())?;
    checkpoint::reach("snapshot-begun");
    system.monitor.task("Choosing what to save");
    let choice = match choose(&options, system) {
        Ok(choice) => choice,
        Err(error) => {
            pending.abandon(store);
            return Err(error.into());
        }
    };
    let (steps, unverified) = planned(&choice, store, &bases, system)?;
    let tree = |name: &dyn AsRef<Path>| Target::open(&store.path().join(name)).map_err(CreateError::io);
    let target = tree(&pending.directory_name())?;
    let previous = bases.verified.as_ref().map(|name| tree(&name.to_string())).transpose()?;
    let unverified = unverified.iter().map(|name| tree(name)).collect::<Result<Vec<_>, _>>()?;
    let notes = Notes::default();
    let accounts = Accounts::new();
    let work = Work {
        choice: &choice,
        steps: &steps,
        accounts: &accounts,
        system,
        target: &target,
        previous: previous.as_ref(),
        unverified: &unverified,
        notes: &notes,
        is_root: account::is_root(),
        done: Counters::default(),
    };
    system.monitor.task("Writing the generation");
    let written = flush::while_flushing(store.directory(), &work.done.bytes, || work.run());
    let outcomes = written.map_err(CreateError::io)??;
    let linked = work.done.linked.into_inner();
    checkpoint::reach("snapshot-written");
    let directories = finish_directories(&choice, &target, &accounts, &notes)?;
    for note in notes.into_messages() {
        // The manifest has it all, and a restore uses the manifest.
        system.monitor.log(Level::Debug, &format!("{}: {note}", pending.name()));
    }
    let lines = Lines { choice: &choice, steps: &steps, outcomes, directories, accounts: &accounts };
    let (summary, problems) = pending.commit(store, &lines)?;
    for leftover in &bases.leftovers {
        let trash = crate::remove::set_aside(store, leftover).map_err(CreateError::io)?;
        crate::remove::remove_tree(store.directory(), &trash).map_err(CreateError::io)?;
    }
    Ok(Created {
        name: Some(pending.into_name()),
        previous: bases.verified,
        summary,
        linked,
        totals: choice.totals(),
        problems,
        remarks: choice.remarks().map(ToOwned::to_owned).collect(),
    })
}

/// Says what [`create`] would do.
fn preview(store: &Store, options: &Options<'_>, system: &System) -> Result<Created, CreateError> {
    let bases = Bases::find(store, system)?;
    let choice = choose(options, system)?;
    let (steps, _) = planned(&choice, store, &bases, system)?;
    let mut summary = Summary::default();
    let mut linked = 0;
    for (entry, step) in choice.iter().zip(&steps) {
        let size = if entry.metadata.kind == Kind::File { entry.metadata.size } else { 0 };
        match step {
            Step::Pass => {
                summary.left_out += u64::from(matches!(entry.fate, Fate::LeaveOut { .. }));
                continue;
            }
            Step::Directory | Step::HardLink(_) => {}
            Step::Link(_) | Step::Compare(_) | Step::Moved(_) => {
                linked += 1;
                summary.bytes += size;
            }
            Step::Copy => {
                summary.new_files += u64::from(entry.metadata.kind == Kind::File);
                summary.new_bytes += size;
                summary.bytes += size;
            }
        }
        summary.paths += 1;
    }
    let problems: Vec<_> = choice.problems().map(ToString::to_string).collect();
    summary.problems = problems.len() as u64;
    let remarks = choice.remarks().map(ToOwned::to_owned).collect();
    let totals = choice.totals();
    Ok(Created { name: None, previous: bases.verified, summary, linked, totals, problems, remarks })
}

/// What unchanged files can be linked from.
struct Bases {
    /// The newest generation with a manifest.
    verified: Option<Name>,
    /// The newest generation of jw.backup, if there is no newer one of ours.
    original: Option<Name>,
    /// What earlier runs did not complete.
    leftovers: Vec<std::ffi::OsString>,
}

impl Bases {
    fn find(store: &Store, system: &System) -> Result<Self, StoreError> {
        let generations = store.generations()?;
        let newest = |has_manifest| {
            let mut newest_first = generations.iter().rev();
            newest_first.find(|found| found.has_manifest == has_manifest).map(|found| found.name.clone())
        };
        let mut bases =
            Self { verified: newest(true), original: newest(false), leftovers: store.incomplete()? };
        if bases.verified > bases.original {
            bases.original = None;
        }
        for leftover in &bases.leftovers {
            system.monitor.info(format!("{} was not completed; it is used", escape::display(leftover)));
        }
        Ok(bases)
    }
}

/// The plan, and the trees that files are to be compared with byte for byte.
fn planned(
    choice: &Choice,
    store: &Store,
    bases: &Bases,
    system: &System,
) -> Result<(Vec<Step>, Vec<PathBuf>), CreateError> {
    let mut unverified: Vec<PathBuf> = bases.leftovers.iter().rev().map(PathBuf::from).collect();
    unverified.extend(bases.original.iter().map(|name| PathBuf::from(name.to_string())));
    let without =
        || plan::<std::fs::File>(choice, None).map_err(|error| CreateError::io(io::Error::other(error)));
    let Some(name) = &bases.verified else { return Ok((without()?, unverified)) };
    let steps = store.manifest(name).and_then(|mut previous: ManifestReader<_>| {
        plan(choice, Some(&mut previous)).map_err(|error| crate::store::damaged(name, error))
    });
    match steps {
        Ok(steps) => Ok((steps, unverified)),
        Err(error) => {
            system.monitor.warning(format!("{error}; every file is compared with what is stored"));
            unverified.push(name.to_string().into());
            Ok((without()?, unverified))
        }
    }
}

/// Sets the attributes of directories, in which nothing changes any more. The extended ones come back.
fn finish_directories(
    choice: &Choice,
    target: &Target,
    accounts: &Accounts,
    notes: &Notes,
) -> Result<HashMap<usize, AttributeList>, CreateError> {
    let mut writer = ObjectWriter::new(target, notes, Overwrite::Always, true);
    let mut reader = Attributes::new();
    let mut found = HashMap::new();
    let directories: Vec<(usize, Entry<'_>)> =
        choice.iter().enumerate().filter(|(_, entry)| entry.metadata.kind == Kind::Directory).collect();
    for (index, entry) in directories.into_iter().rev() {
        // A directory that is gone meanwhile is stored without.
        let attributes = reader.of(Place::Path(entry.path)).unwrap_or_default();
        let described = Described::of(entry.path, entry.metadata, accounts);
        writer
            .finish_directory(entry.path, &described, &attributes)
            .map_err(|error| CreateError::store(entry.path, io::Error::other(error)))?;
        if !attributes.is_empty() {
            found.insert(index, attributes);
        }
    }
    Ok(found)
}

/// Everything that the manifest says about paths.
struct Lines<'a> {
    choice: &'a Choice,
    steps: &'a [Step],
    outcomes: HashMap<usize, Outcome>,
    directories: HashMap<usize, AttributeList>,
    accounts: &'a Accounts,
}

/// What is told about a path, and whether it is new in the store.
struct Told {
    line: PathLine,
    is_stored: bool,
    is_new: bool,
}

impl Lines<'_> {
    /// A line for each path that was there to the end; the reason where one is not stored.
    fn iter(&self) -> impl Iterator<Item = Result<Told, (&Path, &str, PathLine)>> {
        let entries: Vec<_> = self.choice.iter().map(|entry| entry.path).collect();
        self.choice.iter().enumerate().filter_map(move |(index, entry)| {
            let line = |metadata: &Metadata| PathLine {
                entry: Described::of(entry.path, metadata, self.accounts),
                changed: metadata.changed,
                inode: metadata.inode,
                attributes: AttributeList::new(),
                left_out: None,
            };
            let mut told = Told { line: line(entry.metadata), is_stored: true, is_new: false };
            match (self.outcomes.get(&index), &self.steps[index]) {
                (Some(Outcome::Vanished), _) => return None,
                (Some(Outcome::Problem(flaw, reason)), _) => {
                    told.line.entry.flaw = Some(*flaw);
                    return Some(Err((entry.path, reason.as_str(), told.line)));
                }
                (Some(Outcome::Stored(stored)), _) => {
                    told.line = line(&stored.metadata);
                    told.line.entry.flaw = stored.flaw;
                    self.describe_as(index, &mut told.line);
                    told.is_new = stored.is_new;
                }
                (None, Step::Link(_) | Step::Compare(_) | Step::Moved(_)) => {
                    self.describe_as(index, &mut told.line);
                }
                (None, Step::HardLink(first)) => {
                    told.line.entry.hard_link = Some(entries[*first].to_owned());
                    self.describe_as(*first, &mut told.line);
                }
                (None, Step::Directory) => {
                    told.line.attributes = self.directories.get(&index).cloned().unwrap_or_default();
                }
                (None, Step::Pass | Step::Copy) => {
                    told.is_stored = false;
                    told.line.left_out = left_out(&entry);
                    if entry.metadata.kind == Kind::Symlink {
                        match fs_err::read_link(entry.path) {
                            Ok(target) => told.line.entry.link = Some(target),
                            // It is not stored, so all that is lost is what would be said of it.
                            Err(_) => told.line.entry.flaw = Some(Flaw::Changed),
                        }
                    }
                }
            }
            Some(Ok(told))
        })
    }

    /// Fills in what is known of the content and the attributes of a file that was copied, or linked from the previous generation.
    fn describe_as(&self, index: usize, line: &mut PathLine) {
        let (sha256, target, attributes) = match (self.outcomes.get(&index), &self.steps[index]) {
            (Some(Outcome::Stored(stored)), _) => (stored.sha256, &stored.link, &stored.attributes),
            (_, Step::Link(known) | Step::Compare(known)) => (known.sha256, &known.link, &known.attributes),
            (_, Step::Moved(moved)) => (moved.known.sha256, &moved.known.link, &moved.known.attributes),
            _ => return,
        };
        line.entry.sha256 = sha256;
        line.entry.link.clone_from(target);
        line.attributes.clone_from(attributes);
    }
}

fn left_out(entry: &Entry<'_>) -> Option<LeftOut> {
    match entry.fate {
        Fate::Save(_) => None,
        Fate::LeaveOut { package, digest } => Some(LeftOut { package: package.index(), digest }),
    }
}

/// The path without links, as a walk comes across it.
fn real(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
