//! Stores of snapshots among the places that `list`, `restore` and `verify` take.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_generations::store::Store;

use super::super::restore::OverwriteMode;
use super::super::{CommandError, CommandResult, Context, Out};
use super::{StoreArgs, drill, list, refusal, restore, verify};
use crate::exit::Exit;

/// What is to come back, and how.
pub(crate) struct Wishes {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) as_of: Option<Date>,
    pub(crate) to: Option<PathBuf>,
    pub(crate) in_place: bool,
    pub(crate) overwrite: Option<OverwriteMode>,
    pub(crate) numeric_owner: bool,
}

/// Whether a directory is a store: it was made one, or there are generations in it.
pub(crate) fn is_store(path: &Path) -> bool {
    let has_generations = |store: Store| store.generations().is_ok_and(|found| !found.is_empty());
    path.is_dir() && (Store::open_marked(path).is_ok() || Store::open(path).is_ok_and(has_generations))
}

/// Lists the generations of a store.
pub(crate) fn list_store(store: &Path, context: &Context, out: &mut Out) -> CommandResult {
    list::run(&list::Args { store: args(store) }, context, out)
}

/// Proves the generation of a day; the newest without one.
pub(crate) fn verify_store(
    store: &Path,
    day: Option<Date>,
    context: &Context,
    out: &mut Out,
) -> CommandResult {
    let is_of_day = |date| day.is_none_or(|day| day == date);
    let generation = day.map(|day| newest(store, is_of_day, &format!("on {day}"))).transpose()?;
    let args = verify::Args {
        generation,
        store: args(store),
        quick: false,
        repair_modes: false,
        drill: drill::Args::default(),
    };
    verify::run(&args, context, out)
}

/// Brings back what is in the generation of a day or, if there is none, the last one before it.
pub(crate) fn restore_store(store: &Path, wishes: Wishes, context: &Context, out: &mut Out) -> CommandResult {
    let Wishes { paths, as_of, to, in_place, overwrite, numeric_owner } = wishes;
    let generation =
        as_of.map(|day| newest(store, |date| date <= day, &format!("up to {day}"))).transpose()?;
    let store = args(store);
    let args =
        restore::Args { paths, store, generation, to, in_place, overwrite, numeric_owner, exact: false };
    restore::run(&args, context, out)
}

fn args(store: &Path) -> StoreArgs {
    StoreArgs { from: Some(store.to_owned()) }
}

/// The name of the newest generation of a day that is wanted.
fn newest(store: &Path, is_wanted: impl Fn(Date) -> bool, when: &str) -> Result<String, CommandError> {
    let generations = Store::open(store).and_then(|store| store.generations()).map_err(refusal)?;
    let mut wanted = generations.iter().rev().filter(|generation| is_wanted(generation.name.time().date()));
    wanted.next().map(|generation| generation.name.to_string()).ok_or_else(|| {
        CommandError::message(Exit::Failed, format!("there is no generation {when}"))
            .hint("`redcedar list` shows which there are")
    })
}
