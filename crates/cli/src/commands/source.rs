//! Where backed-up data is read from.

use std::path::PathBuf;

/// The arguments that choose what is read.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// Where the backup is: the DEST of `backup`, a staging directory, a collect directory, or a directory with archives
    /// [default: the staging or collect directory of the configuration]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) from: Option<PathBuf>,
    /// Only this machine
    #[arg(long, value_name = "NAME")]
    pub(crate) peer: Option<String>,
}
