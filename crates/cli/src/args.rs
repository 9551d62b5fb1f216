//! The command line of `redcedar`. Each command's own arguments are in its file below `commands`.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, Parser, Subcommand};
use redcedar_system::Level;

use crate::commands::{
    backup, completions, diagnostics, diff, drill, find, init, link, list, man, mount, peer, prune, restore,
    run, snapshot, span, status, sync, uploads, validate, validate_command, verify,
};
use crate::output::ProgressMode;
use crate::output::style::ColorMode;

const HEADING: &str = "Global options";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a fault in redcedar itself
  2  the command line is wrong
  3  the log file cannot be written
  4  the configuration is wrong, or what was asked of it
  5  interrupted
  6  failed
  7  finished, but something was left out; each omission is listed";

/// Backs up a small pool of machines, and gives everything back
///
/// Redcedar reads the configuration, the archives and the staging directories of Cedar Backup 2 and 3, writes them so that both
/// can go on with them, and restores them. `redcedar backup` needs no configuration at all.
#[derive(Debug, Parser)]
#[command(
    name = "redcedar",
    version,
    styles = STYLES,
    max_term_width = 100,
    disable_help_subcommand = false,
    after_long_help = EXIT_CODES,
    after_help = "Run `redcedar help COMMAND` for a command's options and examples."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Configuration file [default: $REDCEDAR_CONFIG, else the first of /etc/redcedar.conf, /etc/cback3.conf, /etc/cback.conf]
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) config: Option<PathBuf>,
    /// Print results as JSON
    #[arg(long, global = true, help_heading = HEADING)]
    pub(crate) json: bool,
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n', global = true, help_heading = HEADING)]
    pub(crate) dry_run: bool,
    /// When to show progress: auto, always, never
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true, help_heading = HEADING)]
    pub(crate) progress: ProgressMode,
    /// When to use colours: auto, always, never
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true, help_heading = HEADING)]
    pub(crate) color: ColorMode,
    /// Show what is being done; twice: show more than that
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = HEADING)]
    pub(crate) verbose: u8,
    /// Show errors only, and no summary
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = HEADING)]
    pub(crate) quiet: bool,
    /// Append messages to FILE as well
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) log_file: Option<PathBuf>,
}

impl Global {
    /// The lowest level of message that is shown on standard error.
    pub(crate) fn threshold(&self) -> Level {
        match (self.quiet, self.verbose) {
            (true, _) => Level::Error,
            (false, 0) => Level::Warning,
            (false, 1) => Level::Info,
            (false, _) => Level::Debug,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Backup(backup::Args),
    Run(run::Args),
    List(list::Args),
    Find(find::Args),
    Diff(diff::Args),
    Restore(restore::Args),
    Mount(mount::Args),
    Verify(verify::Args),
    Drill(drill::Args),
    Status(status::Args),
    Snapshot(snapshot::Args),
    Span(span::Args),
    Sync(sync::Args),
    Prune(prune::Args),
    Uploads(uploads::Args),
    Peer(peer::Args),
    Init(init::Args),
    Validate(validate::Args),
    #[command(name = "validate-command")]
    Forced(validate_command::Args),
    Diagnostics(diagnostics::Args),
    Link(link::Args),
    Completions(completions::Args),
    Man(man::Args),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_is_for_and_shows_examples() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains(&format!("  redcedar {}", command.get_name())), "{}", command.get_name());
        }
    }
}
