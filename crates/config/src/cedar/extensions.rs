//! `extensions`: actions beyond the built-in ones.

use std::path::PathBuf;
use std::str::FromStr;

use super::{read_names, report_duplicates};
use crate::Located;
use crate::diagnostic::Diagnostic;
use crate::section::Section;
use crate::value::{self, OrderMode};
use crate::xml::Writer;

/// What an action beyond these cannot be called.
pub(super) const BUILT_IN: &[&str] =
    &["collect", "stage", "store", "purge", "all", "rebuild", "validate", "initialize"];

/// The `extensions` section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extensions {
    /// How actions are ordered; absent means by index.
    pub order_mode: Option<OrderMode>,
    /// The actions, in file order.
    pub actions: Vec<ExtendedAction>,
}

/// One `action` element.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedAction {
    /// The name by which it is asked for.
    pub name: Located<String>,
    /// The original's Python module, such as `CedarBackup3.extend.mysql`.
    pub module: Located<String>,
    /// The function in it.
    pub function: Located<String>,
    /// Its place in index mode.
    pub index: Option<u64>,
    /// Its place in dependency mode: the names it runs before.
    pub run_before: Option<Vec<Located<String>>>,
    /// Its place in dependency mode: the names it runs after.
    pub run_after: Option<Vec<Located<String>>>,
    /// Whether there was a `depends` element at all.
    pub has_depends: bool,
    /// How it is run if it is nobody's of ours.
    pub program: ProgramSettings,
}

/// How a program of somebody else's is run. The originals do not know these elements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProgramSettings {
    /// The program; else it is looked for by module and function.
    pub command: Option<Located<PathBuf>>,
    /// The section that it gets to see; else that by the name of the action.
    pub section: Option<Located<String>>,
    /// After how many seconds it is ended; 0: never.
    pub timeout: Option<u64>,
    /// The user whom it runs as; else as we do.
    pub run_as: Option<Located<String>>,
}

impl Extensions {
    pub(super) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        let order_mode = section.read("order_mode", OrderMode::from_str, findings).value();
        let by_dependency = order_mode == Some(OrderMode::Dependency);
        let actions: Vec<_> = section
            .sections("action")
            .filter_map(|action| ExtendedAction::read(action, by_dependency, findings))
            .collect();
        for ExtendedAction { name, .. } in &actions {
            if BUILT_IN.contains(&name.as_str()) {
                let message = format!("`{}` is the name of a built-in action", **name);
                findings.push(Diagnostic::error(name.span, message).with_hint("choose another name"));
            }
        }
        report_duplicates("extended action", actions.iter().map(|action| &action.name), findings);
        Self { order_mode, actions }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.scalar("order_mode", self.order_mode);
        for action in &self.actions {
            writer.section("action", |writer| action.write(writer));
        }
    }
}

impl ExtendedAction {
    fn read(section: Section<'_>, by_dependency: bool, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let name = section.read("name", value::action_name, findings).required(section, "name", findings);
        let module =
            section.read("module", value::module_name, findings).required(section, "module", findings);
        let function =
            section.read("function", value::function_name, findings).required(section, "function", findings);
        let index = section.read("index", value::non_negative, findings);
        if index.is_absent() && !by_dependency {
            findings.push(section.missing("index"));
        }
        let depends = section.section("depends");
        if depends.is_none() && by_dependency {
            findings.push(section.missing("depends").with_hint("`<depends/>` says that there are none"));
        }
        let run_before = depends.and_then(|depends| read_names(depends, "run_before", findings).value());
        let run_after = depends.and_then(|depends| read_names(depends, "run_after", findings).value());
        Some(Self {
            name: name?,
            module: module?,
            function: function?,
            index: index.value(),
            run_before,
            run_after,
            has_depends: depends.is_some(),
            program: ProgramSettings::read(section, findings),
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.scalar("name", Some(&self.name));
        writer.scalar("module", Some(&self.module));
        writer.scalar("function", Some(&self.function));
        writer.scalar("index", self.index);
        if self.has_depends {
            writer.section("depends", |writer| {
                writer.names("run_before", self.run_before.as_deref());
                writer.names("run_after", self.run_after.as_deref());
            });
        }
        self.program.write(writer);
    }
}

impl ProgramSettings {
    fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        Self {
            command: section.read("command", value::absolute_path, findings).optional(),
            section: section.read("section", value::text, findings).optional(),
            timeout: section.read("timeout", value::non_negative, findings).value(),
            run_as: section.read("run_as", value::text, findings).optional(),
        }
    }

    fn write(&self, writer: &mut Writer) {
        if let Some(command) = &self.command {
            writer.path("command", Some(command));
        }
        let timeout = self.timeout.map(|seconds| seconds.to_string());
        let section = self.section.as_ref().map(|name| name.value.as_str());
        let run_as = self.run_as.as_ref().map(|name| name.value.as_str());
        for (name, value) in [("section", section), ("timeout", timeout.as_deref()), ("run_as", run_as)] {
            if value.is_some() {
                writer.scalar(name, value);
            }
        }
    }
}
