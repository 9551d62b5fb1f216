//! The paths of a generation: from its manifest, or from its tree where there is none.

use std::fs::File;
use std::path::Path;

use redcedar_archive::manifest::Entry;
use redcedar_archive::select::{Exclude, Fileset, SelectError, Selection, select_with_places};
use redcedar_archive::writer::{AttributeList, Attributes, Place, link_target};
use redcedar_archive::{Kind, Metadata};
use redcedar_system::{Accounts, Interrupt};

use crate::Name;
use crate::manifest::{ManifestReader, PathLine};
use crate::store::{Generation, Store, StoreError, damaged};

/// Paths in canonical order.
pub(crate) enum Paths {
    Told(Name, Box<ManifestReader<File>>),
    Walked(std::vec::IntoIter<PathLine>),
}

impl Paths {
    pub(crate) fn of(
        store: &Store,
        generation: &Generation,
        interrupt: &Interrupt,
    ) -> Result<Self, StoreError> {
        let name = &generation.name;
        if generation.has_manifest {
            return Ok(Self::Told(name.clone(), Box::new(store.manifest(name)?)));
        }
        let tree = store.tree(name);
        let walked = walk(&tree, interrupt).map_err(std::io::Error::other)?;
        Ok(Self::Walked(describe(&walked, &tree)?.into_iter()))
    }

    pub(crate) fn next_path(&mut self) -> Result<Option<PathLine>, StoreError> {
        match self {
            Self::Told(name, reader) => {
                let line = reader.next_path().map_err(|error| damaged(name, error))?;
                Ok(line.map(|line| *line))
            }
            Self::Walked(lines) => Ok(lines.next()),
        }
    }
}

/// Everything in a tree, itself included.
pub(crate) fn walk(tree: &Path, interrupt: &Interrupt) -> Result<Fileset, SelectError> {
    let exclude = Exclude::default();
    let selection = Selection {
        root: tree,
        ignore_file: None,
        exclude: &exclude,
        link_depth: 0,
        dereference: false,
        one_file_system: false,
        exclude_caches: false,
        never_enter: &[],
    };
    select_with_places(&selection, interrupt)
}

/// The path that a path in a tree was saved from.
pub(crate) fn original<'p>(tree: &Path, path: &'p Path) -> Option<std::borrow::Cow<'p, Path>> {
    let below = path.strip_prefix(tree).ok()?;
    Some(Path::new("/").join(below).into())
}

/// Lines as a manifest would have them, but for what nobody knows any more.
fn describe(walked: &Fileset, tree: &Path) -> std::io::Result<Vec<PathLine>> {
    let accounts = Accounts::new();
    let mut attributes = Attributes::new();
    let mut first_names = std::collections::HashMap::new();
    let mut lines = Vec::with_capacity(walked.len());
    for found in walked.iter() {
        let Some(path) = original(tree, found.path) else { continue };
        let metadata: &Metadata = found.metadata;
        let mut entry = Entry::of(&path, metadata, &accounts);
        if metadata.kind == Kind::Symlink {
            entry.link = Some(link_target(found.path).map_err(std::io::Error::other)?);
        }
        if metadata.kind != Kind::Directory && metadata.links > 1 {
            let first = first_names.entry(metadata.identity()).or_insert_with(|| path.to_path_buf());
            entry.hard_link = (*first != *path).then(|| first.clone());
        }
        let attributes: AttributeList = attributes.of(Place::Path(found.path))?;
        lines.push(PathLine {
            entry,
            changed: metadata.changed,
            inode: metadata.inode,
            attributes,
            left_out: None,
        });
    }
    Ok(lines)
}
