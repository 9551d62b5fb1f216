//! Which actions there are: the built-in ones, and the extensions that a configuration can name.

use redcedar_config::Config;

use super::order::Function;

/// The built-in actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Builtin {
    /// Archives what is configured into the collect directory.
    Collect,
    /// Gathers what the peers collected.
    Stage,
    /// Writes staged data to a disc.
    Store,
    /// Deletes what is old.
    Purge,
    /// Writes this week's disc again.
    Rebuild,
    /// Checks the configuration against the machine.
    Validate,
    /// Prepares a disc.
    Initialize,
}

impl Builtin {
    /// All of them, in the order in which the original creates them.
    pub const ALL: [Self; 7] = [
        Self::Rebuild,
        Self::Validate,
        Self::Initialize,
        Self::Collect,
        Self::Stage,
        Self::Store,
        Self::Purge,
    ];

    /// What the pseudo action `all` stands for.
    pub const NORMAL: [Self; 4] = [Self::Collect, Self::Stage, Self::Store, Self::Purge];

    /// The word that asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Stage => "stage",
            Self::Store => "store",
            Self::Purge => "purge",
            Self::Rebuild => "rebuild",
            Self::Validate => "validate",
            Self::Initialize => "initialize",
        }
    }

    /// Its place in index mode.
    pub fn index(self) -> u64 {
        match self {
            Self::Rebuild | Self::Validate | Self::Initialize => 0,
            Self::Collect => 100,
            Self::Stage => 200,
            Self::Store => 300,
            Self::Purge => 400,
        }
    }

    /// Whether the configuration has the section that this action needs.
    pub fn is_configured(self, config: &Config) -> bool {
        match self {
            Self::Collect => config.collect.is_some(),
            Self::Stage => config.stage.is_some(),
            Self::Store | Self::Rebuild | Self::Initialize => config.store.is_some(),
            Self::Purge => config.purge.is_some(),
            Self::Validate => true,
        }
    }
}

/// The official extensions, by the last part of their module name.
pub const EXTENSIONS: [&str; 9] =
    ["amazons3", "capacity", "encrypt", "mbox", "mysql", "postgresql", "split", "subversion", "sysinfo"];

/// What stands behind a configured module and function. Both generations of the original name the official ones.
pub(crate) fn function(module: &str, function: &str) -> Function {
    let own = ["CedarBackup3", "CedarBackup2"].iter().find_map(|package| module.strip_prefix(package));
    let Some(path) = own.filter(|path| path.is_empty() || path.starts_with('.')) else {
        return Function::Program;
    };
    let known = match path.strip_prefix(".extend.") {
        Some(name) if function == "executeAction" => {
            EXTENSIONS.into_iter().find(|known| *known == name).map(Function::Extension)
        }
        Some(_) => None,
        None => builtin(path, function).map(Function::Builtin),
    };
    known.unwrap_or(Function::NoAction)
}

/// The built-in action behind `.actions.collect` and `executeCollect`. All but one are also in `.action`.
fn builtin(path: &str, function: &str) -> Option<Builtin> {
    let named = function.strip_prefix("execute")?;
    let builtin = Builtin::ALL.into_iter().find(|builtin| {
        builtin.name().eq_ignore_ascii_case(named) && named.starts_with(|c: char| c.is_ascii_uppercase())
    })?;
    let is_there = match path {
        ".action" => builtin != Builtin::Initialize,
        _ => path.strip_prefix(".actions.") == Some(builtin.name()),
    };
    is_there.then_some(builtin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn official_modules_of_both_generations_are_known() {
        for (module, name, expected) in [
            ("CedarBackup3.extend.mysql", "executeAction", Function::Extension("mysql")),
            ("CedarBackup2.extend.mbox", "executeAction", Function::Extension("mbox")),
            ("CedarBackup3.actions.collect", "executeCollect", Function::Builtin(Builtin::Collect)),
            ("CedarBackup2.action", "executePurge", Function::Builtin(Builtin::Purge)),
            ("CedarBackup3.actions.initialize", "executeInitialize", Function::Builtin(Builtin::Initialize)),
        ] {
            assert_eq!(function(module, name), expected, "{module}.{name}");
        }
    }

    #[test]
    fn what_else_the_original_has_is_no_action_and_all_other_modules_are_programs() {
        for (module, name) in [
            ("CedarBackup3.extend.mysql", "other"),
            ("CedarBackup3.extend.oracle", "executeAction"),
            ("CedarBackup3.extend.CedarBackup3.extend.mysql", "executeAction"),
            ("CedarBackup3.actions.collect", "executePurge"),
            ("CedarBackup3.actions.collect", "executecollect"),
            ("CedarBackup3.actions.util", "executeCollect"),
            ("CedarBackup3.action", "executeInitialize"),
            ("CedarBackup2", "executeCollect"),
        ] {
            assert_eq!(function(module, name), Function::NoAction, "{module}.{name}");
        }
        for (module, name) in [("os", "executeAction"), ("mysql", "executeAction"), ("CedarBackup33.x", "y")]
        {
            assert_eq!(function(module, name), Function::Program, "{module}.{name}");
        }
    }
}
