//! The manifest of a generation that `rsync` writes. It is like that of a local store, without digests of what is in the tree: its
//! content is only read by `rsync`.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use redcedar_archive::manifest::{Entry as Described, Flaw};
use redcedar_archive::select::select_path;
use redcedar_archive::writer::{Attributes, Place};
use redcedar_archive::{Kind, Timestamp};
use redcedar_system::{Accounts, account};

use crate::Name;
use crate::manifest::{Header, LeftOut, Line, ManifestWriter, PathLine, Summary};
use crate::select::{Choice, Entry, Fate};

/// When a generation is made, by which name, and by whom.
pub(super) struct Making<'a> {
    pub(super) name: &'a Name,
    pub(super) now: &'a jiff::Zoned,
    pub(super) roots: &'a [PathBuf],
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
        roots: making.roots.to_vec(),
    };
    let mut writer = ManifestWriter::create(Vec::new(), &header)?;
    for package in choice.inventory().packages() {
        writer.line(&Line::Package(package.into()))?;
    }
    let mut summary = Summary::default();
    let mut describing =
        Describing { accounts: Accounts::new(), attributes: Attributes::new(), names: HashMap::new() };
    for line in choice.iter().filter_map(|entry| describing.line(&entry)) {
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
    /// What is saved as it is now, after it was copied; nothing when it is gone. A file that changed since it was chosen may have
    /// been copied before or after.
    fn line(&mut self, entry: &Entry<'c>) -> Option<PathLine> {
        let (metadata, left_out) = match entry.fate {
            Fate::Save(_) => (*select_path(entry.path).ok()?.iter().next()?.metadata, None),
            Fate::LeaveOut { package, digest } => {
                (*entry.metadata, Some(LeftOut { package: package.index(), digest }))
            }
        };
        let mut described = Described::of(entry.path, &metadata, &self.accounts);
        let has_changed = metadata.changed != entry.metadata.changed;
        described.flaw = (has_changed && metadata.kind == Kind::File).then_some(Flaw::Changed);
        if metadata.kind == Kind::Symlink {
            described.link = fs_err::read_link(entry.path).ok();
        }
        if metadata.kind != Kind::Directory && metadata.links > 1 && left_out.is_none() {
            let first = *self.names.entry(metadata.identity()).or_insert(entry.path);
            described.hard_link = (first != entry.path).then(|| first.to_owned());
        }
        Some(PathLine {
            entry: described,
            changed: metadata.changed,
            inode: metadata.inode,
            // What is gone meanwhile has none.
            attributes: self.attributes.of(Place::Path(entry.path)).unwrap_or_default(),
            left_out,
        })
    }
}
