//! A pool of one that dumps databases.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::pool::xml;
use redcedar_testing::program;

/// Everything below a temporary directory, with `HOME` in it.
pub(super) struct Machine {
    root: tempfile::TempDir,
    environment: Vec<(String, PathBuf)>,
}

impl Machine {
    /// A machine with this section for the extension `name`, and `options` among its options. `DIR` is its directory.
    pub(super) fn new(name: &str, options: &str, section: &str) -> Self {
        let root = tempfile::Builder::new().prefix("redcedar-db-").tempdir().unwrap();
        for directory in ["collect", "staging", "work", "home", "source"] {
            fs_err::create_dir(root.path().join(directory)).unwrap();
        }
        fs_err::write(root.path().join("source/file"), "content").unwrap();
        let text = format!(
            "<cb_config>
  <extensions><order_mode>index</order_mode><action><name>{name}</name><module>CedarBackup3.extend.{name}</module>
    <function>executeAction</function><index>99</index></action></extensions>
  <options><starting_day>monday</starting_day><working_dir>DIR/work</working_dir><backup_user>root</backup_user>
    <backup_group>root</backup_group><rcp_command>/usr/bin/scp</rcp_command>{options}</options>
  <peers><peer><name>me</name><type>local</type><collect_dir>DIR/collect</collect_dir></peer></peers>
  <collect><collect_dir>DIR/collect</collect_dir><collect_mode>daily</collect_mode><archive_mode>targz</archive_mode>
    <ignore_file>.ignore</ignore_file><dir><abs_path>DIR/source</abs_path></dir></collect>
  <stage><staging_dir>DIR/staging</staging_dir></stage>
  <{name}>{section}</{name}>
</cb_config>"
        );
        let config = root.path().join("cback3.conf");
        fs_err::write(&config, text.replace("DIR", root.path().to_str().unwrap())).unwrap();
        fs_err::set_permissions(&config, PermissionsExt::from_mode(0o600)).unwrap();
        Self { root, environment: Vec::new() }
    }

    /// Adds further actions and sections to the configuration.
    pub(super) fn configure(&self, actions: &str, sections: &str) {
        let config = self.path("cback3.conf");
        let text = fs_err::read_to_string(&config).unwrap();
        let text = text.replace("</extensions>", &format!("{actions}</extensions>"));
        fs_err::write(&config, text.replace("</cb_config>", &format!("{sections}</cb_config>"))).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Sets a variable for all commands.
    pub(super) fn set(&mut self, name: &str, value: impl Into<PathBuf>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// A shell script `name` that a configuration can name.
    pub(super) fn script(&self, name: &str, script: &str) {
        fs_err::write(self.path(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs_err::set_permissions(self.path(name), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Completes a command with everything that belongs to the machine.
    pub(super) fn complete(&self, mut command: Command) -> Command {
        command.env("HOME", self.path("home")).current_dir(self.root.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `redcedar`, by default on the first day.
    pub(super) fn redcedar(&self, arguments: &[&str]) -> Command {
        let mut command = self.complete(program::command(cargo_bin!("redcedar")));
        command.env("REDCEDAR_NOW", "2026-11-24T02:00:00").env("REDCEDAR_CONFIG", self.path("cback3.conf"));
        command.args(arguments);
        command
    }

    /// Runs `redcedar`, which must end with `code`, and returns what it said: standard output, then standard error.
    pub(super) fn run(&self, arguments: &[&str], code: i32) -> (String, String) {
        let output = program::run(&mut self.redcedar(arguments));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", program::describe(&output));
        said(&output)
    }

    /// The names in a directory, sorted.
    pub(super) fn names(&self, directory: &str) -> Vec<String> {
        names(&self.path(directory))
    }
}

pub(super) fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// `<database>` elements.
pub(super) fn elements(names: &[&str]) -> String {
    let elements: Vec<_> = names.iter().map(|name| format!("<database>{}</database>", xml(name))).collect();
    elements.concat()
}
