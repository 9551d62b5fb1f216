//! A whole run: keep others out, hooks, choose, send.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use redcedar_retention::Policy;
use redcedar_system::command::{Command, CommandError};
use redcedar_system::fs::{Lock, LockError, write_atomically};
use redcedar_system::{Interrupted, System, escape};
use sha2::{Digest as _, Sha256};

use crate::Name;
use crate::config::{Config, Remote};
use crate::prune::{PruneError, prune};
use crate::select::{ChooseError, Options, Totals, choose};
use crate::store::{Store, StoreError};
use crate::transfer::{Request, TransferError, send};
use crate::write::{CreateError, create};

/// What a run did that came to its end.
#[derive(Debug)]
pub struct Outcome {
    /// The new generation.
    pub name: Name,
    /// What was chosen.
    pub totals: Totals,
    /// Generations that were removed.
    pub removed: Vec<Name>,
    /// How often something was not as it should be: what could not be read, hooks that failed. The log has each.
    pub errors: usize,
}

/// Why there is no new generation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Another run is at work, or nobody can know.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A directory that is needed cannot be made.
    #[error("cannot make the directory {}: {source}", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There were generations, and now there is not even a store.
    #[error(
        "{} was a store of snapshots and is none any more; is its disk mounted? To begin anew there, remove {}",
        escape::display(.directory),
        escape::display(.note)
    )]
    Vanished {
        /// Where it was.
        directory: PathBuf,
        /// What says so.
        note: PathBuf,
    },
    /// A hook that had to come first failed.
    #[error("nothing is backed up, because a hook failed: {0}")]
    Hook(String),
    /// Nothing could be chosen.
    #[error(transparent)]
    Choose(ChooseError),
    /// Nothing could be stored here.
    #[error(transparent)]
    Create(CreateError),
    /// Nothing could be sent.
    #[error(transparent)]
    Transfer(TransferError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<ChooseError> for RunError {
    fn from(error: ChooseError) -> Self {
        match error {
            ChooseError::Interrupted(interrupted) => interrupted.into(),
            error => Self::Choose(error),
        }
    }
}

impl From<CreateError> for RunError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Interrupted(interrupted) => interrupted.into(),
            CreateError::Choose(error) => error.into(),
            error => Self::Create(error),
        }
    }
}

impl From<TransferError> for RunError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Interrupted(interrupted) => interrupted.into(),
            error => Self::Transfer(error),
        }
    }
}

/// Makes a generation as configured.
///
/// # Errors
/// When there is no new generation; what there was is as it was.
pub fn run(config: &Config, system: &System) -> Result<Outcome, RunError> {
    let _lock = lock(config)?;
    for words in &config.hooks.before {
        run_hook(words, system)?.map_err(RunError::Hook)?;
    }
    let result = back_up(config, system);
    let mut failed = 0;
    for words in &config.hooks.after {
        if let Err(reason) = run_hook(words, system)? {
            system.monitor.error(format!("A hook failed: {reason}"));
            failed += 1;
        }
    }
    let mut outcome = result?;
    outcome.errors += failed;
    Ok(outcome)
}

/// Says what a run would save, and what is in its way.
///
/// # Errors
/// When nothing can be chosen.
pub fn preview(config: &Config, system: &System) -> Result<(Totals, Vec<String>), RunError> {
    let choice = choose(&options(config, None), system)?;
    Ok((choice.totals(), choice.problems().map(ToString::to_string).collect()))
}

fn options<'a>(config: &'a Config, cache: Option<&'a Path>) -> Options<'a> {
    Options {
        system_root: &config.system_root,
        roots: &config.roots,
        prune: &config.prune,
        always_save: &config.always_save,
        never_enter: &[],
        one_file_system: config.one_file_system,
        trust: config.trust,
        programs: &config.programs,
        cache,
    }
}

fn back_up(config: &Config, system: &System) -> Result<Outcome, RunError> {
    make_private(&config.cache_directory)?;
    let cache = config.cache_directory.join("package-digests");
    let options = options(config, Some(&cache));
    let lacks_root = config.roots.iter().any(|root| fs_err::metadata(root).is_err());
    if lacks_root {
        system.monitor.warning("Nothing old is removed, because a root is missing");
    }
    let keep = (!lacks_root).then_some(&config.keep);
    match &config.destination.remote {
        Some(remote) => send_away(config, remote, &options, keep, system),
        None => store_here(&store_of(config, system)?, &options, keep, system),
    }
}

