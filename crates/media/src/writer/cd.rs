//! `cdrecord` and `mkisofs`: an image is built, then written.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use redcedar_system::command::Command;

use super::fit::{check_fit, check_room, limited};
use super::{DiscWriter, Entry, Medium, Session, mount, patience, size_of};
use crate::capacity::{Boundaries, Capacity};
use crate::error::MediaError;
use crate::image::Image;
use crate::kind::Family;
use crate::programs::{Programs, failed};
use crate::setup::Setup;
use crate::tray::Tray;

/// How long the drive may take to say what it is.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long blanking may take.
const BLANKING: Duration = Duration::from_hours(2);
const SECTOR: f64 = 2048.0;

/// Writes CDs as the originals do.
pub(super) struct CdWriter<'a> {
    setup: &'a Setup,
    programs: Programs<'a>,
    abilities: Abilities,
}

/// What a drive says that it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Abilities {
    has_multisession: bool,
    has_tray: bool,
    can_eject: bool,
}

impl<'a> CdWriter<'a> {
    pub(super) fn new(setup: &'a Setup, programs: Programs<'a>) -> Result<Self, MediaError> {
        let mut writer = Self { setup, programs, abilities: Abilities::default() };
        let command = writer.cdrecord(&["-prcap"], PATIENCE);
        let printed = programs.listen(&command)?;
        if !printed.finished.success() {
            return Err(failed("ask the drive what it can do", &command, &printed.finished));
        }
        writer.abilities = abilities(&printed.output);
        Ok(writer)
    }

    /// A command with `dev=` at the end.
    fn cdrecord(&self, switches: &[&str], limit: Duration) -> Command {
        Command::new(self.programs.path("cdrecord")).args(switches).arg(self.device()).time_limit(Some(limit))
    }

    fn device(&self) -> OsString {
        let mut device = OsString::from("dev=");
        match &self.setup.scsi_id {
            Some(id) => device.push(id),
            None => device.push(&self.setup.device),
        }
        device
    }

    /// Where the next session goes; none at the beginning of the disc.
    fn boundaries(&self, is_new: bool) -> Result<Option<Boundaries>, MediaError> {
        if is_new || !self.abilities.has_multisession {
            return Ok(None);
        }
        let printed = self.programs.listen(&self.cdrecord(&["-msinfo"], PATIENCE))?;
        let Some(line) = printed.output.first().filter(|_| printed.finished.success()) else {
            self.programs
                .system
                .monitor
                .warning("The disc has no session that could be continued; taken to be blank.");
            return Ok(None);
        };
        let boundaries = boundaries(line).ok_or_else(|| MediaError::Unexpected {
            intent: "find out where the next session begins".to_owned(),
            program: "cdrecord".to_owned(),
            said: line.clone(),
        })?;
        Ok(Some(boundaries))
    }

    fn build(&self, image: &Image<'_>, size: f64, file: &Path) -> Result<(), MediaError> {
        let command = Command::new(self.programs.path("mkisofs"))
            .args(image.build_arguments(file))
            .time_limit(Some(patience(Family::Cd, size)));
        self.programs.run("build the image", &command).map(drop)
    }

    fn blank(&self) -> Result<(), MediaError> {
        self.programs.run("blank the disc", &self.cdrecord(&["-v", "blank=fast"], BLANKING))?;
        self.refresh()
    }

    fn burn(&self, image: &Path, size: f64) -> Result<(), MediaError> {
        let mut command = Command::new(self.programs.path("cdrecord")).arg("-v");
        if let Some(speed) = self.setup.speed {
            command = command.arg(format!("speed={speed}"));
        }
        command = command.arg(self.device());
        if self.abilities.has_multisession {
            command = command.arg("-multi");
        }
        command = command.arg("-data").arg(image).time_limit(Some(patience(Family::Cd, size)));
        self.programs.run("write the disc", &command).map(drop)
    }

    fn tray(&self) -> Tray<'_> {
        let moves = self.abilities.has_tray && self.abilities.can_eject;
        Tray { setup: self.setup, programs: self.programs, moves }
    }
}

impl DiscWriter for CdWriter<'_> {
    fn medium(&self) -> Result<Medium, MediaError> {
        Ok(super::look(self.setup))
    }

    fn capacity(&self, is_new: bool) -> Result<Capacity, MediaError> {
        Ok(limited(Capacity::of_cd(self.setup.kind, self.boundaries(is_new)?), self.setup))
    }

    fn estimate(&self, entries: &[Entry]) -> Result<f64, MediaError> {
        Ok(size_of(&Image { entries, label: None, after: None }, self.programs)? * SECTOR)
    }

    fn write(&self, session: &Session<'_>) -> Result<(), MediaError> {
        let boundaries = self.boundaries(session.is_new)?;
        let free = limited(Capacity::of_cd(self.setup.kind, boundaries), self.setup).available;
        let after = boundaries.map(|boundaries| (boundaries, self.setup.device.as_path()));
        let image = Image { entries: session.entries, label: session.label, after };
        let size = size_of(&image, self.programs)? * SECTOR;
        check_fit(size, free)?;
        check_room(session.work_dir, size)?;
        let file = tempfile::Builder::new().prefix("tmp").tempfile_in(session.work_dir)?;
        self.build(&image, size, file.path())?;
        if session.is_new && self.setup.kind.is_rewritable() {
            self.blank()?;
        }
        self.burn(file.path(), size)?;
        super::refreshed(self.refresh(), self.programs.system)
    }

    fn compare(&self, entries: &[Entry], work_dir: &Path) -> Result<(), MediaError> {
        mount::compare(entries, &self.setup.device, work_dir, self.programs)
    }

    fn refresh(&self) -> Result<(), MediaError> {
        self.tray().refresh()
    }

    fn takes_extras(&self) -> bool {
        false
    }
}

/// What `-prcap` says. Nothing has to be there.
fn abilities(lines: &[String]) -> Abilities {
    let says = |text: &str| lines.iter().any(|line| line.trim_start().starts_with(text));
    Abilities {
        has_multisession: says("Does read multi-session"),
        has_tray: says("Loading mechanism type: tray"),
        can_eject: says("Does support ejection"),
    }
}

/// What `-msinfo` says: `0,1184`.
fn boundaries(line: &str) -> Option<Boundaries> {
    let (last, next) = line.trim().split_once(',')?;
    let number = |text: &str| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
    };
    Some(Boundaries { last: number(last)?, next: number(next)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_drive_can_do_is_read_from_its_answer_and_nothing_has_to_be_there() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let all = lines(
            "Device type    : Removable CD-ROM\nVendor_info    : 'EMULATED'\n  Does read multi-session CDs\n  \
            Loading mechanism type: tray\n  Does support ejection of CD",
        );
        let expected = Abilities { has_multisession: true, has_tray: true, can_eject: true };
        assert_eq!(abilities(&all), expected);
        assert_eq!(abilities(&[]), Abilities::default());
        assert_eq!(
            abilities(&lines("Does not read multi-session CDs\n  Loading mechanism type: caddy")),
            Abilities::default()
        );
    }

    #[test]
    fn boundaries_are_two_numbers() {
        let both = |last, next| Some(Boundaries { last, next });
        assert_eq!(boundaries("0,1184"), both(0, 1184));
        assert_eq!(boundaries("  268582 , 302230\t"), both(268_582, 302_230));
        for wrong in ["", "5", "5,", ",5", "a,b", "+1,2", "1,2,3", "1 2"] {
            assert_eq!(boundaries(wrong), None, "{wrong}");
        }
    }
}
