//! `growisofs`: what it writes is built while it is written.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use redcedar_system::command::{Command, Stream};
use redcedar_system::fs::Scratch;

use super::fit::{check_fit, limited};
use super::{DiscWriter, Entry, Medium, Session, State, mount, patience, size_of};
use crate::capacity::Capacity;
use crate::error::MediaError;
use crate::image::{Image, graft};
use crate::programs::{Printed, Programs, failed};
use crate::setup::Setup;
use crate::tray::Tray;

/// What a session takes besides its content, as the originals estimate it, in sectors.
const OVERHEAD: f64 = 2500.0;
const SECTOR: f64 = 2048.0;
/// How long the disc may take to be looked at.
const PATIENCE: Duration = Duration::from_mins(10);

/// Writes DVDs as the originals do.
pub(super) struct DvdWriter<'a> {
    setup: &'a Setup,
    programs: Programs<'a>,
}

impl<'a> DvdWriter<'a> {
    pub(super) fn new(setup: &'a Setup, programs: Programs<'a>) -> Self {
        Self { setup, programs }
    }

    /// A command up to the device. `growisofs` starts `mkisofs` itself.
    fn growisofs(&self, is_trial: bool, is_new: bool) -> Command {
        let mut command = Command::new(self.programs.path("growisofs"));
        if let Some(mkisofs) = self.programs.overrides.get("mkisofs") {
            command = command.variable("MKISOFS", mkisofs);
        }
        command = command.arg("-use-the-force-luke=tty");
        if is_trial {
            command = command.arg("-dry-run");
        }
        if let Some(speed) = self.setup.speed {
            command = command.arg(format!("-speed={speed}"));
        }
        command.arg(if is_new { "-Z" } else { "-M" }).arg(&self.setup.device)
    }

    /// How many sectors are used, by what a trial run would do.
    fn used(&self, is_new: bool) -> Result<f64, MediaError> {
        if is_new {
            return Ok(0.0);
        }
        let empty = Scratch::new(None)?;
        let command = self
            .growisofs(true, false)
            .args([OsStr::new("-r"), OsStr::new("-graft-points"), empty.path().as_os_str()])
            .time_limit(Some(PATIENCE));
        let Printed { finished, output, errors } = self.programs.listen(&command)?;
        let intent = "find out how much of the disc is used";
        if !finished.success() {
            let lines = output.iter().chain(&errors);
            if lines.clone().any(|line| line.contains("4GB boundary")) {
                return Err(MediaError::Unusable(
                    "growisofs adds nothing to a disc with more than 4 GB on it; begin a new disc, or let xorriso write (<burner>)".to_owned(),
                ));
            }
            return Err(failed(intent, &command, &finished));
        }
        let lines: Vec<_> = output.into_iter().chain(errors).collect();
        match seek(&lines) {
            None => {
                self.programs
                    .system
                    .monitor
                    .warning("growisofs does not say how much of the disc is used; taken for empty.");
                Ok(0.0)
            }
            Some(Ok(sectors)) => Ok(sectors),
            Some(Err(said)) => {
                let (intent, program) = (intent.to_owned(), "growisofs".to_owned());
                Err(MediaError::Unexpected { intent, program, said })
            }
        }
    }

    /// A virgin disc cannot be continued.
    fn begins(&self, session: &Session<'_>) -> bool {
        session.is_new || super::look(self.setup).state == State::Blank
    }
}

