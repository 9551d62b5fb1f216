//! What writes discs: one way to ask for it, and a file or folder for each set of programs that can.

mod cd;
mod dvd;
mod fit;
mod mount;
mod xorriso;

use std::path::{Path, PathBuf};
use std::time::Duration;

use redcedar_system::System;
use redcedar_system::command::Command;

use crate::error::MediaError;
use crate::image::{self, Image};
use crate::kind::Family;
use crate::programs::{Overrides, Programs, failed};
use crate::setup::Setup;
use crate::volume::{self, Beginning};
use crate::{Capacity, Label};

/// Writes discs, and looks at them.
pub trait DiscWriter {
    /// What is in the drive. Nothing is changed.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn medium(&self) -> Result<Medium, MediaError>;

    /// What of the disc is used; of all of it, as if it were empty, if `is_new`.
    ///
    /// # Errors
    /// When that cannot be found out, which is not the same as none.
    fn capacity(&self, is_new: bool) -> Result<Capacity, MediaError>;

    /// How many bytes these entries will take, for whoever has to decide whether they still fit.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn estimate(&self, entries: &[Entry]) -> Result<f64, MediaError>;

    /// Writes a session. What is too large is refused before anything on the disc is touched.
    ///
    /// # Errors
    /// When it is not, or not wholly, on the disc.
    fn write(&self, session: &Session<'_>) -> Result<(), MediaError>;

    /// Compares what is on the disc with what was to be written, byte for byte. Nothing stays mounted.
    ///
    /// # Errors
    /// When the disc cannot be read or differs.
    fn compare(&self, entries: &[Entry], work_dir: &Path) -> Result<(), MediaError>;

    /// Whether what was written is in its place, where the next look at the disc finds it.
    fn is_settled(&self) -> bool {
        true
    }

    /// Lets what was written take the place of what was there before, where both could be kept until now. To be called when
    /// what was written is good.
    ///
    /// # Errors
    /// When that cannot be done; what was there before is still there then.
    fn settle(&self) -> Result<(), MediaError> {
        Ok(())
    }

    /// Lets the machine have a fresh look at the disc in the drive.
    ///
    /// # Errors
    /// When the tray does not move.
    fn refresh(&self) -> Result<(), MediaError>;

    /// Whether a session has room for [what else](Session::extras) is to be on the disc.
    fn takes_extras(&self) -> bool;
}

/// Which programs write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Burner {
    /// `xorriso`, which can do everything.
    #[default]
    Xorriso,
    /// Those of the originals: `cdrecord` with `mkisofs`, or `growisofs`.
    Classic,
}

/// Prepares to write.
///
/// # Errors
/// When the device cannot be used.
pub fn writer<'a>(
    burner: Burner,
    setup: &'a Setup,
    overrides: &'a Overrides,
    system: &'a System,
) -> Result<Box<dyn DiscWriter + 'a>, MediaError> {
    let programs = Programs { overrides, system };
    let place = setup.place()?;
    setup.check_unmounted()?;
    Ok(match (burner, setup.kind.family()) {
        (Burner::Xorriso, _) => Box::new(xorriso::Xorriso::new(setup, programs, place)),
        (Burner::Classic, Family::Cd) => Box::new(cd::CdWriter::new(setup, programs)?),
        (Burner::Classic, Family::Dvd | Family::Bd) => Box::new(dvd::DvdWriter::new(setup, programs)),
    })
}

/// Something to be put on a disc: what a directory holds, or a file, and the directory on the disc where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The directory or file.
    pub source: PathBuf,
    /// The directory on the disc. Where it begins with `/`, that changes nothing.
    pub graft: PathBuf,
}

impl Entry {
    /// An entry.
    pub fn new(source: impl Into<PathBuf>, graft: impl Into<PathBuf>) -> Self {
        Self { source: source.into(), graft: graft.into() }
    }
}

