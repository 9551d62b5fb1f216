//! Executes a plan: one run at a time per working directory, hooks around each action, in order, until something fails here.

mod findings;
mod managed;
mod program;

use redcedar_archive::naming::Dialect;
use redcedar_config::{Config, Diagnostics, Document};
use redcedar_system::command::{Command, CommandError, Finished, quoted};
use redcedar_system::fs::{Lock, LockError};
use redcedar_system::interrupt::Interrupted;
use redcedar_system::{System, escape};

use crate::announced::Announced;
use crate::collect::{self, CollectError, CollectRequest};
use crate::extension::{Call, Extension, ExtensionError, Kind};
use crate::item::ownership::Ownership;
use crate::outcome::Outcome;
use crate::plan::{Builtin, Function, HookCall, Place, Plan, Step};
use crate::purge::{self, PurgeError};
use crate::stage::{self, StageError, StageReport, StageRequest, StageSettings};
use crate::store::{self, StoreError, StoreRequest};

/// What is run, and how.
#[derive(Clone, Copy)]
pub struct RunRequest<'a> {
    /// What is to be done.
    pub plan: &'a Plan,
    /// The configuration.
    pub config: &'a Config,
    /// The file it came from, with the sections of extensions.
    pub document: &'a Document,
    /// The extensions there are.
    pub extensions: &'a [&'a dyn Extension],
    /// Whose rules name what is collected.
    pub dialect: Dialect,
    /// How many threads compress.
    pub threads: usize,
    /// What overrides the configuration when peers are staged.
    pub stage: StageSettings,
    /// Whether findings of `validate` are told at INFO, rather than at ERROR as whoever asks for them expects.
    pub quiet: bool,
}

/// What came out of a run, up to where it ended.
#[derive(Debug)]
pub struct RunReport {
    /// What was left out, what failed, the figures.
    pub outcome: Outcome,
    /// Whether all steps were done.
    pub result: Result<(), RunError>,
}

