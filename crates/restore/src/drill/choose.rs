//! What is drilled: what was named, everything, or a choice that is another one every day.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use jiff::civil::Date;
use redcedar_archive::manifest::Mode;
use redcedar_system::escape;
use sha2::{Digest, Sha256};

use super::{DrillError, DrillRequest};
use crate::database::{Content, Wanted, newest};
use crate::layer::read_header;
use crate::source::{Source, StoredItem};
use crate::{mailbox, peer, repository, sqlite};

/// Something that can be restored on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A collected item, by its normalised name or its path.
    Item(OsString),
    /// Paths of a machine, with everything below them.
    Paths(Vec<PathBuf>),
    /// A dump of a database server.
    Database(Wanted),
    /// A repository.
    Repository(OsString),
    /// A SQLite database.
    Sqlite(OsString),
    /// A mailbox, or a directory of them.
    Mailbox(OsString),
}

impl Subject {
    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Item(_) | Self::Paths(_) => "files",
            Self::Database(_) => "database",
            Self::Repository(_) => "repository",
            Self::Sqlite(_) => "sqlite",
            Self::Mailbox(_) => "mailbox",
        }
    }

    /// What it is called.
    pub fn name(&self) -> String {
        match self {
            Self::Item(name) | Self::Repository(name) | Self::Sqlite(name) | Self::Mailbox(name) => {
                escape::display(name).to_string()
            }
            Self::Paths(paths) => {
                paths.iter().map(|path| escape::display(path).to_string()).collect::<Vec<_>>().join(", ")
            }
            Self::Database(wanted) => wanted.to_string(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}

/// How it is chosen what is drilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These.
    Named(Vec<Subject>),
    /// All there is.
    Everything,
    /// By chance, another choice every day, as long as what is stored of all of it has no more bytes.
    Random(u64),
}

/// Something that is to be drilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The machine.
    pub peer: OsString,
    /// What of it.
    pub subject: Subject,
    /// How many bytes have to be read for it, where that was asked.
    pub stored: u64,
}

/// Chooses, and says how much was not chosen.
pub(super) fn choose(
    source: &Source,
    request: &DrillRequest,
    today: Date,
) -> Result<(Vec<Chosen>, u64), DrillError> {
    let wanted = request.peer.as_deref();
    let limit = match &request.choice {
        Choice::Named(subjects) => {
            let peer = peer::choose(source, wanted)?;
            let chosen =
                |subject: &Subject| Chosen { peer: peer.clone(), subject: subject.clone(), stored: 0 };
            return Ok((subjects.iter().map(chosen).collect(), 0));
        }
        Choice::Everything => u64::MAX,
        Choice::Random(limit) => *limit,
    };
    let peers = match wanted {
        Some(peer) => vec![peer::choose(source, Some(peer))?],
        None => source.peers().into_iter().map(OsStr::to_owned).collect(),
    };
    let all: Vec<_> = peers.iter().flat_map(|peer| candidates(source, peer, request.as_of)).collect();
    let total = all.len();
    let smallest = all.iter().map(|chosen| chosen.stored).min();
    let smallest = smallest.ok_or(DrillError::Nothing { as_of: request.as_of })?;
    let chosen = if limit == u64::MAX { all } else { draw(all, limit, today) };
    if chosen.is_empty() {
        return Err(DrillError::TooLarge { smallest, limit });
    }
    let others = (total - chosen.len()) as u64;
    Ok((chosen, others))
}

/// Draws as much as fits, in an order that depends on the day.
fn draw(mut all: Vec<Chosen>, limit: u64, today: Date) -> Vec<Chosen> {
    let lot = |chosen: &Chosen| {
        let Chosen { peer, subject, .. } = chosen;
        let mut lot = Sha256::new();
        lot.update(format!("{today} {subject} ").as_bytes());
        lot.update(peer.as_bytes());
        lot.finalize()
    };
    all.sort_by_cached_key(lot);
    let mut left = limit;
    let fits = |chosen: &Chosen| {
        let fits = chosen.stored <= left;
        left -= if fits { chosen.stored } else { 0 };
        fits
    };
    all.retain(fits);
    all
}

/// All that there is of a machine.
fn candidates(source: &Source, peer: &OsStr, as_of: Option<Date>) -> Vec<Chosen> {
    let mut all = Vec::new();
    let mut add = |subject, stored| all.push(Chosen { peer: peer.to_owned(), subject, stored });
    for item in source.items(peer, as_of) {
        add(Subject::Item(item.to_owned()), chain_size(&source.history(peer, item, as_of)));
    }
    for stored in newest(source, peer, as_of) {
        // Roles are loaded with the databases.
        if stored.dump.content != Content::Globals {
            let wanted = Wanted { server: Some(stored.dump.server), content: stored.dump.content.clone() };
            add(Subject::Database(wanted), stored.file().size());
        }
    }
    for (repository, size) in repository::names(source, peer, as_of) {
        add(Subject::Repository(repository), size);
    }
    let mut databases = BTreeMap::new();
    for (database, _, file) in sqlite::copies(source, peer, as_of) {
        databases.entry(database).or_insert(file.size());
    }
    for (database, size) in databases {
        add(Subject::Sqlite(database), size);
    }
    for (mailbox, size) in mailbox::names(source, peer, as_of) {
        add(Subject::Mailbox(mailbox), size);
    }
    all
}

/// Bytes of the archives since the last full one.
fn chain_size(history: &[&StoredItem]) -> u64 {
    let mut size = 0;
    for stored in history.iter().rev() {
        size += stored.archive.as_ref().map_or(0, |(file, _)| file.size());
        let header = stored.manifest.as_ref().map(read_header);
        if matches!(header, Some(Ok(header)) if header.mode == Mode::Full) {
            break;
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn item(name: &str, stored: u64) -> Chosen {
        Chosen { peer: "larch".into(), subject: Subject::Item(name.into()), stored }
    }

    #[test]
    fn what_is_drawn_fits_stays_the_same_all_day_and_changes_from_day_to_day() {
        let all: Vec<_> = (0..20).map(|number| item(&format!("item-{number}"), 10)).collect();
        let drawn = |day| draw(all.clone(), 50, date(2026, 11, day));
        assert_eq!(drawn(1).len(), 5);
        assert_eq!(drawn(1), drawn(1));
        let mut seen: Vec<_> = (1..=30).flat_map(drawn).map(|chosen| chosen.subject.name()).collect();
        seen.sort();
        seen.dedup();
        assert!(seen.len() > 15, "{seen:?}");
        assert_eq!(
            draw(vec![item("large", 51), item("small", 50)], 50, date(2026, 11, 1)),
            [item("small", 50)]
        );
    }
}
