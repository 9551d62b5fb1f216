//! What is not the same in two systems, and whether that was to be expected.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_archive::select::{Exclude, Fileset, Selection, compare_paths, select_with_places};
use redcedar_archive::writer::{Attributes, Place, Source, link_target};
use redcedar_archive::{Kind, Metadata};
use redcedar_restore::writing::relative;
use redcedar_system::{Interrupt, System};

use super::DrillError;
use crate::manifest::{PackageAvailability, PathLine};
use crate::paths::{Paths, original};
use crate::rebuild::Facts;
use crate::store::{Generation, Store, StoreError};

/// How much is read at a time.
const PIECE: usize = 128 << 10;

/// A path that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path.
    pub path: PathBuf,
    /// What is different.
    pub what: String,
    /// Why.
    pub cause: Cause,
}

/// Why something is not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The plan said so.
    Announced,
    /// The machine changed since the snapshot was made.
    ChangedSince,
    /// There is none to be seen.
    Unexplained,
}

/// Compares the system in `root` of `scratch` with the one in `live`, as far as the generation knows what was there.
pub(super) fn compare(
    store: &Store,
    generation: &Generation,
    facts: &Facts,
    live: &Path,
    scratch: &Path,
    system: &System,
) -> Result<Vec<Difference>, DrillError> {
    let live = fs_err::canonicalize(live).map_err(StoreError::from)?;
    let made = scratch.join("root");
    let interrupt = &system.interrupt;
    let ours = [scratch.to_owned(), store.path().to_owned()];
    let found = [walk(&live, facts, &ours, interrupt)?, walk(&made, facts, &[], interrupt)?];
    let mut comparing = Comparing {
        attributes: Attributes::new(),
        buffers: [vec![0; PIECE], vec![0; PIECE]],
        first_names: [HashMap::new(), HashMap::new()],
    };
    let mut paths = Paths::of(store, generation, interrupt)?;
    let mut told = paths.next_path()?;
    let mut differences = Vec::new();
    let mut sides = [Side::new(&live, &found[0]), Side::new(&made, &found[1])];
    while let Some(path) = first(&mut sides) {
        interrupt.check()?;
        let pair = sides.each_mut().map(|side| side.take(&path));
        while told.as_ref().is_some_and(|told| order(&told.entry.path, &path) == Ordering::Less) {
            told = paths.next_path()?;
        }
        let known = told.as_ref().filter(|told| told.entry.path == path);
        let whats = match pair {
            [Some(_), None] => vec!["it is missing in the new system"],
            [None, Some(_)] => vec!["it is only in the new system"],
            [Some(a), Some(b)] => comparing.aspects(&path, a, b).map_err(StoreError::from)?,
            [None, None] => continue,
        };
        if !whats.is_empty() {
            let cause = cause(pair[0], known, facts);
            differences.push(Difference { path, what: whats.join(", "), cause });
        }
    }
    Ok(differences)
}

/// Everything of which the generation knows whether it was there.
fn walk(
    root: &Path,
    facts: &Facts,
    never_enter: &[PathBuf],
    interrupt: &Interrupt,
) -> Result<Fileset, DrillError> {
    let here = |path: &PathBuf| root.join(relative(path));
    let not_entered = facts.header.not_entered.iter().flatten().map(here).collect();
    let exclude = Exclude::new(not_entered, &[], &[]).map_err(unusable)?;
    let mut filesets = Vec::new();
    for place in facts.header.roots.iter().map(here) {
        if !fs_err::symlink_metadata(&place).is_ok_and(|found| found.is_dir()) {
            continue;
        }
        let selection = Selection {
            root: &place,
            ignore_file: None,
            exclude: &exclude,
            link_depth: 0,
            dereference: false,
            one_file_system: false,
            exclude_caches: false,
            never_enter,
        };
        filesets.push(select_with_places(&selection, interrupt).map_err(unusable)?);
    }
    Ok(Fileset::join(filesets))
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> DrillError {
    StoreError::from(io::Error::other(error)).into()
}

fn order(a: &Path, b: &Path) -> Ordering {
    compare_paths(a.as_os_str().as_bytes(), b.as_os_str().as_bytes())
}

/// What is in one of the systems and was not compared yet.
struct Side<'f> {
    rest: std::iter::Peekable<Box<dyn Iterator<Item = (PathBuf, Found<'f>)> + 'f>>,
}

/// A path as it is in one of the systems.
#[derive(Clone, Copy)]
struct Found<'f> {
    place: &'f Path,
    metadata: &'f Metadata,
}

