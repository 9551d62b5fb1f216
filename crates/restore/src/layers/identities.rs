//! Secret keys: files of age, and private keys of SSH. Either may be protected by a passphrase.

use std::io::{self, BufReader, Read};
use std::path::Path;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::ssh::UnsupportedKey;
use age::{DecryptError, Decryptor, IdentityFile, ssh};

/// A secret key.
pub(super) type Identity = Box<dyn age::Identity + Send + Sync>;

/// Asks for the passphrase of a file.
pub(super) type Ask<'a> = dyn Fn(&Path) -> io::Result<String> + 'a;

/// How files begin that are encrypted with a passphrase.
const ENCRYPTED: [&[u8]; 2] = [b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----"];
/// How all other files in PEM begin, those of SSH among them.
const PEM: &[u8] = b"-----BEGIN ";

/// All keys of a file.
pub(super) fn read(path: &Path, ask: &Ask<'_>) -> io::Result<Vec<Identity>> {
    let content = fs_err::read(path)?;
    if ENCRYPTED.iter().any(|begin| content.starts_with(begin)) {
        let passphrase = SecretString::from(ask(path)?);
        return native(&mut decrypted(&content, passphrase).map_err(unlocked)?);
    }
    if content.starts_with(PEM) {
        return Ok(vec![of_ssh(&content, path, ask)?]);
    }
    native(&mut content.as_slice())
}

fn native(text: &mut dyn Read) -> io::Result<Vec<Identity>> {
    let file = IdentityFile::from_buffer(BufReader::new(text))?;
    let identities = file.into_identities().map_err(io::Error::other)?;
    if identities.is_empty() { Err(invalid("there is no secret key in it")) } else { Ok(identities) }
}

fn decrypted(content: &[u8], passphrase: SecretString) -> Result<impl Read, DecryptError> {
    let decryptor = Decryptor::new_buffered(BufReader::new(ArmoredReader::new(content)))?;
    decryptor.decrypt(std::iter::once(&age::scrypt::Identity::new(passphrase) as &dyn age::Identity))
}

fn of_ssh(content: &[u8], path: &Path, ask: &Ask<'_>) -> io::Result<Identity> {
    match ssh::Identity::from_buffer(content, None)? {
        ssh::Identity::Encrypted(key) => {
            let key = key.decrypt(SecretString::from(ask(path)?)).map_err(unlocked)?;
            Ok(Box::new(ssh::Identity::from(key)))
        }
        ssh::Identity::Unsupported(key) => Err(invalid(&why_not(&key))),
        key @ ssh::Identity::Unencrypted(_) => Ok(Box::new(key)),
    }
}

fn why_not(key: &UnsupportedKey) -> String {
    match key {
        UnsupportedKey::EncryptedPem => {
            "its passphrase protects it in an old way, which `ssh-keygen -p -f` replaces".to_owned()
        }
        UnsupportedKey::EncryptedSsh(cipher) => {
            format!("it is protected by {cipher}, which is not understood")
        }
        UnsupportedKey::Hardware(kind) | UnsupportedKey::Type(kind) => {
            format!("it is of the type {kind}; what can be used is ssh-ed25519 and ssh-rsa")
        }
    }
}

fn unlocked(error: DecryptError) -> io::Error {
    match error {
        DecryptError::Io(error) => error,
        DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed | DecryptError::NoMatchingKeys => {
            io::Error::new(io::ErrorKind::PermissionDenied, "that is not its passphrase")
        }
        error => invalid(&error.to_string()),
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
