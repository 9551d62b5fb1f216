//! Repairing days with their recovery data: in their directory, or as a repaired copy of what a disc still gives.
//!
//! Everything happens in a directory that only we can enter. What comes out of it replaces what is damaged file by file.

mod names;
mod workshop;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use redcedar_archive::naming::{self, RECOVERY};
use redcedar_system::command::{Command, CommandError};
use redcedar_system::fs::TEMPORARY_PREFIX;
use redcedar_system::{Interrupted, System, escape};

use crate::place::{EntryKind, Place};
use crate::source::Source;
use workshop::Workshop;

/// What to repair.
#[derive(Debug, Clone, Default)]
pub struct RepairRequest {
    /// Only this day.
    pub day: Option<Date>,
    /// Where a repaired copy goes; else days are repaired in their directories.
    pub to: Option<PathBuf>,
}

/// What was repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// How many days have recovery data.
    pub days: u64,
    /// The files that were damaged or missing, and are whole again.
    pub repaired: Vec<PathBuf>,
}

/// Why a day was not repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// No day has recovery data.
    #[error("there is no recovery data ({RECOVERY}): nothing can be repaired")]
    NoRecoveryData,
    /// A disc cannot be repaired.
    #[error("{} cannot be written to: a repaired copy can only go elsewhere", escape::display(.0))]
    NotHere(PathBuf),
    /// Too much is lost.
    #[error("{day} cannot be repaired: more is lost than there is recovery data for ({reason})")]
    TooMuch {
        /// The day.
        day: Date,
        /// What `par2` said.
        reason: String,
    },
    /// The recovery data is not what it should be.
    #[error("the recovery data of {day} names files outside of the day ({}); it is not used", escape::display(.path))]
    Hostile {
        /// The day.
        day: Date,
        /// What it names.
        path: PathBuf,
    },
    /// The program that repairs is not there.
    #[error("days are repaired with par2, which cannot be started: {0}")]
    NoTool(String),
    /// How the program ended is not known.
    #[error(transparent)]
    Lost(CommandError),
    /// Something cannot be read or written.
    #[error("cannot repair {day}: {source}")]
    Io {
        /// The day.
        day: Date,
        /// What happened.
        source: io::Error,
    },
    /// A place cannot be looked at.
    #[error("cannot look for recovery data: {0}")]
    Look(#[source] io::Error),
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<CommandError> for RepairError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Lost(error),
        }
    }
}

/// A file of a day: where it is, and below the directory of the day.
struct DayFile {
    place: Arc<dyn Place>,
    path: PathBuf,
    name: PathBuf,
    size: u64,
}

/// A day with recovery data; what is in several places counts together.
struct Damaged {
    date: Date,
    /// The directory of the day, in the place that has the recovery data.
    place: Arc<dyn Place>,
    directory: PathBuf,
    files: Vec<DayFile>,
}

/// Repairs all days that have recovery data and need it.
///
/// # Errors
/// When a day cannot be repaired. Days that were repaired before stay so.
pub fn repair(
    source: &Source,
    request: &RepairRequest,
    system: &System,
) -> Result<RepairReport, RepairError> {
    let mut report = RepairReport::default();
    for date in source.days().iter().map(|day| day.date) {
        if request.day.is_some_and(|wanted| wanted != date) {
            continue;
        }
        let Some(day) = find(source.places(), date).map_err(RepairError::Look)? else { continue };
        system.monitor.task(&format!("Repairing {date}"));
        report.days += 1;
        report.repaired.extend(repair_day(&day, request.to.as_deref(), system)?);
    }
    if report.days == 0 { Err(RepairError::NoRecoveryData) } else { Ok(report) }
}

/// The files of a day, if there is recovery data for it.
fn find(places: &[Arc<dyn Place>], date: Date) -> io::Result<Option<Damaged>> {
    let below = format!("{:04}/{:02}/{:02}", date.year(), date.month(), date.day());
    let (mut files, mut home) = (Vec::<DayFile>::new(), None);
    for place in places {
        let directory = place.root().join(&below);
        let mut left = vec![PathBuf::new()];
        while let Some(name) = left.pop() {
            let path = directory.join(&name);
            // A place need not have every day.
            let entries = match place.entries(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && name.as_os_str().is_empty() => {
                    Vec::new()
                }
                entries => entries?,
            };
            for entry in entries
                .into_iter()
                .filter(|entry| !entry.name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()))
            {
                let name = name.join(&entry.name);
                match entry.kind {
                    EntryKind::Directory => left.push(name),
                    EntryKind::File { size, .. } => {
                        if name.parent() == Some(Path::new("")) && naming::is_recovery(&entry.name) {
                            home.get_or_insert_with(|| (Arc::clone(place), directory.clone()));
                        }
                        let path = directory.join(&name);
                        files.push(DayFile { place: Arc::clone(place), path, name, size });
                    }
                    EntryKind::Other => {}
                }
            }
        }
    }
    // Of two copies, the first counts.
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.dedup_by(|later, first| later.name == first.name);
    Ok(home.map(|(place, directory)| Damaged { date, place, directory, files }))
}

fn repair_day(day: &Damaged, to: Option<&Path>, system: &System) -> Result<Vec<PathBuf>, RepairError> {
    let io_error = |source| RepairError::Io { day: day.date, source };
    let workshop = match (to, day.place.directory()) {
        (Some(to), _) => Workshop::for_copy(to, day),
        (None, Some(_)) => Workshop::in_place(day),
        (None, None) => return Err(RepairError::NotHere(day.place.root().to_owned())),
    };
    let workshop = workshop.map_err(io_error)?;
    let gathered = workshop.gather(day, &system.interrupt).map_err(io_error)?;
    system.interrupt.check()?;
    let recovery = gathered.recovery.first().ok_or(RepairError::NoRecoveryData)?;
    for path in &gathered.recovery {
        if let Some(path) =
            names::outside(&mut fs_err::File::open(path).map_err(io_error)?).map_err(io_error)?
        {
            return Err(RepairError::Hostile { day: day.date, path });
        }
    }
    let command = Command::new("par2").args(["repair", "-q", "-q", "-B"]).arg(workshop.path()).arg("--");
    let finished = system.runner.run(&command.arg(recovery))?;
    if finished.is_missing() {
        return Err(RepairError::NoTool(finished.tail.join("; ")));
    }
    if !finished.success() {
        return Err(RepairError::TooMuch { day: day.date, reason: finished.explain("par2") });
    }
    workshop.publish(&gathered).map_err(io_error)
}
