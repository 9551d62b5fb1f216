//! `redcedar backup`: directories to a destination, without a configuration.

use std::io::Write;
use std::path::PathBuf;

use redcedar_archive::Compression;
use redcedar_engine::{BackupError, BackupRequest, backup};
use redcedar_system::{account, quote};

use super::{CommandError, CommandResult, Context, Out, outcome, paths};
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
    let request = BackupRequest {
        dirs: if args.directories.is_empty() { vec![PathBuf::from(".")] } else { args.directories.clone() },
        destination: args.to.clone(),
        exclude: args.exclude.clone(),
        one_file_system: args.one_file_system,
        exclude_caches: args.exclude_caches,
        compression: args.compression.into(),
        host: account::host_name(),
        full: args.full,
        threads: Context::threads(),
        dry_run: context.global.dry_run,
    };
    let outcome = backup(&request, &context.system).map_err(refusal)?;
    let exit = outcome::report("backup", &outcome, context, out)?;
    let has_backup = !request.dry_run && exit != Exit::Failed;
    if has_backup && !context.global.json && !context.global.quiet {
        let program = paths::program(&context.environment);
        let from = quote::word(args.to.as_os_str());
        writeln!(out, "Try to get it back:\n  {program} restore --from {from} --to restored")?;
    }
    Ok(exit)
}

fn refusal(error: BackupError) -> CommandError {
    let exit = match error {
        BackupError::Interrupted(_) => Exit::Interrupted,
        BackupError::Exclude(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    CommandError::new(exit, error)
}
