//! Dumps of database servers: finding the right one, reading it to its end, and loading it into a server.

mod find;
pub mod load;
mod read;

use std::ffi::OsString;
use std::fmt;

use jiff::civil::Date;
use redcedar_archive::Compression;
use redcedar_system::escape;

pub(crate) use find::newest;
pub use find::{FindError, Request, Wanted, find};
pub use read::ReadError;
pub use redcedar_archive::dump::{Content, Dump, Server};

use crate::source::{PeerDay, StoredFile};

/// A dump that is stored somewhere.
#[derive(Debug, Clone)]
pub struct StoredDump {
    /// The machine it comes from.
    pub peer: OsString,
    /// The day it belongs to.
    pub date: Date,
    /// What it is a dump of.
    pub dump: Dump,
    file: StoredFile,
    compression: Compression,
    /// `cback.sha256` of its day, if there is one.
    checksums: Option<StoredFile>,
}

impl StoredDump {
    /// What a file that a machine stored on a day is a dump of; nothing if it is none.
    pub(crate) fn new(peer: &PeerDay, date: Date, file: &StoredFile) -> Option<Self> {
        let (dump, compression) = Dump::of_file(file.path().file_name()?)?;
        let (peer, checksums) = (peer.name.clone(), peer.checksums.clone());
        Some(Self { peer, date, dump, file: file.clone(), compression, checksums })
    }

    /// The stored file.
    pub fn file(&self) -> &StoredFile {
        &self.file
    }
}

/// A dump as people and command lines name it: `mysql:web`, `all databases of mysql`.
pub(crate) fn describe(server: Option<Server>, content: &Content) -> impl fmt::Display {
    let server = server.map(Server::name);
    match content {
        Content::Everything => {
            format!("all databases{}", server.map_or_else(String::new, |of| format!(" of {of}")))
        }
        Content::Globals => "roles and tablespaces of postgresql".to_owned(),
        Content::Database(name) => {
            let prefix = server.map_or_else(String::new, |server| format!("{server}:"));
            format!("{prefix}{}", escape::display(name))
        }
    }
}

impl fmt::Display for StoredDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(Some(self.dump.server), &self.dump.content).fmt(f)
    }
}
