//! `redcedar backup`: directories to a destination, without a configuration.

use std::io::Write;
use std::path::PathBuf;

use redcedar_archive::Compression;
use redcedar_engine::{BackupError, BackupRequest, backup, backup_to};
use redcedar_objectstore::Address;
use redcedar_system::{account, quote};

use super::bucket::{self, ServerArgs};
use super::{CommandError, CommandResult, Context, Out, outcome, paths};
use crate::bucket::state;
use crate::bucket::store::BucketStore;
use crate::exit::Exit;

/// Back up directories, without any configuration
///
/// The first backup into DEST is a full one, the next ones hold what changed since; once a week there is a full one again. DEST
/// has the layout of a Cedar Backup staging directory: YEAR/MONTH/DAY/HOST/ARCHIVE. Several backups on one day replace each
/// other: the last one stands for the day. DEST may be a place in a bucket: then each DIR is packed here, sent, and removed
/// before the next one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar backup /home/anna --to /mnt/backup
  redcedar backup /etc /home/anna --to /mnt/backup --exclude '*.iso' --exclude-caches
  redcedar backup /home/anna --to /mnt/backup --full --compression zstd
  redcedar backup /etc /home/anna --to s3://bucket/backup
  redcedar backup /home/anna --to /mnt/backup --dry-run")]
pub(crate) struct Args {
    /// What to back up [default: the current directory]
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Directory the backup goes to, which is made if need be, or a place in a bucket: s3://BUCKET/PREFIX
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
    /// With a bucket: where archives are packed, which needs room for the largest one [default: a directory of ours in
    /// $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "DIRECTORY")]
    scratch: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
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
    let address = bucket::address(&args.to)?;
    let destination = match &address {
        Some(address) => scratch(args, address, context)?,
        None => args.to.clone(),
    };
    let request = BackupRequest {
        dirs: if args.directories.is_empty() { vec![PathBuf::from(".")] } else { args.directories.clone() },
        destination,
        exclude: args.exclude.clone(),
        one_file_system: args.one_file_system,
        exclude_caches: args.exclude_caches,
        compression: args.compression.into(),
        host: account::host_name(),
        full: args.full,
        threads: Context::threads(),
        dry_run: context.global.dry_run,
    };
    let outcome = match address {
        Some(address) => {
            let bucket = bucket::connect(&address, &args.server, context)?;
            let endpoint = state::endpoint(&args.server.access(), &context.environment);
            let state = state::of_backups(&context.environment, &endpoint, &address);
            let state = state.map(|state| state.join("sending"));
            let store = BucketStore { bucket, address, state, system: &context.system };
            backup_to(&store, &request, &context.system)
        }
        None => backup(&request, &context.system),
    };
    let outcome = outcome.map_err(refusal)?;
    let exit = outcome::report("backup", &outcome, context, out)?;
    let has_backup = !request.dry_run && exit != Exit::Failed;
    if has_backup && !context.global.json && !context.global.quiet {
        let program = paths::program(&context.environment);
        let from = quote::word(args.to.as_os_str());
        writeln!(out, "Try to get it back:\n  {program} restore --from {from} --to restored")?;
    }
    Ok(exit)
}

/// Where archives are packed for a bucket.
fn scratch(args: &Args, address: &Address, context: &Context) -> Result<PathBuf, CommandError> {
    if let Some(scratch) = &args.scratch {
        return Ok(scratch.clone());
    }
    let endpoint = state::endpoint(&args.server.access(), &context.environment);
    state::of_backups(&context.environment, &endpoint, address).ok_or_else(|| {
        CommandError::message(Exit::Failed, "there is no directory in which archives could be packed")
            .hint("name one by --scratch, or set HOME")
    })
}

fn refusal(error: BackupError) -> CommandError {
    let exit = match error {
        BackupError::Interrupted(_) => Exit::Interrupted,
        BackupError::Exclude(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    CommandError::new(exit, error)
}