fn send_away(
    config: &Config,
    remote: &Remote,
    options: &Options<'_>,
    keep: Option<&Policy>,
    system: &System,
) -> Result<Outcome, RunError> {
    let choice = choose(options, system)?;
    let totals = choice.totals();
    tell_totals(&totals, system);
    for remark in choice.remarks() {
        system.monitor.warning(remark);
    }
    let problems: Vec<String> = choice.problems().map(ToString::to_string).collect();
    for problem in &problems {
        system.monitor.error(problem);
    }
    let request = Request {
        remote,
        directory: &config.destination.directory,
        choice: &choice,
        keep,
        accept_errors: config.accept_errors,
    };
    let sent = send(&request, system)?;
    if let Some(reason) = &sent.not_removed {
        system.monitor.error(format!("Old backups were not removed: {reason}"));
    }
    let errors = problems.len() + usize::from(sent.has_errors) + usize::from(sent.not_removed.is_some());
    Ok(Outcome { name: sent.name, totals, removed: sent.removed, errors })
}

/// The store on this machine. As with the original it is made if it is not there, but only once: later that means that its disk is
/// not there.
fn store_of(config: &Config, system: &System) -> Result<Store, RunError> {
    let directory = &config.destination.directory;
    let note = config.cache_directory.join(format!("store-{}", key(config)));
    let is_known = note.exists();
    let store = match Store::open_marked(directory) {
        Err(StoreError::NoStore { .. }) if is_known => {
            return Err(RunError::Vanished { directory: directory.clone(), note });
        }
        Err(StoreError::NoStore { .. }) => {
            system.monitor.info(format!("{} becomes a store of snapshots", escape::display(directory)));
            Store::init(directory)
        }
        opened => opened,
    };
    let store = store.map_err(CreateError::from)?;
    if !is_known {
        let text = format!("{} is a store of snapshots.\n", escape::display(directory));
        write_atomically(&note, text.as_bytes(), 0o600, None)
            .map_err(|source| RunError::Directory { path: note.clone(), source })?;
    }
    Ok(store)
}

fn store_here(
    store: &Store,
    options: &Options<'_>,
    keep: Option<&Policy>,
    system: &System,
) -> Result<Outcome, RunError> {
    let created = create(store, options, false, system)?;
    tell_totals(&created.totals, system);
    for remark in &created.remarks {
        system.monitor.warning(remark);
    }
    for problem in &created.problems {
        system.monitor.error(problem);
    }
    let mut errors = created.problems.len();
    let mut removed = Vec::new();
    match keep.map(|keep| prune(store, keep, false, system)).transpose() {
        Ok(verdicts) => {
            let gone = verdicts.into_iter().flatten().filter(|verdict| verdict.reasons.is_empty());
            removed.extend(gone.map(|verdict| verdict.generation.name));
        }
        Err(PruneError::Interrupted(interrupted)) => return Err(interrupted.into()),
        Err(error) => {
            system.monitor.error(format!("Old backups were not removed: {error}"));
            errors += 1;
        }
    }
    let name =
        created.name.ok_or_else(|| CreateError::from(StoreError::Empty { path: store.path().to_owned() }))?;
    Ok(Outcome { name, totals: created.totals, removed, errors })
}

fn tell_totals(totals: &Totals, system: &System) {
    system.monitor.info(format!("System-exempted files: {}", totals.left_out.paths));
    let bytes: u64 = totals.saved.values().map(|total| total.bytes).sum();
    system.monitor.info(format!("Backup amount from files: {}", amount(bytes)));
}

fn run_hook(words: &[String], system: &System) -> Result<Result<(), String>, Interrupted> {
    let (program, arguments) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let command = Command::new(program).args(arguments);
    system.monitor.info(format!("Running {command}"));
    match system.runner.run(&command) {
        Ok(finished) if finished.success() => Ok(Ok(())),
        Ok(finished) => Ok(Err(finished.explain(program))),
        Err(CommandError::Interrupted(interrupted)) => Err(interrupted),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// What stands for a destination in names of files.
fn key(config: &Config) -> String {
    let destination = &config.destination;
    let mut hasher = Sha256::new();
    if let Some(remote) = &destination.remote {
        hasher.update(format!("{}:{}\0", remote.host, remote.port));
    }
    hasher.update(destination.directory.as_os_str().as_encoded_bytes());
    let key = hasher.finalize().iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte));
    format!("{key:016x}")
}

/// Keeps other runs to the same destination out.
fn lock(config: &Config) -> Result<Lock, RunError> {
    let directory = config.lock_directory.join(format!("snapshot-{}", key(config)));
    make_private(&directory)?;
    Ok(Lock::acquire(&directory)?)
}

fn make_private(directory: &Path) -> Result<(), RunError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| RunError::Directory { path: directory.to_owned(), source })
}

/// Bytes as the original's log has them: three digits and a unit.
fn amount(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let number = format!("{value:.decimals$}");
    let number = if decimals > 0 { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{number:>3}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn amounts_have_three_digits_and_a_unit() {
        let rows = [(0, "  0"), (1023, "1023"), (1536, "1.5K"), (25 << 20, " 25M"), (13_459 << 20, "13.1G")];
        for (bytes, text) in rows {
            assert_eq!(amount(bytes), text);
        }
    }
}
