//! `options`: what holds for all actions.

use std::path::PathBuf;

use crate::Located;
use crate::value::StartingDay;

/// The `options` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// First day of the backup week.
    pub starting_day: StartingDay,
    /// Where state and temporary files live.
    pub working_dir: Located<PathBuf>,
    /// Owner of what is produced.
    pub backup_user: Located<String>,
    /// Group of what is produced.
    pub backup_group: Located<String>,
    /// How files are copied from other machines.
    pub rcp_command: Located<String>,
    /// How programs are run on other machines.
    pub rsh_command: Option<Located<String>>,
    /// The program on other machines.
    pub cback_command: Option<Located<String>>,
    /// Which actions other machines may be told to run. An empty list is not the same as none.
    pub managed_actions: Option<Vec<Located<String>>>,
    /// Other paths for programs we use. The last one for a command counts.
    pub overrides: Vec<Override>,
    /// Commands around actions: all pre-action hooks, then all post-action hooks, each in file order.
    pub hooks: Vec<Hook>,
}

/// An `override` element. Both halves should be there, but need not.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Override {
    /// The name by which we know the program.
    pub command: Option<Located<String>>,
    /// Where it is.
    pub abs_path: Option<Located<PathBuf>>,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookKind {
    /// Before its action.
    Pre,
    /// After its action succeeded.
    Post,
}

/// A `pre_action_hook` or `post_action_hook` element. Both halves should be there, but need not.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// When it runs.
    pub kind: HookKind,
    /// The action it belongs to.
    pub action: Option<Located<String>>,
    /// The command line, split by [`redcedar_system::command::split`].
    pub command: Option<Located<String>>,
}
