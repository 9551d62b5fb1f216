//! Files of the format of age.

use std::io::{self, BufReader};

use age::{DecryptError, Decryptor, Identity};

use super::Opened;
use super::locked::locked;

pub(super) fn decrypt(identities: &[Box<dyn Identity + Send + Sync>], input: Opened) -> io::Result<Opened> {
    let decryptor = Decryptor::new_buffered(BufReader::new(input)).map_err(error)?;
    if decryptor.is_scrypt() {
        return Err(locked("it is encrypted with a passphrase: decrypt it with `age` first"));
    }
    if identities.is_empty() {
        return Err(locked("it is encrypted with age, and no file with a secret key was named"));
    }
    let identities = identities.iter().map(|identity| &**identity as &dyn Identity);
    Ok(Opened::Forward(Box::new(decryptor.decrypt(identities).map_err(error)?)))
}

fn error(error: DecryptError) -> io::Error {
    match error {
        DecryptError::NoMatchingKeys => {
            locked("it is encrypted with age, for none of the secret keys that were named")
        }
        DecryptError::Io(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidData, format!("it is no intact file of age: {error}")),
    }
}
