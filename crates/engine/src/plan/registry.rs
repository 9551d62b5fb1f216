//! Which actions there are: the built-in ones, and the extensions that a configuration can name.

use redcedar_config::Config;

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

/// The only function that an official extension offers.
const FUNCTION: &str = "executeAction";

/// The official extension behind a configured module and function; both generations of the original name them.
pub(super) fn extension(module: &str, function: &str) -> Option<&'static str> {
    let name = ["CedarBackup3.extend.", "CedarBackup2.extend."]
        .iter()
        .find_map(|prefix| module.strip_prefix(prefix))
        .filter(|_| function == FUNCTION)?;
    EXTENSIONS.iter().find(|known| **known == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_both_generations_are_known_and_others_are_not() {
        assert_eq!(extension("CedarBackup3.extend.mysql", "executeAction"), Some("mysql"));
        assert_eq!(extension("CedarBackup2.extend.mbox", "executeAction"), Some("mbox"));
        for (module, function) in [
            ("CedarBackup3.extend.mysql", "other"),
            ("CedarBackup3.extend.oracle", "executeAction"),
            ("CedarBackup3.extend.CedarBackup3.extend.mysql", "executeAction"),
            ("os", "executeAction"),
            ("mysql", "executeAction"),
        ] {
            assert_eq!(extension(module, function), None, "{module}.{function}");
        }
    }
}
