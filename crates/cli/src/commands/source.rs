//! Where backed-up data is read from.

use std::ffi::OsString;
use std::path::PathBuf;

use redcedar_restore::Source;
use redcedar_system::escape;

use super::{CommandError, Context, configuration};
use crate::exit::Exit;

/// The arguments that choose what is read.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// Where the backup is: the DEST of `backup`, a staging directory, a collect directory, or a directory with archives
    /// [default: the staging or collect directory of the configuration]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) from: Option<PathBuf>,
    /// Only this machine
    #[arg(long, value_name = "NAME")]
    pub(crate) peer: Option<OsString>,
}

impl SourceArgs {
    /// Looks at what was chosen.
    pub(crate) fn open(&self, context: &Context) -> Result<Source, CommandError> {
        let place = match &self.from {
            Some(place) => place.clone(),
            None => configured(context)?,
        };
        let source = Source::open(&place).map_err(|error| CommandError::new(Exit::Failed, error))?;
        match &self.peer {
            Some(peer) if !source.peers().contains(&peer.as_os_str()) => {
                let known: Vec<_> =
                    source.peers().iter().map(|peer| escape::display(peer).to_string()).collect();
                let (peer, place) = (escape::display(peer), escape::display(&place));
                let message = format!("there is nothing of a machine named {peer} in {place}");
                Err(CommandError::message(Exit::Failed, message)
                    .hint(format!("there are backups of {}", known.join(", "))))
            }
            _ => Ok(source),
        }
    }
}

/// Where the configured machine's backups are gathered; if it gathers none, where it collects its own.
fn configured(context: &Context) -> Result<PathBuf, CommandError> {
    let config = configuration::load(context)
        .map_err(|error| error.hint("or say where the backup is: --from SOURCE"))?;
    let staging = config.stage.map(|stage| stage.staging_dir.value);
    staging.or(config.collect.map(|collect| collect.collect_dir.value)).ok_or_else(|| {
        CommandError::message(Exit::Configuration, "the configuration names no staging or collect directory")
            .hint("say where the backup is: --from SOURCE")
    })
}
