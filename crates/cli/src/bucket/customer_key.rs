//! The key with which the server encrypts objects and which it does not keep: from a file, as everything that is secret.

use std::io;
use std::path::Path;

use redcedar_objectstore::CustomerKey;
use redcedar_system::Environment;

/// What names the file where no switch does.
const VARIABLE: &str = "REDCEDAR_SSE_C_KEY_FILE";

/// Reads the file that is named, if any is.
pub(crate) fn find(named: Option<&Path>, environment: &Environment) -> io::Result<Option<CustomerKey>> {
    let from_environment =
        || environment.get(VARIABLE).map(Path::new).filter(|path| !path.as_os_str().is_empty());
    named.or_else(from_environment).map(CustomerKey::read).transpose()
}
