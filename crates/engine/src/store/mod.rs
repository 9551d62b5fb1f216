//! Staged days on discs: the actions `store`, `rebuild` and `initialize`.
//!
//! Which days are written and whether a disc begins with them is decided in `plan`, by pure functions. A day counts as stored,
//! and gets `cback.store`, when it is on the disc and, with `check_data`, has been read back and compared.

mod catalogue;
mod days;
mod drive;
mod error;
mod guard;
mod index;
mod plan;
mod work;

use jiff::civil::Date;
use redcedar_config::Document;
use redcedar_config::cedar::Store;
use redcedar_config::{Config, value};
use redcedar_media::writer::{Entry, Session, State};
use redcedar_media::{Capacity, Label};
use redcedar_system::System;
use redcedar_system::fs::{Directory, Scratch};

pub use drive::Drive;
pub use error::StoreError;

pub(crate) use self::error::to;
use self::plan::{Blanking, Choice, Facts, Why};
use self::work::Work;
use crate::item::ownership::Ownership;
use crate::outcome::Outcome;
use crate::redundancy::protect_days;
use crate::schedule::weekday;
use crate::staged::refuse_clear_text;

/// What is stored.
#[derive(Clone, Copy)]
pub struct StoreRequest<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The file it came from, in which the sections of extensions are.
    pub document: &'a Document,
    /// Whether today is stored whatever has been, on a new disc; for `initialize`, whether a disc that is not ours may be
    /// written over.
    pub full: bool,
    /// Whose what is noted about discs shall be.
    pub ownership: &'a Ownership,
}

impl<'a> StoreRequest<'a> {
    fn section(&self) -> Result<&'a Store, StoreError> {
        self.config.store.as_ref().ok_or(StoreError::NotConfigured)
    }

    /// Where `store` looks for days: where `stage` puts them. The originals read `source_dir` for `rebuild` only.
    fn staging(&self, system: &System) -> Result<Directory, StoreError> {
        let store = self.section()?;
        let path = match &self.config.stage {
            Some(stage) if *stage.staging_dir != *store.source_dir => {
                let text = "store looks for days in the staging_dir, which is not its source_dir.";
                system.monitor.warning(text);
                &stage.staging_dir
            }
            _ => &store.source_dir,
        };
        Directory::open(path).map_err(to("look for staged days"))
    }
}

/// The action `store`: writes the days that are due.
///
/// # Errors
/// When a day that is due is not, or not provably, on a disc.
pub fn store(request: &StoreRequest<'_>, system: &System) -> Result<Outcome, StoreError> {
    system.monitor.debug("Executing the 'store' action.");
    let store = request.section()?;
    let source = request.staging(system)?;
    let staged = days::staged(&source).map_err(to("look for staged days"))?;
    let now = system.clock.now();
    let due = plan::due(&staged, now.date(), request.full);
    if due.is_empty() {
        let what =
            if request.full { "a staged day of today" } else { "a staged day that has not been stored" };
        return Err(StoreError::NothingDue { what, place: source.path().to_owned() });
    }
    refuse_clear(request, &source, &due)?;
    let unprotected = protect(request, &source, &due, system)?;
    if store.warn_midnite == Some(true) {
        warn_of_midnight(&due, now.date(), system);
    }
    let drive = Drive::configured(request.config).ok_or(StoreError::NotConfigured)?;
    let mut work = Work::begin(&drive, store, source, request, system)?;
    work.outcome.failures.extend(unprotected);
    work.check_media()?;
    let facts = Facts {
        full: request.full,
        starting_day: weekday(request.config.options.starting_day),
        due: &due,
        staged: &staged,
        begun: work.catalogue.begun(),
        label: work.medium.label.as_deref().filter(|_| work.known_disc().is_none()),
        blanking: blanking(store)?,
    };
    let mut why = why_new(&facts, &work)?;
    if !request.full && why.is_some() && guard::keeps(&work.medium, drive.setup().kind, request, system)? {
        why = None;
    }
    let is_new = work.begins(why.is_some())?;
    if is_new {
        system.monitor.info(format!("A disc begins: {}.", why.unwrap_or(Why::Empty)));
    } else {
        system.monitor.info("The days are added to the disc in the drive.");
    }
    let left_out = work.store(due, is_new)?;
    if left_out.is_empty() {
        system.monitor.info("Executed the 'store' action successfully.");
        return Ok(work.outcome);
    }
    Err(StoreError::LeftOut(left_out.join("; ")))
}

/// Why a disc begins, if one does.
fn why_new(facts: &Facts<'_>, work: &Work<'_>) -> Result<Option<Why>, StoreError> {
    Ok(match plan::choose(facts) {
        Choice::New(why) => Some(why),
        Choice::Append => None,
        Choice::NewIfTight(blanking) => {
            let available = work.writer.capacity(false)?.available;
            let required = work.writer.estimate(&work.entries(facts.due))?;
            blanking.is_tight(available, required).then_some(Why::Tight)
        }
    })
}

