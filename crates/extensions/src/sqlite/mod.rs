//! `sqlite`, ours: databases that are files, copied while they are in use. Belongs to `collect`.

mod copy;

use std::ffi::OsString;
use std::io::{Read, Write};

use jiff::civil::Date;
use redcedar_archive::repository::sqlite;
use redcedar_config::value::CollectMode;
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, ExtensionError};
use redcedar_engine::schedule::Due;
use redcedar_system::escape;
use serde::{Deserialize, Serialize};

use crate::items::OwnSource;
use crate::items::program::Failure;
use crate::items::session::{self, Item, Session};
use crate::items::settings::Rules;

const RULES: Rules = Rules {
    section: "sqlite",
    element: "database",
    directory: None,
    is_compressed: true,
    is_incremental: false,
};

/// The suffix of what we remember, after the normalised path of a database.
const MEMORY_SUFFIX: &str = ".sqlite.json";

/// The extension.
pub(crate) const SOURCE: OwnSource = OwnSource { rules: &RULES, run };

fn run(call: &Call<'_>) -> Result<Outcome, ExtensionError> {
    session::run(call, &RULES, |database, session| Work::new(database, session).back_up())
}

/// What is remembered of a weekly database.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// Its path, escaped as messages show it.
    database: String,
    /// The day of the last copy, or the day it was first seen.
    since: Date,
    /// Whether there is a copy that is not known to be picked up.
    is_pending: bool,
}

/// One database.
struct Work<'a> {
    database: &'a Item,
    session: &'a Session<'a>,
    shown: String,
    file: OsString,
    memory: OsString,
}

impl<'a> Work<'a> {
    fn new(database: &'a Item, session: &'a Session<'a>) -> Self {
        let mut memory = database.name.clone();
        memory.push(MEMORY_SUFFIX);
        let file = sqlite::file_name(&database.name, database.compression);
        let shown = escape::display(&database.path).to_string();
        Self { database, session, shown, file, memory }
    }

    fn back_up(&self) -> Result<u64, Failure> {
        if self.database.mode == CollectMode::Daily {
            let bytes = self.copy()?;
            self.session.memory.forget(&self.memory)?;
            return Ok(bytes);
        }
        let state = self.session.memory.recall(&self.memory);
        let state = state.filter(|state: &State| state.database == self.shown);
        let since = state.as_ref().map(|state| state.since);
        let is_due = self.session.due(self.database, since) != Due::Skip;
        let was_pending = state.is_some_and(|state| state.is_pending);
        let is_lost =
            was_pending && !self.session.call.is_picked_up && !self.session.outputs()?.contains(&self.file);
        if is_due || is_lost {
            let bytes = self.copy()?;
            self.remember(self.session.date(), true)?;
            return Ok(bytes);
        }
        let is_pending = was_pending && !self.session.call.is_picked_up;
        self.remember(since.unwrap_or_else(|| self.session.date()), is_pending)?;
        self.drop_stale(None);
        Ok(0)
    }

    fn remember(&self, since: Date, is_pending: bool) -> Result<(), Failure> {
        let state = State { database: self.shown.clone(), since, is_pending };
        Ok(self.session.memory.remember(&self.memory, &state)?)
    }

    fn copy(&self) -> Result<u64, Failure> {
        let Session { call, collect, memory, .. } = self.session;
        let mut copy = memory.scratch(&self.file)?;
        copy::copy(&self.database.path, &copy, call.system)?;
        let mut output = collect.create(&self.file, self.database.compression)?;
        let mut buffer = vec![0; 1 << 18];
        loop {
            call.system.interrupt.check()?;
            match copy.file_mut().read(&mut buffer)? {
                0 => break,
                read => output.write_all(&buffer[..read])?,
            }
        }
        let packed = output.publish()?;
        self.drop_stale(Some(&self.file));
        Ok(packed.size)
    }

    /// Removes copies of earlier days: those that `new` replaces, and all once they are picked up.
    fn drop_stale(&self, new: Option<&OsString>) {
        if new.is_none() && !self.session.call.is_picked_up {
            return;
        }
        self.session.drop_outputs(|name| {
            let is_own = sqlite::parse(name).is_some_and(|(database, _)| database == self.database.name);
            is_own && new.is_none_or(|new| new != name)
        });
    }
}
