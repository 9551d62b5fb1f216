//! `xorriso`: writes all kinds of discs and images, streaming, with the digest of every file, and reads them without mounting.

mod parse;
mod script;

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redcedar_system::command::{Command, Stream};
use redcedar_system::fs::sync_directory;
use redcedar_system::monitor::Progress;

use self::script::Script;
use super::fit::{check_fit, limited};
use super::{DiscWriter, Entry, Medium, Session, State, patience};
use crate::capacity::Capacity;
use crate::error::MediaError;
use crate::kind::Family;
use crate::programs::{Printed, Programs, failed};
use crate::setup::{Place, Setup};
use crate::tray::Tray;
use crate::volume::{self, Beginning};

const SECTOR: f64 = 2048.0;
/// How long the disc may take to be looked at.
const PATIENCE: Duration = Duration::from_mins(30);
/// What stands before the serial of a disc in its application id.
const SERIAL: &str = "REDCEDAR";

/// Writes with `xorriso`.
pub(super) struct Xorriso<'a> {
    setup: &'a Setup,
    programs: Programs<'a>,
    place: Place,
    /// Whether there is a new image beside the old one.
    is_pending: Cell<bool>,
    /// Whether the disc was last written by us. The digests on a disc that others have continued are out of date, and would be
    /// taken for those of other files if there were new ones.
    is_ours: Cell<bool>,
}

impl<'a> Xorriso<'a> {
    pub(super) fn new(setup: &'a Setup, programs: Programs<'a>, place: Place) -> Self {
        Self { setup, programs, place, is_pending: Cell::new(false), is_ours: Cell::new(false) }
    }

    fn command(&self) -> Command {
        // Whatever is in somebody's start-up files; and names are names, not patterns.
        Command::new(self.programs.path("xorriso")).arg("-no_rc").arg("-for_backup").args([
            "-iso_rr_pattern",
            "off",
            "-disk_pattern",
            "off",
        ])
    }

    /// A command that reads the disc, whether or not what it says of its directories' digests is right.
    fn reading(&self) -> Command {
        self.command().args(["-md5", "load_check_off", "-indev"]).arg(self.target())
    }

    /// A command that continues the disc. One that we wrote must be sound.
    fn continuing(&self) -> Command {
        let command = if self.is_ours.get() { self.command() } else { self.command().args(["-md5", "off"]) };
        command.arg("-dev").arg(self.target())
    }

    /// The drive or image as it is now.
    fn target(&self) -> OsString {
        match self.place {
            Place::Drive => self.setup.device.clone().into(),
            Place::File if self.is_pending.get() => stdio(&self.pending()),
            Place::Device | Place::File => stdio(&self.setup.device),
        }
    }

