//! A directory with a pool of one, in which the original and we do the same.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;

/// When everything happens: a Tuesday.
pub(crate) const NOW: &str = "2026-11-24 02:00:00";

/// A pool of one: `config.xml` collects `source` to `collect`, stages to `staging`, purges that; state is in `work`.
pub(crate) struct Sandbox(tempfile::TempDir);

impl Sandbox {
    /// A pool whose configuration was changed by `edit`.
    pub(crate) fn new(edit: impl Fn(&str) -> String) -> Self {
        let root = tempfile::Builder::new().prefix("redcedar-cback3-").tempdir().unwrap();
        for name in ["source", "collect", "staging", "work"] {
            fs_err::create_dir(root.path().join(name)).unwrap();
        }
        fs_err::write(root.path().join("source/file"), "content\n").unwrap();
        fs_err::write(root.path().join("su"), SU).unwrap();
        fs_err::set_permissions(root.path().join("su"), Permissions::from_mode(0o755)).unwrap();
        let config = edit(CONFIG).replace("DIR", root.path().to_str().unwrap());
        fs_err::write(root.path().join("config.xml"), config).unwrap();
        Self(root)
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Our program under the name `name`.
    pub(crate) fn ours(&self, name: &str, args: &[&str]) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = program::command(cargo_bin!("redcedar"));
        command.arg0(name).env("REDCEDAR_NOW", NOW.replace(' ', "T")).args(args);
        command.current_dir(self.root());
        command
    }

    /// The original.
    pub(crate) fn theirs(oracle: &Oracle, args: &[&str]) -> Command {
        let mut command = oracle.command(NOW);
        command.args(args);
        command
    }
}

/// In the place of `su`: says with what it was called, and fails where a client is called `bad`.
const SU: &str = "#!/bin/sh
for argument; do echo \"<$argument>\"; done
case $3 in *@bad*) echo 'no route' >&2; exit 3;; esac
";

/// A valid configuration. `DIR` stands for the sandbox.
pub(crate) const CONFIG: &str = r#"<?xml version="1.0"?>
<cb_config>
  <reference><author>test</author></reference>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>DIR/work</working_dir>
    <backup_user>root</backup_user>
    <backup_group>root</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>
  </options>
  <peers>
    <peer><name>me</name><type>local</type><collect_dir>DIR/collect</collect_dir></peer>
  </peers>
  <collect>
    <collect_dir>DIR/collect</collect_dir>
    <collect_mode>daily</collect_mode>
    <archive_mode>targz</archive_mode>
    <ignore_file>.ignore</ignore_file>
    <dir><abs_path>DIR/source</abs_path></dir>
  </collect>
  <stage><staging_dir>DIR/staging</staging_dir></stage>
  <purge><dir><abs_path>DIR/staging</abs_path><retain_days>7</retain_days></dir></purge>
</cb_config>
"#;
