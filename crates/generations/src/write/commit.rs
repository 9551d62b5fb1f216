//! From a tree that is being written to a generation: the tree and its manifest to disk, then their names, then the link.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Write};

use jiff::Zoned;
use redcedar_archive::{Kind, Metadata, Timestamp};
use redcedar_system::fs::{Directory, PendingFile, TEMPORARY_PREFIX};
use redcedar_system::{account, checkpoint};
use rustix::fs::{
    AtFlags, RenameFlags, StatxFlags, renameat, renameat_with, statx, symlinkat, syncfs, unlinkat,
};
use rustix::io::Errno;

use super::{CreateError, Lines, Told};
use crate::Name;
use crate::manifest::{Header, Line, ManifestWriter, Summary};
use crate::name::INCOMPLETE;
use crate::store::{LATEST, Store, StoreError, manifest_name};

/// Manifests tell names of files that not everybody may see.
const MANIFEST_MODE: u32 = 0o600;
const PRIVATE: u32 = 0o700;

/// A generation that is being written.
pub(super) struct Pending {
    name: Name,
    time: String,
    began: Timestamp,
}

impl Pending {
    /// Makes the directory that is written to.
    pub(super) fn begin(store: &Store, now: &Zoned) -> Result<Self, CreateError> {
        let taken = store.directory().names().map_err(CreateError::io)?;
        let is_free = |name: &Name| {
            let name = name.to_string();
            let incomplete = format!("{name}{INCOMPLETE}");
            !taken.iter().any(|taken| *taken == *name || *taken == *incomplete)
        };
        let name = (0..u32::MAX).map(|number| Name::new(now.datetime(), number)).find(is_free);
        let name = name.ok_or_else(|| CreateError::io(io::ErrorKind::AlreadyExists.into()))?;
        let made = store
            .directory()
            .create_directory(OsStr::new(&format!("{name}{INCOMPLETE}")), PRIVATE, None)
            .map_err(CreateError::io)?;
        let began = clock_of(&made.0).map_err(CreateError::io)?;
        let time = now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        Ok(Self { name, time, began })
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn into_name(self) -> Name {
        self.name
    }

    pub(super) fn directory_name(&self) -> String {
        format!("{}{INCOMPLETE}", self.name)
    }

    /// Takes the directory away while nothing is in it.
    pub(super) fn abandon(self, store: &Store) {
        // Left where it is, the next run uses it and removes it.
        let _ignored = store.directory().remove_directory(OsStr::new(&self.directory_name()));
    }

    /// Makes a generation of it. Killed at any point, either there is none or it is complete.
    pub(super) fn commit(
        &self,
        store: &Store,
        lines: &Lines<'_>,
    ) -> Result<(Summary, Vec<String>), CreateError> {
        let manifest = store.directory().create_file(&manifest_name(&self.name)).map_err(CreateError::io)?;
        let header = Header {
            generation: self.name.to_string(),
            host: account::host_name(),
            time: self.time.clone(),
            began: self.began,
            is_by_root: account::is_root(),
            program: concat!("redcedar ", env!("CARGO_PKG_VERSION")).to_owned(),
            roots: lines.choice.roots().to_vec(),
            not_entered: Some(lines.choice.not_entered()),
        };
        let (manifest, summary, problems) =
            write_manifest(manifest, &header, lines).map_err(CreateError::io)?;
        syncfs(store.directory()).map_err(|error| CreateError::io(error.into()))?;
        manifest.publish(MANIFEST_MODE, None).map_err(CreateError::io)?;
        checkpoint::reach("snapshot-manifest");
        self.publish(store).map_err(CreateError::io)?;
        checkpoint::reach("snapshot-published");
        point_to(store, &self.name.to_string())?;
        checkpoint::reach("snapshot-latest");
        Ok((summary, problems))
    }

    /// Gives the tree its name, which nothing else may have.
    fn publish(&self, store: &Store) -> io::Result<()> {
        let (from, to) = (self.directory_name(), self.name.to_string());
        let directory = store.directory();
        match renameat_with(directory, &*from, directory, &*to, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag. We hold the lock.
            Err(Errno::INVAL) if directory.status(OsStr::new(&to))?.is_none() => {
                renameat(directory, &*from, directory, &*to)
            }
            renamed => renamed,
        }?;
        directory.sync()
    }
}

/// Moves the link to the newest generation.
pub(crate) fn point_to(store: &Store, target: &str) -> Result<(), StoreError> {
    let temporary = OsString::from(format!("{TEMPORARY_PREFIX}{}-{LATEST}", std::process::id()));
    let directory = store.directory();
    match unlinkat(directory, &temporary, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(io::Error::from(error).into()),
    }
    symlinkat(target, directory, &temporary).map_err(io::Error::from)?;
    renameat(directory, &temporary, directory, LATEST).map_err(io::Error::from)?;
    directory.sync()?;
    Ok(())
}

/// The time by the clock of the file system, which a directory just made has.
fn clock_of(directory: &Directory) -> io::Result<Timestamp> {
    let statx = statx(directory, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Metadata::from_statx(&statx).map(|metadata| metadata.changed).ok_or_else(|| io::ErrorKind::Other.into())
}

fn write_manifest(
    file: PendingFile,
    header: &Header,
    lines: &Lines<'_>,
) -> io::Result<(PendingFile, Summary, Vec<String>)> {
    let mut writer = ManifestWriter::create(BufWriter::new(file), header)?;
    let mut summary = Summary::default();
    let mut problems: Vec<String> = lines.choice.problems().map(ToString::to_string).collect();
    problems.extend(writer.inventory(lines.choice.inventory())?);
    for told in lines.iter() {
        match told {
            Ok(told) => {
                count(&mut summary, &told);
                writer.path(&told.line)?;
            }
            Err((path, reason, line)) => {
                problems.push(format!("{}: {reason}", redcedar_system::escape::display(path)));
                writer.path(&line)?;
            }
        }
    }
    for missing in lines.choice.missing() {
        let (path, package) = (missing.path.clone(), missing.package.index());
        writer.line(&Line::Missing { path, package })?;
    }
    for problem in &problems {
        writer.line(&Line::Problem(problem.clone()))?;
    }
    summary.problems = problems.len() as u64;
    let mut output = writer.finish(summary)?;
    output.flush()?;
    let file = output.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((file, summary, problems))
}

fn count(summary: &mut Summary, told: &Told) {
    let entry = &told.line.entry;
    summary.left_out += u64::from(told.line.left_out.is_some());
    if !told.is_stored {
        return;
    }
    summary.paths += 1;
    if entry.kind == Kind::File && entry.hard_link.is_none() {
        summary.bytes += entry.size;
        summary.new_files += u64::from(told.is_new);
        summary.new_bytes += if told.is_new { entry.size } else { 0 };
    }
}