impl<'f> Side<'f> {
    fn new(root: &'f Path, found: &'f Fileset) -> Self {
        // Sockets are for the programs that make them.
        let all = found.iter().filter(|found| found.metadata.kind != Kind::Socket);
        let named = all.filter_map(|found| {
            let path = original(root, found.path)?.into_owned();
            Some((path, Found { place: found.path, metadata: found.metadata }))
        });
        let named: Box<dyn Iterator<Item = _>> = Box::new(named);
        Self { rest: named.peekable() }
    }

    fn take(&mut self, path: &Path) -> Option<Found<'f>> {
        self.rest.next_if(|(found, _)| found == path).map(|(_, found)| found)
    }
}

/// The first path that is in any.
fn first(sides: &mut [Side<'_>; 2]) -> Option<PathBuf> {
    let heads = sides.iter_mut().filter_map(|side| side.rest.peek().map(|(path, _)| path));
    heads.min_by(|a, b| order(a, b)).cloned()
}

struct Comparing {
    attributes: Attributes,
    buffers: [Vec<u8>; 2],
    /// The first names of files that have several, on either side.
    first_names: [HashMap<(u64, u64), PathBuf>; 2],
}

impl Comparing {
    /// In which respects a path is not the same.
    fn aspects(&mut self, path: &Path, a: Found<'_>, b: Found<'_>) -> io::Result<Vec<&'static str>> {
        let (x, y) = (a.metadata, b.metadata);
        if x.kind != y.kind {
            return Ok(vec!["it is of another kind"]);
        }
        let names = [self.first_name(0, path, x), self.first_name(1, path, y)];
        let attributes =
            [self.attributes.of(Place::Path(a.place))?, self.attributes.of(Place::Path(b.place))?];
        let is_other = match x.kind {
            Kind::File => x.size != y.size || !self.has_same_content(a, b)?,
            Kind::Symlink => link_target(a.place).ok() != link_target(b.place).ok(),
            Kind::Character | Kind::Block => x.rdev != y.rdev,
            _ => false,
        };
        Ok([
            (is_other, "it has another content"),
            (x.mode != y.mode && x.kind != Kind::Symlink, "it has another mode"),
            ((x.uid, x.gid) != (y.uid, y.gid), "it has another owner"),
            (x.modified != y.modified, "it has another time of change"),
            (attributes[0] != attributes[1], "it has other attributes"),
            (names[0] != names[1], "it is another name of another file"),
        ]
        .into_iter()
        .filter_map(|(differs, what)| differs.then_some(what))
        .collect())
    }

    /// The first name of a file that has several; else its own.
    fn first_name(&mut self, side: usize, path: &Path, metadata: &Metadata) -> PathBuf {
        if metadata.kind == Kind::Directory || metadata.links < 2 {
            return path.to_owned();
        }
        let first = self.first_names[side].entry(metadata.identity()).or_insert_with(|| path.to_owned());
        first.clone()
    }

    fn has_same_content(&mut self, a: Found<'_>, b: Found<'_>) -> io::Result<bool> {
        let open = |found: Found<'_>| Source::open(found.place, found.metadata).map_err(io::Error::other);
        let (a, b) = (open(a)?, open(b)?);
        let (mut a, mut b) = (a.file(), b.file());
        let [x, y] = &mut self.buffers;
        loop {
            let read = a.read(x)?;
            if read == 0 {
                return Ok(b.read(y)? == 0);
            }
            match b.read_exact(&mut y[..read]) {
                Ok(()) if x[..read] == y[..read] => {}
                Ok(()) => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Why a path is not the same. Nothing can be done to what is on a disk without its time of last change moving on.
fn cause(live: Option<Found<'_>>, known: Option<&PathLine>, facts: &Facts) -> Cause {
    let is_as_it_was = match (live, known) {
        (Some(live), Some(known)) => {
            (live.metadata.changed, live.metadata.inode) == (known.changed, known.inode)
        }
        (None, None) => true,
        _ => false,
    };
    let is_announced = known.is_some_and(|known| {
        let package = known.left_out.and_then(|left_out| facts.packages.get(left_out.package as usize));
        let comes_otherwise = package.is_some_and(|package| {
            package.available != PackageAvailability::SameVersion || package.database == "portage"
        });
        known.entry.flaw.is_some() || comes_otherwise
    });
    match (is_as_it_was, is_announced) {
        (_, true) => Cause::Announced,
        (false, false) => Cause::ChangedSince,
        (true, false) => Cause::Unexplained,
    }
}
