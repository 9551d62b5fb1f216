//! What an item was on a day: which paths there were, and where the content of each is stored.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Weekday};
use redcedar_archive::Kind;
use redcedar_archive::manifest::{Entry, Flaw, Line};
use redcedar_archive::reader::{Member, MemberKind};
use redcedar_system::{Interrupt, Interrupted, escape};

use crate::chain::{self, Caveat, Chain, Facts};
use crate::layer::{self, Layer, Manifest};
use crate::path::{clean, concerns};
use crate::report::Failure;
use crate::scan::{Scan, scan};
use crate::source::StoredItem;

/// The paths of one or several items on a day.
#[derive(Debug, Default)]
pub struct Tree {
    /// By absolute path.
    pub nodes: HashMap<PathBuf, Node>,
    /// The archives that hold the content.
    pub layers: Vec<Layer>,
    /// What has to be said about the chain.
    pub caveats: Vec<Caveat>,
    /// What else has to be said.
    pub warnings: Vec<String>,
    /// What cannot be brought back, known before anything is tried.
    pub failures: Vec<Failure>,
}

/// One path.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is. Its own `path` is empty: the path is the key.
    pub entry: Entry,
    /// The day it was stored.
    pub layer: usize,
    /// Where the member is that holds its content; for a further name of a file, the member of the first name. None when
    /// it is not stored.
    pub content: Option<Content>,
}

/// Where content is. Two nodes with the same content are two names of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Content {
    /// In which layer.
    pub layer: usize,
    /// Where reading the member begins in the uncompressed archive.
    pub offset: u64,
    /// How much of the data is there, if not all of it.
    pub available: Option<u64>,
}

/// Builds what the last of `history` was: the `wanted` paths with what is below them and the directories they are in, or
/// everything if there are none.
///
/// # Errors
/// When interrupted. What cannot be read is among the warnings and failures of the tree.
pub fn build(
    history: &[&StoredItem],
    wanted: &[PathBuf],
    starting_day: Option<Weekday>,
    interrupt: &Interrupt,
) -> Result<Tree, Interrupted> {
    let mut builder = Builder { wanted, tree: Tree::default(), slots: HashMap::new() };
    let (chain, mut manifests) = builder.read_manifests(history, starting_day, interrupt)?;
    builder.tree.caveats = chain.caveats;
    for place in chain.links {
        interrupt.check()?;
        let item = history[place];
        match (manifests.remove(&place), &item.archive) {
            (Some(manifest), _) => builder.apply_manifest(item, manifest),
            (None, Some((file, compression))) => {
                let scan = scan(file, *compression, interrupt)?;
                builder.apply_scan(item, scan);
            }
            (None, None) => {}
        }
    }
    Ok(builder.finish())
}

impl Tree {
    /// Adds what another item has; a path in both is taken from the later day.
    pub fn merge(&mut self, other: Self) {
        let shift = self.layers.len();
        self.layers.extend(other.layers);
        for (path, mut node) in other.nodes {
            node.layer += shift;
            if let Some(content) = &mut node.content {
                content.layer += shift;
            }
            let date = |layer: usize, layers: &[Layer]| layers.get(layer).map(|layer| layer.date);
            let newer = self
                .nodes
                .get(&path)
                .is_none_or(|present| date(present.layer, &self.layers) < date(node.layer, &self.layers));
            if newer {
                self.nodes.insert(path, node);
            }
        }
        self.caveats.extend(other.caveats);
        self.warnings.extend(other.warnings);
        self.failures.extend(other.failures);
    }

    /// The day a path was stored.
    pub fn date(&self, node: &Node) -> Option<Date> {
        self.layers.get(node.layer).map(|layer| layer.date)
    }
}

struct Builder<'w> {
    wanted: &'w [PathBuf],
    tree: Tree,
    slots: HashMap<PathBuf, Slot>,
}

/// What the newest layer that mentions a path says about it.
struct Slot {
    layer: usize,
    /// None: it is gone.
    node: Option<Node>,
}