/// What is written at once.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// What is written.
    pub entries: &'a [Entry],
    /// Files that are there for people, to be put in the root of the disc; newer ones take the place of older ones.
    pub extras: &'a [PathBuf],
    /// Which of the directories on the disc these entries replace: what is there goes. Not for the classic programs.
    pub replaced: &'a [PathBuf],
    /// Whether the disc begins with this session. What was on it is gone then.
    pub is_new: bool,
    /// What the disc is called from now on.
    pub label: Option<&'a Label>,
    /// What tells the disc from others, if it is a new one and the burner can write that down.
    pub serial: Option<&'a str>,
    /// Where there is room for temporary files.
    pub work_dir: &'a Path,
}

impl<'a> Session<'a> {
    /// A session that follows others, with these entries and nothing else.
    pub fn of(entries: &'a [Entry], work_dir: &'a Path) -> Self {
        Self { entries, extras: &[], replaced: &[], is_new: false, label: None, serial: None, work_dir }
    }
}

/// What is in a drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Whether something is written, and more can be.
    pub state: State,
    /// The label; of several sessions, the latest that can be seen.
    pub label: Option<String>,
    /// What tells the disc from others.
    pub serial: Option<String>,
    /// The directories down to the third level, where the burner can tell without mounting.
    pub directories: Option<Vec<PathBuf>>,
}

/// Whether something is written on a disc, and more can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing is.
    Blank,
    /// Something is, and more can be.
    Appendable,
    /// Something is, and nothing can be added.
    Closed,
    /// Something is that is no file system of discs.
    Foreign,
    /// It cannot be read: no disc, or one that is damaged, or virgin.
    Unreadable(String),
}

impl Medium {
    /// A disc of which nothing else is known.
    pub(crate) fn of(state: State) -> Self {
        Self { state, label: None, serial: None, directories: None }
    }
}

/// What the beginning of the disc says, as far as the classic programs have to know.
fn look(setup: &Setup) -> Medium {
    match volume::read(&setup.device) {
        Ok(Beginning::Blank) => Medium::of(State::Blank),
        Ok(Beginning::Foreign) => Medium::of(State::Foreign),
        Ok(Beginning::Image(volume)) => Medium { label: Some(volume.label), ..Medium::of(State::Appendable) },
        Err(error) => Medium::of(State::Unreadable(error.to_string())),
    }
}

/// The size of an image in sectors, as `mkisofs` tells it.
fn size_of(image: &Image<'_>, programs: Programs<'_>) -> Result<f64, MediaError> {
    let intent = "find out how large the image will be";
    let command = Command::new(programs.path("mkisofs"))
        .args(image.size_arguments())
        .time_limit(Some(Duration::from_hours(1)));
    let printed = programs.listen(&command)?;
    if !printed.finished.success() {
        return Err(failed(intent, &command, &printed.finished));
    }
    image::parse_size(&printed.output).ok_or_else(|| MediaError::Unexpected {
        intent: intent.to_owned(),
        program: "mkisofs".to_owned(),
        said: format!("{:?}", printed.output),
    })
}

/// That the machine does not see the new state of the disc takes nothing from what was written.
fn refreshed(refreshed: Result<(), MediaError>, system: &System) -> Result<(), MediaError> {
    match refreshed {
        Err(error) if !error.is_interrupt() => {
            system.monitor.warning(format!("The disc is written, but: {error}"));
            Ok(())
        }
        other => other,
    }
}

/// How long writing so many bytes may take: at half the speed of the slowest drive, and half an hour besides.
fn patience(family: Family, bytes: f64) -> Duration {
    let speed = match family {
        Family::Cd => 75_000.0,
        Family::Dvd => 690_000.0,
        Family::Bd => 2_250_000.0,
    };
    Duration::from_mins(30) + Duration::try_from_secs_f64(bytes.max(0.0) / speed).unwrap_or(Duration::MAX / 2)
}

#[cfg(test)]
mod tests;
