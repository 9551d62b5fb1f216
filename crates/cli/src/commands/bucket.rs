//! Which bucket, where, and as whom.

use std::path::Path;
use std::sync::Arc;

use redcedar_objectstore::{Access, Address, AddressError, Bucket, Error, Kind};
use redcedar_restore::place::Place;

use super::{CommandError, Context};
use crate::bucket::place::BucketPlace;
use crate::exit::Exit;

/// The arguments that say more than the environment and the files of the AWS CLI.
#[derive(Debug, clap::Args)]
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

/// The bucket of an address.
pub(crate) fn connect(address: &Address, access: &Access, context: &Context) -> Result<Bucket, CommandError> {
    let system = &context.system;
    let (monitor, interrupt) = (system.monitor.as_ref(), &system.interrupt);
    Bucket::connect(address.bucket(), access, &context.environment, monitor, interrupt).map_err(refusal)
}

/// A place with backups in a bucket, as `--from` names it.
pub(crate) fn place(path: &Path, context: &Context) -> Result<Arc<dyn Place>, CommandError> {
    let address: Address = path
        .to_string_lossy()
        .parse()
        .map_err(|error: AddressError| CommandError::new(Exit::Usage, error))?;
    let bucket = connect(&address, &Access::default(), context)?;
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