impl Builder<'_> {
    /// Finds the chain and reads its manifests. A manifest that is not to be believed may change the chain.
    fn read_manifests(
        &mut self,
        history: &[&StoredItem],
        starting_day: Option<Weekday>,
        interrupt: &Interrupt,
    ) -> Result<(Chain, HashMap<usize, Manifest>), Interrupted> {
        let dates: Vec<_> = history.iter().map(|item| item.date).collect();
        let mut rejected: HashSet<usize> = HashSet::new();
        let mut facts: HashMap<usize, Option<Facts>> = HashMap::new();
        let mut manifests = HashMap::new();
        loop {
            let chain = chain::plan(
                &dates,
                |place| {
                    if rejected.contains(&place) {
                        return None;
                    }
                    let read = || {
                        let manifest = history[place].manifest.as_ref()?;
                        layer::read_header(manifest).ok().as_ref().map(Facts::from)
                    };
                    facts.entry(place).or_insert_with(read).clone()
                },
                starting_day,
            );
            let mut changed = false;
            for place in &chain.links {
                interrupt.check()?;
                if rejected.contains(place) || manifests.contains_key(place) {
                    continue;
                }
                match Manifest::read(history[*place], self.wanted) {
                    Ok(Some(manifest)) => {
                        manifests.insert(*place, manifest);
                    }
                    Ok(None) => {}
                    Err(reason) => {
                        self.reject(history[*place], &reason);
                        rejected.insert(*place);
                        changed = true;
                    }
                }
            }
            if !changed {
                return Ok((chain, manifests));
            }
        }
    }

    fn reject(&mut self, item: &StoredItem, reason: &str) {
        let name = escape::display(&item.name);
        let consequence = if item.archive.is_some() { "the archive alone counts" } else { "nothing is left" };
        let date = item.date;
        self.tree
            .warnings
            .push(format!("the manifest of {name} of {date} is ignored: {reason}; {consequence}"));
    }

    fn apply_manifest(&mut self, item: &StoredItem, manifest: Manifest) {
        let layer = self.tree.layers.len();
        let firsts = self.first_names(&manifest.lines);
        self.tree.layers.push(Layer::new(item, Some(&manifest.trailer), manifest.offsets));
        if item.archive.is_none() && manifest.trailer.archive_size.is_some() {
            self.tree.warnings.push(format!(
                "the archive of {} of {} is missing",
                escape::display(&item.name),
                item.date
            ));
        }
        for line in manifest.lines {
            match line {
                Line::Gone(path) if concerns(&path, self.wanted) => {
                    self.slots.insert(path, Slot { layer, node: None });
                }
                Line::Present(entry)
                    if concerns(&entry.path, self.wanted) || firsts.contains(&entry.path) =>
                {
                    self.present(layer, entry, item.date);
                }
                Line::Gone(_) | Line::Present(_) => {}
            }
        }
    }

    /// The names under which the content of wanted further names is stored.
    fn first_names(&self, lines: &[Line]) -> HashSet<PathBuf> {
        let first = |line: &Line| match line {
            Line::Present(Entry { path, hard_link: Some(first), .. }) if concerns(path, self.wanted) => {
                Some(first.clone())
            }
            _ => None,
        };
        if self.wanted.is_empty() { HashSet::new() } else { lines.iter().filter_map(first).collect() }
    }

    fn present(&mut self, layer: usize, mut entry: Entry, date: Date) {
        let path = match clean(entry.path.as_os_str().as_bytes()) {
            Ok(path) => path,
            Err(reason) => {
                self.tree.failures.push(Failure { path: entry.path, reason: reason.to_owned() });
                return;
            }
        };
        entry.path = PathBuf::new();
        let content = match &entry.hard_link {
            None => entry.offset.map(|offset| Content { layer, offset, available: None }),
            Some(first) => self.content_of(layer, first),
        };
        if entry.flaw == Some(Flaw::Unreadable)
            && let Some(Slot { node: Some(old), .. }) = self.slots.get(&path)
            && old.content.is_some()
        {
            let old_date = self.tree.layers[old.layer].date;
            let path = escape::display(&path);
            let text =
                format!("{path} could not be read on {date}; what was stored on {old_date} takes its place");
            self.tree.warnings.push(text);
            return;
        }
        self.slots.insert(path, Slot { layer, node: Some(Node { entry, layer, content }) });
    }

    /// Where the content of another name of the same layer is.
    fn content_of(&self, layer: usize, first: &Path) -> Option<Content> {
        let slot = self.slots.get(first).filter(|slot| slot.layer == layer)?;
        slot.node.as_ref()?.content
    }

    fn apply_scan(&mut self, item: &StoredItem, scan: Scan) {
        let layer = self.tree.layers.len();
        let offsets = scan.members.iter().map(|scanned| scanned.member.offset).collect();
        self.tree.layers.push(Layer::new(item, None, offsets));
        let archive = item.archive.as_ref().map(|(file, _)| escape::display(file.path()).to_string());
        let archive = archive.unwrap_or_default();
        for damage in scan.damages {
            self.tree.failures.push(Failure { path: PathBuf::new(), reason: format!("{archive}: {damage}") });
        }
        for scanned in scan.members {
            let content = Content { layer, offset: scanned.member.offset, available: scanned.available };
            if let Err(reason) = self.member(layer, &scanned.member, content) {
                self.tree
                    .failures
                    .push(Failure { reason: format!("{archive}: {}", reason.reason), ..reason });
            }
        }
    }

    fn member(&mut self, layer: usize, member: &Member, mut content: Content) -> Result<(), Failure> {
        let raw = || PathBuf::from(OsStr::from_bytes(&member.path));
        let fail = |reason: &str| Failure { path: raw(), reason: reason.to_owned() };
        let path = clean(&member.path).map_err(fail)?;
        let mut entry =
            entry_of(member).ok_or_else(|| fail("it is of a kind that cannot be brought back"))?;
        if member.kind == MemberKind::HardLink {
            let first = clean(&member.link).map_err(|_| fail("it is another name of something outside"))?;
            let slot = self.slots.get(&first).filter(|slot| slot.layer == layer);
            let node = slot.and_then(|slot| slot.node.as_ref());
            let (Some(node), Some(found)) = (node, node.and_then(|node| node.content)) else {
                return Err(fail(&format!(
                    "it is another name of {}, which is not in the archive",
                    escape::display(&first)
                )));
            };
            (entry.kind, entry.size, entry.link) =
                (node.entry.kind, node.entry.size, node.entry.link.clone());
            entry.rdev = node.entry.rdev;
            content = found;
        }
        self.slots.insert(path, Slot { layer, node: Some(Node { entry, layer, content: Some(content) }) });
        Ok(())
    }

    fn finish(mut self) -> Tree {
        let dropped = self.conflicts();
        for (path, slot) in self.slots {
            if let Some(node) = slot.node
                && !dropped.contains(&path)
            {
                self.tree.nodes.insert(path, node);
            }
        }
        self.tree
    }

    /// Paths that cannot be there because of others. Nothing can be below what is no directory: the newer one is right. In
    /// one archive, the original stores files below a linked root behind the link itself; there the files count.
    fn conflicts(&mut self) -> HashSet<PathBuf> {
        let mut dropped = HashSet::new();
        for (path, slot) in &self.slots {
            if slot.node.is_none() {
                continue;
            }
            for ancestor in path.ancestors().skip(1) {
                let Some(above) = self.slots.get(ancestor) else { continue };
                if above.node.as_ref().is_some_and(|node| node.entry.kind == Kind::Directory) {
                    continue;
                }
                if above.layer > slot.layer {
                    dropped.insert(path.clone());
                } else if let Some(node) = &above.node
                    && dropped.insert(ancestor.to_owned())
                    && above.layer == slot.layer
                {
                    self.tree.warnings.push(stored_through(ancestor, &node.entry));
                }
            }
        }
        dropped
    }
}

