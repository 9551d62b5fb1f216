//! Looking around: what each machine had on each day, as trees whose files can be read at any place, without bringing anything
//! back. Trees are built when somebody looks at them; both they and what was read of archives are kept within bounds.

mod file;
mod pieces;
mod recent;
mod state;

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::{Date, Weekday};
use redcedar_system::{Interrupt, Interrupted, Monitor, escape};

pub use file::{File, Seek};
pub use state::{Attributes, Number, State};

use self::pieces::Pieces;
use self::recent::Recent;
use crate::source::Source;
use crate::wanted::read_items;

/// How many paths all trees together may have that are kept.
const MOST_PATHS: usize = 1_000_000;

/// What there is to look at.
pub struct Browser {
    source: Source,
    machines: BTreeMap<OsString, Vec<Date>>,
    numeric_owner: bool,
    starting_day: Option<Weekday>,
    monitor: Arc<dyn Monitor>,
    interrupt: Interrupt,
    pieces: Arc<Pieces>,
    states: Mutex<Recent<Key, Arc<State>>>,
    /// What each tree was that was ever built. Held while one is.
    known: Mutex<HashMap<Key, u64>>,
}

type Key = (OsString, Date);

/// How to look.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Only this machine.
    pub peer: Option<OsString>,
    /// Nothing later than this day.
    pub as_of: Option<Date>,
    /// Shows owners by number even where this machine knows their names.
    pub numeric_owner: bool,
    /// The day of the week on which the originals store everything, where it is known.
    pub starting_day: Option<Weekday>,
}

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrowseError {
    /// The backup is not what it was.
    #[error("the backups of {peer} up to {day} have changed since they were first looked at; look anew")]
    Changed {
        /// The machine.
        peer: String,
        /// The day.
        day: Date,
    },
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Browser {
    /// Looks around in `source`. What has to be known about a tree is told to `monitor` when it is first built.
    pub fn new(source: Source, view: &View, monitor: Arc<dyn Monitor>, interrupt: Interrupt) -> Self {
        let mut machines = BTreeMap::<OsString, Vec<Date>>::new();
        let days = source.days().iter().filter(|day| view.as_of.is_none_or(|as_of| day.date <= as_of));
        for day in days {
            for peer in &day.peers {
                let is_wanted = view.peer.as_ref().is_none_or(|wanted| *wanted == peer.name);
                if is_wanted && !peer.items.is_empty() {
                    machines.entry(peer.name.clone()).or_default().push(day.date);
                }
            }
        }
        Self {
            source,
            machines,
            numeric_owner: view.numeric_owner,
            starting_day: view.starting_day,
            monitor,
            interrupt,
            pieces: Arc::default(),
            states: Mutex::new(Recent::new(MOST_PATHS)),
            known: Mutex::default(),
        }
    }

    /// Keeps trees only as long as all together have no more than so many paths, but always the last one.
    #[must_use]
    pub fn keeping(self, paths: usize) -> Self {
        Self { states: Mutex::new(Recent::new(paths)), ..self }
    }

    /// What is looked at.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The day of the week on which the originals store everything, where it is known.
    pub fn starting_day(&self) -> Option<Weekday> {
        self.starting_day
    }

    /// The machines of which directories were stored, by name, each with the days on which that was done, oldest first.
    pub fn machines(&self) -> &BTreeMap<OsString, Vec<Date>> {
        &self.machines
    }

    /// What a machine had on a day.
    ///
    /// # Errors
    /// When interrupted, or when the backups have changed since the tree was built before.
    pub fn state(&self, peer: &OsStr, day: Date) -> Result<Arc<State>, BrowseError> {
        let key = (peer.to_owned(), day);
        if let Some(state) = lock(&self.states).get(&key) {
            return Ok(Arc::clone(state));
        }
        let mut known = lock(&self.known);
        // Somebody may have built it while we waited.
        if let Some(state) = lock(&self.states).get(&key) {
            return Ok(Arc::clone(state));
        }
        let items = self.source.items(peer, Some(day));
        let when = (Some(day), self.starting_day);
        let (tree, reports) = read_items(&self.source, peer, &items, &[], when, &self.interrupt)?;
        let (mut caveats, warnings) = (Vec::new(), tree.warnings.clone());
        for report in reports {
            caveats.extend(report.caveats.iter().map(|caveat| format!("{}: {caveat}", report.item)));
        }
        let (state, failures) = State::new(tree, day, self.numeric_owner, &self.pieces);
        match known.insert(key.clone(), state.fingerprint()) {
            None => {
                let peer = escape::display(peer);
                let tell = |message: &String| self.monitor.warning(format!("{peer}, {day}: {message}"));
                caveats.iter().chain(&warnings).for_each(tell);
                failures.iter().map(ToString::to_string).for_each(|failure| tell(&failure));
            }
            Some(before) if before != state.fingerprint() => {
                // Numbers that were given out mean something else now, and never again what they meant.
                known.insert(key, before);
                return Err(BrowseError::Changed { peer: escape::display(peer).to_string(), day });
            }
            Some(_) => {}
        }
        let state = Arc::new(state);
        lock(&self.states).insert(key, Arc::clone(&state), state.len());
        Ok(state)
    }
}

/// What is kept is whole whatever happened to whoever held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
