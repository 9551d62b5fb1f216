//! Files of the format of age, written by us.

use std::io::{self, Read, Write};
use std::str::FromStr;

use age::ssh::ParseRecipientKeyError;
use redcedar_archive::layers::Cipher;
use sha2::{Digest, Sha256};

use super::{Seal, Sealer, Sink};
use crate::staged::{File, TreatError};

/// Encrypts for these.
pub(super) struct Age {
    pub(super) recipients: Vec<Recipient>,
}

/// A public key.
#[derive(Debug, Clone)]
pub(super) enum Recipient {
    /// Of age.
    Age(age::x25519::Recipient),
    /// Of SSH.
    Ssh(age::ssh::Recipient),
}

impl Recipient {
    fn key(&self) -> &dyn age::Recipient {
        match self {
            Self::Age(key) => key,
            Self::Ssh(key) => key,
        }
    }
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.starts_with("ssh-") || text.starts_with("sk-ssh-") || text.starts_with("ecdsa-") {
            return text
                .parse()
                .map(Self::Ssh)
                .map_err(|reason| format!("must be a key that age can use: {}", why(&reason)));
        }
        text.parse().map(Self::Age).map_err(|reason| {
            format!("must be a public key as `age-keygen` shows it, beginning with `age1`, or one of SSH ({reason})")
        })
    }
}

/// Why a public key of SSH cannot be used.
fn why(reason: &ParseRecipientKeyError) -> String {
    match reason {
        ParseRecipientKeyError::Invalid(_) => "this is no whole public key of SSH".to_owned(),
        ParseRecipientKeyError::RsaModulusTooLarge => "this one is too long".to_owned(),
        ParseRecipientKeyError::RsaModulusTooSmall => "this one has less than 2048 bits".to_owned(),
        ParseRecipientKeyError::Unsupported(kind) => format!("ssh-ed25519 or ssh-rsa, not {kind}"),
        _ => "ssh-ed25519 or ssh-rsa".to_owned(),
    }
}

/// What is encrypted at a time, and by how much that makes it longer.
const CHUNK: u64 = 64 * 1024;
const TAG: u64 = 16;
/// What precedes the chunks.
const NONCE: u64 = 16;

impl Sealer for Age {
    const CIPHER: Cipher = Cipher::Age;

    fn seal(
        &self,
        file: &File<'_>,
        mut source: std::fs::File,
        sink: &mut Sink<'_>,
    ) -> Result<[u8; 32], TreatError> {
        let recipients = self.recipients.iter().map(Recipient::key);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        let mut writer = encryptor.wrap_output(&mut *sink)?;
        let mut hash = Sha256::new();
        file.read(&mut source, |piece| {
            hash.update(piece);
            writer.write_all(piece)
        })?;
        let written = writer.finish()?.size;
        if written < sealed_size(file.size()) {
            return Err(TreatError::Refused("its encrypted form is too short".to_owned()));
        }
        Ok(hash.finalize().into())
    }

    /// For whom a file is, it does not say; whether a chunk is missing at its end, only who has the key can tell.
    fn inspect(&self, sealed: &mut dyn Read) -> io::Result<Seal> {
        Ok(match age::Decryptor::new(sealed) {
            Ok(_) => Seal::Ours,
            Err(age::DecryptError::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(error);
            }
            Err(_) => Seal::Broken,
        })
    }
}

/// The encrypted form of so many bytes is at least so long.
fn sealed_size(clear: u64) -> u64 {
    NONCE + clear + clear.div_ceil(CHUNK).max(1) * TAG
}