    /// Where a new image is until it is good.
    fn pending(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.setup.device.file_name().unwrap_or_default());
        name.push(".redcedar-new");
        self.setup.device.with_file_name(name)
    }

    fn room_of_file(&self, is_new: bool) -> Result<Capacity, MediaError> {
        let used = if is_new { 0.0 } else { length(&self.setup.device)? };
        let parent = self.setup.device.parent().unwrap_or(Path::new("/"));
        let disk = rustix::fs::statvfs(parent).map_err(io::Error::from)?;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let free = disk.f_bavail.saturating_mul(disk.f_frsize) as f64;
        let capacity =
            Capacity { used, available: Capacity::of_sectors(self.setup.kind, 0.0).available - used };
        Ok(limited(Capacity { available: capacity.available.min(free), ..capacity }, self.setup))
    }

    fn room_of_disc(&self, is_new: bool) -> Result<Capacity, MediaError> {
        let intent = "find out how much room there is on the disc";
        let command = self
            .command()
            .arg("-outdev")
            .arg(self.target())
            .args(["-toc", "-tell_media_space", "-rollback_end"])
            .time_limit(Some(PATIENCE));
        let printed = self.programs.listen(&command)?;
        let blocks = expect(intent, &command, &printed, parse::blocks(&printed.output))?;
        let capacity = if is_new && self.setup.kind.is_rewritable() && blocks.overall > 0.0 {
            Capacity { used: 0.0, available: blocks.overall * SECTOR }
        } else {
            Capacity { used: blocks.readable * SECTOR, available: blocks.space * SECTOR }
        };
        Ok(limited(capacity, self.setup))
    }

    /// How large a session will be. One that follows others is laid out behind them.
    fn size(&self, session: &Session<'_>) -> Result<f64, MediaError> {
        let command = if session.is_new {
            self.command().arg("-outdev").arg(stdio(Path::new("/dev/null")))
        } else {
            self.continuing()
        };
        let (command, _script) = content(session).of(command)?;
        // Without a word to the contrary, it would be written now.
        let command = command.args(["-print_size", "-rollback_end"]).time_limit(Some(PATIENCE));
        let printed = self.programs.listen(&command)?;
        Ok(expect(
            "find out how large the session will be",
            &command,
            &printed,
            parse::size(&printed.output),
        )? * SECTOR)
    }

    fn speed(&self) -> Option<String> {
        let unit = match self.setup.kind.family() {
            Family::Cd => 'c',
            Family::Dvd => 'd',
            Family::Bd => 'b',
        };
        self.setup.speed.map(|speed| format!("{speed}{unit}"))
    }

    fn burn(&self, session: &Session<'_>, size: f64) -> Result<(), MediaError> {
        let mut command = match (session.is_new, self.place) {
            (true, Place::File) => self.command().arg("-outdev").arg(stdio(&self.pending())),
            (true, _) => self.command().arg("-outdev").arg(self.target()).args(["-blank", "as_needed"]),
            (false, _) => self.continuing(),
        };
        if let Some(speed) = self.speed().filter(|_| self.place == Place::Drive) {
            command = command.args(["-speed", &speed]);
        }
        let (command, _script) = content(session).of(command)?;
        let command = command.args(["-commit", "-end"]);
        let command = command.time_limit(Some(patience(self.setup.kind.family(), size)));
        let monitor = &*self.programs.system.monitor;
        let printed = self.programs.follow(&command, &mut |_: Stream, line: &str| {
            if let Some((sectors, percent)) = parse::progress(line) {
                monitor.progress(&progress(sectors, percent), None);
            }
        })?;
        if printed.finished.success() && parse::says_written(&printed.errors) {
            return Ok(());
        }
        Err(failed("write the disc", &command, &printed.finished))
    }

    fn remove_pending(&self) -> io::Result<()> {
        match fs_err::remove_file(self.pending()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl DiscWriter for Xorriso<'_> {
    fn medium(&self) -> Result<Medium, MediaError> {
        if self.place != Place::Drive {
            // What is no image at all need not be shown to xorriso, nor a file that is not there yet.
            match volume::read(&self.setup.device) {
                Ok(Beginning::Image(_)) => {}
                Ok(Beginning::Blank) => return Ok(Medium::of(State::Blank)),
                Ok(Beginning::Foreign) => return Ok(Medium::of(State::Foreign)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Medium::of(State::Blank)),
                Err(error) => return Err(error.into()),
            }
        }
        let command = self
            .reading()
            .args(["-toc", "-pvd_info", "-find", "/", "-maxdepth", "3", "-type", "d", "--"])
            .time_limit(Some(PATIENCE));
        let printed = self.programs.listen(&command)?;
        let medium = expect("look at the disc", &command, &printed, parse::medium(&printed.output))?;
        self.is_ours.set(medium.serial.is_some());
        Ok(medium)
    }

    fn capacity(&self, is_new: bool) -> Result<Capacity, MediaError> {
        match self.place {
            Place::File => self.room_of_file(is_new),
            Place::Drive | Place::Device => self.room_of_disc(is_new),
        }
    }

    fn estimate(&self, entries: &[Entry]) -> Result<f64, MediaError> {
        self.size(&Session { is_new: true, ..Session::of(entries, Path::new("/")) })
    }

    fn write(&self, session: &Session<'_>) -> Result<(), MediaError> {
        let size = self.size(session)?;
        check_fit(size, self.capacity(session.is_new)?.available)?;
        let is_beside = session.is_new && self.place == Place::File;
        if is_beside {
            self.remove_pending()?;
        }
        let burned = self.burn(session, size);
        if is_beside && burned.is_err() {
            self.remove_pending()?;
        }
        burned?;
        self.is_pending.set(is_beside);
        super::refreshed(self.refresh(), self.programs.system)
    }

    fn compare(&self, entries: &[Entry], _work_dir: &Path) -> Result<(), MediaError> {
        let mut script = Script::default();
        for entry in entries {
            let place = place_of(entry);
            script.say(&["-check_md5_r".as_ref(), "SORRY".as_ref(), place.as_os_str(), "--".as_ref()]);
            script.say(&["-compare_r".as_ref(), entry.source.as_os_str(), place.as_os_str(), "--".as_ref()]);
        }
        let (command, _script) = script.of(self.reading())?;
        let size = Capacity::of_empty(self.setup.kind).available;
        let command = command.time_limit(Some(patience(self.setup.kind.family(), size)));
        let printed = self.programs.listen(&command)?;
        let mut differences = parse::differences(&printed.output, entries.len());
        if !printed.finished.success() {
            differences.push(printed.finished.explain("xorriso"));
        }
        if differences.is_empty() { Ok(()) } else { Err(MediaError::Differs(differences)) }
    }

    fn is_settled(&self) -> bool {
        !self.is_pending.get()
    }

    fn settle(&self) -> Result<(), MediaError> {
        if self.is_pending.get() {
            let file = fs_err::File::open(self.pending())?;
            file.set_permissions(Permissions::from_mode(MODE))?;
            file.sync_all()?;
            fs_err::rename(self.pending(), &self.setup.device)?;
            sync_directory(self.setup.device.parent().unwrap_or(Path::new("/")))?;
            self.is_pending.set(false);
        }
        Ok(())
    }

    fn refresh(&self) -> Result<(), MediaError> {
        match self.place {
            Place::Drive => Tray { setup: self.setup, programs: self.programs, moves: true }.refresh(),
            Place::Device | Place::File => Ok(()),
        }
    }

    fn takes_extras(&self) -> bool {
        true
    }
}

impl Drop for Xorriso<'_> {
    /// What was not settled is not good; what is left of a killed run goes with the next image.
    fn drop(&mut self) {
        if self.is_pending.get()
            && let Err(error) = self.remove_pending()
        {
            self.programs.system.monitor.warning(format!("An image that is not used stays: {error}"));
        }
    }
}

