//! A pool of one machine in a temporary directory: its configuration, its directories, and runs of either program in it.

use crate::oracle::Oracle;
use crate::program;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Whose program runs.
#[derive(Debug, Clone, Copy)]
pub enum Program<'a> {
    /// The original.
    Original(&'a Oracle),
    /// Ours, called by the name `cback3`: the path of the executable.
    Ours(&'a Path),
}

/// A pool of one.
#[derive(Debug)]
pub struct Pool {
    dir: PathBuf,
    starting_day: String,
    /// Removes the directory with the pool, if it is temporary.
    #[expect(dead_code, reason = "it is there to be dropped")]
    temporary: Option<TempDir>,
}

impl Pool {
    /// A pool in a temporary directory, without a configuration yet. It is left there for a look at it when
    /// `REDCEDAR_KEEP` is set.
    ///
    /// # Errors
    /// When its directories cannot be made.
    pub fn new() -> io::Result<Self> {
        let mut temporary = TempDir::with_prefix("redcedar-pool-")?;
        temporary.disable_cleanup(program::variable("REDCEDAR_KEEP").is_some());
        let pool = Self::at(temporary.path())?;
        Ok(Self { temporary: Some(temporary), ..pool })
    }

    /// A pool in `dir`, which stays.
    ///
    /// # Errors
    /// When its directories cannot be made.
    pub fn at(dir: &Path) -> io::Result<Self> {
        let pool = Self { dir: dir.to_path_buf(), starting_day: "sunday".to_owned(), temporary: None };
        for dir in [pool.collect_dir(), pool.staging_dir(), pool.working_dir()] {
            fs_err::create_dir_all(dir)?;
        }
        Ok(pool)
    }

    /// Where everything of the pool is.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Where archives are collected.
    pub fn collect_dir(&self) -> PathBuf {
        self.dir.join("collect")
    }

    /// Where days are staged.
    pub fn staging_dir(&self) -> PathBuf {
        self.dir.join("staging")
    }

    /// Where the incremental state is.
    pub fn working_dir(&self) -> PathBuf {
        self.dir.join("working")
    }

    /// The log file of the runs.
    pub fn log(&self) -> PathBuf {
        self.dir.join("cback3.log")
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.dir.join("cback3.conf")
    }

    /// Where the machine `me` is staged on `day`, such as `2026/11/24`.
    pub fn daily_dir(&self, day: &str) -> PathBuf {
        self.staging_dir().join(day).join("me")
    }

    /// Lets weeks start on another day than Sunday.
    #[must_use]
    pub fn starting_on(mut self, day: &str) -> Self {
        day.clone_into(&mut self.starting_day);
        self
    }

    /// Writes the configuration: the machine is its own and only peer, and `collect` is what
    /// the section of that name holds besides its `collect_dir`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, collect: &str) -> io::Result<()> {
        let collect_dir = self.collect_dir();
        let collect_dir = collect_dir.display();
        self.write_configuration(
            "<backup_user>root</backup_user>
    <backup_group>root</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>",
            &format!(
                "<peer><name>me</name><type>local</type><collect_dir>{collect_dir}</collect_dir></peer>"
            ),
            "",
            &format!(
                "<collect><collect_dir>{collect_dir}</collect_dir>{collect}</collect>
  <purge><dir><abs_path>{collect_dir}</abs_path><retain_days>0</retain_days></dir></purge>"
            ),
        )
    }

    /// Writes the configuration of a machine on which the action `name` runs the extension of that name, and `section` is what
    /// the section of that name holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure_extension(&self, name: &str, section: &str) -> io::Result<()> {
        self.write_configuration(
            "<backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>/usr/bin/scp -B</rcp_command>",
            &format!(
                "<peer><name>me</name><type>local</type><collect_dir>{}</collect_dir></peer>",
                self.collect_dir().display()
            ),
            "",
            &format!(
                "<extensions><action><name>{name}</name><module>CedarBackup3.extend.{name}</module>
    <function>executeAction</function><index>99</index></action></extensions>
  <collect><collect_dir>{}</collect_dir></collect>
  <{name}>{section}</{name}>",
                self.collect_dir().display()
            ),
        )
    }

    /// Writes the configuration of a master that collects nothing itself: `options`, `peers` and `stage` are what these
    /// sections hold besides its directories.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure_master(&self, options: &str, peers: &str, stage: &str) -> io::Result<()> {
        self.write_configuration(options, peers, stage, "")
    }

    /// Adds sections to the configuration.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn add_sections(&self, sections: &str) -> io::Result<()> {
        let text = fs_err::read_to_string(self.config())?;
        fs_err::write(self.config(), text.replace("</cb_config>", &format!("{sections}</cb_config>")))
    }

    fn write_configuration(&self, options: &str, peers: &str, stage: &str, sections: &str) -> io::Result<()> {
        let (staging_dir, working_dir) = (self.staging_dir(), self.working_dir());
        let text = format!(
            "<?xml version=\"1.0\"?>
<cb_config>
  <options>
    <starting_day>{}</starting_day>
    <working_dir>{}</working_dir>
    {options}
  </options>
  <peers>{peers}</peers>
  <stage><staging_dir>{}</staging_dir>{stage}</stage>
  {sections}
</cb_config>
",
            self.starting_day,
            working_dir.display(),
            staging_dir.display()
        );
        fs_err::write(self.config(), text)
    }

    /// A command that runs `program` with the pool's configuration at `now`, such as `2026-11-24 02:00:00`.
    pub fn command<S: AsRef<OsStr>>(&self, program: Program<'_>, now: &str, arguments: &[S]) -> Command {
        let mut command = match program {
            Program::Original(oracle) => oracle.command(now),
            Program::Ours(path) => {
                let mut command = program::command(path);
                command.arg0("cback3").env("REDCEDAR_NOW", now.replace(' ', "T"));
                command
            }
        };
        command.arg("--config").arg(self.config()).arg("--logfile").arg(self.log());
        command.args(["--owner", "root:root"]).args(arguments);
        command
    }

    /// Runs `program` and returns how it ended.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run<S: AsRef<OsStr>>(&self, program: Program<'_>, now: &str, arguments: &[S]) -> Output {
        program::run(&mut self.command(program, now, arguments))
    }
}

