//! Which configuration file.

use std::path::{Path, PathBuf};

use redcedar_system::environment::REDCEDAR_CONFIG;

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
        CommandError::message(Exit::Configuration, message)
            .hint("name one with --config FILE, or write one with `redcedar init`")
            .hint("`redcedar backup DIR --to DEST` needs none")
    })
}

/// Where a new configuration goes when no place is named.
pub(crate) fn place_for_new(context: &Context) -> PathBuf {
    named(context).unwrap_or_else(|| PathBuf::from(PLACES[0]))
}
