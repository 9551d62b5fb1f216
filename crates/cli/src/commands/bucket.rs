//! Which bucket, where, and as whom.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_objectstore::{Access, Address, AddressError, Bucket, Error, Kind, Rate};
use redcedar_restore::place::Place;

use super::{CommandError, Context};
use crate::bucket::customer_key;
use crate::bucket::place::BucketPlace;
use crate::exit::Exit;
use crate::output::human::Counted;

/// The arguments that say more than the environment and the files of the AWS CLI.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ServerArgs {
    /// A server other than that of Amazon [default: $AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// The region of the bucket [default: $AWS_REGION]
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// The profile of the files of the AWS CLI [default: $AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The server encrypts objects with the key in this file, and does not keep it: 32 bytes, or their Base64
    /// [default: $REDCEDAR_SSE_C_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    sse_c_key_file: Option<PathBuf>,
    /// Send and fetch no more than so much in a second, such as 10MB/s [default: max_bandwidth in ~/.aws/config]
    #[arg(long, value_name = "RATE")]
    max_bandwidth: Option<Rate>,
}

impl ServerArgs {
    pub(crate) fn access(&self) -> Access {
        Access {
            endpoint: self.endpoint_url.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            key: None,
        }
    }
}

/// The place in a bucket that a word names; nothing if it names a directory.
pub(crate) fn address(word: &Path) -> Result<Option<Address>, CommandError> {
    match word.to_str() {
        Some(text) if text.starts_with("s3://") => {
            text.parse().map(Some).map_err(|error: AddressError| CommandError::new(Exit::Usage, error))
        }
        _ => Ok(None),
    }
}

/// The same where only a place in a bucket will do.
pub(crate) fn required(word: &Path) -> Result<Address, CommandError> {
    address(word)?.ok_or_else(|| {
        CommandError::message(Exit::Usage, "PLACE has to be a place in a bucket")
            .hint("such a place is s3://BUCKET/PREFIX")
    })
}

/// The bucket of an address.
pub(crate) fn connect(
    address: &Address,
    server: &ServerArgs,
    context: &Context,
) -> Result<Bucket, CommandError> {
    let Context { system, environment, .. } = context;
    let (monitor, interrupt) = (system.monitor.as_ref(), &system.interrupt);
    let bucket = Bucket::connect(address.bucket(), &server.access(), environment, monitor, interrupt);
    let mut bucket = bucket.map_err(refusal)?;
    let key = customer_key::find(server.sse_c_key_file.as_deref(), environment);
    if let Some(key) = key.map_err(|error| CommandError::new(Exit::Failed, error))? {
        bucket = bucket.with_customer_key(key).map_err(refusal)?;
    }
    Ok(match server.max_bandwidth {
        Some(rate) => bucket.with_bandwidth(rate),
        None => bucket,
    })
}

/// A place with backups in a bucket, as `--from` names it.
pub(crate) fn place(path: &Path, context: &Context) -> Result<Arc<dyn Place>, CommandError> {
    let address: Address = path
        .to_string_lossy()
        .parse()
        .map_err(|error: AddressError| CommandError::new(Exit::Usage, error))?;
    let bucket = connect(&address, &ServerArgs::default(), context)?;
    let place = BucketPlace::new(bucket, &address).map_err(refusal)?;
    Ok(Arc::new(place))
}

/// What a bucket that does not do what it should means for a command.
pub(crate) fn refusal(error: Error) -> CommandError {
    let exit = if error.kind() == Kind::Interrupted { Exit::Interrupted } else { Exit::Failed };
    let hint = error.hint();
    let refusal = CommandError::new(exit, error);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

/// Says that what was deleted is still there, and costs what it did.
pub(crate) fn warn_of_versions(kept: u64, context: &Context) {
    if kept > 0 {
        let message = format!(
            "{} that went from sight stay as old versions, because the bucket keeps them: \
             a rule of the bucket for old versions removes them, locked ones when their time is over",
            Counted(kept, "object")
        );
        context.system.monitor.warning(message);
    }
}