/// Text as it stands in an XML document.
pub fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Snapshot;
    use crate::members;
    use crate::rng::Rng;
    use crate::trees::{Growth, grow};

    #[test]
    fn the_original_collects_the_files_of_a_tree() {
        let Some(oracle) = Oracle::required() else { return };
        let pool = Pool::new().unwrap();
        let tree = pool.path().join("tree");
        grow(&tree, &mut Rng::new(11), &Growth { backslashes: false, ..Growth::everything() }).unwrap();
        pool.configure(&format!(
            "<collect_mode>daily</collect_mode><archive_mode>targz</archive_mode><ignore_file>.ignore</ignore_file>
            <dir><abs_path>{}</abs_path></dir>",
            tree.display()
        ))
        .unwrap();
        let output = pool.run(Program::Original(&oracle), "2031-03-04 02:00:00", &["--full", "collect"]);
        assert!(output.status.success(), "{}", program::describe(&output));
        let archive = fs_err::read_dir(pool.collect_dir())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "gz"))
            .expect("the original makes an archive");
        let stored = members::read(&archive)
            .unwrap()
            .iter()
            .filter(|member| matches!(member.kind, b'0' | b'1'))
            .count();
        let tree = Snapshot::take(&tree).unwrap();
        let there = tree
            .objects
            .values()
            .filter(|object| matches!(object.kind, crate::compare::Kind::File(..)))
            .count();
        assert_eq!(stored, there);
    }
}
