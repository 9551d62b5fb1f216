//! The section `postgresql`.

use redcedar_config::{Diagnostic, Document, value};

use crate::databases::{self, Databases, Wanted};
use crate::section;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) databases: Databases,
    /// Whether roles and tablespaces are dumped beside single databases. Ours.
    pub(super) globals: bool,
}

impl Settings {
    pub(super) fn read(document: &Document, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let section = section::required(document, "postgresql", findings)?;
        let elements = [&databases::ELEMENTS[..], &["globals"]].concat();
        section::warn_of_unknown(section, &elements, findings);
        let databases = Databases::read(section, findings);
        let globals = section.read("globals", value::boolean, findings).optional();
        let databases = databases?;
        if let (Wanted::All, Some(globals)) = (&databases.wanted, &globals) {
            let message =
                "`globals` has no effect: a dump of all databases holds roles and tablespaces anyway";
            findings.push(Diagnostic::warning(globals.span, message));
        }
        let globals = globals.is_some_and(|globals| globals.value) && databases.wanted != Wanted::All;
        Some(Self { databases, globals })
    }
}
