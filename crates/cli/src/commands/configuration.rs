//! Which configuration file, and reading it.

use std::io;
use std::path::{Path, PathBuf};

use redcedar_config::{Config, LoadError, Loaded};
use redcedar_system::environment::REDCEDAR_CONFIG;
use redcedar_system::escape;

use super::{CommandError, Context};
use crate::exit::Exit;

/// Where a configuration is looked for when none is named, in this order.
const PLACES: [&str; 3] = ["/etc/redcedar.conf", "/etc/cback3.conf", "/etc/cback.conf"];

/// The file that was named, whether it is there or not.
pub(crate) fn named(context: &Context) -> Option<PathBuf> {
    let from_environment = || context.environment.get(REDCEDAR_CONFIG).map(PathBuf::from);
    context.global.config.clone().or_else(from_environment)
}

/// The file that was named, else the first that is there.
pub(crate) fn find(context: &Context) -> Result<PathBuf, CommandError> {
    let first = || PLACES.iter().map(Path::new).find(|path| path.exists()).map(Path::to_owned);
    named(context).or_else(first).ok_or_else(|| {
        let message = format!("there is no configuration: none of {} exists", PLACES.join(", "));
        with_hints(CommandError::message(Exit::Configuration, message))
    })
}

fn with_hints(error: CommandError) -> CommandError {
    error
        .hint("name one with --config FILE, or write one with `redcedar init`")
        .hint("`redcedar backup DIR --to DEST` needs none")
}

/// Where a new configuration goes when no place is named.
pub(crate) fn place_for_new(context: &Context) -> PathBuf {
    named(context).unwrap_or_else(|| PathBuf::from(PLACES[0]))
}

/// Reads the configuration. What is doubtful about it is told with `-v`; `validate` shows it in full.
pub(crate) fn load(context: &Context) -> Result<Config, CommandError> {
    load_file(context).map(|loaded| loaded.config)
}

/// The same, with the file that it came from.
pub(crate) fn load_file(context: &Context) -> Result<Loaded, CommandError> {
    let path = find(context)?;
    let loaded = Config::load(&path).map_err(|error| refusal(&path, error))?;
    loaded.warnings.lines().for_each(|line| context.system.monitor.info(line));
    Ok(loaded)
}

pub(crate) fn refusal(path: &Path, error: LoadError) -> CommandError {
    match error {
        LoadError::Invalid { diagnostics, .. } => {
            let message = format!("{} is not a valid configuration", escape::display(path));
            CommandError::message(Exit::Configuration, message).findings(diagnostics)
        }
        LoadError::Unreadable(ref source) if source.kind() == io::ErrorKind::NotFound => {
            with_hints(CommandError::new(Exit::Configuration, error))
        }
        LoadError::Unreadable(_) => CommandError::new(Exit::Configuration, error),
    }
}