fn blanking(store: &Store) -> Result<Option<Blanking>, StoreError> {
    let Some(behavior) = &store.blank_behavior else { return Ok(None) };
    let factor = behavior.factor.as_ref().ok_or(StoreError::NoFactor)?;
    let factor = value::float(factor).map_err(|_| StoreError::NoFactor)?.value;
    // Without a mode there is no day on which the originals blank.
    Ok(Some(Blanking { mode: behavior.mode, factor }))
}

fn refuse_clear(request: &StoreRequest<'_>, source: &Directory, due: &[Date]) -> Result<(), StoreError> {
    for date in due {
        let day = crate::daily_dir::open(source, *date).map_err(to("look for clear text"))?;
        refuse_clear_text(request.document, day)?;
    }
    Ok(())
}

/// Makes recovery data, where it is wanted. Returns what failed.
fn protect(
    request: &StoreRequest<'_>,
    source: &Directory,
    days: &[Date],
    system: &System,
) -> Result<Vec<String>, StoreError> {
    let days = days.iter().map(|date| crate::daily_dir::open(source, *date));
    Ok(protect_days(request.config, days, request.ownership, system)?)
}

fn warn_of_midnight(due: &[Date], today: Date, system: &System) {
    for date in due.iter().filter(|date| **date != today) {
        system.monitor.warning(format!("Warning: the day {date} is stored, which is not today."));
    }
}

/// The action `rebuild`: writes all days of the week to a new disc.
///
/// # Errors
/// When one of them is not, or not provably, on the disc.
pub fn rebuild(request: &StoreRequest<'_>, system: &System) -> Result<Outcome, StoreError> {
    system.monitor.debug("Executing the 'rebuild' action.");
    let store = request.section()?;
    let source = Directory::open(&store.source_dir).map_err(to("look for staged days"))?;
    let staged = days::staged(&source).map_err(to("look for staged days"))?;
    let starting_day = weekday(request.config.options.starting_day);
    let week = plan::of_this_week(&staged, system.clock.now().date(), starting_day);
    if week.is_empty() {
        let place = source.path().to_owned();
        return Err(StoreError::NothingDue { what: "a staged day of this week", place });
    }
    refuse_clear(request, &source, &week)?;
    let unprotected = protect(request, &source, &week, system)?;
    let drive = Drive::configured(request.config).ok_or(StoreError::NotConfigured)?;
    let mut work = Work::begin(&drive, store, source, request, system)?;
    work.outcome.failures.extend(unprotected);
    work.check_media()?;
    let is_new = work.begins(true)?;
    work.write(&week, is_new)?;
    work.prove_and_mark(&week)?;
    system.monitor.info("Executed the 'rebuild' action successfully.");
    Ok(work.outcome)
}

/// The action `initialize`: prepares a rewritable disc, so that it is recognised as ours.
///
/// # Errors
/// When it is not rewritable, holds something else, or cannot be written.
pub fn initialize(request: &StoreRequest<'_>, system: &System) -> Result<Outcome, StoreError> {
    system.monitor.debug("Executing the 'initialize' action.");
    let drive = Drive::configured(request.config).ok_or(StoreError::NotConfigured)?;
    if !drive.setup().kind.is_rewritable() {
        let text =
            format!("a disc of the kind {} cannot be initialized: it is not rewritable", drive.setup().kind);
        return Err(StoreError::Refused(text));
    }
    let writer = drive.writer(system)?;
    writer.refresh()?;
    let medium = writer.medium()?;
    drive.protect_image(&medium)?;
    let is_strange = match (&medium.state, &medium.label) {
        (State::Foreign, _) => true,
        (_, Some(label)) => !redcedar_media::label::is_ours(label),
        _ => false,
    };
    if is_strange && !request.full {
        return Err(StoreError::Refused(format!(
            "the disc in the drive holds something that we did not write (it is called [{}]); insert another, or say --full to write over it",
            medium.label.as_deref().unwrap_or_default()
        )));
    }
    let empty = Scratch::new(None).map_err(to("prepare the disc"))?;
    let label = Label::of(system.clock.now().date());
    writer.write(&Session {
        is_new: true,
        label: Some(&label),
        ..Session::of(&[Entry::new(empty.path(), "CedarBackup")], &request.config.options.working_dir)
    })?;
    writer.settle()?;
    system.monitor.info("Executed the 'initialize' action successfully.");
    Ok(Outcome::default())
}

/// What of the disc in the drive is used.
///
/// # Errors
/// When that cannot be found out, or the disc is none of ours and has to be.
pub fn capacity(config: &Config, system: &System) -> Result<Capacity, StoreError> {
    let store = config.store.as_ref().ok_or(StoreError::NotConfigured)?;
    let drive = Drive::configured(config).ok_or(StoreError::NotConfigured)?;
    let writer = drive.writer(system)?;
    if store.check_media == Some(true) {
        let label = writer.medium()?.label;
        plan::check_media(label.as_deref(), drive.setup().kind.is_rewritable())
            .map_err(StoreError::Refused)?;
    }
    Ok(writer.capacity(false)?)
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Asked => "it was asked for",
            Self::FirstOfWeek => "nothing of this week has been stored",
            Self::Tight => "there is too little room on the one in the drive",
            Self::Empty => "the one in the drive is empty",
        })
    }
}
