//! Commands around actions.

use std::fmt;

use redcedar_config::cedar::{Hook, HookKind};
use redcedar_system::command;

/// A hook of a step, ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookCall {
    /// When it runs.
    pub kind: HookKind,
    /// The action it belongs to.
    pub action: String,
    /// Program and arguments. Empty when the configuration gives no usable command: such a hook cannot run.
    pub words: Vec<String>,
}

impl HookCall {
    /// All hooks of `kind` for `action`, in file order. A hook without an action belongs to none.
    pub(super) fn of(hooks: &[Hook], kind: HookKind, action: &str) -> Vec<Self> {
        let own = hooks.iter().filter(|hook| hook.kind == kind);
        own.filter(|hook| hook.action.as_ref().is_some_and(|name| **name == action))
            .map(|hook| Self {
                kind,
                action: action.to_owned(),
                words: hook.command.as_ref().map(|line| command::split(line)).unwrap_or_default(),
            })
            .collect()
    }

    /// The words as a command; none if there are none.
    pub fn command(&self) -> Option<command::Command> {
        let (program, arguments) = self.words.split_first()?;
        Some(command::Command::new(program).args(arguments))
    }
}

/// `pre-action hook for action collect: ['echo', 'a b']`
impl fmt::Display for HookCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            HookKind::Pre => "pre",
            HookKind::Post => "post",
        };
        write!(f, "{kind}-action hook for action {}", self.action)?;
        match self.command() {
            Some(command) => write!(f, ": {command}"),
            None => Ok(()),
        }
    }
}
