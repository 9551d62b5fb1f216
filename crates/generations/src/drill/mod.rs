//! Trying it: a machine is made anew in a directory, and compared with the one that is there.

mod compare;

use std::io;
use std::path::{Path, PathBuf};

use redcedar_system::command::{Command, CommandError};
use redcedar_system::{Interrupted, System, escape};

pub use compare::{Cause, Difference};

use crate::rebuild::{Base, Facts, Plan, plan};
use crate::store::{Generation, Store, StoreError};

/// How restoring ends that brought back all but single paths.
const INCOMPLETE: i32 = 7;

/// What to try, and where.
#[derive(Debug, Clone)]
pub struct Request {
    /// A directory for the new system, which is made if it is not there and is empty otherwise.
    pub scratch: PathBuf,
    /// The machine that the new system is compared with: `/`, or where its disk is mounted.
    pub live: PathBuf,
    /// The release to install, instead of the one that packages tell.
    pub suite: Option<String>,
    /// Where it comes from, likewise.
    pub mirror: Option<String>,
    /// Our own program, which the script of the plan calls.
    pub program: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub struct Drilled {
    /// How the system was made.
    pub plan: Plan,
    /// Where it is.
    pub root: PathBuf,
    /// Whether some paths were not brought back; the log has them.
    pub is_incomplete: bool,
    /// In what it is not like the machine, in canonical order.
    pub differences: Vec<Difference>,
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrillError {
    /// The generation cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no telling which system to begin with.
    #[error("the packages of {generation} do not tell which release of Debian to install first")]
    NoBase {
        /// Which generation.
        generation: String,
    },
    /// The directory cannot be used.
    #[error("cannot make a system in {}: {source}", escape::display(.path))]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program is not there.
    #[error("debootstrap is not installed, so no system can be made to begin with")]
    NoDebootstrap,
    /// The program failed.
    #[error("no system can be made to begin with, perhaps because {mirror} cannot be reached: {reason}")]
    Debootstrap {
        /// Where it was to come from.
        mirror: String,
        /// How it ended.
        reason: String,
    },
    /// The plan failed.
    #[error("the plan was not carried out to its end: {reason}")]
    Plan {
        /// How it ended.
        reason: String,
    },
    /// A program could not be followed.
    #[error(transparent)]
    Command(CommandError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<CommandError> for DrillError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Interrupted(interrupted) => interrupted.into(),
            error => Self::Command(error),
        }
    }
}

/// Installs the system that a generation begins with, does what its plan says, and compares.
///
/// # Errors
/// When that was not possible; what was made stays where it is.
pub fn drill(
    store: &Store,
    generation: &Generation,
    request: &Request,
    system: &System,
) -> Result<Drilled, DrillError> {
    let facts = Facts::gather(store, generation)?;
    let plan = plan(&facts);
    let base = base(&plan, request)?;
    let unusable = |source| DrillError::Scratch { path: request.scratch.clone(), source };
    let scratch = prepare(&request.scratch).map_err(unusable)?;
    let root = scratch.join("root");
    install(base, &root, system)?;
    let script = scratch.join("rebuild.sh");
    let text = plan.script(&fs_err::canonicalize(store.path()).map_err(StoreError::from)?);
    fs_err::write(&script, text).map_err(unusable)?;
    system.monitor.task("Making the machine anew");
    let command = Command::new("sh").arg(script).arg(&root).variable("REDCEDAR", &request.program);
    let finished = system.runner.run(&command)?;
    let is_incomplete = finished.status == INCOMPLETE;
    if !finished.success() && !is_incomplete {
        return Err(DrillError::Plan { reason: finished.explain("the script") });
    }
    system.monitor.task("Comparing it with the machine");
    let differences = compare::compare(store, generation, &facts, &request.live, &scratch, system)?;
    Ok(Drilled { plan, root, is_incomplete, differences })
}

/// Makes the directory, which must be empty.
fn prepare(scratch: &Path) -> io::Result<PathBuf> {
    fs_err::create_dir_all(scratch)?;
    if fs_err::read_dir(scratch)?.next().is_some() {
        return Err(io::Error::other("it is not empty"));
    }
    fs_err::canonicalize(scratch)
}

/// What to begin with.
fn base(plan: &Plan, request: &Request) -> Result<Base, DrillError> {
    let mut base =
        plan.base.clone().ok_or_else(|| DrillError::NoBase { generation: plan.generation.clone() })?;
    if let Some(suite) = &request.suite {
        base.suite.clone_from(suite);
    }
    if let Some(mirror) = &request.mirror {
        base.mirror.clone_from(mirror);
    }
    Ok(base)
}

fn install(base: Base, root: &Path, system: &System) -> Result<(), DrillError> {
    system.monitor.task("Installing a system to begin with");
    let finished = system.runner.run(&base.debootstrap(root))?;
    if finished.is_missing() {
        return Err(DrillError::NoDebootstrap);
    }
    if !finished.success() {
        return Err(DrillError::Debootstrap { mirror: base.mirror, reason: finished.explain("debootstrap") });
    }
    Ok(())
}