/// Why a run ended early, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A section that an action needs is not there.
    #[error("{} configuration is not properly filled in.", capitalised(.0.name()))]
    NotConfigured(Builtin),
    /// There is nothing to collect.
    #[error("There must be at least one collect file or collect directory.")]
    NothingToCollect,
    /// An action that this version does not have.
    #[error("Action [{0}] is not available in this version of Redcedar.")]
    Unavailable(String),
    /// The plan was made from another configuration.
    #[error("Managed client [{0}] is not in the configuration.")]
    UnknownPeer(String),
    /// What is wrong in the section of an extension.
    #[error("the configuration of action [{action}] is not valid:\n{diagnostics}")]
    Section {
        /// The action.
        action: String,
        /// All that is wrong and doubtful.
        diagnostics: Diagnostics,
    },
    /// What the collect directory announces cannot be changed.
    #[error("cannot change what the collect directory announces: {0}")]
    Announcement(#[source] std::io::Error),
    /// An extension failed.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// A hook without a command.
    #[error("The {0} has no command.")]
    EmptyHook(HookCall),
    /// A hook that did not end well.
    #[error("Error ({status}) executing {hook}")]
    Hook {
        /// How it ended, see [`Finished`].
        status: i32,
        /// The hook.
        hook: HookCall,
    },
    /// A hook whose end is not known.
    #[error("Error executing {hook}: {source}")]
    HookLost {
        /// The hook.
        hook: HookCall,
        /// What happened.
        source: CommandError,
    },
    /// Another run has the working directory.
    #[error(transparent)]
    Busy(LockError),
    /// Collect failed.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// Some items were not collected, so that nothing was announced to be ready for stage.
    #[error("{failed} of the configured items could not be collected")]
    Incomplete {
        /// How many.
        failed: usize,
    },
    /// Something was not done with all staged files, so that what would follow is not: it may rely on it.
    #[error("action [{action}] was not completed: {failed} failures")]
    Unfinished {
        /// The action.
        action: String,
        /// How many files or days failed.
        failed: usize,
    },
    /// Something was found that must be looked at, while everything was done.
    #[error("action [{action}]: {}", .found.join("; "))]
    Found {
        /// The action.
        action: String,
        /// What it found.
        found: Vec<String>,
    },
    /// Files are whole, but not whose they shall be.
    #[error("{files} of the files could not be given to the backup user [{user}]")]
    NotGiven {
        /// How many.
        files: usize,
        /// Whose they shall be.
        user: String,
    },
    /// Stage failed.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A disc was not written, or does not count.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Purge failed.
    #[error(transparent)]
    Purge(#[from] PurgeError),
    /// Validate found something.
    #[error("Configuration is not valid.")]
    NotValid,
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

fn capitalised(name: &str) -> String {
    // The original speaks of the section that initialize needs, not of the action.
    let name = if name == "initialize" { "store" } else { name };
    let (first, rest) = name.split_at(1);
    first.to_uppercase() + rest
}

/// Runs a plan. Nothing begins before it is clear that every step can.
pub fn run(request: &RunRequest<'_>, system: &System) -> RunReport {
    let mut outcome = Outcome::default();
    let result = check(request).and_then(|()| {
        let _lock = lock(request, system)?;
        system.monitor.debug("Executing local actions.");
        steps(request, system, &mut outcome)
    });
    let result = match result {
        // Whatever it was that noticed.
        Err(_) if system.interrupt.is_raised() => Err(RunError::Interrupted(Interrupted)),
        result => result,
    };
    RunReport { outcome, result }
}

fn check(request: &RunRequest<'_>) -> Result<(), RunError> {
    // Whether a client can do something is known there.
    let mut own = request.plan.steps.iter().filter(|step| step.place == Place::Here);
    own.try_for_each(|step| {
        if let Some(hook) = step.before.iter().chain(&step.after).find(|hook| hook.words.is_empty()) {
            return Err(RunError::EmptyHook(hook.clone()));
        }
        check_function(step, request)
    })
}

fn check_function(step: &Step, request: &RunRequest<'_>) -> Result<(), RunError> {
    let config = request.config;
    let unavailable = || Err(RunError::Unavailable(step.action.name.clone()));
    let builtin = match step.action.function {
        Function::Builtin(builtin) => builtin,
        Function::Extension(name) => match request.extension(name) {
            Some(extension) => return check_section(extension, &step.action.name, request),
            None => return unavailable(),
        },
        Function::Program => return program::find(step, request).map(drop),
        Function::NoAction => return unavailable(),
    };
    if !builtin.is_configured(config) {
        return Err(RunError::NotConfigured(builtin));
    }
    match builtin {
        Builtin::Collect if request.has_nothing_to_collect() => Err(RunError::NothingToCollect),
        Builtin::Collect => {
            let mut sources = request.sources_of_collect();
            sources.try_for_each(|source| check_section(source, &step.action.name, request))
        }
        Builtin::Stage
        | Builtin::Store
        | Builtin::Rebuild
        | Builtin::Initialize
        | Builtin::Purge
        | Builtin::Validate => Ok(()),
    }
}

/// Keeps other runs away, unless nothing is written here. A working directory that cannot be locked is no reason not to back up:
/// the original needs none to stage or to purge.
fn lock(request: &RunRequest<'_>, system: &System) -> Result<Option<Lock>, RunError> {
    let writes = |step: &Step| {
        step.place == Place::Here && step.action.function != Function::Builtin(Builtin::Validate)
    };
    if !request.plan.steps.iter().any(writes) {
        return Ok(None);
    }
    match Lock::acquire(&request.config.options.working_dir) {
        Ok(lock) => Ok(Some(lock)),
        Err(error @ LockError::Busy { .. }) => Err(RunError::Busy(error)),
        Err(error @ LockError::Io { .. }) => {
            system.monitor.warning(format!("{error}; nothing keeps another run away meanwhile."));
            Ok(None)
        }
    }
}

fn steps(request: &RunRequest<'_>, system: &System, outcome: &mut Outcome) -> Result<(), RunError> {
    let ownership = Ownership::configured(&request.config.options);
    let mut steps =
        Steps { request, ownership: &ownership, announced: Announced::default(), outcome, system };
    let result = steps.all();
    let collects = |step: &Step| step.action.function == Function::Builtin(Builtin::Collect);
    if !request.plan.steps.iter().any(collects) {
        steps.announced.renew(request.config, &ownership, system).map_err(RunError::Announcement)?;
    }
    result?;
    // Last: a file that is whole but somebody else's is no reason not to go on.
    match ownership.refused() {
        0 => Ok(()),
        files => Err(RunError::NotGiven { files, user: request.config.options.backup_user.value.clone() }),
    }
}

/// What the steps of a run have in common.
struct Steps<'a> {
    request: &'a RunRequest<'a>,
    ownership: &'a Ownership,
    announced: Announced,
    outcome: &'a mut Outcome,
    system: &'a System,
}

impl Steps<'_> {
    fn all(&mut self) -> Result<(), RunError> {
        let mut result = Ok(());
        for step in &self.request.plan.steps {
            match self.step(step) {
                // Findings here are no reason not to ask the clients for theirs, which is all that can follow.
                Err(RunError::NotValid) => result = Err(RunError::NotValid),
                // A disc that is nearly full is no reason not to store.
                Err(found @ RunError::Found { .. }) => result = Err(found),
                done => done?,
            }
        }
        result
    }

    fn step(&mut self, step: &Step) -> Result<(), RunError> {
        let Self { request, system, .. } = *self;
        system.interrupt.check()?;
        let name = &step.action.name;
        if let Place::Peer(peer) = &step.place {
            return managed::run(name, peer, request, system, self.outcome);
        }
        system.monitor.debug(format!("Executing [{name}] action."));
        for hook in &step.before {
            run_hook(hook, system)?;
        }
        let index = step.action.index;
        system.monitor.debug(format!("Calling action function [redcedar.{name}], execution index [{index}]"));
        let before = self.outcome.failures.len();
        self.act(step)?;
        let failed = self.outcome.failures.len() - before;
        // What follows builds on a complete collect, and on days that are what they should be: nothing is to be stored in
        // clear because encrypting it failed. A peer or a file that fails elsewhere is no reason to stop.
        match request.kind(step) {
            Some(Kind::Source) if failed > 0 => return Err(RunError::Incomplete { failed }),
            Some(Kind::Staged) if failed > 0 => {
                return Err(RunError::Unfinished { action: name.clone(), failed });
            }
            Some(Kind::Watch) if failed > 0 => {
                let found = self.outcome.failures.split_off(before);
                return Err(RunError::Found { action: name.clone(), found });
            }
            _ => {}
        }
        for hook in &step.after {
            run_hook(hook, system)?;
        }
        Ok(())
    }

    fn act(&mut self, step: &Step) -> Result<(), RunError> {
        let Self { request, system, .. } = *self;
        let RunRequest { plan, config, stage: settings, .. } = *request;
        let full = plan.full;
        let is_picked_up = if request.is_source(step) {
            self.announced.withdraw(config, system).map_err(RunError::Announcement)?
        } else {
            true
        };
        let outcome = match step.action.function {
            Function::Builtin(Builtin::Collect) => self.collect(is_picked_up)?,
            Function::Builtin(Builtin::Stage) => {
                let StageReport { outcome, result } =
                    stage::stage(&StageRequest { config, full, settings }, system);
                self.outcome.merge(outcome);
                return Ok(result?);
            }
            Function::Builtin(Builtin::Purge) => purge::purge(config, system)?,
            Function::Builtin(Builtin::Validate) => return findings::report(request, system),
            Function::Builtin(Builtin::Store) => store::store(&request.discs(self.ownership), system)?,
            Function::Builtin(Builtin::Rebuild) => store::rebuild(&request.discs(self.ownership), system)?,
            Function::Builtin(Builtin::Initialize) => {
                store::initialize(&request.discs(self.ownership), system)?
            }
            Function::Extension(name) => match request.extension(name) {
                Some(extension) => extension.run(&request.call(is_picked_up, self.ownership, system))?,
                None => return Err(RunError::Unavailable(step.action.name.clone())),
            },
            Function::Program => return program::run(step, request, system),
            Function::NoAction => return Err(RunError::Unavailable(step.action.name.clone())),
        };
        self.outcome.merge(outcome);
        Ok(())
    }

    /// Collects files, and what extensions of ours add to them.
    fn collect(&self, is_picked_up: bool) -> Result<Outcome, RunError> {
        let Self { request, ownership, system, .. } = *self;
        let RunRequest { plan, config, dialect, threads, .. } = *request;
        let sources: &dyn Fn(bool) -> Result<Outcome, Interrupted> = &|is_picked_up| {
            let mut outcome = Outcome::default();
            for source in request.sources_of_collect() {
                match source.run(&request.call(is_picked_up, ownership, system)) {
                    Ok(own) => outcome.merge(own),
                    Err(ExtensionError::Interrupted(interrupted)) => return Err(interrupted),
                    Err(error) => {
                        let message = format!("{}: {error}", source.name());
                        system.monitor.error(&message);
                        outcome.failures.push(message);
                    }
                }
            }
            Ok(outcome)
        };
        let request = CollectRequest {
            is_picked_up: Some(is_picked_up),
            sources: request.sources_of_collect().next().map(|_| sources),
            ..CollectRequest::new(config, plan.full, dialect, threads, ownership)
        };
        Ok(collect::collect(&request, system)?)
    }
}

