//! The manifest of a generation that `rsync` writes. It is like that of a local store, without digests of what is in the tree: its
//! content is only read by `rsync`.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use redcedar_archive::manifest::{Entry as Described, Flaw};
use redcedar_archive::select::{SelectError, select_path};
use redcedar_archive::writer::{Attributes, Place};
use redcedar_archive::{Kind, Metadata, Timestamp};
use redcedar_system::{Accounts, account, escape};

use crate::Name;
use crate::manifest::{Header, LeftOut, Line, ManifestWriter, PathLine, Summary};
use crate::select::{Choice, Entry, Fate};

/// When a generation is made, by which name, and by whom.
pub(super) struct Making<'a> {
    pub(super) name: &'a Name,
    pub(super) now: &'a jiff::Zoned,
    pub(super) is_by_root: bool,
}

/// Everything that is known of a generation.
pub(super) fn of(choice: &Choice, making: &Making<'_>) -> io::Result<Vec<u8>> {
    let header = Header {
        generation: making.name.to_string(),
        host: account::host_name(),
        time: making.now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        began: Timestamp { seconds: making.now.timestamp().as_second(), nanoseconds: 0 },
        is_by_root: making.is_by_root,
        program: concat!("redcedar ", env!("CARGO_PKG_VERSION")).to_owned(),
        roots: choice.roots().to_vec(),
        not_entered: Some(choice.not_entered()),
    };
    let mut writer = ManifestWriter::create(Vec::new(), &header)?;
    let mut summary = Summary::default();
    if let Some(problem) = writer.inventory(choice.inventory())? {
        writer.line(&Line::Problem(problem))?;
        summary.problems += 1;
    }
    let mut describing =
        Describing { accounts: Accounts::new(), attributes: Attributes::new(), names: HashMap::new() };
    for entry in choice.iter() {
        let line = match describing.line(&entry) {
            Ok(line) => line,
            Err(error) if is_gone(&error) => continue,
            Err(error) => {
                let path = escape::display(entry.path);
                writer.line(&Line::Problem(format!(
                    "{path} could not be looked at after it was copied: {error}"
                )))?;
                summary.problems += 1;
                continue;
            }
        };
        if line.left_out.is_some() {
            summary.left_out += 1;
        } else if line.entry.kind != Kind::Socket {
            summary.paths += 1;
            summary.bytes += if line.entry.hard_link.is_none() { line.entry.size } else { 0 };
        }
        writer.path(&line)?;
    }
    for missing in choice.missing() {
        writer.line(&Line::Missing { path: missing.path.clone(), package: missing.package.index() })?;
    }
    for problem in choice.problems() {
        writer.line(&Line::Problem(problem.to_string()))?;
        summary.problems += 1;
    }
    writer.finish(summary)
}

struct Describing<'c> {
    accounts: Accounts,
    attributes: Attributes,
    /// The first name of each file that has several.
    names: HashMap<(u64, u64), &'c Path>,
}

impl<'c> Describing<'c> {
    /// What is saved as it is now, after it was copied. A file that changed since it was chosen may have been copied before or
    /// after.
    fn line(&mut self, entry: &Entry<'c>) -> io::Result<PathLine> {
        let (metadata, left_out) = match entry.fate {
            Fate::Save(_) => (now(entry.path)?, None),
            Fate::LeaveOut { package, digest } => {
                (*entry.metadata, Some(LeftOut { package: package.index(), digest }))
            }
        };
        let mut described = Described::of(entry.path, &metadata, &self.accounts);
        let has_changed = metadata.changed != entry.metadata.changed;
        described.flaw = (has_changed && metadata.kind == Kind::File).then_some(Flaw::Changed);
        if metadata.kind == Kind::Symlink {
            described.link = Some(fs_err::read_link(entry.path)?);
        }
        if metadata.kind != Kind::Directory && metadata.links > 1 && left_out.is_none() {
            let first = *self.names.entry(metadata.identity()).or_insert(entry.path);
            described.hard_link = (first != entry.path).then(|| first.to_owned());
        }
        Ok(PathLine {
            entry: described,
            changed: metadata.changed,
            inode: metadata.inode,
            attributes: self.attributes.of(Place::Path(entry.path))?,
            left_out,
        })
    }
}

/// What is at a path now.
fn now(path: &Path) -> io::Result<Metadata> {
    let selected = select_path(path).map_err(|error| match error {
        SelectError::Unreadable { source, .. } => source,
        // A directory on the way is none any more.
        other => io::Error::new(io::ErrorKind::NotFound, other),
    })?;
    let found = selected.iter().next().map(|found| *found.metadata);
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether a path is no longer there; a link that is something else by now is not, either.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput
    )
}
