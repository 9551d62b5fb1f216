//! A pool of one with extensions, in a directory that nobody else can write.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;

pub(super) struct Machine(tempfile::TempDir);

/// What a program said, with `DIR` for the directory.
pub(super) struct Answer {
    pub(super) code: i32,
    pub(super) text: String,
}

impl Machine {
    /// A machine with these actions, options, and sections of extensions. `DIR` is its directory.
    pub(super) fn new(actions: &str, options: &str, sections: &str) -> Self {
        let root = redcedar_testing::trusted::directory();
        for directory in ["collect", "staging", "work", "source"] {
            fs_err::create_dir(root.path().join(directory)).unwrap();
        }
        fs_err::write(root.path().join("source/file"), "content").unwrap();
        let machine = Self(root);
        let text = format!(
            "<cb_config>
  <reference/>
  <extensions><order_mode>index</order_mode>
{actions}
  </extensions>
  <options><starting_day>monday</starting_day><working_dir>DIR/work</working_dir><backup_user>root</backup_user>
    <backup_group>root</backup_group><rcp_command>/usr/bin/scp</rcp_command>{options}</options>
  <peers><peer><name>me</name><type>local</type><collect_dir>DIR/collect</collect_dir></peer></peers>
  <collect><collect_dir>DIR/collect</collect_dir><collect_mode>daily</collect_mode><archive_mode>targz</archive_mode>
    <ignore_file>.ignore</ignore_file><dir><abs_path>DIR/source</abs_path></dir></collect>
  <stage><staging_dir>DIR/staging</staging_dir></stage>
{sections}
</cb_config>
"
        );
        machine.write("cback3.conf", &text.replace("DIR", &machine.root()), 0o600);
        machine
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn root(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }

    pub(super) fn write(&self, name: &str, text: &str, mode: u32) {
        fs_err::write(self.path(name), text).unwrap();
        fs_err::set_permissions(self.path(name), PermissionsExt::from_mode(mode)).unwrap();
    }

    /// A shell script.
    pub(super) fn script(&self, name: &str, script: &str) {
        self.write(name, &format!("#!/bin/sh\n{script}\n"), 0o755);
    }

    /// The names in a directory.
    pub(super) fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs_err::read_dir(self.path(directory)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs `redcedar` with the configuration.
    pub(super) fn redcedar(&self, args: &[&str]) -> Answer {
        let mut command = program::command(cargo_bin!("redcedar"));
        command.env("REDCEDAR_NOW", "2026-11-24T02:00:00").env("REDCEDAR_CONFIG", self.path("cback3.conf"));
        self.answer(command.args(args))
    }

    /// Runs us as `cback3`.
    pub(super) fn cback3(&self, actions: &[&str]) -> Answer {
        let mut command = program::command(cargo_bin!("redcedar"));
        command.arg0("cback3").env("REDCEDAR_NOW", "2026-11-24T02:00:00");
        self.answer(self.complete(&mut command).args(actions))
    }

    /// Runs the original.
    pub(super) fn original(&self, oracle: &Oracle, actions: &[&str]) -> Answer {
        self.answer(self.complete(&mut oracle.command("2026-11-24 02:00:00")).args(actions))
    }

    fn complete<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.arg("--config").arg(self.path("cback3.conf")).arg("--logfile").arg(self.path("log"));
        command.args(["--owner", "root:root"])
    }

    fn answer(&self, command: &mut Command) -> Answer {
        let Output { status, stdout, stderr } = program::run(command.current_dir(self.0.path()));
        let text = String::from_utf8([stdout, stderr].concat()).unwrap();
        Answer { code: status.code().unwrap_or(-1), text: text.replace(&self.root(), "DIR") }
    }

    /// The log of the runs as `cback3`.
    pub(super) fn log(&self) -> String {
        fs_err::read_to_string(self.path("log")).unwrap().replace(&self.root(), "DIR")
    }
}

/// A file of the documentation.
pub(super) fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples/extensions").join(name);
    fs_err::read_to_string(path).unwrap()
}
