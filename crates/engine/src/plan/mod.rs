//! What a run will do, as a value: printable, testable, what `--dry-run` shows.
//!
//! Nothing in here touches the machine; [`crate::run`] executes a plan.

mod hooks;
mod order;
mod registry;

use std::fmt;

use redcedar_config::Config;
use redcedar_config::cedar::{HookKind, RemotePeer};

pub use hooks::HookCall;
pub use order::{Action, Actions, Function, order_mode};
pub(crate) use registry::function;
pub use registry::{Builtin, EXTENSIONS};

/// The pseudo action.
const ALL: &str = "all";

/// Actions that must be asked for alone, in the order in which they are reported.
const ALONE: [&str; 4] = ["rebuild", "validate", "initialize", ALL];

/// Where the actions of a request run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// On this machine.
    #[default]
    Here,
    /// On this machine and on managed peers.
    HereAndPeers,
    /// On managed peers only.
    PeersOnly,
}

impl Scope {
    /// Whether this machine takes part.
    pub fn here(self) -> bool {
        self != Self::PeersOnly
    }

    /// Whether managed peers take part.
    pub fn peers(self) -> bool {
        self != Self::Here
    }
}

/// What somebody asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The action words.
    pub words: &'a [String],
    /// Whether it is to be a full backup.
    pub full: bool,
    /// Where it runs.
    pub scope: Scope,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No such action.
    #[error("Action [{name}] is not a valid action or extended action.{}", switch_hint(.name))]
    UnknownAction {
        /// What was asked for.
        name: String,
    },
    /// An action that must stand alone does not.
    #[error("Action [{name}] may not be combined with other actions.")]
    NotCombinable {
        /// The action.
        name: String,
    },
    /// What was asked for is none of the original's actions.
    #[error(
        "Action [{action}] wants function [{function}] of module [{module}], which is none of the actions there."
    )]
    UnknownFunction {
        /// The name of the action.
        action: String,
        /// The configured module.
        module: String,
        /// The configured function.
        function: String,
    },
    /// An extension wants to run before or after something that does not exist.
    #[error("Unable to determine proper action order due to invalid dependency.")]
    UnknownDependency {
        /// The extension.
        action: String,
        /// What does not exist.
        dependency: String,
    },
    /// The dependencies form a circle.
    #[error("Unable to determine proper action order due to dependency recursion.")]
    Cycle,
}

fn switch_hint(name: &str) -> &'static str {
    if name.starts_with('-') { " Switches must come before the first action." } else { "" }
}

impl PlanError {
    /// What the log says, at ERROR, before the error itself.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::UnknownDependency { action, dependency } => {
                vec![format!("Dependency [{dependency}] on extension [{action}] is unknown.")]
            }
            Self::Cycle => {
                vec![self.to_string(), "Extensions configuration is invalid (check for loops).".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Here,
    /// On a managed peer, by name.
    Peer(String),
}

/// One action in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Where.
    pub place: Place,
    /// Commands before it.
    pub before: Vec<HookCall>,
    /// Commands after it, if it succeeded.
    pub after: Vec<HookCall>,
}

