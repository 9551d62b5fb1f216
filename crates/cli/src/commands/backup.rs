//! `redcedar backup`: directories to a destination, without a configuration.

use std::path::PathBuf;

use redcedar_archive::Compression;

use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;

/// Back up directories, without any configuration
///
/// The first backup into DEST is a full one, the next ones hold what changed since; once a week there is a full one again. DEST
/// has the layout of a Cedar Backup staging directory: YEAR/MONTH/DAY/HOST/ARCHIVE. Several backups on one day replace each
/// other: the last one stands for the day.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar backup /home/anna --to /mnt/backup
  redcedar backup /etc /home/anna --to /mnt/backup --exclude '*.iso' --exclude-caches
  redcedar backup /home/anna --to /mnt/backup --full --compression zstd
  redcedar backup /home/anna --to /mnt/backup --dry-run")]
pub(crate) struct Args {
    /// What to back up [default: the current directory]
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Directory the backup goes to; it is made if need be
    #[arg(long, value_name = "DEST")]
    to: PathBuf,
    /// Leave out what matches GLOB: `*` stays within a name, `**` does not; a GLOB without `/` matches names anywhere
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Stay on the file system of each DIR
    #[arg(long)]
    one_file_system: bool,
    /// Leave out the content of directories that are marked as caches by a CACHEDIR.TAG
    #[arg(long)]
    exclude_caches: bool,
    /// How to compress
    #[arg(long, value_name = "METHOD", value_enum, default_value_t)]
    compression: Method,
    /// Store everything, not only what changed
    #[arg(long)]
    full: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Method {
    None,
    #[default]
    Gzip,
    Bzip2,
    Zstd,
}

impl From<Method> for Compression {
    fn from(method: Method) -> Self {
        match method {
            Method::None => Self::None,
            Method::Gzip => Self::Gzip,
            Method::Bzip2 => Self::Bzip2,
            Method::Zstd => Self::Zstd,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let _ = (args, context, out, Compression::from(args.compression));
    Err(CommandError::message(Exit::Failed, "this build cannot back up yet"))
}
