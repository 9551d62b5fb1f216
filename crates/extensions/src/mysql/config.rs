//! The section `mysql`.

use redcedar_config::{Diagnostic, Document, value};

use crate::databases::{self, Databases};
use crate::section;

/// What can be asked of `mysqldump` besides what the originals ask: an element, and the option that it stands for.
const OPTIONS: [(&str, &str); 4] = [
    ("snapshot", "--single-transaction"),
    ("routines", "--routines"),
    ("events", "--events"),
    ("hex_blob", "--hex-blob"),
];

/// The section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) databases: Databases,
    pub(super) password: Option<String>,
    /// Those of [`OPTIONS`] that are asked for. Ours.
    options: [bool; OPTIONS.len()],
}

impl Settings {
    pub(super) fn read(document: &Document, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let section = section::required(document, "mysql", findings)?;
        let own = OPTIONS.map(|(element, _)| element);
        section::warn_of_unknown(
            section,
            &[&databases::ELEMENTS[..], &["password"], &own].concat(),
            findings,
        );
        let databases = Databases::read(section, findings);
        let password = section.read("password", value::text, findings).value();
        let options =
            own.map(|element| section.read(element, value::boolean, findings).value().unwrap_or(false));
        Some(Self { databases: databases?, password, options })
    }

    /// The options that are asked for.
    pub(super) fn options(&self) -> impl Iterator<Item = &'static str> {
        OPTIONS.iter().zip(self.options).filter(|(_, asked)| *asked).map(|((_, option), _)| *option)
    }

    /// Whether the option is among them.
    pub(super) fn has(&self, option: &str) -> bool {
        self.options().any(|asked| asked == option)
    }
}
