//! The tray of a drive, moved by `eject` so that the machine notices a changed disc.

use std::time::Duration;

use redcedar_system::command::Command;

use crate::error::MediaError;
use crate::programs::Programs;
use crate::setup::Setup;

/// How long the tray may take to move.
const PATIENCE: Duration = Duration::from_mins(2);

/// The tray of a drive.
pub(crate) struct Tray<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) programs: Programs<'a>,
    /// Whether the drive has one that it can move.
    pub(crate) moves: bool,
}

impl Tray<'_> {
    /// Lets the machine have a fresh look at the disc: out, in, unlocked.
    pub(crate) fn refresh(&self) -> Result<(), MediaError> {
        let setup = self.setup;
        if !setup.no_eject {
            if self.moves {
                self.open()?;
                self.eject("close the tray", &["-t"])?;
            }
            self.unlock();
        }
        setup.refresh_delay.map_or(Ok(()), |delay| self.programs.wait(delay))
    }

    fn open(&self) -> Result<(), MediaError> {
        if self.eject("open the tray", &[]).is_err() {
            self.unlock();
            self.eject("open the tray", &[])?;
        }
        self.setup.eject_delay.map_or(Ok(()), |delay| self.programs.wait(delay))
    }

    /// A tray that stays locked is a nuisance, but takes nothing from what was written.
    fn unlock(&self) {
        if let Err(error) = self.eject("unlock the tray", &["-i", "off"]) {
            self.programs.system.monitor.warning(format!("The tray may stay locked: {error}"));
        }
    }

    fn eject(&self, intent: &str, switches: &[&str]) -> Result<(), MediaError> {
        let command = Command::new(self.programs.path("eject"))
            .args(switches)
            .arg(&self.setup.device)
            .time_limit(Some(PATIENCE));
        self.programs.run(intent, &command).map(drop)
    }
}
