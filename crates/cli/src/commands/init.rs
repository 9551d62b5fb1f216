//! `redcedar init`: a first configuration.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use redcedar_system::{Accounts, account, escape, quote};
use serde::Serialize;

use super::{CommandError, CommandResult, Context, Out, configuration, paths};
use crate::exit::Exit;
use crate::output::json::{Document, JsonPath};

/// What most machines want to have backed up, if it is there.
const USUAL: [&str; 6] = ["/etc", "/home", "/root", "/srv", "/usr/local", "/var/spool/cron"];

/// Write a configuration for this machine, with comments
///
/// Written to --config FILE, else to $REDCEDAR_CONFIG, else to /etc/redcedar.conf. A file that is there already is never
/// touched. Without --config, `redcedar run` and the other commands find it by themselves.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar init
  redcedar init /etc /home/anna --base /srv/backup --config /etc/backup.conf")]
pub(crate) struct Args {
    /// Directories to back up [default: those of /etc, /home, /root, /srv, /usr/local and /var/spool/cron that are here]
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Directory for what is collected and staged
    #[arg(long, value_name = "DIR", default_value = "/var/backups/redcedar")]
    base: PathBuf,
}

#[derive(Serialize)]
struct Written {
    path: JsonPath,
    next: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let place = configuration::place_for_new(context);
    let draft = Draft::new(args).map_err(|error| CommandError::new(Exit::Configuration, error))?;
    let text = draft.render();
    if context.global.dry_run {
        out.write_all(text.as_bytes())?;
        return Ok(Exit::Done);
    }
    write_new(&place, text.as_bytes()).map_err(|error| {
        CommandError::new(Exit::Failed, error).hint("name another place with --config FILE")
    })?;
    let next = draft.next_commands(context);
    if context.global.json {
        out.json(&Document::new("init", Written { path: JsonPath(place), next }))?;
        return Ok(Exit::Done);
    }
    writeln!(out, "Wrote {}. Look it through, then:", escape::display(&place))?;
    for command in next {
        writeln!(out, "  {command}")?;
    }
    Ok(Exit::Done)
}

/// What goes into the file. The format is text, so names that are not UTF-8 cannot be in it.
struct Draft {
    directories: Vec<String>,
    collect: String,
    stage: String,
    work: String,
    user: String,
    group: String,
    host: String,
}

impl Draft {
    fn new(args: &Args) -> anyhow::Result<Self> {
        let directories = if args.directories.is_empty() {
            USUAL.map(PathBuf::from).into_iter().filter(|path| path.is_dir()).collect()
        } else {
            args.directories.clone()
        };
        let base = paths::absolute(&args.base).context("cannot make --base absolute")?;
        let (accounts, owner) = (Accounts::new(), account::current());
        Ok(Self {
            directories: directories.iter().map(|path| configurable(path)).collect::<Result<_, _>>()?,
            collect: configurable(&base.join("collect"))?,
            stage: configurable(&base.join("stage"))?,
            work: configurable(&base.join("work"))?,
            user: accounts.user_name(owner.uid).context("the user we run as has no name")?,
            group: accounts.group_name(owner.gid).context("the group we run as has no name")?,
            host: account::host_name(),
        })
    }

    fn render(&self) -> String {
        let dir =
            |dir: &String| format!("      <dir>\n         <abs_path>{}</abs_path>\n      </dir>\n", xml(dir));
        let dirs = self.directories.iter().map(dir).collect::<Vec<_>>().concat();
        let [collect, stage, work] = [&self.collect, &self.stage, &self.work].map(|path| xml(path));
        let [user, group, host] = [&self.user, &self.group, &self.host].map(|name| xml(name));
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- Configuration of Redcedar. Cedar Backup 2 and 3 can read it too. -->
<cb_config>

   <!-- For people only. -->
   <reference>
      <author></author>
      <revision></revision>
      <description>Backup of {host}</description>
   </reference>

   <options>
      <!-- On this day everything is stored, on the others only what changed. -->
      <starting_day>sunday</starting_day>
      <!-- What was stored so far is remembered here. -->
      <working_dir>{work}</working_dir>
      <!-- Who owns what is written. -->
      <backup_user>{user}</backup_user>
      <backup_group>{group}</backup_group>
      <!-- How files are fetched from other machines. It has to be here even when there are none. -->
      <rcp_command>/usr/bin/scp -B</rcp_command>
   </options>

   <!-- The machines of the pool. This one only, so far. -->
   <peers>
      <peer>
         <name>{host}</name>
         <type>local</type>
         <collect_dir>{collect}</collect_dir>
      </peer>
   </peers>

   <!-- What is backed up from this machine. -->
   <collect>
      <collect_dir>{collect}</collect_dir>
      <!-- incr: all on the starting day, else what changed. Also: daily, weekly. -->
      <collect_mode>incr</collect_mode>
      <!-- Also: tar, tarbz2, and (for Redcedar only) tarzst. -->
      <archive_mode>targz</archive_mode>
      <!-- A directory that holds a file of this name is left out, with all that is in it. -->
      <ignore_file>.cbignore</ignore_file>
      <!-- Caches that are marked as such by a CACHEDIR.TAG are left out. -->
      <exclude_caches>Y</exclude_caches>
{dirs}   </collect>

   <!-- Where the machines' archives are gathered, one directory a day. Restores read this. -->
   <stage>
      <staging_dir>{stage}</staging_dir>
   </stage>

   <!-- What is older goes. Keep two weeks at least: an increment needs all since the full backup before it. -->
   <purge>
      <dir>
         <abs_path>{stage}</abs_path>
         <retain_days>35</retain_days>
      </dir>
   </purge>

</cb_config>
"#
        )
    }

    /// What the user should do next, ready to be pasted.
    fn next_commands(&self, context: &Context) -> Vec<String> {
        let program = paths::program(&context.environment);
        let config = context.global.config.as_ref();
        let config =
            config.map(|path| format!(" --config {}", quote::word(path.as_os_str()))).unwrap_or_default();
        let directories = [&self.collect, &self.stage, &self.work].map(|path| quote::word(path.as_ref()));
        vec![
            format!("install -d -m 0700 {}", directories.join(" ")),
            format!("{program} validate{config}"),
            format!("{program} run collect stage purge{config}"),
            format!("{program} restore --to restored{config}"),
        ]
    }
}

fn configurable(path: &Path) -> anyhow::Result<String> {
    let path = paths::absolute(path).context("cannot make the path absolute")?;
    path.to_str().map(str::to_owned).with_context(|| {
        format!("{} is not UTF-8 and cannot be named in a configuration", escape::display(&path))
    })
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Creates `path` and nothing else: what is there already stays, a link is not followed.
fn write_new(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", escape::display(path));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(cannot)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a configuration is worse than none; that it could not be written is what the user hears.
        let _left_over = fs_err::remove_file(path);
    }
    written.with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_never_touched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("redcedar.conf");
        fs_err::write(&path, "mine").unwrap();
        write_new(&path, b"ours").unwrap_err();
        assert_eq!(fs_err::read(&path).unwrap(), b"mine");

        let link = directory.path().join("link");
        fs_err::os::unix::fs::symlink(directory.path().join("elsewhere"), &link).unwrap();
        write_new(&link, b"ours").unwrap_err();
        assert!(!directory.path().join("elsewhere").exists());
    }
}
