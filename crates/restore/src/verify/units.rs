//! What is proven at a time: an archive with its manifest, a bundle with its list of refs, any other file alone.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use redcedar_archive::repository::snapshot::{FileName, Part};
use redcedar_system::escape;

use super::proofs::{Proofs, Seen, Share};
use super::{Finding, Severity, VerifyRequest, name_of};
use crate::source::{PeerDay, Source, StoredFile};

/// Files that prove each other.
pub(super) struct Unit<'s> {
    date: Date,
    files: Vec<&'s StoredFile>,
}

impl<'s> Unit<'s> {
    /// Everything that is stored of a machine on a day.
    pub(super) fn of_peer(date: Date, peer: &'s PeerDay) -> Vec<Self> {
        let unit = |files: Vec<&'s StoredFile>| Self { date, files };
        let items = peer.items.iter().map(|item| {
            unit(item.archive.iter().map(|(file, _)| file).chain(item.manifest.as_ref()).collect())
        });
        let others = peer.others.iter().map(|(file, _)| file);
        let is_refs = |name: OsString| matches!(FileName::parse(&name), Some((_, Part::Refs)));
        let single = others.clone().filter(|file| bundle_refs(file).is_none_or(|refs| !has(peer, &refs)));
        let single = single.map(|file| {
            let bundle = others.clone().find(|bundle| bundle_refs(bundle) == Some(name_of(file)));
            unit([file].into_iter().chain(bundle.filter(|_| is_refs(name_of(file)))).collect())
        });
        items.chain(single).chain(peer.doubles.iter().map(|file| unit(vec![file]))).collect()
    }

    /// What it is known by.
    fn path(&self) -> &'s Path {
        self.files.first().map_or(Path::new(""), |file| file.path())
    }

    fn seen(&self) -> Seen {
        let modified = self.files.iter().map(|file| file.modified()).max().unwrap_or_default();
        Seen { size: self.files.iter().map(|file| file.size()).sum(), modified }
    }

    /// Whether it is one of those to look at.
    pub(super) fn is_among(&self, wanted: Option<&HashSet<PathBuf>>) -> bool {
        wanted.is_none_or(|wanted| wanted.contains(self.path()))
    }

    fn proven(&self, proofs: &Proofs) -> Option<Timestamp> {
        proofs.of(self.path(), self.seen())
    }

    /// Notes that it was read, and is proven unless one of `findings` says otherwise.
    pub(super) fn judge(&self, findings: &[Finding], proofs: &mut Proofs) {
        let pieces = self.files.iter().flat_map(|file| file.pieces());
        let pieces = pieces.map(|piece| piece.path.file_name().unwrap_or_default().to_owned());
        let names: HashSet<_> = pieces
            .chain(self.files.iter().map(|file| name_of(file)))
            .map(|name| escape::display(&name).to_string())
            .collect();
        let is_damaged =
            |finding: &Finding| finding.severity == Severity::Damage && names.contains(&finding.file);
        if findings.iter().any(is_damaged) {
            proofs.forget(self.path());
        } else {
            proofs.note(self.path(), self.seen());
        }
    }
}

/// The name of the list of refs of a bundle.
fn bundle_refs(file: &StoredFile) -> Option<OsString> {
    match FileName::parse(&name_of(file))? {
        (name, Part::Bundle) => Some(name.file_name(Part::Refs)),
        (_, Part::Refs) => None,
    }
}

fn has(peer: &PeerDay, name: &OsString) -> bool {
    peer.others.iter().any(|(file, _)| name_of(file) == *name)
}

/// Everything that a request is about.
pub(super) fn all<'s>(source: &'s Source, request: &VerifyRequest) -> Vec<Unit<'s>> {
    let days = source.days().iter().filter(|day| request.day.is_none_or(|wanted| wanted == day.date));
    days.flat_map(|day| day.peers.iter().map(|peer| (day.date, peer)))
        .filter(|(_, peer)| request.peer.as_ref().is_none_or(|wanted| *wanted == peer.name))
        .flat_map(|(date, peer)| Unit::of_peer(date, peer))
        .collect()
}

/// The files of the share whose proofs are oldest; what was never proven comes first.
pub(super) fn choose(mut units: Vec<Unit<'_>>, share: Share, proofs: &Proofs) -> HashSet<PathBuf> {
    units.sort_by_cached_key(|unit| (unit.proven(proofs), unit.date, unit.path().to_owned()));
    units.truncate(share.count(units.len()));
    units.iter().flat_map(|unit| &unit.files).map(|file| file.path().to_owned()).collect()
}

/// How old proofs are.
pub(super) fn ages(units: &[Unit<'_>], proofs: &Proofs) -> super::Ages {
    let proven = || units.iter().map(|unit| unit.proven(proofs));
    super::Ages {
        total: units.len() as u64,
        never: proven().filter(Option::is_none).count() as u64,
        oldest: proven().flatten().min(),
    }
}

/// Forgets proofs of what is no longer there.
pub(super) fn forget_gone(source: &Source, proofs: &mut Proofs) {
    let everything = all(source, &VerifyRequest::default());
    let there: HashSet<_> = everything.iter().map(Unit::path).collect();
    for root in source.roots() {
        proofs.retain(&root, |path| there.contains(path));
    }
}
