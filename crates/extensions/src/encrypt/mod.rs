//! `encrypt`: every file of the staged days becomes `FILE.gpg` or `FILE.age`. The clear text goes only when its encrypted form
//! is complete, proven as far as that is possible without the secret key, and on disk.

mod age_files;
mod config;
mod gpg;

use std::io::{self, Read, Write};

use redcedar_archive::layers::{self, Cipher, Layer};
use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind};
use redcedar_engine::{Outcome, staged};
use redcedar_system::checkpoint;
use redcedar_system::fs::PendingFile;
use sha2::{Digest, Sha256};

use self::age_files::Age;
use self::config::Method;
use self::gpg::Gpg;
use crate::staged::{File, TreatError, Treated, Treatment, treat_days, usable};

const NAME: &str = "encrypt";

/// See the module.
pub(crate) struct Encrypt;

impl Extension for Encrypt {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Staged
    }

    fn check(&self, document: &Document, config: &Config) -> Vec<Diagnostic> {
        let (_, mut findings) = config::read(document);
        findings.extend(config::check_order(document, config));
        findings
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        match usable(config::read(call.document))? {
            Method::Gpg(targets) => {
                let gpg = Gpg::new(targets, &call.config.options, call.system)?;
                treat_days(&Encryption { sealer: gpg, threads: call.threads }, call)
            }
            Method::Age(recipients) => {
                treat_days(&Encryption { sealer: Age { recipients }, threads: call.threads }, call)
            }
        }
    }
}

/// Encrypts one file.
trait Sealer: Sync {
    const CIPHER: Cipher;

    /// Encrypts `source` into `sink`, and returns the digest of the clear text.
    fn seal(
        &self,
        file: &File<'_>,
        source: std::fs::File,
        sink: &mut Sink<'_>,
    ) -> Result<[u8; 32], TreatError>;

    /// Looks at an encrypted file from its beginning to its end.
    fn inspect(&self, sealed: &mut dyn Read) -> io::Result<Seal>;
}

/// What an encrypted file turns out to be.
enum Seal {
    /// Complete, and for those for whom we encrypt.
    Ours,
    /// Complete, and for somebody else.
    Foreign,
    /// It is not what its name says, or not all of it.
    Broken,
}

/// Where the encrypted form goes: counted and hashed on the way.
struct Sink<'a> {
    pending: &'a mut PendingFile,
    hash: Sha256,
    size: u64,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.write_all(bytes)?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Encryption<S> {
    sealer: S,
    threads: usize,
}

impl<S: Sealer> Encryption<S> {
    /// Whether what is encrypted, in a day that is not done, has to be encrypted all the same: not all of it is there, or it is
    /// for others only.
    fn is_unusable(&self, file: &File<'_>) -> io::Result<bool> {
        match layers::outermost(file.name) {
            Some((_, Layer::Sealed(cipher))) if cipher == S::CIPHER => {
                let seal = self.sealer.inspect(&mut file.open()?)?;
                if matches!(seal, Seal::Broken) {
                    file.system.monitor.warning(format!(
                        "[{}] is no complete encrypted file, and there is no other form of it: it is encrypted as it is.",
                        file.shown()
                    ));
                }
                Ok(!matches!(seal, Seal::Ours))
            }
            // A part of what was encrypted before, or something of the other cipher.
            _ => Ok(false),
        }
    }
}

/// Whether encrypting something was interrupted: that is due, and will take the place of what came of it.
fn is_interrupted(file: &File<'_>) -> bool {
    matches!(layers::outermost(file.name), Some((inner, Layer::Sealed(_))) if file.folder.has(inner))
}

impl<S: Sealer> Treatment for Encryption<S> {
    fn indicator(&self) -> &'static str {
        "cback.encrypt"
    }

    fn verb(&self) -> &'static str {
        NAME
    }

    fn threads(&self) -> usize {
        self.threads
    }

    /// A day that is done may have got clear text since, by staging it again.
    fn is_due(&self, file: &File<'_>, done: Option<(i64, i64)>) -> io::Result<bool> {
        if is_interrupted(file) {
            return Ok(false);
        }
        if !staged::is_sealed(file.folder, file.name)? {
            return Ok(true);
        }
        if done.is_some() { Ok(false) } else { self.is_unusable(file) }
    }

    fn treat(&self, file: &File<'_>) -> Result<Treated, TreatError> {
        let name = S::CIPHER.name_of(file.name);
        file.check_names(std::iter::once(&name))?;
        let source = file.open()?;
        let mut pending = file.folder.directory.create_file(&name)?;
        let mut sink = Sink { pending: &mut pending, hash: Sha256::new(), size: 0 };
        let clear = self.sealer.seal(file, source, &mut sink)?;
        let Sink { hash, size, .. } = sink;
        if pending.file_mut().metadata()?.len() != size {
            return Err(TreatError::Refused(
                "its encrypted form has another length than was written".to_owned(),
            ));
        }
        file.check_unchanged()?;
        checkpoint::reach("encrypt-before-publish");
        file.ownership.publish(pending, file.mode(), &*file.system.monitor)?;
        checkpoint::reach("encrypt-published");
        let changed = file.replace(clear, vec![(name, hash.finalize().into())])?;
        Ok(Treated { bytes_in: file.size(), bytes_out: size, changed })
    }
}