/// The commands that lay out what is to be on the disc.
fn content(session: &Session<'_>) -> Script {
    let mut script = Script::default();
    for graft in session.replaced {
        // What is only put over it would leave what was there and is no longer.
        script.say(&["-rm_r".as_ref(), rooted(graft).as_os_str(), "--".as_ref()]);
    }
    if let Some(label) = session.label {
        script.say(&["-volid".as_ref(), label.as_str().as_ref()]);
    }
    if let Some(serial) = session.serial {
        script.say(&["-application_id".as_ref(), format!("{SERIAL} {serial}").as_ref()]);
    }
    for entry in session.entries {
        script.say(&["-map".as_ref(), entry.source.as_os_str(), place_of(entry).as_os_str()]);
    }
    for extra in session.extras {
        let place = rooted(Path::new(extra.file_name().unwrap_or_default()));
        script.say(&["-map".as_ref(), extra.as_os_str(), place.as_os_str()]);
    }
    script
}

/// Others have no business in a backup.
const MODE: u32 = 0o640;

fn stdio(path: &Path) -> OsString {
    let mut target = OsString::from("stdio:");
    target.push(path);
    target
}

fn rooted(path: &Path) -> PathBuf {
    Path::new("/").join(path)
}

/// Where an entry is on the disc: a file in the directory, of a directory what it holds.
fn place_of(entry: &Entry) -> PathBuf {
    let graft = rooted(&entry.graft);
    let is_file = fs_err::symlink_metadata(&entry.source).is_ok_and(|metadata| !metadata.is_dir());
    let name: Option<&OsStr> = entry.source.file_name().filter(|_| is_file);
    name.map_or(graft.clone(), |name| graft.join(name))
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn length(image: &Path) -> io::Result<f64> {
    match fs_err::metadata(image) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0.0),
        metadata => Ok(metadata?.len() as f64),
    }
}

/// What a program that ended well must have said.
fn expect<T>(intent: &str, command: &Command, printed: &Printed, said: Option<T>) -> Result<T, MediaError> {
    if !printed.finished.success() {
        return Err(failed(intent, command, &printed.finished));
    }
    said.ok_or_else(|| MediaError::Unexpected {
        intent: intent.to_owned(),
        program: "xorriso".to_owned(),
        said: format!("{:?}", printed.output),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown to people")]
fn progress(sectors: f64, percent: f64) -> Progress {
    let bytes = sectors * SECTOR;
    let total = (percent > 0.0).then(|| (bytes * 100.0 / percent) as u64);
    Progress { bytes: bytes as u64, total_bytes: total, ..Progress::default() }
}
