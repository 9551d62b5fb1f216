//! A machine with staged days and an image in the place of a disc.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use redcedar_testing::compare::Snapshot;
use redcedar_testing::pool::Program;
use redcedar_testing::program::{self, describe};
use redcedar_testing::rng::Rng;
use sha2::{Digest, Sha256};

/// A directory with everything. Weeks start on Monday; the 23rd of November 2026 is one.
pub(crate) struct Machine(tempfile::TempDir);

/// What a `store` section holds besides the places, for an image of a small disc that is compared after it was written.
pub(crate) const SMALL: &str = "<media_type>dvd+rw</media_type><device_type>dvdwriter</device_type>
    <check_data>Y</check_data><media_size>8 MB</media_size>";

impl Machine {
    /// A machine with a section `store` that has an image as its device. `ROOT` stands for the directory.
    pub(crate) fn new(store: &str) -> Self {
        Self::with("", store, "")
    }

    /// The same with further options and sections.
    pub(crate) fn with(options: &str, store: &str, sections: &str) -> Self {
        let root = tempfile::Builder::new().prefix("redcedar-discs-").tempdir().unwrap();
        let machine = Self(root);
        for name in ["work", "staging", "bin", "collect"] {
            fs_err::create_dir(machine.path(name)).unwrap();
        }
        machine.configure(options, store, sections);
        machine
    }

    pub(crate) fn configure(&self, options: &str, store: &str, sections: &str) {
        let text = format!(
            "<?xml version=\"1.0\"?>
<cb_config>
  <options>
    <starting_day>monday</starting_day><working_dir>ROOT/work</working_dir>
    <backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>/usr/bin/scp</rcp_command>
    {options}
  </options>
  <peers><peer><name>me</name><type>local</type><collect_dir>ROOT/collect</collect_dir></peer></peers>
  <stage><staging_dir>ROOT/staging</staging_dir></stage>
  <store><source_dir>ROOT/staging</source_dir><target_device>ROOT/disc.iso</target_device>{store}</store>
  {sections}
</cb_config>
"
        );
        let text = text.replace("ROOT", self.root().to_str().unwrap());
        fs_err::write(self.path("cback3.conf"), text).unwrap();
    }

    /// Has another device in the place of the image.
    pub(crate) fn put_in(&self, device: &Path) {
        let config = self.path("cback3.conf");
        let text = fs_err::read_to_string(&config).unwrap();
        let (old, new) = (self.disc().display().to_string(), device.display().to_string());
        fs_err::write(&config, text.replace(&old, &new)).unwrap();
    }