impl<'a> RunRequest<'a> {
    fn extension(&self, name: &str) -> Option<&'a dyn Extension> {
        self.extensions.iter().find(|extension| extension.name() == name).copied()
    }

    /// The extensions that have no action of their own, as far as they are configured.
    fn sources_of_collect(&self) -> impl Iterator<Item = &'a dyn Extension> {
        let sources = self.extensions.iter().copied().filter(|extension| extension.belongs_to_collect());
        sources.filter(|extension| self.document.section(extension.name()).is_some())
    }

    /// A section of ours is something to collect; the originals, which ignore it, refuse a file with nothing else.
    fn has_nothing_to_collect(&self) -> bool {
        let section = self.config.collect.as_ref();
        section.is_none_or(|collect| collect.files.is_empty() && collect.dirs.is_empty())
            && self.sources_of_collect().next().is_none()
    }

    /// Whether a step puts something into the collect directory.
    fn is_source(&self, step: &Step) -> bool {
        self.kind(step) == Some(Kind::Source)
    }

    /// What a step acts on, if that is here and matters to others.
    fn kind(&self, step: &Step) -> Option<Kind> {
        match step.action.function {
            _ if step.place != Place::Here => None,
            Function::Builtin(builtin) => (builtin == Builtin::Collect).then_some(Kind::Source),
            Function::Extension(name) => self.extension(name).map(Extension::kind),
            // What a program does is not known; one for staged days must not undo what was announced.
            Function::Program | Function::NoAction => None,
        }
    }

    fn discs<'b>(&'b self, ownership: &'b Ownership) -> StoreRequest<'b> {
        let RunRequest { plan, config, document, .. } = *self;
        StoreRequest { config, document, full: plan.full, ownership }
    }

    fn call<'b>(&'b self, is_picked_up: bool, ownership: &'b Ownership, system: &'b System) -> Call<'b> {
        let RunRequest { plan, config, document, threads, .. } = *self;
        Call { config, document, full: plan.full, threads, is_picked_up, ownership, system }
    }
}

