//! What opens encrypted files: GnuPG with its keyring, and identities of age.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use redcedar_archive::layers::Cipher;
use redcedar_archive::{ReadAt, Stored};
use redcedar_system::{Runner, escape};

use super::identities::{self, Ask, Identity};
use super::locked::locked;
use super::{Form, Opened, age_files, gpg};

/// What is not larger than this is decrypted once, and kept: manifests are read several times.
const SMALL: u64 = 8 << 20;
/// So much is kept.
const MOST_KEPT: usize = 64 << 20;

/// What opens encrypted files. Clones share what they have opened.
#[derive(Clone, Default)]
pub struct Keys(Arc<Inner>);

#[derive(Default)]
struct Inner {
    runner: Option<Arc<dyn Runner>>,
    identities: Vec<Identity>,
    kept: Mutex<VecDeque<(PathBuf, Arc<Memory>)>>,
}

/// An identity file that is of no use.
#[derive(Debug, thiserror::Error)]
#[error("cannot read a secret key from {}: {source}", escape::display(.path))]
pub struct KeyError {
    path: PathBuf,
    source: io::Error,
}

impl Keys {
    /// Lets `runner` start gpg, and opens files of age with the secret keys in `identities`, files of age or private keys of
    /// SSH. `ask` is called for the passphrase of each that is protected by one.
    ///
    /// # Errors
    /// When one of them cannot be read or holds no secret key.
    pub fn new(runner: Arc<dyn Runner>, identities: &[PathBuf], ask: &Ask<'_>) -> Result<Self, KeyError> {
        let read = |path: &PathBuf| {
            identities::read(path, ask).map_err(|source| KeyError { path: path.clone(), source })
        };
        let identities = identities.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(Arc::new(Inner {
            runner: Some(runner),
            identities: identities.into_iter().flatten().collect(),
            kept: Mutex::default(),
        })))
    }

    pub(super) fn decrypt(&self, cipher: Cipher, inner: &Form) -> io::Result<Opened> {
        let pieces = inner.pieces();
        let is_small = pieces.iter().map(|piece| piece.size).sum::<u64>() <= SMALL;
        let (Some(first), true) = (pieces.first(), is_small) else { return self.open(cipher, inner) };
        if let Some(memory) = self.kept(&first.path) {
            return Ok(Opened::Anywhere(Stored::new(memory)));
        }
        let mut content = Vec::new();
        // Compressed before it was encrypted, little can be much.
        self.open(cipher, inner)?.take(SMALL + 1).read_to_end(&mut content)?;
        if content.len() as u64 > SMALL {
            return self.open(cipher, inner);
        }
        let memory = Arc::new(Memory(content));
        self.keep(first.path.clone(), Arc::clone(&memory));
        Ok(Opened::Anywhere(Stored::new(memory)))
    }

    fn open(&self, cipher: Cipher, inner: &Form) -> io::Result<Opened> {
        match (cipher, &self.0.runner) {
            (Cipher::Gpg, None) => Err(locked("it is encrypted, and gpg may not be used here")),
            (Cipher::Gpg, Some(runner)) => gpg::decrypt(Arc::clone(runner), inner, self),
            (Cipher::Age, _) => age_files::decrypt(&self.0.identities, inner.open(self)?),
        }
    }

    fn kept(&self, path: &Path) -> Option<Arc<Memory>> {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == path).map(|(_, memory)| Arc::clone(memory))
    }

    fn keep(&self, path: PathBuf, memory: Arc<Memory>) {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((path, memory));
        while kept.iter().map(|(_, memory)| memory.0.len()).sum::<usize>() > MOST_KEPT {
            kept.pop_front();
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("identities", &self.0.identities.len()).finish_non_exhaustive()
    }
}

/// Decrypted, in memory only.
struct Memory(Vec<u8>);

impl ReadAt for Memory {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let read = left.len().min(buffer.len());
        buffer[..read].copy_from_slice(&left[..read]);
        Ok(read)
    }
}
