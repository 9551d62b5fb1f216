//! What is to be done with each path, from what was chosen and what the previous manifest says.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use redcedar_archive::select::compare_paths;
use redcedar_archive::writer::AttributeList;
use redcedar_archive::{Kind, Metadata, Timestamp};

use crate::manifest::{ManifestError, ManifestReader, PathLine};
use crate::select::{Choice, Fate};

/// Changes within this many seconds of the beginning of a run may not show in times.
const TICK: i64 = 2;

/// What is to be done with a path.
#[derive(Debug)]
pub(super) enum Step {
    /// It is not in the tree: packages bring it back, or programs.
    Pass,
    /// A directory.
    Directory,
    /// It did not change since the previous generation.
    Link(Box<Known>),
    /// It may not have changed: its content decides.
    Compare(Box<Known>),
    /// It may be a file that had another name: its content decides.
    Moved(Box<Moved>),
    /// It is new, or did change.
    Copy,
    /// It is a further name of the file at this place of the choice.
    HardLink(usize),
}

/// What the previous manifest says of a path.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) link: Option<PathBuf>,
    pub(super) attributes: AttributeList,
}

/// A file that had another name.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) from: PathBuf,
    pub(super) known: Known,
}

/// One step for each path of the choice.
///
/// # Errors
/// When the previous manifest is damaged.
pub(super) fn plan<R: Read>(
    choice: &Choice,
    previous: Option<&mut ManifestReader<R>>,
) -> Result<Vec<Step>, ManifestError> {
    let mut previous = previous.map(Previous::new).transpose()?;
    let mut first_names = HashMap::new();
    let mut steps = Vec::with_capacity(choice.iter().len());
    for (index, entry) in choice.iter().enumerate() {
        let line = match &mut previous {
            Some(previous) => previous.find(entry.path.as_os_str().as_bytes())?,
            None => None,
        };
        let is_saved = matches!(entry.fate, Fate::Save(_));
        steps.push(match entry.metadata.kind {
            _ if !is_saved => Step::Pass,
            Kind::Socket => Step::Pass,
            Kind::Directory => Step::Directory,
            _ if entry.metadata.links > 1 => {
                let first = *first_names.entry(entry.metadata.identity()).or_insert(index);
                if first == index { step(entry.metadata, line) } else { Step::HardLink(first) }
            }
            _ => step(entry.metadata, line),
        });
    }
    if let Some(previous) = previous {
        find_moved(choice, &mut steps, previous.finish()?);
    }
    Ok(steps)
}

/// Finds files that had other names: those with inode, size, time, mode and owner of a file whose name is gone.
fn find_moved(choice: &Choice, steps: &mut [Step], gone: Vec<PathLine>) {
    let mut by_inode: HashMap<u64, Vec<PathLine>> = HashMap::new();
    for line in gone {
        by_inode.entry(line.inode).or_default().push(line);
    }
    for (entry, step) in choice.iter().zip(steps) {
        let metadata = entry.metadata;
        if !matches!(step, Step::Copy) || metadata.kind != Kind::File || metadata.links > 1 {
            continue;
        }
        let Some(lines) = by_inode.get_mut(&metadata.inode) else { continue };
        // On several file systems the same number means several files.
        if lines.len() == 1
            && let Some(line) = lines.pop_if(|line| is_same(metadata, line))
        {
            let PathLine { entry, attributes, .. } = line;
            let known = Known { sha256: entry.sha256, link: None, attributes };
            *step = Step::Moved(Box::new(Moved { from: entry.path, known }));
        }
    }
}

fn step(metadata: &Metadata, line: Option<(Box<PathLine>, Timestamp)>) -> Step {
    let Some((line, began)) = line.filter(|(line, _)| is_same(metadata, line)) else { return Step::Copy };
    let is_untouched = line.changed == metadata.changed
        && line.inode == metadata.inode
        && metadata.changed.seconds < began.seconds - TICK;
    let PathLine { entry, attributes, .. } = *line;
    let known = Box::new(Known { sha256: entry.sha256, link: entry.link, attributes });
    match metadata.kind {
        _ if is_untouched => Step::Link(known),
        Kind::File => Step::Compare(known),
        _ => Step::Copy,
    }
}

/// Whether a file can share its inode with that of the previous generation, if its content is the same.
fn is_same(metadata: &Metadata, line: &PathLine) -> bool {
    let entry = &line.entry;
    line.left_out.is_none()
        && entry.flaw.is_none()
        && entry.hard_link.is_none()
        && (entry.kind != Kind::File || entry.sha256.is_some())
        && entry.kind == metadata.kind
        && (entry.kind != Kind::File || entry.size == metadata.size)
        && entry.mode == u32::from(metadata.mode)
        && (entry.uid, entry.gid) == (metadata.uid, metadata.gid)
        && entry.modified == metadata.modified
        && entry.rdev.is_none_or(|(major, minor)| major << 20 | minor == metadata.rdev)
}

/// The paths of a manifest, asked for in order.
struct Previous<'m, R: Read> {
    reader: &'m mut ManifestReader<R>,
    next: Option<Box<PathLine>>,
    /// Files that nobody asked for.
    gone: Vec<PathLine>,
}

impl<'m, R: Read> Previous<'m, R> {
    fn new(reader: &'m mut ManifestReader<R>) -> Result<Self, ManifestError> {
        let next = reader.next_path()?;
        Ok(Self { reader, next, gone: Vec::new() })
    }

    /// The line of a path, and when its run began. Paths must come in canonical order.
    fn find(&mut self, path: &[u8]) -> Result<Option<(Box<PathLine>, Timestamp)>, ManifestError> {
        while let Some(line) = self.next.take() {
            match compare_paths(line.entry.path.as_os_str().as_bytes(), path) {
                Ordering::Less => {
                    self.pass(line);
                    self.next = self.reader.next_path()?;
                }
                Ordering::Equal => {
                    self.next = self.reader.next_path()?;
                    return Ok(Some((line, self.reader.header().began)));
                }
                Ordering::Greater => {
                    self.next = Some(line);
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    fn pass(&mut self, line: Box<PathLine>) {
        if line.entry.kind == Kind::File && line.left_out.is_none() && line.entry.size > 0 {
            self.gone.push(*line);
        }
    }

    /// Reads to the end, and gives out the files that nobody asked for.
    fn finish(mut self) -> Result<Vec<PathLine>, ManifestError> {
        while let Some(line) = self.next.take() {
            self.pass(line);
            self.next = self.reader.next_path()?;
        }
        Ok(self.gone)
    }
}
