//! `options`: what holds for all actions.

use std::path::PathBuf;
use std::str::FromStr;

use super::read_names;
use crate::Located;
use crate::diagnostic::Diagnostic;
use crate::section::Section;
use crate::value::{self, StartingDay};
use crate::xml::Writer;

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
    /// After how many minutes an action on another machine is given up; 0 is never. Ours.
    pub managed_time_limit: Option<u64>,
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

impl HookKind {
    /// The name of the element.
    pub fn element(self) -> &'static str {
        match self {
            Self::Pre => "pre_action_hook",
            Self::Post => "post_action_hook",
        }
    }
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

impl Options {
    pub(super) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let starting_day = section.read("starting_day", StartingDay::from_str, findings).required(
            section,
            "starting_day",
            findings,
        );
        let working_dir = section.read("working_dir", value::absolute_path, findings).required(
            section,
            "working_dir",
            findings,
        );
        let mut required = |name| section.read(name, value::text, findings).required(section, name, findings);
        let backup_user = required("backup_user");
        let backup_group = required("backup_group");
        let rcp_command = required("rcp_command");
        let rsh_command = section.read("rsh_command", value::text, findings).optional();
        let cback_command = section.read("cback_command", value::text, findings).optional();
        let overrides =
            section.sections("override").map(|element| Override::read(element, findings)).collect();
        let mut hooks = Vec::new();
        for kind in [HookKind::Pre, HookKind::Post] {
            hooks.extend(section.sections(kind.element()).map(|element| Hook::read(element, kind, findings)));
        }
        let managed_actions = read_names(section, "managed_actions", findings).value();
        let managed_time_limit = section.read("managed_time_limit", value::non_negative, findings).value();
        Some(Self {
            starting_day: starting_day?.value,
            working_dir: working_dir?,
            backup_user: backup_user?,
            backup_group: backup_group?,
            rcp_command: rcp_command?,
            rsh_command,
            cback_command,
            managed_actions,
            managed_time_limit,
            overrides,
            hooks,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.scalar("starting_day", Some(self.starting_day));
        writer.path("working_dir", Some(&self.working_dir));
        writer.scalar("backup_user", Some(&self.backup_user));
        writer.scalar("backup_group", Some(&self.backup_group));
        writer.scalar("rcp_command", Some(&self.rcp_command));
        writer.scalar("rsh_command", self.rsh_command.as_ref());
        writer.scalar("cback_command", self.cback_command.as_ref());
        writer.names("managed_actions", self.managed_actions.as_deref());
        if self.managed_time_limit.is_some() {
            writer.scalar("managed_time_limit", self.managed_time_limit);
        }
        for element in &self.overrides {
            writer.section("override", |writer| {
                writer.scalar("command", element.command.as_ref());
                writer.path("abs_path", element.abs_path.as_ref().map(|path| path.as_path()));
            });
        }
        for hook in &self.hooks {
            writer.section(hook.kind.element(), |writer| {
                writer.scalar("action", hook.action.as_ref());
                writer.scalar("command", hook.command.as_ref());
            });
        }
    }
}

impl Override {
    fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        Self {
            command: section.read("command", value::text, findings).optional(),
            abs_path: section.read("abs_path", value::absolute_path, findings).optional(),
        }
    }
}

impl Hook {
    fn read(section: Section<'_>, kind: HookKind, findings: &mut Vec<Diagnostic>) -> Self {
        Self {
            kind,
            action: section.read("action", value::action_name, findings).optional(),
            command: section.read("command", value::text, findings).optional(),
        }
    }
}
