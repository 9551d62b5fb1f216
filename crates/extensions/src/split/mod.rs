//! `split`: large files of the staged days become `FILE_00000`, `FILE_00001`, … The file goes only when all of it is in its
//! parts, and these are on disk.

mod config;

use std::ffi::OsString;
use std::io::{self, Read, Write};

use redcedar_archive::layers::{self, Layer, MOST_PARTS};
use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind};
use redcedar_system::{checkpoint, escape};
use sha2::{Digest, Sha256};

use self::config::Settings;
use crate::staged::{BUFFER, File, TreatError, Treated, Treatment, treat_days, usable};

const NAME: &str = "split";

/// See the module.
pub(crate) struct Split;

impl Extension for Split {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Staged
    }

    fn check(&self, document: &Document, _config: &Config) -> Vec<Diagnostic> {
        config::read(document).1
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        treat_days(&Splitting(usable(config::read(call.document))?), call)
    }
}

struct Splitting(Settings);

impl Treatment for Splitting {
    fn indicator(&self) -> &'static str {
        "cback.split"
    }

    fn verb(&self) -> &'static str {
        NAME
    }

    /// The disk is what takes the time, and what may be full.
    fn threads(&self) -> usize {
        1
    }

    /// In a day that is done, only what came later is: the limit may have been another one then.
    fn is_due(&self, file: &File<'_>, done: Option<(i64, i64)>) -> io::Result<bool> {
        let changed = (file.stat.st_ctime, i64::try_from(file.stat.st_ctime_nsec).unwrap_or_default());
        let is_part = matches!(layers::outermost(file.name), Some((_, Layer::Part(_))));
        Ok(exceeds(file.size(), self.0.limit)
            && !(is_part && file.size() <= self.0.part)
            && done.is_none_or(|done| changed > done))
    }

    fn treat(&self, file: &File<'_>) -> Result<Treated, TreatError> {
        let count = file.size().div_ceil(self.0.part);
        if count > MOST_PARTS {
            return Err(TreatError::Refused(format!(
                "it would have {count} parts, and there can be no more than {MOST_PARTS}; configure a larger split_size"
            )));
        }
        let names: Vec<_> = (0..count).map(|number| layers::part_name(file.name, number)).collect();
        file.check_names(names.iter())?;
        check_space(file)?;
        let written = self.write_parts(file, &names).and_then(|whole| {
            checkpoint::reach("split-published");
            let parts = read_parts(file, &names, whole)?;
            file.check_unchanged()?;
            Ok((whole, parts))
        });
        match written {
            Ok((whole, parts)) => {
                let changed = file.replace(whole, parts)?;
                Ok(Treated { bytes_in: file.size(), bytes_out: file.size(), changed })
            }
            Err(error) => {
                remove_parts(file, &names);
                Err(error)
            }
        }
    }
}

impl Splitting {
    /// Writes all parts and returns the digest of the whole.
    fn write_parts(&self, file: &File<'_>, names: &[OsString]) -> Result<[u8; 32], TreatError> {
        let mut source = file.open()?;
        let mut whole = Sha256::new();
        for name in names {
            let mut part = file.folder.directory.create_file(name)?;
            file.read(&mut (&mut source).take(self.0.part), |piece| {
                whole.update(piece);
                part.write_all(piece)
            })?;
            file.ownership.publish(part, file.mode(), &*file.system.monitor)?;
            checkpoint::reach("split-part");
        }
        if source.read(&mut [0])? > 0 {
            return Err(TreatError::Refused("it grew meanwhile".to_owned()));
        }
        Ok(whole.finalize().into())
    }
}

#[expect(clippy::cast_precision_loss, reason = "the limit is not exact either")]
fn exceeds(size: u64, limit: f64) -> bool {
    size as f64 > limit
}

/// All parts are there before the file goes.
fn check_space(file: &File<'_>) -> Result<(), TreatError> {
    let disk = rustix::fs::fstatvfs(&file.folder.directory).map_err(io::Error::from)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < file.size() {
        let text = format!("{} bytes are needed for its parts, and {free} are free", file.size());
        return Err(io::Error::new(io::ErrorKind::StorageFull, text).into());
    }
    Ok(())
}

/// Reads the parts again: together they must be the whole. Returns their digests.
fn read_parts(
    file: &File<'_>,
    names: &[OsString],
    whole: [u8; 32],
) -> Result<Vec<(OsString, [u8; 32])>, TreatError> {
    let mut together = Sha256::new();
    let mut size = 0;
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        let mut digest = Sha256::new();
        let part = file.folder.directory.open_file(name)?;
        file.read(&mut io::BufReader::with_capacity(BUFFER, part), |piece| {
            together.update(piece);
            digest.update(piece);
            size += piece.len() as u64;
            Ok(())
        })?;
        parts.push((name.clone(), digest.finalize().into()));
    }
    if size != file.size() || <[u8; 32]>::from(together.finalize()) != whole {
        return Err(TreatError::Refused("its parts together are something else".to_owned()));
    }
    Ok(parts)
}

/// Takes back the parts of a file that stays.
fn remove_parts(file: &File<'_>, names: &[OsString]) {
    for name in names {
        if let Err(error) = file.folder.directory.remove_file(name)
            && error.kind() != io::ErrorKind::NotFound
        {
            let path = file.folder.directory.path().join(name);
            file.system.monitor.error(format!("cannot remove part {}: {error}", escape::display(&path)));
        }
    }
}
