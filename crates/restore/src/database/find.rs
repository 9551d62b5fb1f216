//! Which stored dump is meant.

use std::ffi::{OsStr, OsString};
use std::fmt;

use jiff::civil::Date;

use super::{Content, Dump, Server, StoredDump, describe};
use crate::peer::{self, PeerError};
use crate::source::Source;

/// Which dumps are wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// The machine; may be left out where there is only one.
    pub peer: Option<OsString>,
    /// What is wanted, in the order in which it is to be restored.
    pub wanted: Vec<Wanted>,
    /// The day whose state is wanted; the newest if there is none.
    pub as_of: Option<Date>,
}

/// One thing that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of which kind of server; may be left out where only one has it.
    pub server: Option<Server>,
    /// What.
    pub content: Content,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(self.server, &self.content).fmt(f)
    }
}

/// Why there is no such dump.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// It is not clear whose backups are meant.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// There is none.
    #[error("there is no dump of {wanted}{}; {}", .as_of.map(|day| format!(" up to {day}")).unwrap_or_default(), there(.dumps))]
    None {
        /// What was asked for.
        wanted: String,
        /// The day.
        as_of: Option<Date>,
        /// What there is up to that day.
        dumps: Vec<String>,
    },
    /// Servers of both kinds have one.
    #[error("both mysql and postgresql have a dump of {wanted}")]
    Ambiguous {
        /// What was asked for.
        wanted: String,
    },
}

fn there(dumps: &[String]) -> String {
    if dumps.is_empty() {
        return "there are no dumps of databases".to_owned();
    }
    format!("there are dumps of {}", dumps.join(", "))
}

/// Finds the newest dump of everything that is wanted. A dump holds everything, so one is always enough.
///
/// # Errors
/// When one is not there, or it is not clear which is meant.
pub fn find(source: &Source, request: &Request) -> Result<Vec<StoredDump>, FindError> {
    let peer = peer::choose(source, request.peer.as_deref())?;
    let dumps = newest(source, &peer, request.as_of);
    request.wanted.iter().map(|wanted| choose(&dumps, wanted, request.as_of)).collect()
}

fn choose(dumps: &[StoredDump], wanted: &Wanted, as_of: Option<Date>) -> Result<StoredDump, FindError> {
    let is_wanted = |dump: &Dump| {
        dump.content == wanted.content && wanted.server.is_none_or(|server| dump.server == server)
    };
    let mut found = dumps.iter().filter(|stored| is_wanted(&stored.dump));
    let text = describe(wanted.server, &wanted.content).to_string();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => Err(FindError::Ambiguous { wanted: text }),
        (None, _) => Err(FindError::None {
            wanted: text,
            as_of,
            dumps: dumps.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// The newest dump of everything that there is a dump of, sorted.
pub(crate) fn newest(source: &Source, peer: &OsStr, as_of: Option<Date>) -> Vec<StoredDump> {
    let mut newest: Vec<StoredDump> = Vec::new();
    let days = source.days().iter().filter(|day| as_of.is_none_or(|as_of| day.date <= as_of));
    for (day, present) in days.flat_map(|day| day.peers.iter().map(move |peer| (day, peer))) {
        let files = present.others.iter().map(|(file, _)| file).filter(|_| present.name == peer);
        for stored in files.filter_map(|file| StoredDump::new(present, day.date, file)) {
            match newest.iter_mut().find(|known| known.dump == stored.dump) {
                // After a change of the compression there can be two of one day.
                Some(known)
                    if (known.date, known.file.modified()) > (stored.date, stored.file.modified()) => {}
                Some(known) => *known = stored,
                None => newest.push(stored),
            }
        }
    }
    newest.sort_by(|a, b| a.dump.cmp(&b.dump));
    newest
}
