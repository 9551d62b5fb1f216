//! What a restore writes, in which order. Pure: from a tree and the wanted paths to lists.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use redcedar_archive::Kind;
use redcedar_system::escape;

use crate::path::stripped;
use crate::report::Failure;
use crate::tree::{Content, Node, Tree};

/// What is to be written. Directories come first, then the members of each archive in the order of the archive, then further
/// names, last the metadata of directories.
#[derive(Debug, Default)]
pub(crate) struct Plan<'t> {
    /// Parents before children.
    pub(crate) directories: Vec<Object<'t>>,
    /// For each layer, ordered by place in the archive.
    pub(crate) members: Vec<Vec<Member<'t>>>,
    /// Further names of files, each with the name that is written.
    pub(crate) links: Vec<(Object<'t>, &'t Path)>,
    /// What is not stored.
    pub(crate) missing: Vec<Failure>,
    /// Sockets, which nobody wants back.
    pub(crate) sockets: u64,
    /// How many objects are to be written.
    pub(crate) objects: u64,
    /// Bytes of content.
    pub(crate) bytes: u64,
}

/// A path and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'t> {
    pub(crate) path: &'t Path,
    pub(crate) node: &'t Node,
}

/// An object and where it is in its archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'t> {
    pub(crate) object: Object<'t>,
    pub(crate) content: Content,
}

/// Plans to write `paths`, with everything below them, or everything where there are none. The target leaves out the first
/// `strip` names of each.
pub(crate) fn plan<'t>(tree: &'t Tree, paths: &[PathBuf], strip: usize) -> Plan<'t> {
    let mut plan = Plan { members: vec![Vec::new(); tree.layers.len()], ..Plan::default() };
    let mut directories_in_archives = Vec::new();
    let nowhere = nowhere(tree, paths, strip, &mut plan.missing);
    for (path, node) in &tree.nodes {
        if !is_wanted(path, paths) || nowhere.contains(path.as_path()) {
            continue;
        }
        let object = Object { path, node };
        match (node.entry.kind, node.content) {
            (Kind::Socket, _) => plan.sockets += 1,
            (Kind::Directory, content) => {
                plan.directories.push(object);
                directories_in_archives.extend(content.map(|content| Member { object, content }));
            }
            (_, Some(content)) => plan.members[content.layer].push(Member { object, content }),
            (_, None) => plan.missing.push(not_stored(tree, object)),
        }
    }
    plan.objects =
        plan.directories.len() as u64 + plan.members.iter().map(|members| members.len() as u64).sum::<u64>();
    for members in &mut plan.members {
        members.sort_by_key(|member| {
            (member.content.offset, member.object.node.entry.hard_link.is_some(), member.object.path)
        });
        // Of several names of a file the first is written, the others become links to it.
        let mut first: Option<Member<'t>> = None;
        let links = &mut plan.links;
        members.retain(|member| match first {
            Some(first) if first.content == member.content => {
                links.push((member.object, first.object.path));
                false
            }
            _ => {
                first = Some(*member);
                true
            }
        });
        plan.bytes += members.iter().map(|member| member.object.node.entry.size).sum::<u64>();
    }
    for member in directories_in_archives {
        plan.members[member.content.layer].push(member);
    }
    for members in &mut plan.members {
        members.sort_by_key(|member| member.content.offset);
    }
    plan.directories.sort_by_key(|object| object.path);
    plan.links.sort_by_key(|(object, _)| object.path);
    plan.missing.sort_by(|a, b| a.path.cmp(&b.path));
    plan
}

/// What has no place below the target when so many names are left out. Of two that would have the same, the first has it.
fn nowhere<'t>(
    tree: &'t Tree,
    paths: &[PathBuf],
    strip: usize,
    missing: &mut Vec<Failure>,
) -> HashSet<&'t Path> {
    if strip == 0 {
        return HashSet::new();
    }
    let mut wanted: Vec<_> = tree.nodes.iter().filter(|(path, _)| is_wanted(path, paths)).collect();
    wanted.sort_by_key(|(path, _)| *path);
    let (mut nowhere, mut taken) = (HashSet::new(), HashMap::new());
    for (path, node) in wanted {
        let (place, is_directory) = (stripped(path, strip), node.entry.kind == Kind::Directory);
        let reason = if place.as_os_str().is_empty() {
            (!is_directory).then(|| format!("nothing is left of its path without its first {strip} names"))
        } else {
            let (first, is_first_directory) = *taken.entry(place).or_insert((path, is_directory));
            (first != path && !(is_directory && is_first_directory))
                .then(|| format!("{} has its place already", escape::display(first)))
        };
        if reason.is_some() || place.as_os_str().is_empty() {
            nowhere.insert(path.as_path());
        }
        missing.extend(reason.map(|reason| Failure { path: path.clone(), reason }));
    }
    nowhere
}

/// Those of `paths` that are not in the tree, neither themselves nor anything below them.
pub(crate) fn unknown<'p>(tree: &Tree, paths: &'p [PathBuf]) -> Vec<&'p PathBuf> {
    let known = |path: &&PathBuf| {
        tree.nodes.contains_key(*path) || tree.nodes.keys().any(|present| present.starts_with(path))
    };
    paths.iter().filter(|path| !known(path)).collect()
}

fn is_wanted(path: &Path, paths: &[PathBuf]) -> bool {
    paths.is_empty() || paths.iter().any(|wanted| path.starts_with(wanted))
}

fn not_stored(tree: &Tree, object: Object<'_>) -> Failure {
    let reason = match tree.date(object.node) {
        Some(date) => format!("it could not be stored on {date}"),
        None => "it is not stored".to_owned(),
    };
    Failure { path: object.path.to_owned(), reason }
}
