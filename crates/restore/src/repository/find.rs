//! Finding what is stored of a repository.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use jiff::civil::Date;
use redcedar_archive::naming;
use redcedar_archive::repository::snapshot::{FileName, Kind, Part};
use redcedar_archive::repository::svndump::DumpName;
use redcedar_system::escape;

use super::bundles::Chain;
use super::dumps::{self, Dump};
use super::{RepositoryError, RepositoryReport};
use crate::source::{Source, StoredFile};

/// A file, and the first day on which it was stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) date: Date,
    pub(crate) file: StoredFile,
}

/// A repository that can be brought back.
#[derive(Debug)]
pub(super) enum Found {
    /// By loading dumps.
    Subversion { repository: OsString, chain: Vec<Dump<StoredFile>> },
    /// By loading bundles.
    Bundles { chain: Chain },
}

/// Everything that is stored of one repository.
#[derive(Debug)]
enum Files {
    Dumps(Vec<Dump<StoredFile>>),
    Bundles(Vec<(FileName, Part, Stored)>),
}

/// Finds a repository by its path or normalised path, and what makes it up.
pub(super) fn find(
    source: &Source,
    peer: &OsStr,
    wanted: &OsStr,
    as_of: Option<Date>,
) -> Result<Found, RepositoryError> {
    let mut all = stored(source, peer, as_of);
    let name =
        |(kind, repository): &(&'static str, OsString)| format!("{kind} {}", escape::display(repository));
    let called = |wanted: OsString| -> Option<Vec<_>> {
        let meant: Vec<_> = all.keys().filter(|(_, repository)| *repository == wanted).cloned().collect();
        (!meant.is_empty()).then_some(meant)
    };
    let meant = naming::names(wanted).into_iter().find_map(called).unwrap_or_default();
    let shown = || escape::display(wanted).to_string();
    let key = match &meant[..] {
        [one] => one,
        [] => {
            let known = all.keys().map(name).collect();
            return Err(RepositoryError::Unknown { wanted: shown(), as_of, known });
        }
        several => {
            let candidates = several.iter().map(name).collect();
            return Err(RepositoryError::Ambiguous { wanted: shown(), candidates });
        }
    };
    match all.remove(key) {
        Some(Files::Dumps(found)) => {
            let chain = dumps::chain(found).map_err(|broken| RepositoryError::Gap(broken.to_string()))?;
            Ok(Found::Subversion { repository: key.1.clone(), chain })
        }
        Some(Files::Bundles(found)) => Ok(Found::Bundles { chain: Chain::new(&found)? }),
        None => Err(RepositoryError::Unknown { wanted: shown(), as_of, known: Vec::new() }),
    }
}

/// What is stored of each repository, by kind and normalised path. What is stored on several days counts on the first.
fn stored(source: &Source, peer: &OsStr, as_of: Option<Date>) -> BTreeMap<(&'static str, OsString), Files> {
    let mut all = BTreeMap::new();
    let days = source.days().iter().filter(|day| as_of.is_none_or(|as_of| day.date <= as_of));
    for day in days {
        let peers = day.peers.iter().filter(|present| present.name == peer);
        for (file, _) in peers.flat_map(|peer| &peer.others) {
            let name = file.path().file_name().unwrap_or_default();
            if let Some((DumpName { first, last, repository, .. }, _)) = DumpName::parse(name) {
                let files = all.entry(("subversion", repository)).or_insert_with(|| Files::Dumps(Vec::new()));
                let Files::Dumps(dumps) = files else { continue };
                if !dumps
                    .iter()
                    .any(|dump| (dump.first, dump.last) == (first, last) && dump.file.size() == file.size())
                {
                    dumps.push(Dump { first, last, date: day.date, file: file.clone() });
                }
            } else if let Some((name, part)) = FileName::parse(name) {
                let key = (word(name.kind), name.repository.clone());
                let Files::Bundles(bundles) = all.entry(key).or_insert_with(|| Files::Bundles(Vec::new()))
                else {
                    continue;
                };
                if !bundles.iter().any(|(known, known_part, _)| (known, *known_part) == (&name, part)) {
                    bundles.push((name, part, Stored { date: day.date, file: file.clone() }));
                }
            }
        }
    }
    all
}

/// The repositories of which something is stored, each with the bytes of all that is.
pub(crate) fn names(source: &Source, peer: &OsStr, as_of: Option<Date>) -> Vec<(OsString, u64)> {
    let size = |files: &Files| match files {
        Files::Dumps(dumps) => dumps.iter().map(|dump| dump.file.size()).sum::<u64>(),
        Files::Bundles(bundles) => bundles.iter().map(|(_, _, stored)| stored.file.size()).sum(),
    };
    let all = stored(source, peer, as_of).into_iter();
    all.map(|((_, repository), files)| (repository, size(&files))).collect()
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Git => "git",
        Kind::Mercurial => "mercurial",
    }
}

impl Found {
    /// The files that are read, oldest first.
    pub(super) fn files(&self) -> Box<dyn Iterator<Item = (Date, &StoredFile)> + '_> {
        match self {
            Self::Subversion { chain, .. } => Box::new(chain.iter().map(|dump| (dump.date, &dump.file))),
            Self::Bundles { chain } => {
                let newest = chain.iter().last().map(|backup| &backup.refs);
                let bundles = chain.iter().filter_map(|backup| backup.bundle.as_ref());
                Box::new(bundles.chain(newest).map(|stored| (stored.date, &stored.file)))
            }
        }
    }

    /// What is there to say before anything is read.
    pub(super) fn report(&self, peer: &OsStr) -> RepositoryReport {
        let (repository, kind, content) = match self {
            Self::Subversion { repository, chain } => {
                let last = chain.last().map_or(0, |dump| dump.last);
                (escape::display(repository).to_string(), "subversion", format!("revisions 0 to {last}"))
            }
            Self::Bundles { chain } => {
                let newest = chain.newest();
                let content = match newest.refs.len() {
                    1 => "1 ref".to_owned(),
                    count => format!("{count} refs"),
                };
                (newest.header.repository.clone(), word(newest.header.kind), content)
            }
        };
        let name =
            |file: &StoredFile| escape::display(file.path().file_name().unwrap_or_default()).to_string();
        RepositoryReport {
            peer: escape::display(peer).to_string(),
            repository,
            kind,
            content,
            files: self.files().map(|(date, file)| (date, name(file))).collect(),
            bytes: self.files().map(|(_, file)| file.size()).sum(),
        }
    }
}