/// What a run will do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Whether it is a full backup.
    pub full: bool,
    /// Where the plan is less than what was asked for, and why.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Orders what was asked for.
    ///
    /// # Errors
    /// When an action is unknown or may not be combined with the others.
    pub fn new(request: &Request<'_>, actions: &Actions, config: &Config) -> Result<Self, PlanError> {
        let words = check(request.words, actions)?;
        if request.scope.here() {
            words.iter().try_for_each(|word| check_function(word, actions, config))?;
        }
        let mut plan = Self { steps: Vec::new(), full: request.full, warnings: Vec::new() };
        if words == [ALL] {
            for member in Builtin::NORMAL {
                plan.add_member_of_all(member, request.scope, actions, config);
            }
        } else {
            for word in words {
                plan.add(word, request.scope, actions, config);
            }
        }
        plan.steps.sort_by_key(|step| (step.action.index, step.place != Place::Here));
        Ok(plan)
    }

    /// Adds the steps of one word; a word that was there before adds nothing.
    fn add(&mut self, name: &str, scope: Scope, actions: &Actions, config: &Config) {
        let Some(action) = actions.get(name) else { return };
        if self.steps.iter().any(|step| step.action.name == name) {
            self.warnings.push(format!("Action [{name}] was asked for more than once; it runs once."));
            return;
        }
        if scope.here() {
            self.steps.push(Step::here(action, config));
        }
        if scope.peers() {
            self.steps.extend(Step::on_peers(action, config));
        }
    }

    /// Adds a member of `all`. One that this machine has no section for runs on peers only: a pool without a disc writer has
    /// nothing to store, and that is no reason not to purge.
    fn add_member_of_all(&mut self, member: Builtin, scope: Scope, actions: &Actions, config: &Config) {
        let name = member.name();
        if !scope.here() || member.is_configured(config) {
            self.add(name, scope, actions, config);
            return;
        }
        self.warnings.push(format!("Action [{name}] is left out of [{ALL}]: it is not configured."));
        if scope.peers() {
            self.add(name, Scope::PeersOnly, actions, config);
        }
    }
}

/// All words must be known before their combination matters.
fn check<'a>(words: &'a [String], actions: &Actions) -> Result<Vec<&'a str>, PlanError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(unknown) = words.iter().find(|word| **word != ALL && actions.get(word).is_none()) {
        return Err(PlanError::UnknownAction { name: (*unknown).to_owned() });
    }
    match ALONE.into_iter().find(|alone| words.contains(alone)) {
        Some(alone) if words.len() > 1 => Err(PlanError::NotCombinable { name: alone.to_owned() }),
        _ => Ok(words),
    }
}

/// Whether a word stands for something that can be run here. What nobody asks for need not.
fn check_function(word: &str, actions: &Actions, config: &Config) -> Result<(), PlanError> {
    let is_none = actions.get(word).is_some_and(|action| action.function == Function::NoAction);
    let mut configured = config.extensions.iter().flat_map(|extensions| &extensions.actions);
    match configured.find(|action| is_none && *action.name == word) {
        None => Ok(()),
        Some(action) => Err(PlanError::UnknownFunction {
            action: action.name.value.clone(),
            module: action.module.value.clone(),
            function: action.function.value.clone(),
        }),
    }
}

impl Step {
    fn here(action: &Action, config: &Config) -> Self {
        let hooks = |kind| HookCall::of(&config.options.hooks, kind, &action.name);
        Self {
            action: action.clone(),
            place: Place::Here,
            before: hooks(HookKind::Pre),
            after: hooks(HookKind::Post),
        }
    }

    /// One step for each managed peer that lists the action, without hooks.
    fn on_peers(action: &Action, config: &Config) -> impl Iterator<Item = Self> {
        let peers = config.peers.iter().flat_map(|peers| &peers.remote);
        peers.filter(|peer| manages(peer, &action.name, config)).map(|peer| Self {
            action: action.clone(),
            place: Place::Peer(peer.name.value.clone()),
            before: Vec::new(),
            after: Vec::new(),
        })
    }
}

/// Whether `action` is run on `peer` from here. A list of its own counts even when it is empty.
fn manages(peer: &RemotePeer, action: &str, config: &Config) -> bool {
    let list = peer.managed_actions.as_ref().or(config.options.managed_actions.as_ref());
    peer.managed == Some(true) && list.into_iter().flatten().any(|name| **name == action)
}

/// One step a line: what, where, and the hooks around it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            for hook in &step.before {
                writeln!(f, "run {hook}")?;
            }
            let full = if self.full { ", as a full backup" } else { "" };
            match &step.place {
                Place::Here => writeln!(f, "{}{full}", step.action.name)?,
                Place::Peer(peer) => writeln!(f, "{} on peer {peer}{full}", step.action.name)?,
            }
            for hook in &step.after {
                writeln!(f, "run {hook}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