impl DiscWriter for DvdWriter<'_> {
    fn medium(&self) -> Result<Medium, MediaError> {
        Ok(super::look(self.setup))
    }

    fn capacity(&self, is_new: bool) -> Result<Capacity, MediaError> {
        let is_new = is_new || super::look(self.setup).state == State::Blank;
        Ok(limited(Capacity::of_sectors(self.setup.kind, self.used(is_new)?), self.setup))
    }

    fn estimate(&self, entries: &[Entry]) -> Result<f64, MediaError> {
        let image = Image { entries, label: None, after: None };
        Ok((size_of(&image, self.programs)? + OVERHEAD) * SECTOR)
    }

    fn write(&self, session: &Session<'_>) -> Result<(), MediaError> {
        let is_new = self.begins(session);
        let size = self.estimate(session.entries)?;
        let capacity = Capacity::of_sectors(self.setup.kind, self.used(is_new)?);
        check_fit(size, limited(capacity, self.setup).available)?;
        let mut command = self.growisofs(false, is_new);
        if let Some(label) = session.label {
            command = command.args(["-V", label.as_str()]);
        }
        let mut entries: Vec<&Entry> = session.entries.iter().collect();
        entries.sort_by(|a, b| a.source.as_os_str().cmp(b.source.as_os_str()));
        let grafts: Vec<OsString> = entries.into_iter().map(graft).collect();
        command = command
            .args(["-r", "-graft-points"])
            .args(grafts)
            .time_limit(Some(patience(self.setup.kind.family(), size)));
        let mut refused = None;
        let printed = self.programs.follow(&command, &mut |_: Stream, line: &str| {
            refused = refused.take().or_else(|| overburn(line));
        })?;
        match (printed.finished.success(), refused) {
            (true, _) => super::refreshed(self.refresh(), self.programs.system),
            (false, Some((free, needed))) => Err(MediaError::Unusable(format!(
                "the disc has {free} free sectors, and {needed} were to be written"
            ))),
            (false, None) => Err(failed("write the disc", &command, &printed.finished)),
        }
    }

    fn compare(&self, entries: &[Entry], work_dir: &Path) -> Result<(), MediaError> {
        mount::compare(entries, &self.setup.device, work_dir, self.programs)
    }

    fn refresh(&self) -> Result<(), MediaError> {
        Tray { setup: self.setup, programs: self.programs, moves: true }.refresh()
    }

    fn takes_extras(&self) -> bool {
        false
    }
}

/// Where the next session would begin, in sectors: the first line with `seek=N'`, in blocks of 32 kB.
fn seek(lines: &[String]) -> Option<Result<f64, String>> {
    let found =
        lines.iter().find_map(|line| Some(line.strip_suffix('\'')?.rsplit_once("seek=")?.1.trim()))?;
    Some(found.parse::<f64>().map(|blocks| blocks * 16.0).map_err(|_| found.to_owned()))
}

/// What `growisofs` says when there is not enough room: `:-( /dev/cdrom: 894048 blocks are free, 2033746 to be written!`
fn overburn(line: &str) -> Option<(String, String)> {
    let (free, needed) = line.strip_prefix(":-(")?.split_once(" blocks are free, ")?;
    let free = free.rsplit_once(':')?.1.trim();
    let needed = needed.split_once(" to be written!")?.0.trim();
    Some((free.to_owned(), needed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_ends_so_tells_where_the_next_session_begins() {
        let seek = |lines: &[&str]| super::seek(&lines.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(seek(&["x seek=12'"]), Some(Ok(192.0)));
        assert_eq!(seek(&["x seek=12"]), None);
        assert_eq!(seek(&["no", "x seek=1'", "y seek=2'"]), Some(Ok(16.0)));
        assert_eq!(seek(&["a seek=1 b seek=2'"]), Some(Ok(32.0)));
        assert_eq!(seek(&["x seek=many'"]), Some(Err("many".to_owned())));
        let real = "Executing 'genisoimage -C 16,3312 -M /dev/fd/3 -r -graft-points /tmp/x | builtin_dd of=/dev/cdrom obs=32k seek=207'";
        assert_eq!(seek(&[real]), Some(Ok(3312.0)));
    }

    #[test]
    fn a_disc_that_is_too_small_is_recognised() {
        let both = |free: &str, needed: &str| Some((free.to_owned(), needed.to_owned()));
        assert_eq!(
            overburn(":-( /dev/cdrom: 894048 blocks are free, 2033746 to be written!"),
            both("894048", "2033746")
        );
        assert_eq!(overburn(":-( a: b: some blocks are free, more to be written!"), both("some", "more"));
        for other in ["", ":-( unable to open", "/dev/cdrom: 1 blocks are free, 2 to be written!"] {
            assert_eq!(overburn(other), None, "{other}");
        }
    }
}
