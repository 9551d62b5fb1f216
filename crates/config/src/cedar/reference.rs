//! `reference`: free text about the file.

use crate::section::Section;
use crate::xml::Writer;

/// The `reference` section. Nothing depends on it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// Who wrote the file.
    pub author: Option<String>,
    /// Which revision it is.
    pub revision: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What wrote it.
    pub generator: Option<String>,
}

impl Reference {
    pub(super) fn read(section: Section<'_>) -> Self {
        let text = |name| section.scalar(name).map(|text| text.value.to_owned());
        Self {
            author: text("author"),
            revision: text("revision"),
            description: text("description"),
            generator: text("generator"),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.scalar("author", self.author.as_ref());
        writer.scalar("revision", self.revision.as_ref());
        writer.scalar("description", self.description.as_ref());
        writer.scalar("generator", self.generator.as_ref());
    }
}