    /// What `redcedar` says, which must succeed.
    #[track_caller]
    pub(crate) fn redcedar(&self, arguments: &[&str]) -> String {
        let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
        String::from_utf8(program::succeed(command.args(arguments).current_dir(self.root()))).unwrap()
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn disc(&self) -> PathBuf {
        self.path("disc.iso")
    }

    /// Stages a day, such as `2026/11/23`, with so many bytes.
    pub(crate) fn stage(&self, day: &str, size: usize) {
        let seed = day.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte));
        let peer = self.path("staging").join(day).join("me");
        fs_err::create_dir_all(&peer).unwrap();
        let content = Rng::new(seed).bytes(size);
        fs_err::write(peer.join("etc.tar.gz"), &content).unwrap();
        fs_err::set_permissions(peer.join("etc.tar.gz"), Permissions::from_mode(0o640)).unwrap();
        let digest =
            Sha256::digest(&content).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        fs_err::write(peer.join("cback.sha256"), format!("{digest}  etc.tar.gz\n")).unwrap();
        fs_err::write(self.path("staging").join(day).join("cback.stage"), "").unwrap();
    }

    /// Stages a day with an archive that can be read.
    pub(crate) fn stage_archive(&self, day: &str, size: usize) {
        self.stage(day, size);
        let peer = self.path("staging").join(day).join("me");
        fs_err::rename(peer.join("etc.tar.gz"), peer.join("content")).unwrap();
        program::succeed(program::command("tar").args(["-czf", "etc.tar.gz", "content"]).current_dir(&peer));
        fs_err::remove_file(peer.join("content")).unwrap();
        let sums = program::succeed(program::command("sha256sum").arg("etc.tar.gz").current_dir(&peer));
        fs_err::write(peer.join("cback.sha256"), sums).unwrap();
    }

    /// A command that runs our `cback3` at `now`, such as `2026-11-23 03:00`.
    pub(crate) fn command(&self, now: &str, arguments: &[&str]) -> Command {
        use std::os::unix::process::CommandExt;
        let Program::Ours(path) = ours() else { unreachable!("ours is ours") };
        let mut command = program::command(path);
        command.arg0("cback3").env("REDCEDAR_NOW", now.replace(' ', "T"));
        command.arg("--config").arg(self.path("cback3.conf")).arg("--logfile").arg(self.path("log"));
        command.args(["--owner", "root:root", "--debug", "--output"]).args(arguments);
        command
    }

    pub(crate) fn run(&self, now: &str, arguments: &[&str]) -> Output {
        program::run(&mut self.command(now, arguments))
    }

    /// Runs `cback3`, which must succeed.
    #[track_caller]
    pub(crate) fn run_well(&self, now: &str, arguments: &[&str]) {
        let output = self.run(now, arguments);
        assert!(output.status.success(), "{}\n{}", describe(&output), self.log());
    }

    /// Runs `cback3`, which must end with exit code 6 and say something.
    #[track_caller]
    pub(crate) fn run_badly(&self, now: &str, arguments: &[&str], says: &str) {
        let output = self.run(now, arguments);
        assert_eq!(output.status.code(), Some(6), "{}\n{}", describe(&output), self.log());
        assert!(self.log().contains(says), "{says} is not in\n{}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs_err::read(self.path("log")).unwrap_or_default()).into_owned()
    }

    /// Whether a day is marked as stored.
    pub(crate) fn is_stored(&self, day: &str) -> bool {
        self.path("staging").join(day).join("cback.store").exists()
    }

    /// The days on the disc.
    pub(crate) fn days(&self) -> Vec<String> {
        let words = ["-find", "/", "-mindepth", "3", "-maxdepth", "3", "-type", "d"];
        let output = program::succeed(xorriso().arg("-indev").arg(stdio(&self.disc())).args(words));
        let text = String::from_utf8(output).unwrap();
        let mut days: Vec<_> = text
            .lines()
            .filter_map(|line| Some(line.strip_prefix("'/")?.strip_suffix('\'')?.to_owned()))
            .filter(|path| path.starts_with("20"))
            .collect();
        days.sort();
        days
    }

    /// The content of a file on the disc.
    pub(crate) fn read(&self, file: &str) -> String {
        let to = self.path("extracted");
        assert!(extract(&self.disc(), file, &to), "{file} is not on the disc");
        let content = fs_err::read_to_string(&to).unwrap();
        fs_err::remove_file(to).unwrap();
        content
    }

    /// The label of the disc.
    pub(crate) fn label(&self) -> String {
        let image = fs_err::read(self.disc()).unwrap();
        String::from_utf8_lossy(&image[32808..32840]).trim().to_owned()
    }

    /// A day on the disc must be what is staged, with modes and owners.
    #[track_caller]
    pub(crate) fn assert_on_disc(&self, day: &str) {
        self.assert_on(&self.disc(), day);
    }

    /// The same for another image.
    #[track_caller]
    pub(crate) fn assert_on(&self, image: &Path, day: &str) {
        let mut expected = Snapshot::take(&self.path("staging").join(day).join("me")).unwrap();
        // Discs know no fractions of seconds.
        expected.objects.values_mut().for_each(|object| object.mtime.1 = 0);
        assert_eq!(self.on(image, day), Some(expected), "{day} on {}", image.display());
    }

    /// What an image holds of a day, if it holds it.
    pub(crate) fn on(&self, image: &Path, day: &str) -> Option<Snapshot> {
        let to = self.path("day");
        if !extract(image, &format!("/{day}/me"), &to) {
            return None;
        }
        let found = Snapshot::take(&to).unwrap();
        fs_err::remove_dir_all(&to).unwrap();
        Some(found)
    }

    /// Lets a script run in the place of a program; `REAL` in it is the path of the real one.
    pub(crate) fn stand_in(&self, name: &str, script: &str) -> String {
        let real = program::find(name).map(|path| path.display().to_string()).unwrap_or_default();
        let path = self.path("bin").join(name);
        let script = script.replace("ROOT", self.root().to_str().unwrap()).replace("REAL", &real);
        fs_err::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs_err::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        format!("<override><command>{name}</command><abs_path>{}</abs_path></override>", path.display())
    }
}

/// Our executable.
fn ours() -> Program<'static> {
    Program::Ours(Path::new(env!("CARGO_BIN_EXE_redcedar")))
}

pub(crate) fn xorriso() -> Command {
    let mut command = program::command("xorriso");
    command.arg("-no_rc").arg("-for_backup");
    command
}

pub(crate) fn stdio(image: &Path) -> String {
    format!("stdio:{}", image.display())
}

/// Brings something back from an image, if it is there.
fn extract(image: &Path, path: &str, to: &Path) -> bool {
    let words = ["-osirrox", "on", "-iso_rr_pattern", "off"];
    let mut command = xorriso();
    command.args(words).arg("-indev").arg(stdio(image)).args(["-extract", path]).arg(to);
    program::run(&mut command).status.success()
}

/// Whether `xorriso` is there, which all of these tests need.
pub(crate) fn can_write() -> bool {
    let found = program::find("xorriso").is_some();
    if !found {
        program::cannot_test("discs", "xorriso is not installed");
    }
    found
}