fn stored_through(path: &Path, entry: &Entry) -> String {
    let path = escape::display(path);
    match &entry.link {
        Some(target) => format!(
            "{path} was a link to {}, and files were stored through it: it becomes a directory",
            escape::display(target)
        ),
        None => format!("{path} was no directory, but files were stored below it: it becomes one"),
    }
}

/// What a manifest would say about a member. Nothing for what cannot be recreated.
pub(crate) fn entry_of(member: &Member) -> Option<Entry> {
    let kind = match member.kind {
        MemberKind::File | MemberKind::HardLink => Kind::File,
        MemberKind::Symlink => Kind::Symlink,
        MemberKind::Character => Kind::Character,
        MemberKind::Block => Kind::Block,
        MemberKind::Directory => Kind::Directory,
        MemberKind::Fifo => Kind::Fifo,
        MemberKind::Other(_) => return None,
    };
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().filter(|name| !name.is_empty());
    let link = || PathBuf::from(OsStr::from_bytes(&member.link));
    Some(Entry {
        path: PathBuf::new(),
        kind,
        size: member.size,
        mode: member.mode,
        uid: u32::try_from(member.uid).ok()?,
        gid: u32::try_from(member.gid).ok()?,
        user: name(&member.user),
        group: name(&member.group),
        modified: member.modified,
        link: (kind == Kind::Symlink).then(link),
        hard_link: None,
        rdev: matches!(kind, Kind::Character | Kind::Block).then_some(member.rdev),
        sha256: None,
        offset: Some(member.offset),
        flaw: None,
    })
}