/// An error in a section keeps the run from beginning; what is doubtful is for `validate` to show.
fn check_section(extension: &dyn Extension, action: &str, request: &RunRequest<'_>) -> Result<(), RunError> {
    let findings = extension.check(request.document, request.config);
    if findings.iter().all(|finding| finding.severity != redcedar_config::Severity::Error) {
        return Ok(());
    }
    Err(RunError::Section { action: action.to_owned(), diagnostics: request.document.diagnostics(findings) })
}

fn run_hook(hook: &HookCall, system: &System) -> Result<(), RunError> {
    system.monitor.debug(format!("Executing {hook}"));
    let command = hook.command().ok_or_else(|| RunError::EmptyHook(hook.clone()))?;
    log_command(&command, system);
    let finished =
        system.runner.run(&command).map_err(|source| RunError::HookLost { hook: hook.clone(), source })?;
    if finished.success() {
        return Ok(());
    }
    system.monitor.error(format!("Hook failed, tail is: {}", tail(&finished)));
    Err(RunError::Hook { status: finished.status, hook: hook.clone() })
}

/// Both logs say what is run, as the original's do.
pub(crate) fn log_command(command: &Command, system: &System) {
    let program = Command::new(command.program.clone());
    let arguments: Vec<String> = command.arguments.iter().map(|argument| quoted(argument)).collect();
    let message = format!("Executing command {program} with args [{}].", arguments.join(", "));
    system.monitor.debug(&message);
    system.monitor.output(message.as_bytes());
}

fn tail(finished: &Finished) -> String {
    if finished.tail.is_empty() {
        return "<empty>".to_owned();
    }
    let lines = finished.tail.iter().map(|line| format!("\n   {}", escape::display_bytes(line.as_bytes())));
    lines.collect()
}

#[cfg(test)]
mod tests;
